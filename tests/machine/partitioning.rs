//! Which partitions records go to, and how evenly.

use crate::world::{MS, World};
use odradek::Outcome;

const VALUE: [u8; 60] = [b'v'; 60];

/// Sends so many bursts of records without a key, `every` ms apart, and lets all be written.
fn send_all(world: &mut World, bursts: usize, records: usize, every: u64) {
    for _ in 0..bursts {
        for _ in 0..records {
            let sent = world.try_send("orders", None, None, &VALUE);
            sent.unwrap_or_else(|error| panic!("refused: {error}"));
        }
        world.run_for(every);
    }
    world.run_until_idle();
}

/// How many records each partition of the topic has.
fn records_by_partition(world: &World) -> Vec<usize> {
    let topic = world.cluster.topics.get("orders").expect("the topic");
    let mut counts = vec![0; topic.partitions.len()];
    for fortune in world.account.fortunes.values() {
        assert_eq!(fortune.outcome, Outcome::Written);
        counts[fortune.partition.expect("a partition") as usize] += 1;
    }
    counts
}

fn ready(mut world: World) -> World {
    world.handle("orders");
    world.run_for(50);
    world
}

#[test]
fn records_without_a_key_are_spread_evenly_in_full_batches() {
    for adaptive in ["true", "false"] {
        let world = World::new()
            .brokers(3)
            .topic("orders", 6)
            .config("partitioner.adaptive.partitioning.enable", adaptive)
            .config("batch.size", "1000");
        let mut world = ready(world);
        world.is_tracing = false;
        send_all(&mut world, 1200, 10, 1);
        let counts = records_by_partition(&world);
        assert!(
            counts.iter().all(|count| (1600..2400).contains(count)),
            "adaptive {adaptive}: {counts:?}"
        );
        let sizes = world.cluster.attempts.iter().map(|a| a.batch.raw.len());
        let small = sizes.filter(|size| *size < 900).count();
        let all = world.cluster.attempts.len();
        assert!(small <= 6, "{small} of {all} batches are not full");
        world.finish();
    }
}

/// One broker of three takes 300 ms for each request, and gets one request at a time.
fn share_of_a_slow_broker(adaptive: &str) -> f64 {
    let world = World::new()
        .brokers(3)
        .topic("orders", 6)
        .config("partitioner.adaptive.partitioning.enable", adaptive)
        .config("max.in.flight.requests.per.connection", "1")
        .config("batch.size", "1000");
    let mut world = ready(world);
    world.is_tracing = false;
    world.network.slowness.insert(3, 300 * MS);
    send_all(&mut world, 200, 60, 30);
    let counts = records_by_partition(&world);
    world.finish();
    (counts[2] + counts[5]) as f64 / 12_000.0
}

#[test]
fn a_slow_broker_gets_less() {
    let (even, adaptive) = (
        share_of_a_slow_broker("false"),
        share_of_a_slow_broker("true"),
    );
    assert!((0.28..0.38).contains(&even), "{even} without weights");
    assert!(
        adaptive < 0.6 * even,
        "{adaptive} with weights, {even} without"
    );
}

/// Java's example: twelve of sixteen KiB arrive in each linger. A batch that could still take records is
/// not left behind for another partition.
#[test]
fn a_batch_that_lingers_is_not_left_behind_half_full() {
    let world = World::new()
        .topic("orders", 6)
        .config("linger.ms", "100")
        .config("batch.size", "4000");
    let mut world = ready(world);
    world.is_tracing = false;
    // About 3000 bytes in 100 ms.
    send_all(&mut world, 100, 10, 30);
    let sizes: Vec<usize> = world
        .cluster
        .attempts
        .iter()
        .map(|attempt| attempt.batch.raw.len())
        .collect();
    let small = sizes.iter().filter(|size| **size < 2500).count();
    assert!(sizes.len() > 20 && small <= 1, "{sizes:?}");
    let counts = records_by_partition(&world);
    let visited = counts.iter().filter(|count| **count > 0).count();
    assert!(visited >= 4, "{counts:?}");
    world.finish();
}

#[test]
fn a_batch_that_is_left_because_it_is_full_does_not_linger() {
    let world = World::new()
        .topic("orders", 3)
        .config("linger.ms", "10000")
        .config("batch.size", "1000");
    let mut world = ready(world);
    for _ in 0..100 {
        world.try_send("orders", None, None, &VALUE).unwrap();
    }
    world.run_for(100);
    // Only the last batch may still take records.
    assert!(world.account.open() < 12, "{} wait", world.account.open());
    world.finish();
}

#[test]
fn partitions_without_a_leader_get_nothing_without_a_key() {
    let mut world = World::new()
        .topic("orders", 3)
        .config("metadata.max.age.ms", "100")
        .config("batch.size", "1000");
    world.cluster.partition("orders", 1).leader = None;
    let mut world = ready(world);
    world.is_tracing = false;
    send_all(&mut world, 50, 10, 1);
    assert_eq!(records_by_partition(&world)[1], 0);
    // The leader comes, and another one goes.
    world.cluster.partition("orders", 1).leader = Some(1);
    world.cluster.partition("orders", 1).epoch += 1;
    world.cluster.partition("orders", 0).leader = None;
    world.cluster.partition("orders", 0).epoch += 1;
    world.run_for(1200);
    let before = records_by_partition(&world);
    send_all(&mut world, 50, 10, 1);
    let after = records_by_partition(&world);
    assert_eq!(after[0], before[0]);
    assert!(after[1] > 150 && after[2] > before[2] + 150, "{after:?}");
    world.finish();
}

#[test]
fn a_broker_that_cannot_be_reached_is_avoided_after_the_availability_timeout() {
    let mut shares = Vec::new();
    for timeout in ["0", "200"] {
        let world = World::new()
            .brokers(3)
            .topic("orders", 3)
            .config("partitioner.availability.timeout.ms", timeout)
            .config("batch.size", "1000");
        let mut world = ready(world);
        world.is_tracing = false;
        for partition in 0..3 {
            world.send_to("orders", partition, "a connection for each");
        }
        world.run_until_idle();
        world.set_listening(3, false);
        world.cut(3);
        for _ in 0..300 {
            for _ in 0..10 {
                world.try_send("orders", None, None, &VALUE).unwrap();
            }
            world.run_for(10);
        }
        let gone_to_it = world.account.open();
        world.set_listening(3, true);
        send_all(&mut world, 200, 10, 10);
        let counts = records_by_partition(&world);
        assert!(counts[2] > 300, "it is not avoided for ever: {counts:?}");
        shares.push(gone_to_it);
        world.finish();
    }
    // 200 ms are a fifteenth of the time; the weights alone keep on sending batches there.
    assert!(shares[1] < 100 && shares[0] > 2 * shares[1], "{shares:?}");
}

#[test]
fn round_robin_goes_from_record_to_record() {
    let class = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    let world = World::new()
        .topic("orders", 3)
        .config("partitioner.class", class);
    let mut world = ready(world);
    let tickets: Vec<_> = (0..9)
        .map(|i| world.send("orders", (i % 2 == 0).then_some("key"), "value"))
        .collect();
    world.run_until_idle();
    let partitions: Vec<i32> = tickets
        .into_iter()
        .filter_map(|ticket| world.account.fortune(ticket).partition)
        .collect();
    assert_eq!(partitions, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    world.finish();
}

/// Keys of librdkafka's test 0048, with its hashes of them.
#[test]
fn records_go_where_the_partitioner_of_librdkafka_puts_their_key() {
    let cases: [(&str, [u32; 2]); 3] = [
        ("consistent_random", [0xb1b4_51d7, 0xd077_037e]),
        ("murmur2_random", [0x058d_780f, 0x5ec1_9395]),
        ("fnv1a_random", [0x27e6_f469, 0x17b1_e27a]),
    ];
    for (partitioner, hashes) in cases {
        // The second record of each key waits for the partitions, the third does not.
        let mut world = World::new()
            .topic("orders", 17)
            .config("partitioner", partitioner);
        let mut sent = Vec::new();
        for round in 0..3 {
            for (key, hash) in [("23456", hashes[0]), ("hejsan", hashes[1])] {
                let ticket = world.send("orders", Some(key), &format!("round {round}"));
                sent.push((ticket, (hash % 17) as i32));
            }
            world.run_for(round * 100);
        }
        world.run_until_idle();
        for (ticket, partition) in sent {
            let found = world.account.fortune(ticket).partition;
            assert_eq!(found, Some(partition), "{partitioner}");
        }
        world.finish();
    }
}
