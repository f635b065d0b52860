//! Transactions are all or nothing, over partitions and offsets, as their application was told.

use super::LogView;
use super::copies::Copies;
use crate::world::{Fate, GROUP, INPUT, Transaction, World};
use odradek::Outcome;

/// What a consumer with `isolation.level=read_committed` sees of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Seen,
    NotSeen,
    /// Its topic was deleted, with whatever would have been decided.
    Gone,
}

/// Judges every transaction and the offsets of the group.
pub(super) fn check(
    world: &World,
    logs: &[LogView<'_>],
    copies: &Copies,
    complaints: &mut Vec<String>,
) {
    let transactions = world.all_transactions();
    let mut seen_with_offset = Vec::new();
    for (index, transaction) in transactions.iter().enumerate() {
        let records = world.ledger.accepted.iter().enumerate();
        let tickets = records
            .filter(|(_, record)| record.transaction == Some(index))
            .map(|(ticket, _)| ticket);
        let tickets: Vec<usize> = tickets.collect();
        let sights: Vec<Sight> = tickets
            .iter()
            .map(|ticket| sight(logs, copies.of(*ticket)))
            .collect();
        judge(world, (index, transaction), &tickets, &sights, complaints);
        if transaction.offset.is_some() {
            let is_seen = sights.contains(&Sight::Seen);
            let is_hidden = sights.contains(&Sight::NotSeen);
            seen_with_offset.push((index, is_seen, is_hidden));
        }
    }
    check_offsets(world, &seen_with_offset, complaints);
}

fn sight(logs: &[LogView<'_>], places: &[(usize, i64)]) -> Sight {
    let mut sight = Sight::NotSeen;
    for (log, offset) in places {
        let view = &logs[*log];
        if view.is_deleted {
            return Sight::Gone;
        }
        let record = view.log.entries().get(*offset as usize);
        let is_stable = *offset < view.log.last_stable_offset();
        if is_stable && record.is_some_and(|record| !view.log.is_aborted(record)) {
            sight = Sight::Seen;
        }
    }
    sight
}

fn judge(
    world: &World,
    (index, transaction): (usize, &Transaction),
    tickets: &[usize],
    sights: &[Sight],
    complaints: &mut Vec<String>,
) {
    let fate = transaction.fate;
    let is_seen = sights.contains(&Sight::Seen);
    let is_hidden = sights.contains(&Sight::NotSeen);
    let name = format!("transaction {index} ({fate:?})");
    if is_seen && is_hidden {
        complaints.push(format!("{name} is seen in part"));
    }
    match fate {
        Fate::Committed if is_hidden => complaints.push(format!("{name} is not seen")),
        Fate::NotCommitted | Fate::Aborted if is_seen => {
            complaints.push(format!("{name} is seen"));
        }
        Fate::Committed | Fate::NotCommitted | Fate::Aborted | Fate::Unknown => {}
    }
    let fortunes = tickets.iter().map(|ticket| &world.ledger.fortunes[*ticket]);
    let unwritten = fortunes
        .flatten()
        .find(|one| one.outcome != Outcome::Written);
    if let Some(fortune) = unwritten.filter(|_| fate == Fate::Committed || is_seen) {
        complaints.push(format!(
            "{name} counts without one of its records: {fortune:?}"
        ));
    }
}

/// The group has the offset of the last transaction that counts.
fn check_offsets(
    world: &World,
    transactions: &[(usize, bool, bool)],
    complaints: &mut Vec<String>,
) {
    let committed = world.cluster.committed_offsets(GROUP);
    let found = committed.get(&(INPUT.to_owned(), 0));
    let found = found.map(|offset| offset.offset);
    let all = world.all_transactions();
    let mut allowed = vec![None];
    for (index, is_seen, is_hidden) in transactions {
        let transaction = &all[*index];
        match transaction.fate {
            Fate::Committed => allowed = vec![transaction.offset],
            Fate::Unknown if *is_seen => allowed = vec![transaction.offset],
            Fate::Unknown if !*is_hidden => allowed.push(transaction.offset),
            Fate::Unknown | Fate::NotCommitted | Fate::Aborted => {}
        }
    }
    if !allowed.contains(&found) {
        complaints.push(format!(
            "the group has offset {found:?}, the last that counts is one of {allowed:?}"
        ));
    }
}
