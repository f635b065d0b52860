//! The records in the logs: which they are, how often each is there, and in which order.

use super::LogView;
use crate::cluster::FakeRecord;
use crate::world::{Coverage, NUMBER_HEADER, Promise, Situation, World};
use odradek::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// Where the copies of each record lie: (log, offset), by ticket.
pub(super) struct Copies(BTreeMap<usize, Vec<(usize, i64)>>);

/// The records of a log, those that retention deleted included.
fn records<'a>(view: &LogView<'a>) -> impl Iterator<Item = &'a FakeRecord> {
    let entries = view.log.entries().iter();
    entries.filter(|entry| entry.control.is_none())
}

/// The ticket of a record in a log.
fn ticket_of(world: &World, record: &FakeRecord) -> Option<usize> {
    let mut headers = record.headers.iter();
    let (_, value) = headers.find(|(name, _)| name == NUMBER_HEADER)?;
    let bytes: [u8; 8] = value.as_ref()?[..].try_into().ok()?;
    world.ledger.ticket_of(u64::from_be_bytes(bytes))
}

impl Copies {
    /// Reads all logs and compares every record with what was accepted.
    pub(super) fn read(world: &World, logs: &[LogView<'_>], complaints: &mut Vec<String>) -> Self {
        let mut copies: BTreeMap<usize, Vec<(usize, i64)>> = BTreeMap::new();
        for (index, view) in logs.iter().enumerate() {
            let place = format!("{}/{}", view.topic, view.partition);
            for record in records(view) {
                let Some(ticket) = ticket_of(world, record) else {
                    complaints.push(format!(
                        "{place} at {}: a record that was never accepted",
                        record.offset
                    ));
                    continue;
                };
                let accepted = &world.ledger.accepted[ticket];
                let is_same = accepted.topic == view.topic
                    && accepted.partition.is_none_or(|p| p == view.partition)
                    && record.key.as_deref() == accepted.key.as_deref()
                    && record.value.as_deref() == accepted.value.as_deref()
                    && (view.has_own_time || record.timestamp == accepted.timestamp)
                    && record.headers.len() == 1;
                if !is_same {
                    complaints.push(format!(
                        "{place} at {}: {record:?} was accepted as {accepted:?}",
                        record.offset
                    ));
                }
                copies
                    .entry(ticket)
                    .or_default()
                    .push((index, record.offset));
            }
        }
        Self(copies)
    }

    /// Where a record lies.
    pub(super) fn of(&self, ticket: usize) -> &[(usize, i64)] {
        self.0.get(&ticket).map_or(&[], Vec::as_slice)
    }

    /// No record is in a log more often than promised.
    pub(super) fn check_counts(
        &self,
        world: &World,
        logs: &[LogView<'_>],
        complaints: &mut Vec<String>,
    ) {
        if world.plan.promise == Promise::AtLeastOnce {
            return;
        }
        for (ticket, places) in &self.0 {
            for pair in places.windows(2) {
                let ((log, first), (other, second)) = (pair[0], pair[1]);
                let view = &logs[log];
                // Between the two the broker forgot who had written the first: it cannot know the second.
                let mut losses = view.losses.iter();
                let is_excused = losses.any(|loss| (first + 1..=second).contains(loss));
                // Another topic of the same name is another log.
                if log != other || (is_excused && world.is_exactly_once()) {
                    continue;
                }
                let number = world.ledger.accepted[*ticket].number;
                complaints.push(format!(
                    "#{number} is in {}/{} twice, at {first} and {second}",
                    view.topic, view.partition
                ));
            }
        }
    }

    /// Notes the situations that only the logs show.
    pub(super) fn situations(&self, world: &World, coverage: &mut Coverage) {
        let is_twice = self.0.values().any(|places| places.len() > 1) && !world.is_exactly_once();
        coverage.hit_if(is_twice, Situation::WrittenTwiceWithoutIdempotence);
        for (ticket, fortune) in world.ledger.fortunes.iter().enumerate() {
            let is_doubtful = fortune
                .as_ref()
                .is_some_and(|one| one.outcome == Outcome::PossiblyWritten);
            if is_doubtful && world.plan.acks != 0 {
                coverage.hit(if self.of(ticket).is_empty() {
                    Situation::PossiblyWrittenIsNotThere
                } else {
                    Situation::PossiblyWrittenIsThere
                });
            }
        }
    }
}

/// Records lie in the order in which they were accepted. Of several copies the first one counts.
pub(super) fn check_order(
    world: &World,
    logs: &[LogView<'_>],
    coverage: &mut Coverage,
    complaints: &mut Vec<String>,
) {
    for view in logs {
        if !world.plan.is_ordered() {
            let tickets = records(view).filter_map(|record| ticket_of(world, record));
            let is_ordered = tickets.is_sorted();
            coverage.hit_if(!is_ordered, Situation::ReorderedWithoutIdempotence);
            continue;
        }
        // A broker that has forgotten a producer takes any sequence from it.
        let end = view.losses.first().copied().unwrap_or(i64::MAX);
        let mut highest: Option<(usize, i64)> = None;
        let mut seen = BTreeSet::new();
        for record in records(view).take_while(|record| record.offset < end) {
            let Some(ticket) = ticket_of(world, record) else {
                continue;
            };
            if !seen.insert(ticket) {
                continue;
            }
            let Some((last, id)) = highest.filter(|(last, _)| ticket < *last) else {
                highest = Some((ticket, record.producer_id));
                continue;
            };
            if !is_late(world, ticket, id != record.producer_id) {
                let number = |ticket: usize| world.ledger.accepted[ticket].number;
                complaints.push(format!(
                    "{}/{} is out of order: #{} lies at {} behind #{}",
                    view.topic,
                    view.partition,
                    number(ticket),
                    record.offset,
                    number(last)
                ));
                break;
            }
        }
    }
}

/// Whether a record may come later than others: the machine had given it up and said that it may still
/// be written. With idempotence the broker lets nothing late in, unless the machine had to take another
/// producer id meanwhile, of which the broker cannot know that it is the same producer.
fn is_late(world: &World, ticket: usize, is_other_producer: bool) -> bool {
    let fortune = world.ledger.fortunes[ticket].as_ref();
    let is_doubtful = fortune.is_some_and(|one| one.outcome == Outcome::PossiblyWritten);
    is_doubtful && (!world.is_exactly_once() || is_other_producer)
}
