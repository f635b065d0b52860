//! Operations that take longer than `max.block.ms`: the machine goes on, and the same call joins.

use crate::broker::{INIT_PRODUCER_ID, PRODUCE};
use crate::coordinator::{ADD_OFFSETS_TO_TXN, END_TXN, FIND_COORDINATOR};
use crate::faults::{Answer, Fate};
use crate::transactions_world::{Ended, LEVELS};
use crate::world::{MS, World};
use odradek::{
    Cause, ErrorCode, FatalError, OperationError, OperationId, Outcome, TransactionCall,
    TransactionError, TransactionFault, TransactionState,
};

/// Waits of two seconds, in an open transaction with a record that is written.
fn impatient(level: i16) -> World {
    let mut world = World::transactional(level)
        .config("max.block.ms", "2000")
        .initialized();
    world.begin();
    world.send_to("orders", 0, "first");
    world.run_until_idle();
    world.forget();
    world
}

fn start(world: &mut World, is_commit: bool) -> OperationId {
    if is_commit {
        world.commit()
    } else {
        world.abort()
    }
}

/// The same call once more, and how it ended.
fn joined(world: &mut World, operation: OperationId, is_commit: bool) -> Ended {
    assert_eq!(start(world, is_commit), operation, "it joins");
    world.end_of(operation)
}

#[test]
fn init_times_out_and_may_be_joined() {
    for api in [FIND_COORDINATOR, INIT_PRODUCER_ID] {
        let mut world = World::transactional(1).config("max.block.ms", "2000");
        world.cluster.faults.fate(api, &[Fate::Slow(3_000)]);
        let before = world.now;
        let init = world.init();
        assert_eq!(world.end_of(init), Err(OperationError::TimedOut));
        assert_eq!(world.now - before, 2_000 * MS);
        assert_eq!(world.state(), TransactionState::Initializing);
        let now = world.now();
        let illegal = |call| TransactionError::IllegalState {
            call,
            state: TransactionState::Initializing,
        };
        let begun = world.producer().begin_transaction(now);
        assert_eq!(begun, Err(illegal(TransactionCall::Begin)));
        assert_eq!(world.try_commit(), Err(illegal(TransactionCall::Commit)));
        assert_eq!(world.try_abort(), Err(illegal(TransactionCall::Abort)));
        assert_eq!(world.init(), init);
        assert_eq!(world.end_of(init), Ok(None));
        assert_eq!(world.inits(), 1);
        world.transaction("v");
        world.finish();
    }
}

#[test]
fn an_answer_to_init_after_the_timeout_is_told_to_who_asks_again() {
    let mut world = World::transactional(1).config("max.block.ms", "2000");
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::Slow(3_000)]);
    let init = world.init();
    assert_eq!(world.end_of(init), Err(OperationError::TimedOut));
    world.run_for(5_000);
    let now = world.now();
    assert!(
        world.producer().begin_transaction(now).is_err(),
        "nobody was told yet"
    );
    assert_eq!(world.init(), init);
    assert_eq!(world.end_of(init), Ok(None));
    assert_eq!(world.inits(), 1);
    world.transaction("v");
    world.finish();
}

#[test]
fn an_end_times_out_and_may_be_joined_in_its_own_direction_only() {
    for level in LEVELS {
        for is_commit in [true, false] {
            let mut world = impatient(level);
            world.cluster.faults.fate(END_TXN, &[Fate::Slow(5_000)]);
            let operation = start(&mut world, is_commit);
            assert_eq!(world.end_of(operation), Err(OperationError::TimedOut));
            let state = world.state();
            let opposite = if is_commit {
                assert_eq!(state, TransactionState::Committing);
                (world.try_abort(), TransactionCall::Abort)
            } else {
                assert_eq!(state, TransactionState::Aborting);
                (world.try_commit(), TransactionCall::Commit)
            };
            let call = opposite.1;
            let illegal = TransactionError::IllegalState { call, state };
            assert_eq!(opposite.0, Err(illegal));
            assert_eq!(
                joined(&mut world, operation, is_commit),
                Err(OperationError::TimedOut),
                "for as long once more"
            );
            assert_eq!(joined(&mut world, operation, is_commit), Ok(None));
            assert_eq!(world.state(), TransactionState::Ready);
            assert_eq!(world.cluster.coordinator.ends, [is_commit]);
            world.transaction("w");
            world.finish();
        }
    }
}

#[test]
fn an_end_that_was_answered_after_its_timeout_is_told_to_who_asks_again() {
    for level in LEVELS {
        for is_commit in [true, false] {
            let mut world = impatient(level);
            world.cluster.faults.fate(END_TXN, &[Fate::Slow(3_000)]);
            let operation = start(&mut world, is_commit);
            assert_eq!(world.end_of(operation), Err(OperationError::TimedOut));
            world.run_for(10_000);
            let opposite = if is_commit {
                world.try_abort()
            } else {
                world.try_commit()
            };
            assert!(opposite.is_err(), "it has ended the other way");
            let now = world.now();
            let begun = world.producer().begin_transaction(now);
            assert!(begun.is_err(), "nobody was told how the last one ended");
            assert!(world.try_send("orders", Some(0), None, b"v").is_err());
            assert_eq!(joined(&mut world, operation, is_commit), Ok(None));
            assert_eq!(
                world
                    .asked(if is_commit { "commit" } else { "abort" })
                    .len(),
                1
            );
            world.transaction("w");
            world.finish();
        }
    }
}

#[test]
fn an_end_whose_answer_is_lost_for_long_goes_on_in_its_own_direction() {
    for level in LEVELS {
        for is_commit in [true, false] {
            let mut world = impatient(level);
            world.cluster.faults.fate(END_TXN, &[Fate::LoseResponse]);
            let operation = start(&mut world, is_commit);
            world.run_until(1_000, |world| !world.cluster.coordinator.ends.is_empty());
            world.set_listening(2, false);
            assert_eq!(world.end_of(operation), Err(OperationError::TimedOut));
            let opposite = if is_commit {
                world.try_abort()
            } else {
                world.try_commit()
            };
            assert!(matches!(
                opposite,
                Err(TransactionError::IllegalState { .. })
            ));
            let now = world.now();
            assert!(
                world.producer().begin_transaction(now).is_err(),
                "no silent join"
            );
            world.set_listening(2, true);
            let mut end = joined(&mut world, operation, is_commit);
            if end == Err(OperationError::TimedOut) {
                end = joined(&mut world, operation, is_commit);
            }
            assert_eq!(end, Ok(None));
            assert_eq!(world.cluster.coordinator.ends, [is_commit]);
            assert!(!world.is_asked(if is_commit { "abort" } else { "commit" }));
            world.transaction("w");
            world.finish();
        }
    }
}

#[test]
fn an_end_that_is_put_off_for_ever_is_asked_for_again_and_again() {
    for is_commit in [true, false] {
        let mut world = impatient(1);
        let loading = [ErrorCode::COORDINATOR_LOAD_IN_PROGRESS; 12];
        world.errors(END_TXN, &loading);
        let operation = start(&mut world, is_commit);
        let mut end = world.end_of(operation);
        let mut timeouts = 0;
        while end == Err(OperationError::TimedOut) {
            timeouts += 1;
            end = joined(&mut world, operation, is_commit);
        }
        assert_eq!(end, Ok(None));
        assert!((1..20).contains(&timeouts), "{timeouts} times");
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn an_error_after_the_timeout_is_told_to_who_asks_again() {
    let mut world = impatient(1);
    world.cluster.faults.fate(END_TXN, &[Fate::Slow(3_000)]);
    world.cluster.coordinator.fence();
    let commit = world.commit();
    assert_eq!(world.end_of(commit), Err(OperationError::TimedOut));
    world.run_for(5_000);
    let fenced = FatalError::Fenced;
    match world.try_commit() {
        Ok(again) => {
            assert_eq!(again, commit);
            assert_eq!(world.end_of(commit), Err(OperationError::Failed(fenced)));
        }
        Err(error) => assert_eq!(error, TransactionError::Failed(fenced)),
    }
    assert_eq!(world.state(), TransactionState::FatalError);
    world.finish();
}

#[test]
fn a_record_that_fails_after_the_timeout_of_its_commit_is_told_to_who_asks_again() {
    for level in LEVELS {
        let mut world = impatient(level);
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(3_000)]);
        let code = ErrorCode::INVALID_RECORD;
        world
            .cluster
            .faults
            .answer("orders", 0, &[Answer::Error(code)]);
        world.send_to("orders", 0, "v");
        let commit = world.commit();
        assert_eq!(world.end_of(commit), Err(OperationError::TimedOut));
        world.run_for(5_000);
        assert!(!world.is_asked("commit"));
        assert!(world.try_abort().is_err(), "the commit was not told yet");
        let fault = TransactionFault::Record(Cause::Broker(code));
        let lost = Err(OperationError::AbortRequired(fault));
        assert_eq!(joined(&mut world, commit, true), lost);
        assert_eq!(world.state(), TransactionState::AbortableError);
        world.aborted();
        assert_eq!(world.cluster.coordinator.ends, [false]);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_commit_that_waits_for_its_records_times_out_and_goes_on() {
    for level in LEVELS {
        let mut world = impatient(level);
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(5_000)]);
        let ticket = world.send_to("orders", 0, "v");
        let commit = world.commit();
        assert_eq!(world.end_of(commit), Err(OperationError::TimedOut));
        assert!(!world.is_asked("commit"));
        let mut end = joined(&mut world, commit, true);
        if end == Err(OperationError::TimedOut) {
            end = joined(&mut world, commit, true);
        }
        assert_eq!(end, Ok(None));
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn offsets_time_out_and_are_committed_all_the_same() {
    let mut world = impatient(1);
    world
        .cluster
        .faults
        .fate(ADD_OFFSETS_TO_TXN, &[Fate::Slow(3_000)]);
    let offsets = world.offsets(7);
    assert_eq!(world.end_of(offsets), Err(OperationError::TimedOut));
    assert_eq!(world.state(), TransactionState::InTransaction);
    let commit = world.commit();
    assert_eq!(world.end_of(commit), Ok(None));
    assert_eq!(world.cluster.coordinator.offsets.len(), 1);
    world.finish();
}
