//! Aborts: what they drop, what they wait for, and when the coordinator has to be told.

use crate::broker::PRODUCE;
use crate::coordinator::{ADD_PARTITIONS_TO_TXN, END_TXN, FIND_COORDINATOR};
use crate::faults::{Answer, Fate};
use crate::transactions_world::LEVELS;
use crate::world::World;
use odradek::{Cause, ErrorCode, FatalError, OperationError, Outcome, TransactionState};

#[test]
fn an_abort_drops_what_was_not_sent_and_waits_for_what_was() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("linger.ms", "200");
        world = world.initialized();
        world.begin();
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(700)]);
        let sent = world.send_to("orders", 0, "v");
        world.run_until_asked("produce");
        let unsent = world.send_to("orders", 1, "v");
        let abort = world.abort();
        world.run_for(100);
        let fortune = world.account.fortune(unsent);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(fortune.cause, Some(Cause::TransactionAborted));
        assert!(!world.is_asked("abort"), "{}", world.words());
        assert_eq!(world.end_of(abort), Ok(None));
        assert_eq!(world.account.fortune(sent).outcome, Outcome::Written);
        assert_eq!(world.cluster.coordinator.ends, [false]);
        assert!(!world.is_asked("produce(orders-1)"));
        assert_eq!(world.state(), TransactionState::Ready);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn an_abort_of_what_was_never_sent_asks_for_nothing() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.begin();
        let ticket = world.send_to("orders", 0, "v");
        world.aborted();
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(fortune.cause, Some(Cause::TransactionAborted));
        assert_eq!(world.words(), "");
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn an_abort_drops_records_that_wait_for_their_topic() {
    let mut world = World::ready(2);
    world.begin();
    let ticket = world.send("nowhere", None, "v");
    world.run_for(300);
    world.aborted();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.cause, Some(Cause::TransactionAborted));
    assert_eq!(world.held(), 0);
    world.transaction("w");
    world.finish();
}

#[test]
fn an_abort_after_a_refused_partition_ends_at_the_coordinator_only_what_may_be_there() {
    let mut world = World::ready(1);
    let unknown = [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION];
    let coordinator = &mut world.cluster.coordinator;
    coordinator.refuse(ADD_PARTITIONS_TO_TXN, "orders", 0, &unknown);
    world.begin();
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_asked("add");
    world.run_for(10);
    world.aborted();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
    assert!(!world.is_asked("produce"));
    assert!(!world.cluster.coordinator.is_open);
    world.transaction("w");
    world.finish();
}

#[test]
fn an_abort_does_not_wait_for_retries() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let answers = [Answer::Error(ErrorCode::REQUEST_TIMED_OUT); 100];
        world.cluster.faults.answer("orders", 0, &answers);
        let ticket = world.send_to("orders", 0, "v");
        world.run_for(150);
        assert_eq!(world.account.open(), 1);
        world.aborted();
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::PossiblyWritten, "nobody knows");
        assert_eq!(world.cluster.coordinator.ends, [false]);
        world.cluster.faults.heal();
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn an_error_of_a_batch_during_the_abort_changes_nothing() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let answer = [Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)];
        world.cluster.faults.answer("orders", 0, &answer);
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(300)]);
        world.send_to("orders", 0, "v");
        world.forget();
        world.run_until_asked("produce");
        let abort = world.abort();
        world.run_for(100);
        assert_eq!(world.state(), TransactionState::Aborting);
        assert_eq!(world.end_of(abort), Ok(None));
        assert_eq!(world.state(), TransactionState::Ready);
        assert_eq!(world.account.open(), 0);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn an_abort_under_version_2_ends_what_refused_batches_began() {
    let mut world = World::ready(2);
    let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
    world.cluster.faults.answer("orders", 0, &answer);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert!(world.cluster.coordinator.is_open, "registered, not written");
    world.aborted();
    assert_eq!(world.words(), "produce(orders-0) abort");
    assert_eq!(world.cluster.coordinator.ends, [false]);
    world.transaction("w");
    world.finish();
}

#[test]
fn an_abort_under_version_2_of_what_never_arrived_takes_the_higher_epoch_over() {
    let mut world = World::transactional(2).config("retries", "1");
    world = world.initialized();
    let resets = [Fate::ResetBefore, Fate::ResetBefore];
    world.cluster.faults.fate(PRODUCE, &resets);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert!(!world.cluster.coordinator.is_open);
    let before = world.identity();
    world.aborted();
    assert_eq!(world.words(), "abort", "nobody can know that it is empty");
    assert_eq!(world.identity(), (before.0, before.1 + 1));
    world.transaction("w");
    let last = world.cluster.attempts.last().expect("a batch");
    assert_eq!(last.batch.producer_epoch, before.1 + 1);
    assert_eq!(last.batch.base_sequence, 0);
    world.finish();
}

#[test]
fn a_lost_answer_to_an_abort_is_asked_for_again_in_the_same_direction() {
    for level in LEVELS {
        for fate in [Fate::LoseResponse, Fate::ResetBefore, Fate::CutResponse(5)] {
            let mut world = World::begun(level);
            world.cluster.faults.fate(END_TXN, &[fate]);
            world.aborted();
            assert_eq!(world.cluster.coordinator.ends, [false]);
            assert!(!world.is_asked("commit"));
            world.transaction("w");
            world.finish();
        }
    }
}

#[test]
fn an_abort_that_cannot_be_aborted_is_fatal() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.errors(END_TXN, &[ErrorCode::TRANSACTION_ABORTABLE]);
        let abort = world.abort();
        let fatal = FatalError::Transaction(ErrorCode::TRANSACTION_ABORTABLE);
        assert_eq!(world.end_of(abort), Err(OperationError::Failed(fatal)));
        assert_eq!(world.state(), TransactionState::FatalError);
        assert_eq!(world.failed, Some(fatal));
        world.finish();
    }
}

#[test]
fn a_refused_commit_may_be_followed_by_an_abort() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
        world.cluster.faults.answer("orders", 0, &answer);
        world.send_to("orders", 0, "v");
        let commit = world.commit();
        assert!(matches!(
            world.end_of(commit),
            Err(OperationError::AbortRequired(_))
        ));
        for _ in 0..3 {
            assert!(world.try_commit().is_err(), "as often as one tries");
        }
        world.aborted();
        assert_eq!(world.cluster.coordinator.ends, [false]);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn records_of_an_aborted_transaction_never_leave_under_the_next_one() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("linger.ms", "50");
        world = world.initialized();
        for i in 0..10 {
            world.begin();
            let lost = world.send_to("orders", 0, &format!("lost {i}"));
            world.run_for(i * 10);
            world.aborted();
            let _ = world.account.fortune(lost);
            world.transaction(&format!("kept {i}"));
        }
        assert!(world.account.count(Outcome::Written) >= 10);
        world.finish();
    }
}

/// What a leader appends after the end of its transaction would belong to the next one.
#[test]
fn an_abort_waits_for_the_answer_to_a_batch_that_expired_meanwhile() {
    for level in LEVELS {
        let mut world = World::begun_in_a_hurry(level);
        let answers = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS)];
        world.cluster.faults.answer("orders", 0, &answers);
        let slow = [Fate::Slow(1_000), Fate::Slow(2_000)];
        world.cluster.faults.fate(PRODUCE, &slow);
        world.send_to("orders", 0, "v");
        let is_over = |world: &World| world.account.count(Outcome::PossiblyWritten) == 1;
        assert!(world.run_until(3_000, is_over), "{}", world.story());
        let operation = world.abort();
        world.run_for(300);
        assert!(!world.is_asked("abort"), "{}", world.story());
        assert_eq!(world.end_of(operation), Ok(None));
        assert!(world.is_asked("abort"));
        // Under the epoch that the end of the transaction brought.
        world.transaction("w");
        let last = &world.cluster.attempts.last().expect("a batch").batch;
        assert_eq!((last.producer_epoch, last.base_sequence), (1, 0));
        world.finish();
    }
}

/// Sends to a partition of `orders` whose registration is refused, and lets that be told.
fn refuse_to_register(world: &mut World, partition: i32, error: ErrorCode) {
    world.errors(ADD_PARTITIONS_TO_TXN, &[error]);
    world.forget();
    world.send_to("orders", partition, "v");
    world.run_until_asked("add");
    world.run_for(5);
    world.forget();
}

#[test]
fn an_abort_does_not_ask_again_for_what_it_does_not_need() {
    // These are found out before anything is noted: there is nothing to be aborted.
    let mut world = World::ready(1);
    let at_once = [
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::CONCURRENT_TRANSACTIONS,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ];
    for error in at_once {
        world.begin();
        refuse_to_register(&mut world, 0, error);
        world.aborted();
        assert_eq!(world.words(), "", "{error}");
    }

    // The transaction has begun anyway, whether another partition was noted or not.
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    refuse_to_register(&mut world, 1, ErrorCode::REQUEST_TIMED_OUT);
    world.aborted();
    assert_eq!(world.words(), "abort");
    world.transaction("w");
    world.finish();
}

/// To look for the coordinator tells it nothing.
#[test]
fn an_abort_does_not_wait_for_a_coordinator_that_knows_nothing() {
    for lost in [false, true] {
        let mut world = World::transactional(1).brokers(2);
        world.cluster.coordinator.transactions_at = 2;
        world = world.initialized();
        world.begin();
        world.forget();
        world.cut(2);
        if lost {
            let fates = [Fate::LoseResponse, Fate::LoseResponse];
            world.cluster.faults.fate(FIND_COORDINATOR, &fates);
        } else {
            let unavailable = [ErrorCode::COORDINATOR_NOT_AVAILABLE; 2];
            world.errors(FIND_COORDINATOR, &unavailable);
        }
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_asked("find(me)");
        world.run_for(10);
        world.aborted();
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(world.words(), "find(me)", "lost: {lost}");
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn an_abort_asks_again_for_what_may_be_registered() {
    let mut world = World::ready(1);
    world.begin();
    // The coordinator could not write it to enough replicas, or so it believed.
    refuse_to_register(&mut world, 0, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    world.aborted();
    assert_eq!(world.words(), "find(me) add(orders-0) abort");
    world.transaction("w");
    world.finish();
}

#[test]
fn an_abort_that_finds_the_producer_forgotten_renews_its_epoch() {
    let mut world = World::ready(1);
    world.begin();
    refuse_to_register(&mut world, 0, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    world.errors(ADD_PARTITIONS_TO_TXN, &[ErrorCode::UNKNOWN_PRODUCER_ID]);
    world.aborted();
    assert_eq!(world.words(), "find(me) add(orders-0) abort init");
    world.transaction("w");
    world.finish();
}
