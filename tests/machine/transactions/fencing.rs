//! Another producer with the same transactional id (KIP-360, KIP-588).

use crate::broker::{INIT_PRODUCER_ID, PRODUCE};
use crate::coordinator::{ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT};
use crate::faults::{Answer, Fate};
use crate::transactions_world::LEVELS;
use crate::world::World;
use odradek::{
    Cause, ErrorCode, FatalError, GroupMetadata, OperationError, Outcome, SendError,
    TransactionError, TransactionState,
};

const FENCED: [ErrorCode; 2] = [
    ErrorCode::PRODUCER_FENCED,
    ErrorCode::INVALID_PRODUCER_EPOCH,
];

fn assert_fenced(world: &mut World) {
    let fenced = TransactionError::Failed(FatalError::Fenced);
    assert_eq!(world.state(), TransactionState::FatalError);
    assert_eq!(world.failed, Some(FatalError::Fenced));
    let now = world.now();
    assert_eq!(world.producer().begin_transaction(now), Err(fenced));
    assert_eq!(world.try_commit(), Err(fenced));
    assert_eq!(world.try_abort(), Err(fenced));
    let group = GroupMetadata::of_group("group");
    assert_eq!(world.try_offsets(&[("input", 0, 7)], &group), Err(fenced));
    let sent = world.try_send("orders", Some(0), None, b"v");
    assert_eq!(sent, Err(SendError::Failed(FatalError::Fenced)));
    world.finish();
}

#[test]
fn either_code_for_an_identity_means_fenced() {
    for code in FENCED {
        let mut world = World::transactional(1);
        world.errors(INIT_PRODUCER_ID, &[code]);
        let init = world.init();
        let fenced = Err(OperationError::Failed(FatalError::Fenced));
        assert_eq!(world.end_of(init), fenced);
        assert_fenced(&mut world);
    }
}

#[test]
fn either_code_for_added_partitions_means_fenced() {
    for code in FENCED {
        let mut world = World::ready(1);
        world.errors(ADD_PARTITIONS_TO_TXN, &[code]);
        world.begin();
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_idle();
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(fortune.cause, Some(Cause::Failed(FatalError::Fenced)));
        assert_fenced(&mut world);
    }
}

#[test]
fn either_code_for_offsets_means_fenced() {
    for code in FENCED {
        for api in [ADD_OFFSETS_TO_TXN, TXN_OFFSET_COMMIT] {
            let mut world = World::ready(1);
            world.errors(api, &[code]);
            world.begin();
            let offsets = world.offsets(7);
            let ticket = world.send_to("orders", 0, "v");
            let fenced = Err(OperationError::Failed(FatalError::Fenced));
            assert_eq!(world.end_of(offsets), fenced);
            world.run_until_idle();
            let _ = world.account.fortune(ticket);
            assert_fenced(&mut world);
        }
    }
}

#[test]
fn either_code_for_the_end_means_fenced() {
    for level in LEVELS {
        for code in FENCED {
            for is_commit in [true, false] {
                let mut world = World::begun(level);
                world.errors(END_TXN, &[code]);
                let operation = if is_commit {
                    world.commit()
                } else {
                    world.abort()
                };
                let fenced = Err(OperationError::Failed(FatalError::Fenced));
                assert_eq!(world.end_of(operation), fenced);
                assert_fenced(&mut world);
            }
        }
    }
}

#[test]
fn a_producer_that_takes_over_fences_the_one_before() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.cluster.coordinator.fence();
        let commit = world.commit();
        let fenced = Err(OperationError::Failed(FatalError::Fenced));
        assert_eq!(world.end_of(commit), fenced);
        assert_eq!(world.cluster.coordinator.ends, [false]);
        assert_fenced(&mut world);
    }
}

#[test]
fn an_old_epoch_at_a_leader_costs_the_transaction_and_not_the_producer() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let code = ErrorCode::INVALID_PRODUCER_EPOCH;
        let answer = [Answer::Error(code)];
        world.cluster.faults.answer("orders", 0, &answer);
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_idle();
        assert_eq!(world.state(), TransactionState::AbortableError);
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.cause, Some(Cause::Broker(code)));
        let before = world.identity();
        world.forget();
        world.aborted();
        let expected = if level == 1 { "abort init" } else { "abort" };
        assert_eq!(world.words(), expected);
        assert_eq!(world.identity(), (before.0, before.1 + 1));
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_fenced_producer_that_learns_of_it_from_a_leader_is_told_by_its_abort() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.cluster.coordinator.fence();
        world.send_to("orders", 0, "v");
        world.run_until_idle();
        assert_eq!(world.state(), TransactionState::AbortableError);
        let abort = world.abort();
        let fenced = Err(OperationError::Failed(FatalError::Fenced));
        assert_eq!(world.end_of(abort), fenced);
        assert_fenced(&mut world);
    }
}

#[test]
fn a_leader_that_says_fenced_means_it() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let answer = [Answer::Error(ErrorCode::PRODUCER_FENCED)];
        world.cluster.faults.answer("orders", 0, &answer);
        let ticket = world.send_to("orders", 0, "v");
        let other = world.send_to("orders", 1, "v");
        world.run_until_idle();
        assert_ne!(world.account.fortune(ticket).outcome, Outcome::Written);
        let _ = world.account.fortune(other);
        assert_fenced(&mut world);
    }
}

#[test]
fn what_is_out_when_the_producer_is_fenced_is_possibly_written() {
    let mut world = World::begun(1);
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(2_000)]);
    world.forget();
    let out = world.send_to("orders", 0, "v");
    world.run_until_asked("produce");
    world.errors(ADD_PARTITIONS_TO_TXN, &[ErrorCode::PRODUCER_FENCED]);
    let queued = world.send_to("orders", 1, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(queued).outcome, Outcome::NotWritten);
    assert_ne!(world.account.fortune(out).outcome, Outcome::NotWritten);
    assert_fenced(&mut world);
}
