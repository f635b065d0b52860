//! When a batch is sent again, how often, and what that does to the order.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::world::{MS, World};
use odradek::{Cause, DisconnectReason, ErrorCode, Outcome};

const BUSY: Answer = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);

/// The instants of the attempts at a partition, in ms.
fn instants(world: &World, partition: i32) -> Vec<u64> {
    let attempts = world.cluster.attempts.iter();
    let of_partition = attempts.filter(|attempt| attempt.partition == partition);
    of_partition.map(|attempt| attempt.at / MS).collect()
}

#[test]
fn waits_between_attempts_double_with_jitter_and_stay_below_the_maximum() {
    let mut first_waits = Vec::new();
    for seed in 0..20 {
        let world = World::new()
            .seed(seed)
            .config("retry.backoff.ms", "100")
            .config("retry.backoff.max.ms", "1000");
        let mut world = world.written(2);
        world.cluster.faults.answer("orders", 0, &[BUSY; 8]);
        world.send_to("orders", 0, "v");
        world.run_until_idle();
        let at = instants(&world, 0);
        assert_eq!(at.len(), 9);
        for (failures, pair) in at.windows(2).enumerate() {
            // The answer takes a millisecond to come.
            let wait = pair[1] - pair[0] - 1;
            let nominal = (100 << failures).min(1000);
            let allowed = nominal * 8 / 10 - 1..=(nominal * 12 / 10).min(1000) + 1;
            assert!(allowed.contains(&wait), "wait {failures}: {wait} ms");
        }
        first_waits.push(at[1] - at[0]);
        world.finish();
    }
    first_waits.sort_unstable();
    first_waits.dedup();
    assert!(first_waits.len() > 10, "no jitter: {first_waits:?}");
}

#[test]
fn a_batch_is_tried_once_and_then_as_often_as_retries_says() {
    for retries in [0, 1, 3, 7] {
        let world = World::new()
            .config("retries", &retries.to_string())
            .config("enable.idempotence", "false");
        let mut world = world.written(2);
        world.cluster.faults.answer("orders", 0, &[BUSY; 20]);
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_idle();
        assert_eq!(instants(&world, 0).len(), retries + 1);
        let fortune = world.account.fortune(ticket);
        let cause = Some(Cause::Broker(ErrorCode::NOT_ENOUGH_REPLICAS));
        assert_eq!(
            (fortune.outcome, fortune.cause),
            (Outcome::NotWritten, cause)
        );
        world.finish();
    }
}

#[test]
fn lost_connections_count_as_attempts() {
    let world = World::new()
        .config("retries", "2")
        .config("enable.idempotence", "false");
    let mut world = world.written(2);
    world
        .cluster
        .faults
        .fate(PRODUCE, &vec![Fate::ResetBefore; 20]);
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    let resets = world.failures.len();
    assert_eq!(resets, 3);
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.cause, Some(Cause::ConnectionLost));
    world.cluster.faults.heal();
    world.finish();
}

#[test]
fn the_tries_end_with_the_delivery_timeout_however_many_are_left() {
    let world = World::new()
        .config("delivery.timeout.ms", "4000")
        .config("request.timeout.ms", "1000");
    let mut world = world.written(2);
    world.cluster.faults.answer("orders", 0, &[BUSY; 1000]);
    let before = world.now;
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!((fortune.at - before) / MS, 4000);
    assert!(matches!(fortune.cause, Some(Cause::DeliveryTimeout { .. })));
    world.finish();
}

#[test]
fn a_request_without_an_answer_is_over_after_the_request_timeout_and_its_batch_goes_out_again() {
    let mut world = World::new().config("request.timeout.ms", "1500").written(2);
    world.cluster.faults.fate(PRODUCE, &[Fate::NeverAnswer]);
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    let at = instants(&world, 0);
    assert_eq!(at.len(), 2);
    assert!((1500..2000).contains(&(at[1] - at[0])), "{at:?}");
    let reasons: Vec<DisconnectReason> = world.failures.iter().map(|(_, f)| f.reason).collect();
    assert_eq!(reasons, [DisconnectReason::RequestTimedOut]);
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    world.finish();
}

#[test]
fn a_partition_that_backs_off_does_not_hold_up_another_one_of_its_broker() {
    let world = World::new()
        .config("retry.backoff.ms", "800")
        .config("retry.backoff.max.ms", "800");
    let mut world = world.written(2);
    world.cluster.faults.answer("orders", 0, &[BUSY]);
    let held = world.send_to("orders", 0, "v");
    world.run_for(50);
    let other = world.send_to("orders", 1, "v");
    world.run_for(50);
    assert_eq!(world.account.fortune(other).outcome, Outcome::Written);
    world.run_until_idle();
    assert!(world.account.fortune(held).at - world.account.fortune(other).at > 500 * MS);
    world.finish();
}

/// With idempotence at any number in flight, without it at one.
#[test]
fn retries_keep_the_order_of_each_partition() {
    for (idempotence, in_flight) in [("true", "5"), ("true", "2"), ("true", "1"), ("false", "1")] {
        for seed in 0..40 {
            let world = World::new()
                .seed(seed)
                .config("enable.idempotence", idempotence)
                .config("max.in.flight.requests.per.connection", in_flight)
                .config("retry.backoff.ms", "20")
                .config("retry.backoff.max.ms", "40");
            let mut world = world.written(2);
            for partition in 0..2 {
                let period = 2 + (seed as usize + partition as usize) % 5;
                let mixed = |i: usize| {
                    if i.is_multiple_of(period) {
                        BUSY
                    } else {
                        Answer::Well
                    }
                };
                let answers: Vec<Answer> = (0..60).map(mixed).collect();
                world.cluster.faults.answer("orders", partition, &answers);
            }
            for i in 0..40 {
                world.send_to("orders", i % 2, "v");
            }
            world.run_until_idle();
            for partition in 0..2 {
                let numbers = world.cluster.partition("orders", partition).log.numbers();
                assert_eq!(numbers.len(), 21);
                assert!(numbers.is_sorted(), "{idempotence} {in_flight} seed {seed}");
            }
            world.finish();
        }
    }
}

#[test]
fn a_run_without_faults_leaves_nothing_in_doubt() {
    for seed in 0..60 {
        let choose = |list: &[&'static str], by: u64| list[(by % list.len() as u64) as usize];
        let mut world = World::new()
            .brokers(3)
            .topic("orders", 7)
            .seed(seed)
            .config("acks", choose(&["all", "all", "1"], seed))
            .config("linger.ms", choose(&["0", "5", "50"], seed / 3))
            .config("batch.size", choose(&["0", "300", "16384"], seed / 9))
            .config("compression.type", choose(&["none", "lz4"], seed));
        world.is_tracing = false;
        for i in 0..300 {
            let key = format!("key {}", i % 11);
            world.send("orders", (i % 3 > 0).then_some(&*key), "v");
            if i % 17 == 0 {
                world.run_for(seed % 9);
            }
        }
        world.run_until_idle();
        assert_eq!(world.account.count(Outcome::Written), 300, "seed {seed}");
        assert!(world.failures.is_empty());
        world.finish();
    }
}

#[test]
fn purge_tells_what_was_never_out_from_what_is_in_doubt() {
    let mut world = World::new().config("retry.backoff.ms", "900").written(2);
    let lost = Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT);
    world.cluster.faults.answer("orders", 0, &[lost]);
    world.cluster.faults.answer("orders", 1, &[BUSY]);
    let in_doubt = world.send_to("orders", 0, "v");
    let refused = world.send_to("orders", 1, "v");
    world.run_for(100);
    let queued = world.send_to("orders", 1, "v");
    world.purge();
    world.run_for(1);
    let outcome = |ticket| {
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.cause, Some(Cause::Purged));
        fortune.outcome
    };
    assert_eq!(outcome(in_doubt), Outcome::PossiblyWritten);
    assert_eq!(outcome(refused), Outcome::NotWritten);
    assert_eq!(outcome(queued), Outcome::NotWritten);
    assert_eq!(world.held(), 0);
    let next = world.send_to("orders", 0, "next");
    world.run_until_idle();
    assert_eq!(world.account.fortune(next).outcome, Outcome::Written);
    world.finish();
}

#[test]
fn without_acknowledgement_nothing_waits_for_an_answer() {
    let world = World::new()
        .config("acks", "0")
        .config("max.in.flight.requests.per.connection", "1");
    let mut world = world.written(2);
    world.cluster.faults.always = Some(Fate::NeverAnswer);
    let before = world.now;
    for _ in 0..500 {
        world.send_to("orders", 0, "v");
    }
    world.flush();
    world.run_until(1000, |world| !world.flushed.is_empty());
    assert!(world.now - before < 100 * MS, "{} ns", world.now - before);
    assert_eq!(world.account.count(Outcome::PossiblyWritten), 502);
    assert!(world.failures.is_empty());
    world.finish();
}
