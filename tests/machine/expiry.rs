//! `delivery.timeout.ms`: what expires, when, and what that does to the rest.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::world::{MS, World};
use odradek::{Cause, ErrorCode, Outcome, Ticket};

const DELIVERY_TIMEOUT_MS: u64 = 3_000;

/// A batch for each record; a retry waits 2 s, so that its answer can come after the expiry.
fn orders(partitions: i32, acks: &str) -> World {
    configured(World::new(), partitions, acks)
}

fn configured(world: World, partitions: i32, acks: &str) -> World {
    world
        .config("acks", acks)
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2900")
        .config("retry.backoff.ms", "2000")
        .config("retry.backoff.max.ms", "2000")
        .written(partitions)
}

/// Sends a record whose batch is out, for the second time, when it expires; the answer comes later.
fn expire_in_flight(world: &mut World, late: Answer) -> Ticket {
    let busy = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);
    world.cluster.faults.answer("orders", 0, &[busy, late]);
    let fates = [Fate::Well, Fate::Slow(2_000)];
    world.cluster.faults.fate(PRODUCE, &fates);
    world.send_to("orders", 0, "expires")
}

/// How many ms after `since` a record was reported.
fn waited_ms(world: &World, ticket: Ticket, since: u64) -> u64 {
    (world.account.fortune(ticket).at - since) / MS
}

#[test]
fn a_batch_that_expires_unsent_leaves_no_gap_in_the_sequences() {
    let mut world = orders(1, "all");
    world.set_listening(1, false);
    world.cut(1);
    world.run_for(10);
    let expired = world.send_to("orders", 0, "expires");
    world.run_until_idle();
    let fortune = world.account.fortune(expired);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    assert_eq!(fortune.cause, Some(Cause::DeliveryTimeout { last: None }));
    world.set_listening(1, true);
    let next = world.send_to("orders", 0, "next");
    world.run_until_idle();
    assert_eq!(world.account.fortune(next).outcome, Outcome::Written);
    let attempts = &world.cluster.attempts;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].batch.base_sequence, 1);
    assert_eq!(world.cluster.identities, 1, "nothing was in doubt");
    world.finish();
}

#[test]
fn what_follows_a_batch_that_expired_in_flight_depends_on_its_answer() {
    for (late, next_epoch, next_sequence) in [
        (Answer::Well, 0, 2),
        (
            Answer::ErrorAfterAppend(ErrorCode::DUPLICATE_SEQUENCE_NUMBER),
            0,
            2,
        ),
        // No answer, and ones that leave open whether it was appended: it was twice, then it was not.
        (Answer::LeaveOut, 1, 0),
        (Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT), 1, 0),
        (Answer::Error(ErrorCode::REQUEST_TIMED_OUT), 1, 0),
    ] {
        let mut world = orders(1, "all");
        let expired = expire_in_flight(&mut world, late);
        world.run_until(3_100, |world| {
            world.account.count(Outcome::PossiblyWritten) == 1
        });
        let next = world.send_to("orders", 0, "next");
        world.run_for(100);
        assert_eq!(
            world.cluster.attempts.len(),
            2,
            "{late:?}: stamped before the answer"
        );
        world.run_until_idle();
        let outcome = |ticket| world.account.fortune(ticket).outcome;
        assert_eq!(outcome(expired), Outcome::PossiblyWritten);
        assert_eq!(outcome(next), Outcome::Written);
        assert_eq!(world.cluster.identities, 1);
        let last = &world.cluster.attempts.last().expect("an attempt").batch;
        let stamp = (last.producer_epoch, last.base_sequence);
        assert_eq!(stamp, (next_epoch, next_sequence), "{late:?}");
        world.finish();
    }
}

#[test]
fn an_answer_after_the_expiry_changes_nothing_and_is_not_followed_by_a_retry() {
    for acks in ["all", "1"] {
        for late in [
            Answer::Well,
            Answer::Error(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            Answer::Error(ErrorCode::MESSAGE_TOO_LARGE),
            Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
            Answer::LeaveOut,
        ] {
            let mut world = orders(1, acks);
            let sent_at = world.now;
            let expired = expire_in_flight(&mut world, late);
            world.run_until_idle();
            assert_eq!(waited_ms(&world, expired, sent_at), DELIVERY_TIMEOUT_MS);
            let fortune = world.account.fortune(expired);
            assert_eq!(fortune.outcome, Outcome::PossiblyWritten, "{late:?}");
            world.run_for(10_000);
            assert_eq!(world.cluster.attempts.len(), 2, "{late:?}: sent again");
            assert_eq!(world.held(), 0, "{late:?}");
            let next = world.send_to("orders", 0, "next");
            world.run_until_idle();
            assert_eq!(world.account.fortune(next).outcome, Outcome::Written);
            world.finish();
        }
    }
}

#[test]
fn with_one_in_flight_an_expired_batch_is_passed_by_nobody_before_its_answer() {
    for acks in ["all", "1"] {
        let world = World::new().config("max.in.flight.requests.per.connection", "1");
        let mut world = configured(world, 1, acks);
        expire_in_flight(&mut world, Answer::Well);
        world.run_until(2_600, |world| world.cluster.attempts.len() == 2);
        let answered_at = world.now + 2_000 * MS;
        let next = world.send_to("orders", 0, "next");
        world.run_until_idle();
        assert_eq!(world.account.fortune(next).outcome, Outcome::Written);
        let last = world.cluster.attempts.last().expect("an attempt");
        assert_eq!(world.cluster.attempts.len(), 3);
        assert!(last.at > answered_at, "acks={acks}\n{}", world.story());
        world.finish();
    }
}

#[test]
fn batches_of_several_partitions_expire_at_the_same_time_each_once() {
    let mut world = orders(3, "all");
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 1];
    for partition in 0..3 {
        world.cluster.faults.answer("orders", partition, &busy);
    }
    world.cluster.faults.fate(PRODUCE, &[Fate::Well]);
    world.cluster.faults.always = Some(Fate::NeverAnswer);
    let sent_at = world.now;
    let tickets = [0, 1, 2].map(|partition| world.send_to("orders", partition, "v"));
    world.run_until_idle();
    for ticket in tickets {
        assert_eq!(waited_ms(&world, ticket, sent_at), DELIVERY_TIMEOUT_MS);
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
    }
    world.cluster.faults.heal();
    world.finish();
}

#[test]
fn a_batch_that_backs_off_expires_in_the_middle_of_it() {
    let mut world = orders(1, "all");
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 9];
    world.cluster.faults.answer("orders", 0, &busy);
    let sent_at = world.now;
    let expired = world.send_to("orders", 0, "expires");
    world.run_until_idle();
    assert_eq!(waited_ms(&world, expired, sent_at), DELIVERY_TIMEOUT_MS);
    let fortune = world.account.fortune(expired);
    assert_eq!(fortune.outcome, Outcome::NotWritten, "no doubt is left");
    world.cluster.faults.heal();
    world.finish();
}

#[test]
fn the_next_expiry_wakes_the_machine_when_the_first_is_over() {
    let mut world = orders(1, "all");
    world.set_listening(1, false);
    world.cut(1);
    world.run_for(10);
    let sent_at = world.now;
    let first = world.send_to("orders", 0, "first");
    world.run_for(500);
    let second = world.send_to("orders", 0, "second");
    world.run_until_idle();
    assert_eq!(waited_ms(&world, first, sent_at), DELIVERY_TIMEOUT_MS);
    assert_eq!(
        waited_ms(&world, second, sent_at),
        DELIVERY_TIMEOUT_MS + 500
    );
    world.set_listening(1, true);
    world.finish();
}

#[test]
fn records_sent_when_others_expire_are_taken_and_have_their_own_time() {
    let mut world = orders(1, "all");
    world.set_listening(1, false);
    world.cut(1);
    world.run_for(10);
    for _ in 0..10 {
        world.send_to("orders", 0, "expires");
    }
    world.run_until_idle();
    let again: Vec<Ticket> = (0..10)
        .map(|_| world.send_to("orders", 0, "again"))
        .collect();
    world.run_for(2_000);
    world.set_listening(1, true);
    world.run_until_idle();
    for ticket in again {
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    }
    world.finish();
}
