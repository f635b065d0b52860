//! Tests of the choice: whose key goes where, and how what has no key is spread.

use super::*;
use crate::ids::TopicHandle;

const LONG: &[u8] = b"this is another string with more length to it perhaps";

/// Partitions made up by a test.
struct Made {
    leaders: Vec<Option<i32>>,
    waiting: Vec<u64>,
    takes: bool,
}

impl Made {
    fn new(count: usize) -> Self {
        Self {
            leaders: vec![Some(1); count],
            waiting: vec![0; count],
            takes: false,
        }
    }
}

impl Partitions for Made {
    fn count(&self) -> i32 {
        self.leaders.len() as i32
    }

    fn leader(&self, partition: i32) -> Option<BrokerId> {
        self.leaders[partition as usize].map(BrokerId)
    }

    fn waiting(&self, partition: i32) -> u64 {
        self.waiting[partition as usize]
    }

    fn takes(&self, _: i32, _: &Record<'_>) -> bool {
        self.takes
    }
}

fn configured(pairs: &[(&str, &str)]) -> Partitioner {
    let servers = ("bootstrap.servers", "localhost:9092");
    let pairs = core::iter::once(&servers).chain(pairs).copied();
    Partitioner::new(&Config::from_properties(pairs).unwrap().0)
}

fn record(partition: Option<i32>, key: Option<&'static [u8]>) -> Record<'static> {
    Record {
        topic: TopicHandle(0),
        partition,
        timestamp: 0,
        key,
        value: None,
        headers: &[],
    }
}

/// Sends records of 100 bytes and returns how many went where.
fn spread(partitioner: &mut Partitioner, made: &Made, records: usize, seed: u64) -> Vec<u64> {
    let mut counts = vec![0; made.leaders.len()];
    let mut random = Random::new(seed);
    let record = record(None, None);
    for _ in 0..records {
        let choice = partitioner.choose(&record, 161, made, &mut random, Instant::ZERO);
        let Choice::Partition { partition, .. } = choice else {
            panic!("keyless is never missing")
        };
        partitioner.on_appended(&record, partition, 100);
        counts[partition as usize] += 1;
    }
    counts
}

#[test]
fn an_explicit_partition_wins_over_everything_and_must_exist() {
    for pairs in [
        &[][..],
        &[("partitioner", "random")],
        &[("partitioner.ignore.keys", "true")],
    ] {
        let (mut partitioner, mut random) = (configured(pairs), Random::new(1));
        let made = Made::new(4);
        let mut choose =
            |record| partitioner.choose(&record, 70, &made, &mut random, Instant::ZERO);
        assert_eq!(choose(record(Some(3), Some(b"k"))), Choice::of(3));
        for partition in [4, -1] {
            assert_eq!(
                choose(record(Some(partition), None)),
                Choice::Missing { partition }
            );
        }
    }
}

/// librdkafka's test 0048: null, empty and other keys over 7 and 17 partitions. `None` is where
/// librdkafka chooses at random.
#[test]
fn keys_land_where_librdkafka_puts_them() {
    const CRC32: [u32; 3] = [0xb1b4_51d7, 0xb015_0df7, 0xd077_037e];
    const MURMUR2: [u32; 3] = [0x058d_780f, 0x4f77_03da, 0x5ec1_9395];
    const FNV1A: [u32; 3] = [0x27e6_f469, 0x155e_3e5f, 0x17b1_e27a];
    let cases = [
        ("consistent", [Some(0), Some(0)], Some(CRC32)),
        ("consistent_random", [None, None], Some(CRC32)),
        ("murmur2", [Some(0x106e_08d9); 2], Some(MURMUR2)),
        ("murmur2_random", [None, Some(0x106e_08d9)], Some(MURMUR2)),
        ("fnv1a", [Some(0x7ee3_623b); 2], Some(FNV1A)),
        ("fnv1a_random", [None, Some(0x7ee3_623b)], Some(FNV1A)),
        ("random", [None, None], None),
    ];
    let keys: [Option<&[u8]>; 5] = [None, Some(b""), Some(b"23456"), Some(LONG), Some(b"hejsan")];
    for (name, without, hashes) in cases {
        let hashes = hashes.map_or([None; 3], |hashes| hashes.map(Some));
        let expected = without.into_iter().chain(hashes);
        for (key, hash) in core::iter::zip(keys, expected) {
            for count in [7, 17] {
                let mut seen = std::collections::BTreeSet::new();
                for seed in 0..100 {
                    let mut partitioner = configured(&[("partitioner", name)]);
                    let (made, mut random) = (Made::new(count), Random::new(seed));
                    let record = record(None, key);
                    let now = Instant::ZERO;
                    seen.insert(
                        match partitioner.choose(&record, 70, &made, &mut random, now) {
                            Choice::Partition { partition, .. } => partition as u32,
                            Choice::Missing { .. } => panic!("no partition was asked for"),
                        },
                    );
                }
                let expected: Vec<u32> = match hash {
                    Some(hash) => vec![hash % count as u32],
                    None => (0..count as u32).collect(),
                };
                assert_eq!(
                    seen.into_iter().collect::<Vec<_>>(),
                    expected,
                    "{name} {key:?}"
                );
            }
        }
    }
}

/// The partitioner tests of kafka-python, over 1000 partitions.
#[test]
fn keys_land_where_java_puts_them() {
    let vectors: [(&[u8], i32); 6] = [
        (b"", 681),
        (b"a", 524),
        (b"ab", 434),
        (b"abc", 107),
        (b"123456789", 566),
        (b"\0 ", 742),
    ];
    for (key, partition) in vectors {
        let found = partition_for_key(KeyHash::Murmur2, key, 1000);
        assert_eq!(found, partition, "{key:?}");
    }
}

#[test]
fn a_key_has_a_partition_whatever_its_bytes_and_however_many_there_are() {
    for hash in [KeyHash::Murmur2, KeyHash::Crc32, KeyHash::Fnv1a] {
        for length in 0..64 {
            let key = vec![0xff; length];
            assert!((0..7).contains(&partition_for_key(hash, &key, 7)));
            assert!((0..i32::MAX).contains(&partition_for_key(hash, &key, i32::MAX)));
            assert_eq!(partition_for_key(hash, &key, 0), 0);
        }
    }
}

#[test]
fn a_key_keeps_its_partition_without_a_leader_and_with_a_long_queue() {
    let (mut partitioner, mut random) = (configured(&[]), Random::new(1));
    let mut made = Made::new(3);
    let key = record(None, Some(b"key"));
    let first = partitioner.choose(&key, 70, &made, &mut random, Instant::ZERO);
    made.leaders = vec![None; 3];
    made.waiting = vec![100; 3];
    let now = Instant::from_millis(1000);
    let second = partitioner.choose(&key, 70, &made, &mut random, now);
    assert_eq!(first, second);
}

#[test]
fn keyless_records_fill_a_batch_and_then_spread_evenly_over_partitions_with_leaders() {
    for pairs in [
        &[("batch.size", "362")][..],
        &[("batch.size", "362"), ("partitioner", "fnv1a_random")],
        &[
            ("batch.size", "362"),
            ("partitioner.adaptive.partitioning.enable", "false"),
        ],
    ] {
        let mut partitioner = configured(pairs);
        let mut made = Made::new(6);
        made.leaders[2] = None;
        let counts = spread(&mut partitioner, &made, 30_000, 1);
        assert_eq!(counts[2], 0);
        // Three records make 361 bytes with the header of their batch.
        assert!(counts.iter().all(|count| count % 3 == 0), "{counts:?}");
        let visits = counts.iter().map(|count| (count / 3) as f64);
        let distance: f64 = visits
            .enumerate()
            .filter(|(partition, _)| *partition != 2)
            .map(|(_, visits)| (visits - 2000.0).powi(2) / 2000.0)
            .sum();
        // Four degrees of freedom: one seed of a thousand passes 18.5.
        assert!(distance < 18.5, "{counts:?}");
    }
}

#[test]
fn long_queues_are_avoided_unless_told_not_to() {
    let mut made = Made::new(3);
    made.waiting = vec![0, 9, 0];
    let small = ("batch.size", "0");
    let counts = spread(&mut configured(&[small]), &made, 21_000, 1);
    assert!((800..1200).contains(&counts[1]), "{counts:?}");
    let off = ("partitioner.adaptive.partitioning.enable", "false");
    let counts = spread(&mut configured(&[small, off]), &made, 21_000, 1);
    assert!((6700..7300).contains(&counts[1]), "{counts:?}");
}

#[test]
fn a_broker_that_takes_nothing_is_avoided_while_something_waits_for_it() {
    let timeout = ("partitioner.availability.timeout.ms", "10");
    let mut partitioner = configured(&[("batch.size", "0"), timeout]);
    let mut made = Made::new(3);
    made.leaders[1] = Some(2);
    made.waiting = vec![5, 1, 5];
    let mut random = Random::new(1);
    let mut choices = |partitioner: &mut Partitioner, made: &Made, now| {
        let record = record(None, None);
        let mut counts = [0; 3];
        for _ in 0..1000 {
            match partitioner.choose(&record, 70, made, &mut random, now) {
                Choice::Partition { partition, .. } => {
                    counts[partition as usize] += 1;
                    partitioner.on_appended(&record, partition, 1);
                }
                Choice::Missing { .. } => panic!("no partition was asked for"),
            }
        }
        counts
    };
    let at = Instant::from_millis;
    partitioner.observe(BrokerId(2), false, at(0));
    assert!(choices(&mut partitioner, &made, at(10))[1] > 500);
    assert_eq!(choices(&mut partitioner, &made, at(11))[1], 0);
    made.waiting[1] = 0;
    assert!(choices(&mut partitioner, &made, at(11))[1] > 500);
    made.waiting[1] = 1;
    partitioner.observe(BrokerId(2), true, at(12));
    assert!(choices(&mut partitioner, &made, at(30))[1] > 500);
}

#[test]
fn ignoring_keys_spreads_them_as_if_there_were_none() {
    for pairs in [
        ("partitioner.ignore.keys", "true"),
        ("partitioner", "random"),
    ] {
        let mut partitioner = configured(&[pairs, ("batch.size", "0")]);
        let (made, mut random) = (Made::new(4), Random::new(1));
        let key = record(None, Some(b"key"));
        let mut counts = [0; 4];
        for _ in 0..4000 {
            let choice = partitioner.choose(&key, 70, &made, &mut random, Instant::ZERO);
            let Choice::Partition { partition, .. } = choice else {
                panic!("no partition was asked for")
            };
            partitioner.on_appended(&key, partition, 1);
            counts[partition as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }
}

#[test]
fn round_robin_takes_turns_in_each_topic_whatever_the_key() {
    let class = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    let mut partitioner = configured(&[("partitioner.class", class)]);
    let (made, mut random) = (Made::new(3), Random::new(1));
    let mut turns = Vec::new();
    for round in 0..6 {
        for topic in [0, 7] {
            let record = Record {
                topic: TopicHandle(topic),
                ..record(None, (round % 2 == 0).then_some(b"key"))
            };
            let choice = partitioner.choose(&record, 70, &made, &mut random, Instant::ZERO);
            let Choice::Partition { partition, .. } = choice else {
                panic!("no partition was asked for")
            };
            partitioner.on_appended(&record, partition, 1);
            turns.push(partition);
        }
    }
    assert_eq!(turns, [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
}
