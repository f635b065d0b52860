//! The reports: one for each record, and true.

use super::LogView;
use super::copies::Copies;
use crate::world::{Fortune, World};
use odradek::{Cause, Outcome};
use std::collections::BTreeMap;

/// Error codes that a broker answers to Produce only when it has not appended what the request carried.
/// Written down from the broker's code, not from the machine's table.
const REFUSALS: [i16; 23] = [
    2, 10, 17, 18, 19, 21, 29, 31, 32, 35, 43, 45, 47, 48, 53, 59, 67, 74, 75, 76, 87, 90, 100,
];

/// Every record has one report, and the logs agree with it.
pub(super) fn check(
    world: &World,
    logs: &[LogView<'_>],
    copies: &Copies,
    complaints: &mut Vec<String>,
) {
    for (ticket, fortune) in world.ledger.fortunes.iter().enumerate() {
        let accepted = &world.ledger.accepted[ticket];
        let number = accepted.number;
        let Some(fortune) = fortune else {
            complaints.push(format!("#{number} has no report"));
            continue;
        };
        let places = copies.of(ticket);
        let complaint = match fortune.outcome {
            Outcome::Written => written(world, logs, places, fortune),
            Outcome::NotWritten if places.is_empty() => None,
            Outcome::NotWritten => Some("is reported as not written and lies in a log".to_owned()),
            Outcome::PossiblyWritten => possibly(world, fortune),
        };
        if let Some(complaint) = complaint {
            complaints.push(format!("#{number} {complaint}: {fortune:?}"));
        }
    }
}

/// A record that is reported as written lies where the report says.
fn written(
    world: &World,
    logs: &[LogView<'_>],
    places: &[(usize, i64)],
    fortune: &Fortune,
) -> Option<String> {
    if world.plan.acks == 0 {
        return Some("is reported as written, and nobody answered".to_owned());
    }
    let Some(offset) = fortune.offset else {
        if fortune.cause != Some(Cause::Duplicate) {
            return Some("is written without an offset".to_owned());
        }
        return places.is_empty().then(|| "is in no log".to_owned());
    };
    let is_there = places
        .iter()
        .any(|(log, at)| *at == offset && Some(logs[*log].partition) == fortune.partition);
    (!is_there).then(|| format!("is not at its offset but at {places:?}"))
}

/// A record is only possibly written when the machine cannot know better.
fn possibly(world: &World, fortune: &Fortune) -> Option<String> {
    if fortune.offset.is_some() {
        return Some("is only possibly written and has an offset".to_owned());
    }
    if fortune.attempts == 0 {
        return Some("was never handed out, so it is not written".to_owned());
    }
    let is_doubtful = world.plan.acks == 0
        || fortune.unanswered > 0
        || fortune.answers.iter().any(|code| !REFUSALS.contains(code));
    (!is_doubtful).then(|| "was refused at every attempt, so it is not written".to_owned())
}

/// Records with the same key are in one partition, unless they asked for another.
pub(super) fn check_keys(world: &World, copies: &Copies, complaints: &mut Vec<String>) {
    let mut homes: BTreeMap<(&str, &[u8]), i32> = BTreeMap::new();
    for (ticket, accepted) in world.ledger.accepted.iter().enumerate() {
        let fortune = world.ledger.fortunes[ticket].as_ref();
        let partition = fortune.and_then(|fortune| fortune.partition);
        let (Some(key), None, Some(partition)) = (&accepted.key, accepted.partition, partition)
        else {
            continue;
        };
        if copies.of(ticket).is_empty() {
            continue;
        }
        let home = homes.entry((&accepted.topic, key)).or_insert(partition);
        if *home != partition {
            let number = accepted.number;
            complaints.push(format!(
                "#{number} is in partition {partition}, its key belongs to {home}"
            ));
        }
    }
}
