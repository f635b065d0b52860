//! Each record once and in order, whatever happens on the way.

use crate::broker::{Attempt, INIT_PRODUCER_ID, PRODUCE};
use crate::faults::{Answer, Fate};
use crate::partition_log::UnknownProducer;
use crate::world::World;
use odradek::{Cause, ErrorCode, FatalError, Outcome, SendError, Ticket};

/// A world in which one record makes a batch, one batch has been acknowledged and every answer takes
/// a while, so that five batches go out together.
fn warmed() -> World {
    let mut world = World::new()
        .topic("orders", 1)
        .config("batch.size", "0")
        .config("linger.ms", "0");
    world.send("orders", None, "first");
    world.run_until_idle();
    world
}

fn send_all(world: &mut World, count: usize) -> Vec<Ticket> {
    let send = |i| world.send("orders", None, &format!("value {i}"));
    (0..count).map(send).collect()
}

fn sequences(attempts: &[Attempt]) -> Vec<(i64, i32)> {
    attempts
        .iter()
        .map(|a| (a.batch.producer_id, a.batch.base_sequence))
        .collect()
}

fn assert_all_written_in_order(world: &World, tickets: &[Ticket]) {
    for ticket in tickets {
        let outcome = world.account.fortune(*ticket).outcome;
        assert_eq!(outcome, Outcome::Written, "{ticket}\n{}", world.story());
    }
    world.check();
}

#[test]
fn sequences_are_contiguous_and_five_requests_are_out_at_once() {
    let mut world = warmed();
    let tickets = send_all(&mut world, 12);
    world.run_until_idle();
    assert_all_written_in_order(&world, &tickets);
    let expected: Vec<(i64, i32)> = (0..13).map(|s| (1001, s)).collect();
    assert_eq!(sequences(&world.cluster.attempts), expected);
    assert_eq!(world.produce_out_max, 5);
    assert_eq!(world.cluster.identities, 1);
    world.finish();
}

#[test]
fn sequences_count_records_not_batches() {
    let mut world = World::new().topic("orders", 1);
    for burst in 0..3 {
        for i in 0..4 {
            world.send("orders", None, &format!("{burst} {i}"));
        }
        world.run_until_idle();
    }
    let expected = vec![(1001, 0), (1001, 4), (1001, 8)];
    assert_eq!(sequences(&world.cluster.attempts), expected);
    world.finish();
}

#[test]
fn the_first_batch_is_alone_in_flight_until_it_is_acknowledged() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("batch.size", "0")
        .config("linger.ms", "0");
    world.cluster.unknown_producer = UnknownProducer::Accept;
    world.cluster.faults.fate(PRODUCE, &[Fate::ResetBefore]);
    let tickets = send_all(&mut world, 6);
    world.run_until(10_000, |world| world.cluster.attempts.len() == 1);
    assert_eq!(world.produce_out_max, 1);
    world.run_until_idle();
    assert_all_written_in_order(&world, &tickets);
    world.finish();
}

#[test]
fn a_retry_sends_the_same_bytes() {
    let mut world = warmed();
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 2];
    world.cluster.faults.answer("orders", 0, &busy);
    let tickets = send_all(&mut world, 1);
    world.run_until_idle();
    assert_all_written_in_order(&world, &tickets);
    let attempts = &world.cluster.attempts[1..];
    assert_eq!(attempts.len(), 3);
    assert!(
        attempts
            .iter()
            .all(|a| a.batch.raw == attempts[0].batch.raw)
    );
    world.finish();
}

#[test]
fn a_lost_response_is_made_up_for_by_a_retry_that_changes_nothing() {
    for fate in [Fate::LoseResponse, Fate::CutResponse(6), Fate::NeverAnswer] {
        let mut world = warmed();
        world.cluster.faults.fate(PRODUCE, &[fate]);
        let tickets = send_all(&mut world, 1);
        world.run_until_idle();
        assert_all_written_in_order(&world, &tickets);
        assert_eq!(world.account.fortune(tickets[0]).offset, Some(1));
        // The time that the answer tells is the record's own.
        let mut reports = world.account.reports.iter();
        assert!(reports.all(|report| report.log_append_time.is_none()));
        assert_eq!(
            world.cluster.attempts[1].batch.raw,
            world.cluster.attempts[2].batch.raw
        );
        world.finish();
    }
}

#[test]
fn a_batch_that_the_answer_leaves_out_is_sent_again() {
    let mut world = warmed();
    world
        .cluster
        .faults
        .answer("orders", 0, &[Answer::LeaveOut]);
    let tickets = send_all(&mut world, 3);
    world.run_until_idle();
    assert_all_written_in_order(&world, &tickets);
    assert_eq!(world.cluster.identities, 1);
    world.finish();
}

#[test]
fn a_reset_with_five_in_flight_loses_and_doubles_nothing() {
    for processed in 0..=5 {
        let mut world = warmed();
        let mut fates = vec![Fate::Slow(50); processed];
        fates.push(Fate::LoseResponse);
        world.cluster.faults.fate(PRODUCE, &fates);
        let tickets = send_all(&mut world, 8);
        world.run_until_idle();
        assert_all_written_in_order(&world, &tickets);
        assert_eq!(
            world.cluster.identities, 1,
            "no reason for another identity"
        );
        world.finish();
    }
}

#[test]
fn one_refused_batch_among_five_in_flight_leaves_the_others_whole_and_in_order() {
    for position in 0..5 {
        let mut world = warmed();
        let mut answers = vec![Answer::Well; position];
        answers.push(Answer::Error(ErrorCode::MESSAGE_TOO_LARGE));
        world.cluster.faults.answer("orders", 0, &answers);
        let tickets = send_all(&mut world, 8);
        world.run_until_idle();
        assert_eq!(world.produce_out_max, 5);
        for (i, ticket) in tickets.iter().enumerate() {
            let fortune = world.account.fortune(*ticket);
            if i == position {
                assert_eq!(fortune.outcome, Outcome::NotWritten);
                let cause = Cause::Broker(ErrorCode::MESSAGE_TOO_LARGE);
                assert_eq!(fortune.cause, Some(cause));
            } else {
                assert_eq!(fortune.outcome, Outcome::Written, "{i} of {position}");
            }
        }
        assert_eq!(world.cluster.identities, 1, "the epoch is raised instead");
        let mut attempts = world.cluster.attempts.iter();
        let fresh = attempts.find(|a| a.batch.producer_epoch == 1);
        assert_eq!(fresh.unwrap().batch.base_sequence, 0);
        world.finish();
    }
}

#[test]
fn batches_refused_for_their_own_reasons_behind_a_gap_get_new_sequences() {
    let mut world = warmed();
    let answers = [
        Answer::Error(ErrorCode::MESSAGE_TOO_LARGE),
        Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS),
        Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS),
    ];
    world.cluster.faults.answer("orders", 0, &answers);
    let tickets = send_all(&mut world, 6);
    world.run_until_idle();
    assert_all_written_in_order(&world, &tickets[1..]);
    assert_eq!(world.cluster.identities, 1);
    let unstamped = world
        .cluster
        .attempts
        .iter()
        .filter(|a| a.batch.producer_id < 0);
    assert_eq!(unstamped.count(), 0, "sent without an identity");
    world.finish();
}

#[test]
fn a_batch_in_doubt_behind_one_that_is_held_does_not_stall_the_producer() {
    let mut world = warmed();
    let answers = [
        Answer::Error(ErrorCode::MESSAGE_TOO_LARGE),
        Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS),
    ];
    world.cluster.faults.answer("orders", 0, &answers);
    world
        .cluster
        .faults
        .fate(PRODUCE, &[Fate::Well, Fate::Well, Fate::ResetBefore]);
    let tickets = send_all(&mut world, 4);
    let sent_at = world.now;
    world.run_until_idle();
    assert_eq!(world.account.fortune(tickets[1]).outcome, Outcome::Written);
    let seconds = (world.now - sent_at) / 1_000_000_000;
    assert!(seconds < 10, "it took {seconds} s\n{}", world.story());
    world.finish();
}

#[test]
fn a_head_that_is_out_of_order_is_sent_again_under_another_identity() {
    for error in [
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        let mut world = warmed();
        world.cluster.partition("orders", 0).log.forget_producers();
        world.cluster.unknown_producer = UnknownProducer::Refuse(error);
        let tickets = send_all(&mut world, 4);
        world.run_until_idle();
        assert_all_written_in_order(&world, &tickets);
        // Only an epoch that is refused needs another producer id.
        let is_refused = error == ErrorCode::INVALID_PRODUCER_EPOCH;
        assert_eq!(world.cluster.identities, 1 + i64::from(is_refused));
        let last = &world.cluster.attempts.last().unwrap().batch;
        assert_eq!(last.producer_epoch, i16::from(!is_refused));
        world.finish();
    }
}

#[test]
fn a_batch_that_expires_in_flight_does_not_take_the_later_ones_along() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("batch.size", "0")
        .config("linger.ms", "0")
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2900")
        .config("retry.backoff.ms", "500");
    world.send("orders", None, "first");
    world.run_until_idle();
    let fates = [Fate::Well, Fate::Slow(2800)];
    world.cluster.faults.fate(PRODUCE, &fates);
    let busy = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);
    world.cluster.faults.answer("orders", 0, &[busy; 2]);
    let expired = world.send("orders", None, "expires");
    world.run_for(2000);
    let later = send_all(&mut world, 3);
    world.run_until_idle();
    let fortune = world.account.fortune(expired);
    assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
    assert_all_written_in_order(&world, &later);
    assert_eq!(world.cluster.identities, 1);
    let last = &world.cluster.attempts.last().unwrap().batch;
    assert_eq!((last.producer_epoch, last.base_sequence), (1, 2));
    world.finish();
}

#[test]
fn a_producer_id_is_asked_for_again_after_a_passing_error() {
    let mut world = World::new().topic("orders", 1);
    let fates = [
        Fate::Error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
        Fate::Error(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        Fate::LoseResponse,
        Fate::NeverAnswer,
    ];
    world.cluster.faults.fate(INIT_PRODUCER_ID, &fates);
    let tickets = send_all(&mut world, 3);
    world.run_until_idle();
    assert_all_written_in_order(&world, &tickets);
    assert!(world.failed.is_none());
    world.finish();
}

#[test]
fn a_refused_identity_ends_the_producer_and_reports_everything() {
    let mut world = World::new().topic("orders", 1);
    let error = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::Error(error)]);
    let tickets = send_all(&mut world, 3);
    world.run_until_idle();
    let fatal = FatalError::NotAuthorized(error);
    assert_eq!(world.failed, Some(fatal));
    for ticket in tickets {
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(fortune.cause, Some(Cause::Failed(fatal)));
    }
    let refused = world.try_send("orders", None, None, b"v");
    assert_eq!(refused, Err(SendError::Failed(fatal)));
    assert_eq!(world.held(), 0);
    world.finish();
}

#[test]
fn an_unknown_error_instead_of_a_producer_id_ends_the_producer() {
    for error in [ErrorCode(32_000), ErrorCode(i16::MIN)] {
        let mut world = World::new().topic("orders", 1);
        world
            .cluster
            .faults
            .fate(INIT_PRODUCER_ID, &[Fate::Error(error)]);
        let ticket = world.send("orders", None, "v");
        world.run_until_idle();
        let fatal = FatalError::NoProducerId(error);
        assert_eq!(world.failed, Some(fatal));
        let fortune = world.account.fortune(ticket);
        assert_eq!(
            (fortune.outcome, fortune.cause),
            (Outcome::NotWritten, Some(Cause::Failed(fatal)))
        );
        world.finish();
    }
}

#[test]
fn an_identity_that_is_refused_after_a_gap_reports_what_is_queued() {
    let mut world = warmed();
    world.cluster.faults.answer(
        "orders",
        0,
        &[Answer::Error(ErrorCode::INVALID_PRODUCER_EPOCH)],
    );
    let error = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::Error(error)]);
    let tickets = send_all(&mut world, 5);
    world.run_until_idle();
    assert!(
        tickets
            .iter()
            .all(|t| world.account.fortune(*t).outcome == Outcome::NotWritten)
    );
    assert!(world.failed.is_some());
    world.finish();
}

#[test]
fn a_refused_identity_leaves_what_is_out_elsewhere_possibly_written() {
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 2)
        .config("linger.ms", "0");
    for partition in 0..2 {
        world.send_to("orders", partition, "first");
    }
    world.run_until_idle();
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(700)]);
    let out = world.send_to("orders", 1, "out");
    world.run_until(1000, |world| world.cluster.attempts.len() == 3);
    let answer = [Answer::Error(ErrorCode::INVALID_PRODUCER_EPOCH)];
    world.cluster.faults.answer("orders", 0, &answer);
    let error = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::Error(error)]);
    let refused = world.send_to("orders", 0, "refused");
    world.run_until_idle();
    let failed = Some(Cause::Failed(FatalError::NotAuthorized(error)));
    for (ticket, outcome) in [
        (out, Outcome::PossiblyWritten),
        (refused, Outcome::NotWritten),
    ] {
        let fortune = world.account.fortune(ticket);
        assert_eq!((fortune.outcome, fortune.cause), (outcome, failed));
    }
    world.finish();
}

#[test]
fn batches_in_doubt_behind_one_that_expired_are_possibly_written_and_never_doubled() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("batch.size", "0")
        .config("linger.ms", "0")
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2900");
    world.send("orders", None, "first");
    world.run_until_idle();
    world.cluster.faults.fate(PRODUCE, &[Fate::NeverAnswer]);
    let busy = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);
    world.cluster.faults.answer("orders", 0, &[busy]);
    world.send("orders", None, "expires");
    world.run_for(2000);
    let in_doubt = send_all(&mut world, 3);
    world.run_for(1500);
    let later = send_all(&mut world, 3);
    world.run_until_idle();
    for ticket in in_doubt {
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
        assert_eq!(fortune.cause, Some(Cause::InDoubt));
    }
    assert_all_written_in_order(&world, &later);
    world.finish();
}

#[test]
fn a_batch_in_doubt_is_not_left_behind_further_than_brokers_remember() {
    let mut world = warmed();
    let in_doubt = Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT);
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(in_doubt);
        answers.extend([Answer::Well; 4]);
    }
    world.cluster.faults.answer("orders", 0, &answers);
    let tickets = send_all(&mut world, 30);
    world.run_until_idle();
    assert_all_written_in_order(&world, &tickets);
    assert_eq!(world.cluster.identities, 1);
    world.finish();
}
