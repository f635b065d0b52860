//! What becomes of a record: every row of the table of outcomes.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::world::World;
use odradek::{Cause, DisconnectReason, ErrorCode, Outcome, ResolveError, SendError};

fn orders() -> World {
    World::new().topic("orders", 1)
}

/// The outcome and cause of one record that meets these fates, with nothing tried again.
fn outcome_without_retries(fates: &[Fate], answers: &[Answer]) -> (Outcome, Option<Cause>) {
    let mut world = orders().config("retries", "0");
    world.cluster.faults.fate(PRODUCE, fates);
    world.cluster.faults.answer("orders", 0, answers);
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    world.finish();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.partition, Some(0));
    (fortune.outcome, fortune.cause)
}

#[test]
fn an_acknowledged_record_is_written_with_its_offset() {
    let mut world = orders();
    let first = world.send("orders", Some("k"), "one");
    let second = world.send("orders", None, "two");
    world.run_until_idle();
    let fortune = world.account.fortune(first);
    assert_eq!(
        (fortune.outcome, fortune.offset),
        (Outcome::Written, Some(0))
    );
    assert_eq!(fortune.cause, None);
    assert_eq!(world.account.fortune(second).offset, Some(1));
    world.finish();
}

#[test]
fn the_brokers_time_is_reported_where_it_replaces_the_producers() {
    let mut world = orders();
    world
        .cluster
        .topics
        .get_mut("orders")
        .unwrap()
        .log_append_time = Some(42);
    world.send("orders", None, "v");
    world.run_until_idle();
    assert_eq!(world.account.reports[0].log_append_time, Some(42));
    world.finish();
}

#[test]
fn a_refused_record_gets_no_ticket_and_the_next_one_gets_the_next() {
    let mut world = orders().config("max.request.size", "2000");
    let refused = world.try_send("orders", None, None, &[7; 3000]);
    assert!(matches!(
        refused,
        Err(SendError::RecordTooLarge {
            limit: 2000,
            key: "max.request.size",
            ..
        })
    ));
    let ticket = world.send("orders", None, "v");
    assert_eq!(ticket.0, 0);
    world.run_until_idle();
    world.finish();
}

#[test]
fn a_duplicate_whose_offset_is_forgotten_is_written_without_offset() {
    let mut world = orders();
    let duplicate = Answer::ErrorAfterAppend(ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
    world.cluster.faults.answer("orders", 0, &[duplicate]);
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!((fortune.outcome, fortune.offset), (Outcome::Written, None));
    assert_eq!(fortune.cause, Some(Cause::Duplicate));
    world.finish();
}

#[test]
fn a_record_that_never_found_a_leader_expires_as_not_written() {
    let mut world = orders().config("delivery.timeout.ms", "40000");
    world.cluster.partition("orders", 0).leader = None;
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    let last = Some(ErrorCode::LEADER_NOT_AVAILABLE);
    assert_eq!(fortune.cause, Some(Cause::DeliveryTimeout { last }));
    let seconds = fortune.at / 1_000_000_000;
    assert!((40..41).contains(&seconds), "{seconds} s");
    world.finish();
}

#[test]
fn purged_records_are_not_written() {
    let mut world = orders().topic("unseen", 1).config("linger.ms", "1000");
    world.cluster.topics.get_mut("unseen").unwrap().unknown_for = 1000;
    let waiting = world.send("unseen", None, "v");
    world.handle("orders");
    world.run_for(50);
    let open = world.send("orders", None, "v");
    world.purge();
    world.run_until_idle();
    for ticket in [waiting, open] {
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(fortune.cause, Some(Cause::Purged));
    }
    assert!(world.cluster.attempts.is_empty());
    world.finish();
}

#[test]
fn purge_leaves_alone_what_is_in_flight() {
    let mut world = orders();
    let ticket = world.send("orders", None, "v");
    world.run_until(1000, |world| !world.cluster.attempts.is_empty());
    world.purge();
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    world.finish();
}

#[test]
fn records_that_a_close_leaves_behind_are_not_written() {
    let mut world = orders();
    world.cluster.partition("orders", 0).leader = None;
    let ticket = world.send("orders", None, "v");
    world.run_for(50);
    world.close(100);
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    assert_eq!(fortune.cause, Some(Cause::Closed));
    world.finish();
}

#[test]
fn records_of_a_missing_topic_are_not_written_after_max_block() {
    let mut world = orders().config("max.block.ms", "2000");
    let ticket = world.send("nowhere", None, "v");
    let sent_at = world.now;
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    let last = Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(fortune.cause, Some(Cause::NoMetadata { last }));
    assert_eq!((fortune.at - sent_at) / 1_000_000, 2000);
    world.finish();
}

#[test]
fn records_without_any_broker_are_not_written_after_max_block() {
    let mut world = orders().config("max.block.ms", "2000");
    let fails = crate::network::Name::Fails(ResolveError::NotFound);
    world.network.names.insert("broker-1".into(), fails);
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    assert_eq!(fortune.cause, Some(Cause::NoMetadata { last: None }));
    world.finish();
}

#[test]
fn an_answer_that_proves_that_nothing_was_appended_is_not_written() {
    for error in [
        ErrorCode::MESSAGE_TOO_LARGE,
        ErrorCode::INVALID_RECORD,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ErrorCode::NOT_ENOUGH_REPLICAS,
    ] {
        let (outcome, cause) = outcome_without_retries(&[], &[Answer::Error(error)]);
        assert_eq!(outcome, Outcome::NotWritten, "{error}");
        assert_eq!(cause, Some(Cause::Broker(error)));
    }
}

#[test]
fn an_answer_that_may_follow_an_append_is_possibly_written() {
    for error in [
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::UNKNOWN_SERVER_ERROR,
        ErrorCode(999),
    ] {
        let answer = Answer::ErrorAfterAppend(error);
        let (outcome, cause) = outcome_without_retries(&[], &[answer]);
        assert_eq!(outcome, Outcome::PossiblyWritten, "{error}");
        assert_eq!(cause, Some(Cause::Broker(error)));
    }
}

#[test]
fn a_lost_connection_leaves_possibly_written_behind_appended_or_not() {
    for fate in [Fate::LoseResponse, Fate::ResetBefore, Fate::CutResponse(9)] {
        let (outcome, cause) = outcome_without_retries(&[fate], &[]);
        assert_eq!(outcome, Outcome::PossiblyWritten);
        assert_eq!(cause, Some(Cause::ConnectionLost));
    }
}

#[test]
fn a_request_without_an_answer_is_possibly_written_after_the_request_timeout() {
    let (outcome, cause) = outcome_without_retries(&[Fate::NeverAnswer], &[]);
    assert_eq!(outcome, Outcome::PossiblyWritten);
    assert_eq!(cause, Some(Cause::ConnectionLost));
}

#[test]
fn a_batch_that_the_answer_leaves_out_is_possibly_written() {
    let (outcome, cause) = outcome_without_retries(&[], &[Answer::LeaveOut]);
    assert_eq!(outcome, Outcome::PossiblyWritten);
    assert_eq!(cause, Some(Cause::ConnectionLost));
}

#[test]
fn a_batch_that_is_out_when_it_expires_is_possibly_written() {
    let mut world = orders()
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2900");
    world.cluster.faults.always = Some(Fate::NeverAnswer);
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
    assert_eq!(fortune.cause, Some(Cause::DeliveryTimeout { last: None }));
    world.finish();
}

#[test]
fn a_batch_in_doubt_that_expires_is_possibly_written_and_names_the_last_answer() {
    let mut world = orders()
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2000");
    let answers = [Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT); 1];
    world.cluster.faults.answer("orders", 0, &answers);
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 1000];
    world.cluster.faults.answer("orders", 0, &busy);
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
    let last = Some(ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(fortune.cause, Some(Cause::DeliveryTimeout { last }));
    world.finish();
}

#[test]
fn a_batch_that_only_got_proofs_of_no_append_expires_as_not_written() {
    let mut world = orders()
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2000");
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 1000];
    world.cluster.faults.answer("orders", 0, &busy);
    // The retries wait, so that the batch is not out when it expires.
    let mut world = world.config("retry.backoff.ms", "900");
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
    world.finish();
}

#[test]
fn a_batch_that_is_out_when_the_producer_is_closed_is_possibly_written() {
    let mut world = orders();
    world.cluster.faults.always = Some(Fate::NeverAnswer);
    let ticket = world.send("orders", None, "v");
    world.run_until(1000, |world| !world.cluster.attempts.is_empty());
    world.close(500);
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
    assert_eq!(fortune.cause, Some(Cause::Closed));
    world.finish();
}

#[test]
fn without_acknowledgement_a_record_is_possibly_written_once_the_transport_took_it() {
    let mut world = orders().config("acks", "0");
    world.handle("orders");
    world.run_for(50);
    world.network.holds_transmitted = true;
    let ticket = world.send("orders", None, "v");
    world.run_for(5000);
    assert_eq!(
        world.account.open(),
        1,
        "reported before the transport took it"
    );
    assert_eq!(world.cluster.attempts.len(), 1);
    assert!(world.held() > 0);
    world.release_transmitted();
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(
        (fortune.outcome, fortune.offset),
        (Outcome::PossiblyWritten, None)
    );
    assert_eq!(fortune.cause, Some(Cause::AcksZero));
    assert_eq!(world.held(), 0);
    world.finish();
}

#[test]
fn without_acknowledgement_a_lost_connection_is_named() {
    let mut world = orders().config("acks", "0");
    world.handle("orders");
    world.run_for(50);
    world.network.holds_transmitted = true;
    let ticket = world.send("orders", None, "v");
    world.run_for(1000);
    world.cut(1);
    world.network.holds_transmitted = false;
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
    assert_eq!(fortune.cause, Some(Cause::ConnectionLost));
    world.finish();
}

#[test]
fn without_acknowledgement_a_transport_that_takes_nothing_is_given_up() {
    let mut world = orders()
        .config("acks", "0")
        .config("request.timeout.ms", "2000");
    world.handle("orders");
    world.run_for(50);
    let taken = world.send("orders", None, "v");
    world.run_for(50);
    assert_eq!(world.account.fortune(taken).cause, Some(Cause::AcksZero));
    world.network.holds_transmitted = true;
    let first = world.send("orders", None, "v");
    world.run_for(1000);
    let second = world.send("orders", None, "v");
    world.run_for(950);
    assert!(world.failures.is_empty(), "{}", world.story());
    world.run_for(100);
    let reasons: Vec<DisconnectReason> = world.failures.iter().map(|(_, f)| f.reason).collect();
    assert_eq!(reasons, [DisconnectReason::RequestTimedOut]);
    for ticket in [first, second] {
        let fortune = world.account.fortune(ticket);
        assert_eq!(
            (fortune.outcome, fortune.cause),
            (Outcome::PossiblyWritten, Some(Cause::ConnectionLost))
        );
    }
    assert_eq!(world.held(), 0);
    world.network.holds_transmitted = false;
    let third = world.send("orders", None, "v");
    world.run_for(10_000);
    assert_eq!(world.account.fortune(third).cause, Some(Cause::AcksZero));
    assert_eq!(world.failures.len(), 1, "{}", world.story());
    world.finish();
}

#[test]
fn a_negative_partition_is_refused_whether_the_topic_is_known_or_not() {
    for is_known in [false, true] {
        let mut world = World::new().topic("orders", 1);
        if is_known {
            world.handle("orders");
            world.run_for(50);
        }
        let refused = world.try_send("orders", Some(-1), None, b"v");
        let refused = refused.expect_err("there is no such partition");
        assert!(
            matches!(refused, SendError::UnknownPartition { partition: -1, .. }),
            "{refused:?}"
        );
        world.finish();
    }
}
