//! Records of other partitioners than Java's default are where those put them.

use crate::FULL;
use odradek_tests_interop::case::{Case, PARTITIONS};
use odradek_tests_interop::compare::match_up;
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::kafka::KafkaNode;
use odradek_tests_interop::producer::produce;
use odradek_tests_interop::readback::read_back;
use odradek_tests_interop::records::{Record, Records};
use std::collections::BTreeSet;

/// Sends with a property, and gives the records that leave the partition to the producer, each with its
/// partition. None where Kafka cannot run, which is said.
fn run(name: &'static str, backend: &'static str, property: &'static str) -> Vec<(Record, i32)> {
    let release = Release::V4_3_0;
    let Some(node) = KafkaNode::shared(release, name) else {
        return Vec::new();
    };
    let case = Case {
        name,
        release,
        acks: "all",
        codec: "none",
    };
    let sent = Records::for_case(PARTITIONS, FULL);
    let produce = |arguments: &[&str], input: &_, scratch: &_| {
        let more = ["-X", property, "--backend", backend];
        produce(&[arguments, &more].concat(), input, scratch)
    };
    let chosen = std::cell::RefCell::default();
    case.run_at(node.bootstrap(), &sent, &produce, &|run, _| {
        let stored = read_back(node.bootstrap(), name, PARTITIONS, sent.count);
        let stored = stored.unwrap_or_else(|error| panic!("read topic {name}: {error}"));
        let places = match_up(&sent, &stored, run);
        let places = places.unwrap_or_else(|mismatch| panic!("topic {name}: {mismatch}"));
        let all = sent.iter().zip(places.iter().map(|place| place.partition));
        let left = all.filter(|(record, _)| record.partition.is_none());
        chosen.replace(left.collect());
        places
    });
    chosen.into_inner()
}

/// The CRC-32 of zlib and of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

/// librdkafka's `consistent`; no key counts as the empty one.
fn keys_go_where_librdkafka_puts_them(name: &'static str, backend: &'static str) {
    for (record, partition) in run(name, backend, "partitioner=consistent") {
        let key = record.key.as_deref().unwrap_or_default();
        let wanted = crc32(key) % PARTITIONS.unsigned_abs();
        assert_eq!(partition.unsigned_abs(), wanted, "{key:?}");
    }
}

/// Records without a key, and those whose key does not count, reach every partition.
fn records_without_keys_go_everywhere(name: &'static str, backend: &'static str) {
    let sent = run(name, backend, "partitioner.ignore.keys=true");
    for has_key in [true, false] {
        let alike = sent.iter().filter(|(it, _)| it.key.is_some() == has_key);
        let found: BTreeSet<i32> = alike.map(|(_, partition)| *partition).collect();
        assert!(
            sent.is_empty() || found.iter().copied().eq(0..PARTITIONS),
            "{found:?}"
        );
    }
}

#[test]
fn the_check_value_of_crc_32_is_right() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn component_consistent_partitioner() {
    keys_go_where_librdkafka_puts_them("component_consistent_partitioner", "component");
}

#[test]
fn native_consistent_partitioner() {
    keys_go_where_librdkafka_puts_them("native_consistent_partitioner", "native");
}

#[test]
fn component_records_without_keys() {
    records_without_keys_go_everywhere("component_records_without_keys", "component");
}

#[test]
fn native_records_without_keys() {
    records_without_keys_go_everywhere("native_records_without_keys", "native");
}
