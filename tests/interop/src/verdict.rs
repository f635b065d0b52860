//! The checks that every case shares, from the stored bytes to the headers of the batches.

use crate::compare::{Place, match_up};
use crate::dump::{BatchHeader, batches};
use crate::jars::Release;
use crate::java;
use crate::kafka::KafkaNode;
use crate::readback::{StoredRecord, read_back};
use crate::records::Records;
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the batches of a topic must look like.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The codec that was asked for, as Kafka's tools name it. A producer may leave a batch alone
    /// that the codec would not make smaller; these hold at most a tenth of the records.
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
    let (stored, places) = judge_records(node.bootstrap(), topic, sent, run);
    check_partitions(node.release(), sent, &places);
    check_batches(
        &batches(node, topic, sent.partitions),
        &stored_counts(&stored),
        expected,
    );
    places
}

/// The same for a cluster that is not Kafka and has no files for Kafka's tools: the records alone.
///
/// # Panics
///
/// At the first difference.
#[must_use]
pub fn judge_elsewhere(
    bootstrap: &str,
    topic: &str,
    sent: &Records,
    run: &RangeInclusive<i64>,
) -> Vec<Place> {
    let (_, places) = judge_records(bootstrap, topic, sent, run);
    check_partitions(Release::V4_3_0, sent, &places);
    places
}

/// What is stored, by partition, and the place of each record.
fn judge_records(
    bootstrap: &str,
    topic: &str,
    sent: &Records,
    run: &RangeInclusive<i64>,
) -> (Vec<Vec<StoredRecord>>, Vec<Place>) {
    let stored = read_back(bootstrap, topic, sent.partitions, sent.count)
        .unwrap_or_else(|error| panic!("read topic {topic}: {error}"));
    let places =
        match_up(sent, &stored, run).unwrap_or_else(|mismatch| panic!("topic {topic}: {mismatch}"));
    (stored, places)
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
fn check_partitions(release: Release, sent: &Records, places: &[Place]) {
    let keyed = || {
        let records = sent.iter().zip(places);
        records
            .filter(|(record, _)| record.partition.is_none())
            .filter_map(|(record, place)| Some((record.key?, place)))
    };
    let keys = keyed().map(|(key, _)| key).collect();
    let chosen = java::partitions(release, keys, sent.partitions);
    assert!(chosen.len() > 1, "one key proves little");
    for (key, place) in keyed() {
        assert_eq!(
            place.partition, chosen[&key],
            "Java's partition for the key {key:?}"
        );
    }
}

/// Every batch is as expected, one producer wrote all, and each partition is one run of offsets and
/// sequences from the first.
fn check_batches(headers: &[Vec<BatchHeader>], counts: &[usize], expected: Expected) {
    let identity = |batch: &BatchHeader| (batch.producer_id, batch.producer_epoch);
    let first = headers.iter().flatten().next().expect("there are batches");
    let base = if expected.idempotent { 0 } else { -1 };
    for (batches, &stored) in headers.iter().zip(counts) {
        for batch in batches {
            check_batch(batch, expected);
            assert_eq!(
                identity(batch),
                identity(first),
                "one producer wrote all: {batch:?}"
            );
        }
        if let Some(batch) = batches.first() {
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
    let all = headers.iter().flatten();
    let encoded = all
        .filter(|batch| batch.codec == expected.codec)
        .map(|batch| batch.count);
    let (encoded, stored): (i64, usize) = (encoded.sum(), counts.iter().sum());
    // A batch of noise that would grow goes out as it is; with snappy that is one record in ten.
    let most = usize::try_from(encoded).is_ok_and(|encoded| encoded >= stored * 4 / 5);
    assert!(most, "{encoded} of {stored} records are {}", expected.codec);
}

/// What the header of a batch says for itself.
fn check_batch(batch: &BatchHeader, expected: Expected) {
    assert!(batch.is_valid, "the CRC is wrong: {batch:?}");
    assert!(
        !batch.is_transactional && !batch.is_control,
        "there is no transaction: {batch:?}"
    );
    assert_eq!(batch.magic, 2, "{batch:?}");
    assert!(
        [expected.codec, "none"].contains(&batch.codec.as_str()),
        "{batch:?}"
    );
    assert_eq!(
        batch.last_offset - batch.base_offset + 1,
        batch.count,
        "{batch:?}"
    );
    if expected.idempotent {
        assert!(
            batch.producer_id >= 0 && batch.producer_epoch >= 0,
            "idempotent: {batch:?}"
        );
        // Sequence numbers count from 2^31 - 1 on to 0.
        let span = (batch.last_sequence - batch.base_sequence) & i64::from(i32::MAX);
        assert_eq!(span + 1, batch.count, "{batch:?}");
    } else {
        let identity = (batch.producer_id, batch.producer_epoch);
        assert_eq!(identity, (-1, -1), "not idempotent: {batch:?}");
        assert_eq!(
            (batch.base_sequence, batch.last_sequence),
            (-1, -1),
            "{batch:?}"
        );
    }
}

fn stored_counts<T>(stored: &[Vec<T>]) -> Vec<usize> {
    stored.iter().map(Vec::len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    const EXPECTED: Expected = Expected {
        codec: "lz4",
        idempotent: true,
    };

    /// Batch number `number` of ten records.
    fn batch(number: i64) -> BatchHeader {
        BatchHeader {
            base_offset: 10 * number,
            last_offset: 10 * number + 9,
            count: 10,
            base_sequence: 10 * number,
            last_sequence: 10 * number + 9,
            producer_id: 4,
            producer_epoch: 0,
            is_transactional: false,
            is_control: false,
            codec: "lz4".to_owned(),
            magic: 2,
            crc: 0,
            is_valid: true,
        }
    }

    fn passes(expected: Expected, change: impl Fn(&mut BatchHeader)) -> bool {
        let mut batches: Vec<BatchHeader> = (0..20).map(batch).collect();
        change(&mut batches[5]);
        catch_unwind(|| check_batches(&[batches, Vec::new()], &[200, 0], expected)).is_ok()
    }

    #[test]
    fn expected_batches_pass_and_one_may_be_left_uncompressed() {
        assert!(passes(EXPECTED, |_| {}));
        assert!(passes(EXPECTED, |batch| batch.codec = "none".to_owned()));
    }

    #[test]
    fn each_fault_of_a_header_is_found() {
        assert!(!passes(EXPECTED, |batch| batch.is_valid = false));
        assert!(!passes(EXPECTED, |batch| batch.is_transactional = true));
        assert!(!passes(EXPECTED, |batch| batch.codec = "gzip".to_owned()));
        assert!(!passes(EXPECTED, |batch| batch.count = 9));
        assert!(!passes(EXPECTED, |batch| batch.last_sequence += 1));
        assert!(!passes(EXPECTED, |batch| batch.base_offset += 1));
        assert!(!passes(EXPECTED, |batch| batch.producer_id = 5));
        assert!(!passes(EXPECTED, |batch| batch.producer_epoch = 1));
        assert!(!passes(
            Expected {
                codec: "none",
                ..EXPECTED
            },
            |_| {}
        ));
        assert!(!passes(
            Expected {
                idempotent: false,
                ..EXPECTED
            },
            |_| {}
        ));
    }
}
