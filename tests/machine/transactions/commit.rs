//! Commits: what they wait for, and what they refuse.

use crate::broker::PRODUCE;
use crate::coordinator::END_TXN;
use crate::faults::{Answer, Fate};
use crate::transactions_world::LEVELS;
use crate::world::{MS, World};
use odradek::{
    Cause, ErrorCode, OperationError, Outcome, SendError, TransactionError, TransactionFault,
    TransactionState,
};

fn lost(cause: Cause) -> TransactionFault {
    TransactionFault::Record(cause)
}

#[test]
fn partitions_are_added_then_written_to_then_the_transaction_ends() {
    let mut world = World::transactional(1).config("linger.ms", "10000");
    world = world.initialized();
    world.begin();
    world.send_to("orders", 0, "v");
    world.committed();
    assert_eq!(world.words(), "add(orders-0) produce(orders-0) commit");
    assert_eq!(world.account.count(Outcome::Written), 1);
    world.finish();
}

#[test]
fn a_commit_sends_what_lingers_at_once() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("linger.ms", "30000");
        world = world.initialized();
        world.begin();
        for partition in 0..3 {
            world.send_to("orders", partition, "v");
        }
        let before = world.now;
        world.committed();
        assert!(world.now - before < 100 * MS, "{}", world.story());
        assert_eq!(world.account.count(Outcome::Written), 3);
        world.finish();
    }
}

#[test]
fn a_commit_waits_for_every_batch() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(700)]);
        world.send_to("orders", 0, "v");
        world.run_for(50);
        let commit = world.commit();
        world.run_for(500);
        assert!(!world.is_asked("commit"), "{}", world.words());
        assert_eq!(world.end_of(commit), Ok(None));
        assert_eq!(world.account.open(), 0);
        assert_eq!(world.asked("commit").len(), 1);
        world.finish();
    }
}

#[test]
fn reports_of_the_records_come_before_the_end_of_the_commit() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.begin();
        let ticket = world.send_to("orders", 0, "v");
        world.committed();
        let reported = world.account.fortune(ticket).at;
        assert!(reported < world.now);
        assert!(reported <= world.asked("commit")[0].at);
        world.finish();
    }
}

#[test]
fn an_empty_transaction_asks_for_nothing() {
    for level in LEVELS {
        let mut world = World::ready(level);
        for is_commit in [true, false, true] {
            world.begin();
            if is_commit {
                world.committed();
            } else {
                world.aborted();
            }
        }
        assert_eq!(world.words(), "");
        world.transaction("v");
        world.finish();
    }
}

#[test]
fn a_record_that_failed_makes_the_commit_refuse_even_if_nobody_looked() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        let answer = [Answer::Error(refused)];
        world.cluster.faults.answer("orders", 1, &answer);
        world.send_to("orders", 1, "v");
        world.run_until_idle();
        world.run_for(1_000);
        let fault = lost(Cause::Broker(refused));
        assert_eq!(
            world.try_commit(),
            Err(TransactionError::AbortRequired(fault))
        );
        assert_eq!(world.state(), TransactionState::AbortableError);
        let sent = world.try_send("orders", Some(0), None, b"w");
        assert_eq!(sent, Err(SendError::AbortRequired(fault)));
        assert!(!world.is_asked("commit"));
        world.aborted();
        assert_eq!(world.cluster.coordinator.ends, [false]);
        world.transaction("x");
        world.finish();
    }
}

#[test]
fn a_record_that_fails_during_the_commit_ends_it_before_it_is_asked_for() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let refused = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
        let answer = [Answer::Error(refused)];
        world.cluster.faults.answer("orders", 0, &answer);
        let ticket = world.send_to("orders", 0, "v");
        let commit = world.commit();
        let fault = lost(Cause::Broker(refused));
        let expected = Err(OperationError::AbortRequired(fault));
        assert_eq!(world.end_of(commit), expected);
        assert_ne!(world.account.fortune(ticket).outcome, Outcome::Written);
        assert!(!world.is_asked("commit"));
        world.aborted();
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_batch_that_expires_makes_the_commit_refuse() {
    for level in LEVELS {
        let mut world = World::transactional(level)
            .brokers(3)
            .config("delivery.timeout.ms", "3000")
            .config("request.timeout.ms", "2000")
            .config("linger.ms", "0");
        world.cluster.create("far", 3);
        let mut world = world.initialized();
        world.begin();
        world.send_to("far", 0, "v");
        world.run_until_idle();
        world.set_listening(3, false);
        world.cut(3);
        let tickets = [0, 1].map(|i| world.send_to("far", 2, &format!("{i}")));
        let commit = world.commit();
        let end = world.end_of(commit);
        let Err(OperationError::AbortRequired(TransactionFault::Record(cause))) = end else {
            panic!("{end:?}");
        };
        assert!(matches!(cause, Cause::DeliveryTimeout { .. }), "{cause:?}");
        for ticket in tickets {
            assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
        }
        assert!(!world.is_asked("commit"));
        assert_eq!(world.state(), TransactionState::AbortableError);
        world.aborted();
        world.set_listening(3, true);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn retries_that_are_used_up_make_the_commit_refuse() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("retries", "2");
        world = world.initialized();
        world.begin();
        let answers = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 3];
        world.cluster.faults.answer("orders", 0, &answers);
        world.send_to("orders", 0, "v");
        let commit = world.commit();
        let fault = lost(Cause::Broker(ErrorCode::NOT_ENOUGH_REPLICAS));
        let expected = Err(OperationError::AbortRequired(fault));
        assert_eq!(world.end_of(commit), expected);
        world.aborted();
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_record_for_a_missing_topic_makes_the_commit_refuse() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("max.block.ms", "5000");
        world = world.initialized();
        world.begin();
        world.send_to("orders", 0, "v");
        let ticket = world.send("nowhere", None, "v");
        let commit = world.commit();
        let end = world.end_of(commit);
        let refused = |end| {
            matches!(
                end,
                Err(OperationError::AbortRequired(TransactionFault::Record(_)))
            )
        };
        if end == Err(OperationError::TimedOut) {
            world.run_until_idle();
            assert_eq!(world.state(), TransactionState::AbortableError);
        } else {
            assert!(refused(end), "{end:?}");
        }
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert!(matches!(fortune.cause, Some(Cause::NoMetadata { .. })));
        assert!(!world.is_asked("commit"));
        world.aborted();
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_record_for_a_missing_partition_makes_the_commit_refuse() {
    let mut world = World::transactional(2).config("max.block.ms", "5000");
    world = world.initialized();
    world.begin();
    world.send_to("orders", 0, "v");
    let ticket = world.send_to("orders", 9, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
    assert!(matches!(
        world.try_commit(),
        Err(TransactionError::AbortRequired(TransactionFault::Record(
            Cause::UnknownPartition { count: 3 }
        )))
    ));
    world.aborted();
    world.transaction("w");
    world.finish();
}

#[test]
fn a_record_that_was_never_accepted_is_no_part_of_the_transaction() {
    let mut world = World::transactional(2).config("max.request.size", "1000");
    world = world.initialized();
    world.begin();
    world.send_to("orders", 0, "v");
    let refused = world.try_send("orders", Some(0), None, &[0; 2000]);
    assert!(matches!(refused, Err(SendError::RecordTooLarge { .. })));
    assert!(world.producer().topic("no good name!").is_err());
    world.committed();
    assert_eq!(world.account.count(Outcome::Written), 1);
    world.finish();
}

#[test]
fn a_purge_makes_the_commit_refuse() {
    let mut world = World::transactional(2).config("linger.ms", "10000");
    world = world.initialized();
    world.begin();
    world.send_to("orders", 0, "v");
    world.purge();
    world.run_until_idle();
    let fault = lost(Cause::Purged);
    assert_eq!(
        world.try_commit(),
        Err(TransactionError::AbortRequired(fault))
    );
    world.aborted();
    world.transaction("w");
    world.finish();
}

#[test]
fn a_lost_answer_to_a_commit_is_asked_for_again_in_the_same_direction() {
    for level in LEVELS {
        for fate in [Fate::LoseResponse, Fate::ResetBefore, Fate::CutResponse(5)] {
            let mut world = World::begun(level);
            world.cluster.faults.fate(END_TXN, &[fate]);
            world.committed();
            assert_eq!(world.cluster.coordinator.ends, [true]);
            assert!(!world.is_asked("abort"));
            world.transaction("w");
            world.finish();
        }
    }
}

#[test]
fn a_commit_that_fails_for_no_known_reason_is_not_taken_for_one_that_succeeded() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.errors(END_TXN, &[ErrorCode::UNKNOWN_SERVER_ERROR]);
        let commit = world.commit();
        assert!(world.end_of(commit).is_err());
        assert_ne!(world.state(), TransactionState::Ready);
        assert!(!world.is_asked("abort"));
        world.run_for(1_000);
        world.finish();
    }
}

#[test]
fn a_transaction_begins_as_soon_as_the_one_before_is_committed() {
    for level in LEVELS {
        let mut world = World::ready(level);
        for i in 0..20 {
            world.transaction(&format!("value {i}"));
        }
        assert_eq!(world.cluster.coordinator.ends, [true; 20]);
        assert_eq!(world.account.count(Outcome::Written), 20);
        assert!(!world.is_asked("init"));
        world.finish();
    }
}

#[test]
fn linger_holds_as_long_as_the_transaction_is_open() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("linger.ms", "500");
        world = world.initialized();
        world.begin();
        world.send_to("orders", 0, "v");
        world.run_for(100);
        world.send_to("orders", 0, "w");
        world.run_for(300);
        assert!(world.cluster.attempts.is_empty(), "{}", world.words());
        let before = world.now;
        world.committed();
        assert!(world.now - before < 100_000_000, "{}", world.story());
        assert_eq!(world.cluster.attempts.len(), 1);
        world.finish();
    }
}
