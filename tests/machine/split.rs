//! Batches that are too large for the broker: divided until they fit.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::world::{MS, World};
use odradek::{Cause, ErrorCode, Outcome, Ticket};

/// A world whose topic is known and has been written to, with large batches.
fn warmed(world: World) -> World {
    let mut world = world
        .topic("orders", 1)
        .config("batch.size", "16384")
        .config("linger.ms", "20");
    world.send("orders", None, "first");
    world.run_until_idle();
    world
}

/// Values that compress to about half.
fn value(i: usize) -> String {
    let noise = (i as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{noise:020}{:>40}{:020}", i, noise.rotate_left(23))
}

fn send_all(world: &mut World, count: usize) -> Vec<Ticket> {
    (0..count)
        .map(|i| world.send("orders", None, &value(i)))
        .collect()
}

fn outcome(world: &World, ticket: Ticket) -> (Outcome, Option<Cause>) {
    let fortune = world.account.fortune(ticket);
    (fortune.outcome, fortune.cause)
}

fn assert_written(world: &World, tickets: &[Ticket]) {
    for ticket in tickets {
        let outcome = outcome(world, *ticket);
        assert_eq!(outcome, (Outcome::Written, None), "{}", world.story());
    }
}

#[test]
fn a_batch_that_is_too_large_arrives_in_parts_once_and_in_order() {
    for (acks, in_flight) in [("all", "5"), ("1", "1")] {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            for limit in [200, 500, 3000, 12_000] {
                let world = World::new()
                    .config("acks", acks)
                    .config("max.in.flight.requests.per.connection", in_flight)
                    .config("compression.type", codec);
                let mut world = warmed(world);
                world.cluster.rules("orders").max_message_bytes = Some(limit);
                let tickets = send_all(&mut world, 140);
                world.run_until_idle();
                assert_written(&world, &tickets);
                let numbers = world.cluster.partition("orders", 0).log.numbers();
                assert!(numbers.is_sorted() && numbers.len() == 141);
                let refused = world.cluster.attempts.iter();
                let refused = refused.filter(|a| a.batch.raw.len() > limit).count();
                let is_fitting = codec != "none" && limit == 12_000;
                assert_eq!(refused == 0, is_fitting, "{limit} {codec}");
                assert!(world.cluster.identities <= 1, "the sequences are the same");
                world.finish();
            }
        }
    }
}

#[test]
fn a_batch_larger_than_a_segment_is_divided_as_well() {
    let mut world = warmed(World::new());
    world.cluster.rules("orders").segment_bytes = Some(1000);
    let tickets = send_all(&mut world, 50);
    world.run_until_idle();
    assert_written(&world, &tickets);
    world.finish();
}

#[test]
fn parts_keep_the_sequences_of_their_batch_and_what_is_behind_keeps_its_own() {
    let mut world = warmed(World::new());
    world.cluster.rules("orders").max_message_bytes = Some(9000);
    world.cluster.faults.always = Some(Fate::Slow(30));
    // Three batches are in flight together, each too large.
    let tickets = send_all(&mut world, 500);
    world.run_until_idle();
    assert_written(&world, &tickets);
    assert!(world.produce_out_max >= 3, "{}", world.produce_out_max);
    assert_eq!(world.cluster.identities, 1);
    let log = &world.cluster.partition("orders", 0).log;
    let mut next = 0;
    for batch in &log.batches {
        assert_eq!((batch.producer_id, batch.base_sequence), (1001, next));
        next += batch.records.len() as i32;
    }
    assert_eq!(next, 501);
    world.finish();
}

#[test]
fn parts_are_halves_or_smaller_and_no_larger_than_batch_size() {
    let mut world = warmed(World::new().config("compression.type", "lz4"));
    let tickets = send_all(&mut world, 100);
    world.cluster.faults.answer(
        "orders",
        0,
        &[Answer::Error(ErrorCode::MESSAGE_TOO_LARGE); 3],
    );
    world.run_until_idle();
    assert_written(&world, &tickets);
    let counts: Vec<usize> = world.cluster.attempts[1..]
        .iter()
        .map(|a| a.batch.records.len())
        .collect();
    assert_eq!(counts[0], 100);
    assert!(
        counts[1] <= 50 && counts[2] <= counts[1].div_ceil(2),
        "{counts:?}"
    );
    assert!(counts.len() < 12, "{counts:?}");
    let now = world.now();
    assert_eq!(world.producer().metrics(now).batch_splits, 3);
    world.finish();
}

#[test]
fn a_record_that_is_too_large_alone_fails_alone() {
    for idempotence in ["true", "false"] {
        let mut world = warmed(World::new().config("enable.idempotence", idempotence));
        world.cluster.rules("orders").max_message_bytes = Some(2000);
        let mut tickets = send_all(&mut world, 20);
        let large = world.send("orders", None, &"x".repeat(3000));
        tickets.extend(send_all(&mut world, 20));
        world.run_until_idle();
        let cause = Some(Cause::Broker(ErrorCode::MESSAGE_TOO_LARGE));
        assert_eq!(outcome(&world, large), (Outcome::NotWritten, cause));
        assert_written(&world, &tickets);
        world.finish();
    }
}

#[test]
fn dividing_is_no_retry_and_knows_no_back_off() {
    let world = World::new()
        .config("retries", "0")
        .config("retry.backoff.ms", "1000");
    let mut world = warmed(world);
    world.cluster.rules("orders").max_message_bytes = Some(300);
    let before = world.now;
    let tickets = send_all(&mut world, 64);
    world.run_until_idle();
    assert_written(&world, &tickets);
    assert!(world.now - before < 900 * MS);
    world.finish();
}

#[test]
fn parts_that_are_refused_for_other_reasons_are_tried_as_often_as_any_batch() {
    let world = World::new()
        .config("retries", "1")
        .config("enable.idempotence", "false")
        .config("max.in.flight.requests.per.connection", "1");
    let mut world = warmed(world);
    let busy = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);
    let large = Answer::Error(ErrorCode::MESSAGE_TOO_LARGE);
    world
        .cluster
        .faults
        .answer("orders", 0, &[large, busy, Answer::Well, busy, busy]);
    let tickets = send_all(&mut world, 2);
    world.run_until_idle();
    assert_written(&world, &tickets[..1]);
    let cause = Some(Cause::Broker(ErrorCode::NOT_ENOUGH_REPLICAS));
    assert_eq!(outcome(&world, tickets[1]), (Outcome::NotWritten, cause));
    assert_eq!(world.cluster.attempts.len(), 1 + 5);
    world.finish();
}

#[test]
fn parts_expire_when_their_batch_would_have() {
    let world = World::new()
        .config("delivery.timeout.ms", "5000")
        .config("request.timeout.ms", "4000");
    let mut world = warmed(world);
    world.cluster.rules("orders").max_message_bytes = Some(1000);
    world
        .cluster
        .faults
        .fate(PRODUCE, &[Fate::Slow(3000), Fate::NeverAnswer]);
    let before = world.now;
    let tickets = send_all(&mut world, 20);
    world.run_until(20_000, |world| world.account.open() == 0);
    let ends: Vec<u64> = tickets
        .iter()
        .map(|ticket| (world.account.fortune(*ticket).at - before) / MS)
        .collect();
    assert!(
        ends.iter().all(|end| (5000..5001).contains(end)),
        "{ends:?}"
    );
    let cause = |ticket| outcome(&world, ticket);
    let last = Some(ErrorCode::MESSAGE_TOO_LARGE);
    let expired = Some(Cause::DeliveryTimeout { last });
    assert_eq!(cause(tickets[0]), (Outcome::PossiblyWritten, expired));
    assert_eq!(cause(tickets[19]), (Outcome::NotWritten, expired));
    world.finish();
}

/// The first attempt is appended and its answer lost; the retry meets a limit that came since.
#[test]
fn a_batch_in_doubt_that_is_divided_is_never_written_twice() {
    for fate in [Fate::LoseResponse, Fate::ResetBefore] {
        let mut world = warmed(World::new());
        world
            .cluster
            .faults
            .fate(PRODUCE, std::slice::from_ref(&fate));
        let tickets = send_all(&mut world, 20);
        world.run_until(10_000, |world| !world.failures.is_empty());
        world.cluster.rules("orders").max_message_bytes = Some(1000);
        let later = send_all(&mut world, 3);
        world.run_until_idle();
        if fate == Fate::LoseResponse {
            let in_doubt = (Outcome::PossiblyWritten, Some(Cause::InDoubt));
            assert!(tickets.iter().all(|t| outcome(&world, *t) == in_doubt));
        } else {
            assert_written(&world, &tickets);
        }
        assert_written(&world, &later);
        world.finish();
    }
}

#[test]
fn divided_batches_of_many_partitions_hold_exactly_what_they_take() {
    let world = World::new()
        .topic("wide", 5)
        .config("buffer.memory", "70000")
        .config("compression.type", "lz4");
    let mut world = warmed(world);
    world.cluster.rules("wide").max_message_bytes = Some(700);
    for i in 0..600 {
        let value = value(i);
        while world
            .try_send("wide", Some(i as i32 % 5), None, value.as_bytes())
            .is_err()
        {
            let seen = world.relief.len();
            assert!(world.run_until(10_000, |world| world.relief.len() > seen));
        }
        // Parts may take a little more than the batch that they were.
        assert!(world.held() < 76_000);
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 601);
    assert_eq!(world.held(), 0);
    world.finish();
}

#[test]
fn a_broker_that_finds_every_batch_too_large_ends_every_record_soon() {
    let mut world = warmed(World::new());
    world.cluster.rules("orders").max_message_bytes = Some(10);
    let before = world.now;
    let tickets = send_all(&mut world, 100);
    world.run_until_idle();
    let cause = Some(Cause::Broker(ErrorCode::MESSAGE_TOO_LARGE));
    for ticket in tickets {
        assert_eq!(outcome(&world, ticket), (Outcome::NotWritten, cause));
    }
    assert!(world.cluster.attempts.len() < 250);
    assert!(world.now - before < 2000 * MS, "{}", world.story());
    world.finish();
}

#[test]
fn a_flush_waits_for_every_part_of_a_batch_that_was_divided() {
    let mut world = warmed(World::new());
    world.cluster.rules("orders").max_message_bytes = Some(300);
    let tickets = send_all(&mut world, 64);
    let flush = world.flush();
    assert!(world.run_until(60_000, |world| world.flushed.contains(&flush)));
    assert!(world.cluster.attempts.len() > 64 / 4, "it was divided");
    assert_written(&world, &tickets);
    world.finish();
}
