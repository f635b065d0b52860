//! The checks that every case shares, from the stored bytes to the headers of the batches.

use crate::compare::{Place, match_up};
use crate::dump::{BatchHeader, batches};
use crate::java;
use crate::kafka::KafkaNode;
use crate::readback::read_back;
use crate::records::Records;
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the batches of a topic must look like.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The codec of every batch, as Kafka's tools name it.
    pub codec: &'static str,
    /// Whether batches carry a producer id and sequence numbers.
    pub idempotent: bool,
}

/// Checks that a topic, which one run of one producer filled, holds the records sent and nothing
/// else, that keyed ones are where the Java producer would have put them, and that the batches are
/// as expected. The result has the place of each record, by index.
///
/// `run` is the time of the run in milliseconds since 1970.
///
/// # Panics
///
/// At the first difference.
#[must_use]
pub fn judge(
    node: &KafkaNode,
    topic: &str,
    sent: &Records,
    run: &RangeInclusive<i64>,
    expected: Expected,
) -> Vec<Place> {
    let stored = read_back(node.bootstrap(), topic, sent.partitions, sent.count)
        .unwrap_or_else(|error| panic!("read topic {topic}: {error}"));
    let places =
        match_up(sent, &stored, run).unwrap_or_else(|mismatch| panic!("topic {topic}: {mismatch}"));
    check_partitions(node, sent, &places);
    check_batches(
        &batches(node, topic, sent.partitions),
        &stored_counts(&stored),
        expected,
    );
    places
}

/// The time in milliseconds since 1970.
///
/// # Panics
///
/// If the clock says that it is earlier.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("1970 is over");
    i64::try_from(since.as_millis()).expect("2^63 ms are far ahead")
}

/// Keyed records without an explicit partition lie where the Java producer puts their keys.
fn check_partitions(node: &KafkaNode, sent: &Records, places: &[Place]) {
    let keyed = || {
        let records = sent.iter().zip(places);
        records
            .filter(|(record, _)| record.partition.is_none())
            .filter_map(|(record, place)| Some((record.key?, place)))
    };
    let keys = keyed().map(|(key, _)| key).collect();
    let chosen = java::partitions(node.release(), keys, sent.partitions);
    assert!(chosen.len() > 1, "one key proves little");
    for (key, place) in keyed() {
        assert_eq!(
            place.partition, chosen[&key],
            "Java's partition for the key {key:?}"
        );
    }
}

/// Every batch is valid and as expected, and each partition is one run of offsets and sequences.
fn check_batches(headers: &[Vec<BatchHeader>], counts: &[usize], expected: Expected) {
    let identity = |batch: &BatchHeader| (batch.producer_id, batch.producer_epoch);
    let first = headers.iter().flatten().next().expect("there are batches");
    if !expected.idempotent {
        assert_eq!(identity(first), (-1, -1), "without idempotence: {first:?}");
    } else {
        assert!(
            first.producer_id >= 0 && first.producer_epoch >= 0,
            "idempotent: {first:?}"
        );
    }
    for (batches, &stored) in headers.iter().zip(counts) {
        for batch in batches {
            assert!(batch.is_valid, "the CRC is wrong: {batch:?}");
            assert!(
                !batch.is_transactional && !batch.is_control,
                "no transaction: {batch:?}"
            );
            assert_eq!(
                (batch.codec.as_str(), batch.magic),
                (expected.codec, 2),
                "{batch:?}"
            );
            assert_eq!(
                identity(batch),
                identity(first),
                "one producer wrote all: {batch:?}"
            );
            assert_eq!(
                batch.last_offset - batch.base_offset + 1,
                batch.count,
                "{batch:?}"
            );
            if expected.idempotent {
                let span = (batch.last_sequence - batch.base_sequence) & i64::from(i32::MAX);
                assert_eq!(span + 1, batch.count, "{batch:?}");
            } else {
                assert_eq!(
                    (batch.base_sequence, batch.last_sequence),
                    (-1, -1),
                    "{batch:?}"
                );
            }
        }
        if let Some(batch) = batches.first() {
            let base = if expected.idempotent { 0 } else { -1 };
            assert_eq!(
                (batch.base_offset, batch.base_sequence),
                (0, base),
                "{batch:?}"
            );
        }
        for pair in batches.windows(2) {
            assert!(
                pair[1].follows(&pair[0]),
                "{:?} does not follow {:?}",
                pair[1],
                pair[0]
            );
        }
        let count: i64 = batches.iter().map(|batch| batch.count).sum();
        assert_eq!(
            usize::try_from(count),
            Ok(stored),
            "the tool and the reader count alike"
        );
    }
}

fn stored_counts<T>(stored: &[Vec<T>]) -> Vec<usize> {
    stored.iter().map(Vec::len).collect()
}
