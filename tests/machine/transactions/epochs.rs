//! What raises the epoch under transactions of version 1: the coordinator, when it is asked after an abort.

use crate::broker::{INIT_PRODUCER_ID, PRODUCE};
use crate::coordinator::{ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, EPOCH_MAX, FIRST_ID};
use crate::faults::{Answer, Fate};
use crate::partition_log::{PartitionLog, UnknownProducer};
use crate::transactions_world::{LEVELS, abort_required};
use crate::world::World;
use odradek::{Cause, ErrorCode, FatalError, OperationError, Outcome, TransactionState};

/// What a batch carries.
fn last_stamp(world: &World) -> (i64, i16, i32) {
    let batch = &world.cluster.attempts.last().expect("a batch").batch;
    (batch.producer_id, batch.producer_epoch, batch.base_sequence)
}

/// A transaction in which a batch gets an answer that ends it.
fn lost_to(code: ErrorCode) -> World {
    let mut world = World::begun(1);
    world
        .cluster
        .faults
        .answer("orders", 0, &[Answer::Error(code)]);
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_eq!(world.state(), TransactionState::AbortableError, "{code}");
    world.forget();
    world
}

#[test]
fn an_abort_after_a_gap_asks_for_a_higher_epoch() {
    for code in [
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::UNKNOWN_SERVER_ERROR,
    ] {
        let mut world = lost_to(code);
        world.aborted();
        assert_eq!(world.words(), "abort init", "{code}");
        assert_eq!(world.asked("abort")[0].identity, (FIRST_ID, 0));
        assert_eq!(world.asked("init")[0].identity, (FIRST_ID, 0));
        world.transaction("w");
        assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
        world.begin();
        world.send_to("orders", 1, "x");
        world.committed();
        assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0), "every partition");
        world.finish();
    }
}

#[test]
fn a_batch_that_is_surely_not_written_gives_its_sequences_back() {
    let mut world = lost_to(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    world.aborted();
    assert_eq!(world.words(), "abort");
    world.transaction("w");
    assert_eq!(last_stamp(&world), (FIRST_ID, 0, 1));
    world.finish();
}

#[test]
fn a_leader_that_lost_the_producer_costs_one_transaction() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.cluster.partition("orders", 0).log.forget_producers();
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_idle();
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
        world.aborted();
        world.transaction("w");
        assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
        world.finish();
    }
}

#[test]
fn a_topic_that_is_created_again_costs_the_transaction_that_was_open() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.cluster.topics.get_mut("orders").unwrap().set_id(99);
        world.cluster.partition("orders", 0).log = PartitionLog::default();
        let ticket = world.send_to("orders", 0, "v");
        // Far from `delivery.timeout.ms`: the record cannot be stamped, and does not wait for it.
        world.run_for(5_000);
        assert_eq!(world.state(), TransactionState::AbortableError);
        world.aborted();
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        world.transaction("w");
        let (_, epoch, sequence) = last_stamp(&world);
        assert!(epoch > 0 && sequence == 0, "{epoch} {sequence}");
    }
}

#[test]
fn no_identity_is_asked_for_within_a_transaction() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let answers = [Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER); 4];
        world.cluster.faults.answer("orders", 0, &answers);
        for _ in 0..4 {
            let _ = world.try_send("orders", Some(0), None, b"v");
            world.run_for(3_000);
        }
        world.run_for(60_000);
        assert!(!world.is_asked("init"), "{}", world.words());
        assert!(world.cluster.coordinator.is_open);
        let attempts = world.cluster.attempts.iter();
        assert!(attempts.map(|a| a.batch.producer_epoch).all(|e| e == 0));
        world.aborted();
        world.cluster.faults.heal();
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn an_unknown_producer_id_costs_the_transaction_and_no_more() {
    let mut world = World::begun(1);
    let answers = [Answer::Error(ErrorCode::UNKNOWN_PRODUCER_ID); 100];
    world.cluster.faults.answer("orders", 0, &answers);
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
    assert_eq!(world.state(), TransactionState::AbortableError);
    world.cluster.faults.heal();
    world.aborted();
    world.transaction("w");
    assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
    world.finish();
}

#[test]
fn a_leader_that_forgot_the_producer_with_its_records_gets_the_batch_from_sequence_0() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let partition = world.cluster.partition("orders", 0);
        partition.log_starts = [700].into();
        partition.log.forget_producers();
        let error = ErrorCode::UNKNOWN_PRODUCER_ID;
        world.cluster.unknown_producer = UnknownProducer::Refuse(error);
        let ticket = world.send_to("orders", 0, "v");
        world.committed();
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        assert_eq!(last_stamp(&world), (FIRST_ID, 0, 0));
        assert!(!world.is_asked("init"));
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn batches_that_expire_in_doubt_cost_the_transaction_and_no_more() {
    let mut world = World::transactional(1)
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2000")
        .config("linger.ms", "0")
        .config("batch.size", "0")
        .initialized();
    world.begin();
    world.send_to("orders", 0, "first");
    world.run_until_idle();
    world.cluster.faults.always = Some(Fate::LoseResponse);
    let tickets = [0, 1, 2].map(|i| world.send_to("orders", 0, &format!("{i}")));
    world.run_until_idle();
    for ticket in tickets {
        assert_ne!(world.account.fortune(ticket).outcome, Outcome::Written);
    }
    assert_eq!(world.state(), TransactionState::AbortableError);
    assert_eq!(world.failed, None);
    world.cluster.faults.heal();
    world.forget();
    world.aborted();
    assert!(world.words().ends_with("abort init"));
    world.transaction("w");
    assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
    world.finish();
}

#[test]
fn a_coordinator_that_lost_the_producer_gives_another_epoch_after_the_abort() {
    let code = ErrorCode::UNKNOWN_PRODUCER_ID;
    for api in [ADD_PARTITIONS_TO_TXN, ADD_OFFSETS_TO_TXN] {
        let mut world = World::begun(1);
        world.errors(api, &[code]);
        world.forget();
        if api == ADD_PARTITIONS_TO_TXN {
            world.send_to("orders", 1, "v");
            world.run_until_idle();
        } else {
            let offsets = world.offsets(7);
            assert_eq!(world.end_of(offsets), abort_required(code));
        }
        assert_eq!(world.state(), TransactionState::AbortableError);
        world.forget();
        world.aborted();
        assert_eq!(world.words(), "abort init");
        world.transaction("w");
        assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
        world.finish();
    }
}

#[test]
fn a_healthy_partition_keeps_going_until_the_abort_and_follows_to_the_new_epoch() {
    let mut world = World::begun(1);
    world.send_to("orders", 1, "healthy");
    world.run_until_idle();
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(300)]);
    let healthy = world.send_to("orders", 1, "out");
    let answer = [Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)];
    world.cluster.faults.answer("orders", 0, &answer);
    world.send_to("orders", 0, "lost");
    world.run_until_idle();
    assert_eq!(world.account.fortune(healthy).outcome, Outcome::Written);
    world.aborted();
    for partition in 0..3 {
        world.begin();
        world.send_to("orders", partition, "next");
        world.committed();
        assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0), "{partition}");
    }
    world.finish();
}

#[test]
fn an_answer_after_the_epoch_was_raised_changes_nothing() {
    let mut world = World::transactional(1)
        .config("delivery.timeout.ms", "2500")
        .config("request.timeout.ms", "2000")
        .config("linger.ms", "0")
        .initialized();
    world.begin();
    world.send_to("orders", 0, "first");
    world.run_until_idle();
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(1_900)]);
    let answer = [Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT)];
    world.cluster.faults.answer("orders", 0, &answer);
    let out = world.send_to("orders", 0, "out");
    world.run_for(10);
    let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
    world.cluster.faults.answer("orders", 1, &answer);
    world.send_to("orders", 1, "lost");
    world.run_for(100);
    world.aborted();
    world.run_until_idle();
    assert_ne!(world.account.fortune(out).outcome, Outcome::NotWritten);
    for _ in 0..3 {
        world.transaction("next");
    }
    world.finish();
}

#[test]
fn a_raise_whose_answer_gets_lost_is_asked_for_again_with_the_old_epoch() {
    let mut world = lost_to(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::LoseResponse]);
    world.aborted();
    let inits = world.asked("init");
    assert_eq!(inits.len(), 2);
    assert!(inits.iter().all(|asked| asked.identity == (FIRST_ID, 0)));
    assert_eq!(world.identity(), (FIRST_ID, 1), "raised once");
    world.transaction("w");
    assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
    world.finish();
}

#[test]
fn an_exhausted_epoch_brings_another_producer_id() {
    let mut world = World::transactional(1);
    world.cluster.coordinator.identity = Some((FIRST_ID, EPOCH_MAX - 1));
    let mut world = world.initialized();
    let answer = [Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)];
    world.cluster.faults.answer("orders", 0, &answer);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    world.aborted();
    world.transaction("w");
    assert_eq!(last_stamp(&world), (FIRST_ID + 1, 0, 0));
    world.finish();
}

#[test]
fn a_producer_that_is_fenced_while_it_asks_for_a_higher_epoch_has_failed() {
    let mut world = lost_to(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    world.errors(INIT_PRODUCER_ID, &[ErrorCode::PRODUCER_FENCED]);
    let abort = world.abort();
    let fenced = Err(OperationError::Failed(FatalError::Fenced));
    assert_eq!(world.end_of(abort), fenced);
    assert_eq!(world.state(), TransactionState::FatalError);
    world.finish();
}

#[test]
fn a_raise_that_takes_long_holds_the_abort_up_and_may_be_joined() {
    let mut world = World::transactional(1).config("max.block.ms", "2000");
    world = world.initialized();
    let answer = [Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)];
    world.cluster.faults.answer("orders", 0, &answer);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::Slow(3_000)]);
    let abort = world.abort();
    assert_eq!(world.end_of(abort), Err(OperationError::TimedOut));
    assert_eq!(world.state(), TransactionState::Aborting);
    let now = world.now();
    assert!(world.producer().begin_transaction(now).is_err());
    assert_eq!(world.abort(), abort);
    assert_eq!(world.end_of(abort), Ok(None));
    world.transaction("w");
    assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
    world.finish();
}

#[test]
fn the_coordinator_may_be_away_when_the_epoch_has_to_be_raised() {
    let mut world = World::ready(1);
    let answer = [Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)];
    world.cluster.faults.answer("orders", 0, &answer);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    world.set_listening(2, false);
    world.cut(2);
    world.run_for(500);
    let abort = world.abort();
    world.run_for(3_000);
    world.set_listening(2, true);
    assert_eq!(world.end_of(abort), Ok(None));
    world.transaction("w");
    assert_eq!(last_stamp(&world), (FIRST_ID, 1, 0));
    world.finish();
}

/// A transaction on brokers before 2.5, which raise no epoch that is named, with two partitions.
fn on_old_brokers() -> World {
    let mut world = World::transactional(1);
    world.cluster.versions.insert(INIT_PRODUCER_ID, (0, 1));
    let mut world = world.initialized();
    world.begin();
    for partition in [0, 1] {
        world.send_to("orders", partition, "v");
        world.run_until_idle();
    }
    world
}

#[test]
fn old_brokers_need_no_higher_epoch_for_a_batch_that_is_surely_not_written() {
    let mut world = on_old_brokers();
    let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    world
        .cluster
        .faults
        .answer("orders", 0, &[Answer::Error(code)]);
    let lost = world.send_to("orders", 0, "lost");
    world.run_until_idle();
    let cause = world.account.fortune(lost).cause;
    assert_eq!(cause, Some(Cause::Broker(code)));
    world.aborted();
    for partition in [0, 1] {
        world.begin();
        world.send_to("orders", partition, "next");
        world.committed();
        assert_eq!(last_stamp(&world), (FIRST_ID, 0, 1));
    }
    world.finish();
}

#[test]
fn old_brokers_that_would_have_to_raise_an_epoch_are_the_end_of_the_producer() {
    let mut world = on_old_brokers();
    let code = ErrorCode::UNKNOWN_SERVER_ERROR;
    world
        .cluster
        .faults
        .answer("orders", 0, &[Answer::Error(code)]);
    let lost = world.send_to("orders", 0, "lost");
    world.run_until_idle();
    let outcome = world.account.fortune(lost).outcome;
    assert_eq!(outcome, Outcome::PossiblyWritten);
    let abort = world.abort();
    let fatal = FatalError::Transaction(ErrorCode::UNSUPPORTED_VERSION);
    assert_eq!(world.end_of(abort), Err(OperationError::Failed(fatal)));
    assert_eq!(world.cluster.coordinator.ends, [false]);
    world.finish();
}
