//! Closing a transactional producer, wherever it is.

use crate::broker::{INIT_PRODUCER_ID, PRODUCE};
use crate::coordinator::{ADD_OFFSETS_TO_TXN, END_TXN, FIND_COORDINATOR};
use crate::faults::{Answer, Fate};
use crate::transactions_world::LEVELS;
use crate::world::{MS, World};
use odradek::{
    Cause, ErrorCode, GroupMetadata, OperationError, Outcome, SendError, TransactionError,
};

/// Closes with so much time, and says how many ms it took.
fn closed_after(world: &mut World, timeout_ms: u64) -> u64 {
    let before = world.now;
    world.close(timeout_ms);
    assert!(
        world.run_until(120_000, |world| world.is_closed),
        "{}",
        world.story()
    );
    (world.now - before) / MS
}

#[test]
fn a_commit_that_is_under_way_is_finished() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(200)]);
        world.cluster.faults.fate(END_TXN, &[Fate::Slow(300)]);
        let ticket = world.send_to("orders", 0, "v");
        let commit = world.commit();
        let took = closed_after(&mut world, 10_000);
        assert!(took < 1_000, "{took} ms");
        assert_eq!(world.end_of(commit), Ok(None));
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        assert_eq!(world.cluster.coordinator.ends, [true]);
    }
}

#[test]
fn a_transaction_that_is_open_is_aborted() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(200)]);
        let sent = world.send_to("orders", 0, "v");
        world.run_for(50);
        let took = closed_after(&mut world, 10_000);
        assert!(took < 1_000, "{took} ms");
        assert_eq!(world.cluster.coordinator.ends, [false], "{}", world.words());
        assert!(!world.is_asked("commit"));
        assert_eq!(world.account.fortune(sent).outcome, Outcome::Written);
    }
}

#[test]
fn a_close_without_time_reports_everything_and_asks_for_nothing() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("linger.ms", "500");
        world = world.initialized();
        world.begin();
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(2_000)]);
        let out = world.send_to("orders", 0, "v");
        world.run_until_asked("produce");
        let queued = world.send_to("orders", 1, "v");
        let commit = world.commit();
        let words = world.words();
        assert!(closed_after(&mut world, 0) < 10);
        assert_eq!(world.end_of(commit), Err(OperationError::Closed));
        assert_eq!(world.words(), words);
        assert_eq!(world.account.fortune(out).outcome, Outcome::PossiblyWritten);
        let queued = world.account.fortune(queued);
        assert_eq!(queued.outcome, Outcome::NotWritten);
        let causes = [Some(Cause::Closed), Some(Cause::TransactionAborted)];
        assert!(causes.contains(&queued.cause), "{:?}", queued.cause);
    }
}

#[test]
fn a_close_does_not_wait_for_a_coordinator_longer_than_it_may() {
    for api in [FIND_COORDINATOR, INIT_PRODUCER_ID] {
        for timeout in [0, 1_000] {
            let mut world = World::transactional(1);
            world.cluster.faults.fate(api, &vec![Fate::NeverAnswer; 50]);
            let init = world.init();
            world.run_for(100);
            let took = closed_after(&mut world, timeout);
            assert!(took <= timeout + 10, "{took} ms");
            assert_eq!(world.end_of(init), Err(OperationError::Closed));
        }
    }
}

#[test]
fn a_close_does_not_wait_for_offsets_longer_than_it_may() {
    for timeout in [0, 1_000] {
        let mut world = World::ready(1);
        world
            .cluster
            .faults
            .fate(ADD_OFFSETS_TO_TXN, &vec![Fate::NeverAnswer; 50]);
        world.begin();
        let offsets = world.offsets(7);
        world.run_for(100);
        let took = closed_after(&mut world, timeout);
        assert!(took <= timeout + 10, "{took} ms");
        assert_eq!(world.end_of(offsets), Err(OperationError::Closed));
    }
}

#[test]
fn nothing_is_legal_after_a_close() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.close(1_000);
        let now = world.now();
        let closed = TransactionError::Closed;
        assert_eq!(world.producer().init_transactions(false, now), Err(closed));
        assert_eq!(world.producer().begin_transaction(now), Err(closed));
        let group = GroupMetadata::of_group("group");
        assert_eq!(world.try_offsets(&[("input", 0, 7)], &group), Err(closed));
        assert_eq!(world.try_commit(), Err(closed));
        assert_eq!(world.try_abort(), Err(closed));
        let sent = world.try_send("orders", Some(0), None, b"v");
        assert_eq!(sent, Err(SendError::Closed));
        world.run_until(10_000, |world| world.is_closed);
        assert!(world.is_closed);
    }
}

#[test]
fn an_abortable_error_does_not_hold_a_close_up() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
        world.cluster.faults.answer("orders", 0, &answer);
        world.send_to("orders", 0, "v");
        world.run_until_idle();
        let took = closed_after(&mut world, 10_000);
        assert!(took < 1_000, "{took} ms");
        assert_ne!(world.cluster.coordinator.ends, [true]);
    }
}

#[test]
fn a_fatal_error_does_not_hold_a_close_up() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.errors(END_TXN, &[ErrorCode::PRODUCER_FENCED]);
        let commit = world.commit();
        assert!(world.end_of(commit).is_err());
        let words = world.words();
        let took = closed_after(&mut world, 10_000);
        assert!(took < 100, "{took} ms");
        assert_eq!(world.words(), words);
    }
}

#[test]
fn a_producer_that_is_ready_closes_at_once() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.transaction("v");
        assert!(closed_after(&mut world, 10_000) < 100);
    }
}
