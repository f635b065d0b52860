//! Which records travel together, when they leave, and in what order.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::world::{MS, World};
use odradek::{ErrorCode, Outcome};

/// A world whose topic is known and whose producer has an identity.
fn ready(world: World, topic: &str) -> World {
    let mut world = world;
    world.handle(topic);
    world.run_for(50);
    world
}

fn records_per_batch(world: &World) -> Vec<usize> {
    world
        .cluster
        .attempts
        .iter()
        .map(|a| a.batch.records.len())
        .collect()
}

fn produce_requests(world: &World) -> Vec<usize> {
    let produce = world.cluster.seen.iter().filter(|seen| seen.api == PRODUCE);
    produce.map(|seen| seen.bytes).collect()
}

#[test]
fn a_record_waits_for_company_no_longer_than_linger() {
    let mut world = ready(
        World::new().topic("orders", 1).config("linger.ms", "20"),
        "orders",
    );
    let sent_at = world.now;
    world.send("orders", None, "one");
    world.run_for(19);
    world.send("orders", None, "two");
    assert!(world.cluster.attempts.is_empty());
    world.run_until_idle();
    assert_eq!(records_per_batch(&world), [2]);
    let arrived = world.cluster.attempts[0].at;
    assert_eq!(arrived, sent_at + 20 * MS + world.network.latency);
    world.finish();
}

#[test]
fn without_linger_records_sent_in_one_go_share_a_batch() {
    let mut world = ready(
        World::new().topic("orders", 1).config("linger.ms", "0"),
        "orders",
    );
    for i in 0..50 {
        world.send("orders", None, &format!("value {i}"));
    }
    world.run_until_idle();
    assert_eq!(records_per_batch(&world), [50]);
    world.finish();
}

#[test]
fn a_full_batch_leaves_at_once_and_is_no_larger_than_batch_size() {
    let world = World::new().topic("orders", 1).config("linger.ms", "10000");
    let mut world = ready(world.config("batch.size", "1000"), "orders");
    for _ in 0..100 {
        world.send("orders", None, "a value of forty bytes, give or take two");
    }
    world.run_for(100);
    assert!(world.account.count(Outcome::Written) >= 80);
    let sizes = world.cluster.attempts.iter().map(|a| a.batch.raw.len());
    assert!(
        sizes.clone().all(|size| size <= 1000),
        "{:?}",
        sizes.collect::<Vec<_>>()
    );
    world.finish();
}

#[test]
fn a_batch_size_of_zero_makes_a_batch_of_each_record() {
    let world = World::new().topic("orders", 1).config("batch.size", "0");
    let mut world = ready(world, "orders");
    for _ in 0..7 {
        world.send("orders", None, "v");
    }
    world.run_until_idle();
    assert_eq!(records_per_batch(&world), [1; 7]);
    world.finish();
}

#[test]
fn a_record_larger_than_batch_size_travels_alone() {
    let world = World::new().topic("orders", 1).config("batch.size", "1000");
    let mut world = ready(world, "orders");
    for size in [100, 5000, 100, 100] {
        world
            .try_send("orders", None, None, &vec![1; size])
            .unwrap();
    }
    world.run_until_idle();
    assert_eq!(records_per_batch(&world), [1, 1, 2]);
    world.finish();
}

#[test]
fn a_flush_overrides_linger_and_covers_exactly_what_came_before() {
    let world = World::new().topic("orders", 1).config("linger.ms", "60000");
    let mut world = ready(world, "orders");
    let before = world.send("orders", None, "before");
    let flush = world.flush();
    world.run_for(50);
    assert_eq!(world.flushed, [flush]);
    assert_eq!(world.account.fortune(before).outcome, Outcome::Written);
    let after = world.send("orders", None, "after");
    world.run_for(1000);
    assert!(
        !world.account.fortunes.contains_key(&after.0),
        "a flush is over when it is over"
    );
    world.finish();
}

#[test]
fn a_flush_waits_for_retries_and_not_for_later_records() {
    let mut world = ready(World::new().topic("orders", 1), "orders");
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 3];
    world.cluster.faults.answer("orders", 0, &busy);
    let before = world.send("orders", None, "before");
    let flush = world.flush();
    world.run_for(150);
    assert!(world.flushed.is_empty());
    world.run_until(10_000, |world| !world.flushed.is_empty());
    assert_eq!(world.flushed, [flush]);
    assert_eq!(world.account.fortune(before).at, world.now);
    world.finish();
}

#[test]
fn flushes_complete_in_order_and_one_with_nothing_to_wait_for_at_once() {
    let world = World::new().topic("orders", 1).config("linger.ms", "60000");
    let mut world = ready(world, "orders");
    let empty = world.flush();
    world.run_for(0);
    assert_eq!(world.flushed, [empty]);
    world.send("orders", None, "a");
    let first = world.flush();
    world.send("orders", None, "b");
    let second = world.flush();
    world.run_until_idle();
    world.run_for(1);
    assert_eq!(world.flushed, [empty, first, second]);
    world.finish();
}

#[test]
fn a_flush_takes_records_along_that_wait_for_their_topic() {
    let mut world = World::new().topic("orders", 1).config("linger.ms", "60000");
    world.cluster.topics.get_mut("orders").unwrap().unknown_for = 3;
    world.send("orders", None, "v");
    let flush = world.flush();
    world.run_for(5000);
    assert_eq!(world.flushed, [flush]);
    world.finish();
}

#[test]
fn batches_of_several_partitions_and_topics_share_a_request() {
    let world = World::new()
        .topic("orders", 4)
        .topic("bills", 2)
        .config("linger.ms", "10");
    let mut world = ready(world, "orders");
    world.handle("bills");
    world.run_for(500);
    for partition in 0..4 {
        world.send_to("orders", partition, "v");
    }
    for partition in 0..2 {
        world.send_to("bills", partition, "v");
    }
    world.run_until_idle();
    assert_eq!(world.cluster.attempts.len(), 6);
    assert_eq!(produce_requests(&world).len(), 1);
    world.finish();
}

#[test]
fn each_broker_gets_what_it_leads() {
    let world = World::new().brokers(3).topic("orders", 9);
    let mut world = ready(world, "orders");
    for i in 0..90 {
        world.send_to("orders", i % 9, "v");
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 90);
    assert!(
        world
            .cluster
            .attempts
            .iter()
            .all(|a| a.broker == a.partition % 3 + 1)
    );
    world.finish();
}

#[test]
fn requests_stay_below_max_request_size() {
    let world = World::new()
        .topic("orders", 10)
        .config("batch.size", "2000")
        .config("linger.ms", "10")
        .config("max.request.size", "5000");
    let mut world = ready(world, "orders");
    for i in 0..200 {
        world
            .try_send("orders", Some(i % 10), None, &[7; 300])
            .unwrap();
    }
    world.run_until_idle();
    let sizes = produce_requests(&world);
    assert!(sizes.iter().all(|size| *size <= 5000), "{sizes:?}");
    assert!(
        sizes.iter().any(|size| *size > 2500),
        "several batches to a request"
    );
    world.finish();
}

#[test]
fn requests_stay_below_max_request_size_with_many_small_batches() {
    let mut world = World::new()
        .topic("orders", 600)
        .config("linger.ms", "10")
        .config("max.request.size", "20000");
    // Names longer than the batches are, in requests that hold them.
    world.cluster.versions.insert(PRODUCE, (3, 12));
    let long: Vec<String> = (0..60)
        .map(|i| format!("{}-{i}", "n".repeat(200)))
        .collect();
    for topic in &long {
        world = world.topic(topic, 1);
    }
    let mut world = ready(world, "orders");
    for partition in 0..600 {
        world
            .try_send("orders", Some(partition), None, b"v")
            .unwrap();
    }
    world.run_until_idle();
    for topic in &long {
        world.send(topic, None, "v");
    }
    world.run_until_idle();
    let sizes = produce_requests(&world);
    assert!(sizes.iter().all(|size| *size <= 20_000), "{sizes:?}");
    // 600 times some 80 bytes, and 60 times some 290.
    assert!(
        sizes.len() <= 8,
        "as many batches to a request as fit: {sizes:?}"
    );
    world.finish();
}

#[test]
fn a_batch_is_not_made_larger_than_a_request_may_be() {
    let world = World::new()
        .topic("orders", 1)
        .config("batch.size", "100000")
        .config("max.request.size", "5000");
    let mut world = ready(world, "orders");
    for _ in 0..60 {
        world.try_send("orders", Some(0), None, &[7; 300]).unwrap();
    }
    world.run_until_idle();
    let sizes = produce_requests(&world);
    // The request around one batch may be a little larger than the batch.
    assert!(sizes.iter().all(|size| *size <= 5200), "{sizes:?}");
    world.finish();
}

#[test]
fn no_more_requests_are_out_on_a_connection_than_allowed() {
    for (limit, acks) in [(1, "all"), (3, "all"), (5, "all"), (20, "1")] {
        let world = World::new()
            .topic("orders", 1)
            .config("batch.size", "0")
            .config("linger.ms", "0")
            .config("acks", acks)
            .config("max.in.flight.requests.per.connection", &limit.to_string());
        let mut world = ready(world, "orders");
        for _ in 0..60 {
            world.send("orders", None, "v");
        }
        world.run_until_idle();
        assert_eq!(world.produce_out_max, limit);
        world.finish();
    }
}

#[test]
fn with_acks_1_and_one_in_flight_retries_keep_the_order() {
    let world = World::new()
        .topic("orders", 1)
        .config("batch.size", "0")
        .config("acks", "1")
        .config("max.in.flight.requests.per.connection", "1");
    let mut world = ready(world, "orders");
    let busy = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);
    world
        .cluster
        .faults
        .answer("orders", 0, &[Answer::Well, busy, busy, Answer::Well, busy]);
    for i in 0..10 {
        world.send("orders", None, &format!("{i}"));
    }
    world.run_until_idle();
    assert!(
        world
            .cluster
            .attempts
            .iter()
            .all(|a| a.batch.producer_id == -1)
    );
    let numbers = world.cluster.partition("orders", 0).log.numbers();
    assert_eq!(numbers, (1..=10).collect::<Vec<u64>>());
    world.finish();
}

#[test]
fn without_acknowledgement_everything_arrives_in_order_all_the_same() {
    let world = World::new().topic("orders", 3).config("acks", "0");
    let mut world = ready(world, "orders");
    for i in 0..300 {
        world.send_to("orders", i % 3, &format!("{i}"));
        world.run_for(1);
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::PossiblyWritten), 300);
    world.run_for(100);
    for partition in 0..3 {
        let numbers = world.cluster.partition("orders", partition).log.numbers();
        assert_eq!(numbers.len(), 100);
        assert!(numbers.is_sorted());
    }
    world.finish();
}

#[test]
fn records_of_a_key_go_to_one_partition_in_order() {
    let mut world = ready(World::new().topic("orders", 6), "orders");
    for i in 0..200 {
        world.send("orders", Some(["a", "b", "c", "d"][i % 4]), &format!("{i}"));
        world.run_for(1);
    }
    world.run_until_idle();
    for ticket in 0..196 {
        let (one, other) = (
            world.account.fortunes[&ticket],
            world.account.fortunes[&(ticket + 4)],
        );
        assert_eq!(one.partition, other.partition);
        assert!(one.offset < other.offset);
    }
    world.finish();
}

#[test]
fn keyless_records_fill_batches_and_reach_every_partition() {
    let world = World::new().topic("orders", 4).config("batch.size", "1000");
    let mut world = ready(world, "orders");
    for _ in 0..2000 {
        world.send("orders", None, "a value of forty bytes, give or take two");
    }
    world.run_until_idle();
    for partition in 0..4 {
        assert!(
            world
                .cluster
                .partition("orders", partition)
                .log
                .records
                .len()
                > 200
        );
    }
    let batches = world.cluster.attempts.len();
    assert!(
        batches < 160,
        "{batches} batches for 2000 records of 13 to a batch"
    );
    world.finish();
}

#[test]
fn a_slow_broker_does_not_hold_up_the_other_one() {
    let world = World::new().brokers(2).topic("orders", 2);
    let mut world = ready(world, "orders");
    world.send_to("orders", 0, "connects");
    world.send_to("orders", 1, "connects");
    world.run_until_idle();
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(5000)]);
    let slow = world.send_to("orders", 0, "slow");
    world.run_for(20);
    let quick = world.send_to("orders", 1, "quick");
    world.run_until_idle();
    let (slow, quick) = (
        world.account.fortune(slow).at,
        world.account.fortune(quick).at,
    );
    assert!(quick + 4000 * MS < slow);
    world.finish();
}

#[test]
fn a_batch_that_cannot_leave_yet_goes_on_taking_records() {
    let mut world = ready(
        World::new()
            .topic("orders", 1)
            .config("linger.ms", "5")
            .config("max.in.flight.requests.per.connection", "1"),
        "orders",
    );
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(200)]);
    world.send("orders", None, "first");
    world.run_for(10);
    for i in 0..10 {
        world.send("orders", None, &format!("value {i}"));
        world.run_for(10);
    }
    world.run_until_idle();
    assert_eq!(records_per_batch(&world), [1, 10]);
    world.finish();
}
