//! Consume, transform, produce, for a while and on a bad day: every input is committed with its output.

use crate::broker::PRODUCE;
use crate::coordinator::{ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT};
use crate::faults::{Answer, Fate};
use crate::transactions_world::LEVELS;
use crate::world::World;
use odradek::{ErrorCode, Outcome, Ticket, TransactionState};

/// How many inputs there are, and how many go into a transaction.
const INPUTS: i64 = 300;
const STEP: i64 = 5;

/// What goes wrong in a round, in turn.
fn trouble(world: &mut World, round: i64) {
    let api = match round % 5 {
        0 => ADD_PARTITIONS_TO_TXN,
        1 => ADD_OFFSETS_TO_TXN,
        2 => TXN_OFFSET_COMMIT,
        3 => END_TXN,
        _ => PRODUCE,
    };
    match round % 7 {
        0 => world.cluster.faults.fate(api, &[Fate::LoseResponse]),
        1 => world.cluster.faults.fate(api, &[Fate::ResetBefore]),
        2 => world.cluster.coordinator.transactions_at = 1 + (round % 3) as i32,
        3 => world.cluster.coordinator.groups_at = 1 + (round % 3) as i32,
        4 => {
            let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
            world
                .cluster
                .faults
                .answer("orders", (round % 3) as i32, &answer);
        }
        5 if api != PRODUCE => world.errors(api, &[ErrorCode::COORDINATOR_LOAD_IN_PROGRESS]),
        _ => {}
    }
}

/// One transaction: so many inputs from an offset on. Says whether it was committed.
fn round(world: &mut World, from: i64) -> Option<Vec<Ticket>> {
    world.begin();
    let tickets = (from..from + STEP).map(|input| {
        let sent = world.try_send("orders", Some((input % 3) as i32), None, b"output");
        sent.ok()
    });
    let tickets: Option<Vec<Ticket>> = tickets.collect();
    if world.state() == TransactionState::InTransaction {
        world.offsets(from + STEP);
    }
    let is_committed = match world.try_commit() {
        Ok(commit) => world.end_of(commit).is_ok(),
        Err(_) => false,
    };
    if !is_committed {
        world.aborted();
    }
    tickets.filter(|_| is_committed)
}

#[test]
fn every_input_is_committed_with_its_output() {
    for level in LEVELS {
        let mut world = World::transactional(level).brokers(3).initialized();
        world.is_tracing = false;
        let (mut next, mut rounds) = (0, 0);
        let mut outputs = Vec::new();
        while next < INPUTS {
            trouble(&mut world, rounds);
            if let Some(tickets) = round(&mut world, next) {
                next += STEP;
                outputs.extend(tickets);
            }
            rounds += 1;
            assert!(rounds < 10 * INPUTS, "stuck at input {next}");
            let place = ("group".to_owned(), "input".to_owned(), 0);
            let offset = world.cluster.coordinator.offsets.get(&place);
            assert_eq!(offset.copied().unwrap_or(0), next, "round {rounds}");
        }
        assert_eq!(outputs.len() as i64, INPUTS);
        for ticket in outputs {
            assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        }
        assert!(rounds > INPUTS / STEP, "nothing was ever aborted");
        assert_eq!(world.failed, None);
        world.cluster.faults.heal();
        world.finish();
    }
}
