//! Records within a transaction: what the leaders' answers mean for it.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::transactions_world::LEVELS;
use crate::world::World;
use odradek::error_code::Recovery;
use odradek::wire::ApiKey;
use odradek::{
    Cause, ErrorCode, FatalError, Outcome, TransactionError, TransactionFault, TransactionState,
};

/// Where a producer is after a batch was answered with a code once.
fn state_after(code: ErrorCode) -> TransactionState {
    let recovery = code.recovery(ApiKey::Produce);
    if matches!(
        recovery,
        Recovery::Retry | Recovery::RefreshAndRetry | Recovery::Done
    ) {
        return TransactionState::InTransaction;
    }
    match code.0 {
        31 | 35 | 49 | 53 | 90 => TransactionState::FatalError,
        _ => TransactionState::AbortableError,
    }
}

#[test]
fn any_code_for_a_batch_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for level in LEVELS {
        for code in (-1..=136).map(ErrorCode) {
            // Nothing happened, and what needs to be known of the log: tests of their own.
            if code == ErrorCode::NONE || code == ErrorCode::UNKNOWN_PRODUCER_ID {
                continue;
            }
            let mut world = World::begun(level);
            world.is_tracing = false;
            let answer = if code == ErrorCode::DUPLICATE_SEQUENCE_NUMBER {
                Answer::ErrorAfterAppend(code)
            } else {
                Answer::Error(code)
            };
            world.cluster.faults.answer("orders", 0, &[answer]);
            let ticket = world.send_to("orders", 0, "v");
            world.run_until_idle();
            let (state, expected) = (world.state(), state_after(code));
            if state != expected {
                wrong.push(format!("level {level}: {code}: {state}, not {expected}"));
                continue;
            }
            let fortune = world.account.fortune(ticket);
            if state == TransactionState::InTransaction {
                assert_eq!(fortune.outcome, Outcome::Written, "{code}");
                world.committed();
            } else if state == TransactionState::AbortableError {
                let cause = Cause::Broker(code);
                assert_eq!(fortune.cause, Some(cause));
                let fault = TransactionFault::Record(cause);
                let refused = Err(TransactionError::AbortRequired(fault));
                assert_eq!(world.try_commit(), refused);
                world.aborted();
                world.transaction("w");
            } else {
                let fatal = match code.0 {
                    90 => FatalError::Fenced,
                    31 | 53 => FatalError::NotAuthorized(code),
                    _ => FatalError::Transaction(code),
                };
                assert_eq!(world.failed, Some(fatal), "{code}");
            }
            world.finish();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_batch_that_is_too_large_is_divided_within_its_transaction() {
    for level in LEVELS {
        let mut world = World::transactional(level).config("linger.ms", "20");
        world = world.initialized();
        world.cluster.rules("orders").max_message_bytes = Some(400);
        world.begin();
        for i in 0..20 {
            world.send_to("orders", 0, &format!("a value of some length, number {i}"));
        }
        world.committed();
        assert_eq!(world.account.count(Outcome::Written), 20);
        assert!(world.cluster.attempts.len() > 3);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_batch_that_expires_before_its_bad_answer_comes_counts_once() {
    for level in LEVELS {
        let mut world = World::begun_in_a_hurry(level);
        let answers = [
            Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS),
            Answer::Error(ErrorCode::MESSAGE_TOO_LARGE),
        ];
        world.cluster.faults.answer("orders", 0, &answers);
        world
            .cluster
            .faults
            .fate(PRODUCE, &[Fate::Slow(1_000), Fate::Slow(2_000)]);
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_idle();
        let cause = world.account.fortune(ticket).cause;
        assert!(
            matches!(cause, Some(Cause::DeliveryTimeout { .. })),
            "{cause:?}"
        );
        assert_eq!(world.state(), TransactionState::AbortableError);
        world.run_for(2_000);
        world.aborted();
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_gap_in_the_sequences_costs_the_transaction_with_everything_behind_it() {
    for level in LEVELS {
        let mut world = World::transactional(level)
            .config("batch.size", "0")
            .config("linger.ms", "0")
            .initialized();
        world.begin();
        world.send_to("orders", 0, "first");
        world.run_until_idle();
        let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
        world.cluster.faults.answer("orders", 0, &answer);
        for i in 0..5 {
            world.send_to("orders", 0, &format!("{i}"));
        }
        world.run_until_idle();
        assert_eq!(world.state(), TransactionState::AbortableError);
        let attempts = world.cluster.attempts.iter();
        let epochs: Vec<i16> = attempts.map(|a| a.batch.producer_epoch).collect();
        assert!(epochs.iter().all(|epoch| *epoch == 0), "{epochs:?}");
        world.aborted();
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_topic_that_vanishes_for_a_while_holds_the_commit_up() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let answers = [Answer::Error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION); 20];
        world.cluster.faults.answer("orders", 0, &answers);
        let topic = world.cluster.topics.get_mut("orders");
        topic.expect("a topic of the test").unknown_for = 5;
        let tickets = [0, 1, 2].map(|i| world.send_to("orders", 0, &format!("{i}")));
        let commit = world.commit();
        assert_eq!(world.end_of(commit), Ok(None));
        for ticket in tickets {
            assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        }
        world.finish();
    }
}

#[test]
fn lost_answers_are_made_up_for_within_a_transaction() {
    for level in LEVELS {
        for fate in [Fate::LoseResponse, Fate::ResetBefore, Fate::NeverAnswer] {
            let mut world = World::begun(level);
            world.cluster.faults.fate(PRODUCE, &[fate]);
            let ticket = world.send_to("orders", 0, "v");
            world.committed();
            assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
            world.finish();
        }
    }
}

#[test]
fn batches_of_every_codec_and_every_attempt_are_marked_as_transactional() {
    for level in LEVELS {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let world = World::transactional(level).config("compression.type", codec);
            let mut world = world.initialized();
            for is_commit in [true, false] {
                world.cluster.faults.fate(PRODUCE, &[Fate::LoseResponse]);
                world.begin();
                for partition in [0, 1] {
                    world.send_to("orders", partition, &"value ".repeat(50));
                }
                world.run_until_idle();
                if is_commit {
                    world.committed();
                } else {
                    world.aborted();
                }
            }
            // The fake cluster looks at the transactional id of each request in the same way.
            let attempts = &world.cluster.attempts;
            assert!(attempts.iter().all(|a| a.batch.is_transactional));
            assert_eq!(world.account.count(Outcome::Written), 4);
            world.finish();
        }
    }
}
