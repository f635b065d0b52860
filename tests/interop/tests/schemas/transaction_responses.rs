//! Responses about transactions written by the schemas: our decoder gives the same values.

use odradek::ErrorCode;
use odradek::wire::ApiKey;
use odradek::wire::api::add_offsets_to_txn::AddOffsetsToTxnResponse;
use odradek::wire::api::add_partitions_to_txn::AddPartitionsToTxnResponse;
use odradek::wire::api::end_txn::EndTxnResponse;
use odradek::wire::api::find_coordinator::{Coordinator, FindCoordinatorResponse};
use odradek::wire::api::txn_offset_commit::TxnOffsetCommitResponse;

use crate::responses::{Subject, check};
use crate::value::{Record, Value, int, nullable_text, structs, text};

/// The fields of a coordinator but its key.
fn coordinator(ours: &Coordinator<'_>) -> Record {
    Record::of([
        ("ErrorCode", int(ours.error.0)),
        ("ErrorMessage", nullable_text(ours.error_message)),
        ("NodeId", int(ours.node.0)),
        ("Host", text(ours.host)),
        ("Port", int(ours.port)),
    ])
}

/// As the schema has it: the one coordinator of earlier versions is the response itself, and a version
/// without a field has the default of the schema.
fn find_coordinator(ours: &FindCoordinatorResponse<'_>, version: i16) -> Record {
    let mut record = Record::of([
        ("ErrorCode", int(0)),
        ("ErrorMessage", text("")),
        ("NodeId", int(0)),
        ("Host", text("")),
        ("Port", int(0)),
    ]);
    let mut coordinators = Vec::new();
    for ours in &ours.coordinators {
        let mut coordinator = coordinator(ours);
        if let Some(key) = ours.key {
            coordinator.set("Key", text(key));
            coordinators.push(coordinator);
        } else {
            record = coordinator;
        }
    }
    if version == 0 {
        assert_eq!(*record.get("ErrorMessage"), Value::Text(None));
        record.set("ErrorMessage", text(""));
    }
    record.set("ThrottleTimeMs", int(ours.throttle_time_ms));
    record.set("Coordinators", structs(coordinators.into_iter()));
    record
}

#[test]
fn find_coordinator_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::FindCoordinator,
        unkept: &[],
        favourites: &[],
        reshape: |_| (),
        decode: |body, version| {
            let ours = FindCoordinatorResponse::decode(body, version).expect("it is a response");
            find_coordinator(&ours, version)
        },
    };
    check(
        "find_coordinator_responses_decode_to_what_was_written",
        &subject,
    );
}

/// Makes one list of the partitions of all topics, each with the name of its topic.
fn flatten(theirs: &mut Record, topics: &str, partitions: &str) {
    let mut flat = Vec::new();
    for mut topic in theirs.take_structs(topics) {
        for mut partition in topic.take_structs(partitions) {
            partition.set("Name", topic.get("Name").clone());
            flat.push(partition);
        }
    }
    theirs.set(topics, structs(flat.into_iter()));
}

fn partition(topic: &str, index: i32, code: &str, error: ErrorCode) -> Record {
    Record::of([
        ("Name", text(topic)),
        ("PartitionIndex", int(index)),
        (code, int(error.0)),
    ])
}

#[test]
fn add_partitions_to_txn_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::AddPartitionsToTxn,
        // They come with version 4, which brokers keep for each other.
        unkept: &["ErrorCode", "ResultsByTransaction"],
        favourites: &[],
        reshape: |theirs| flatten(theirs, "ResultsByTopicV3AndBelow", "ResultsByPartition"),
        decode: |body, version| {
            let ours = AddPartitionsToTxnResponse::decode(body, version).expect("it is a response");
            let partitions = ours
                .partitions
                .iter()
                .map(|ours| partition(ours.topic, ours.index, "PartitionErrorCode", ours.error));
            Record::of([
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("ResultsByTopicV3AndBelow", structs(partitions)),
            ])
        },
    };
    check(
        "add_partitions_to_txn_responses_decode_to_what_was_written",
        &subject,
    );
}

#[test]
fn add_offsets_to_txn_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::AddOffsetsToTxn,
        unkept: &[],
        favourites: &[],
        reshape: |_| (),
        decode: |body, version| {
            let ours = AddOffsetsToTxnResponse::decode(body, version).expect("it is a response");
            Record::of([
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("ErrorCode", int(ours.error.0)),
            ])
        },
    };
    check(
        "add_offsets_to_txn_responses_decode_to_what_was_written",
        &subject,
    );
}

#[test]
fn end_txn_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::EndTxn,
        unkept: &[],
        favourites: &[],
        reshape: |_| (),
        decode: |body, version| {
            let ours = EndTxnResponse::decode(body, version).expect("it is a response");
            Record::of([
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("ErrorCode", int(ours.error.0)),
                ("ProducerId", int(ours.producer_id)),
                ("ProducerEpoch", int(ours.producer_epoch)),
            ])
        },
    };
    check("end_txn_responses_decode_to_what_was_written", &subject);
}

#[test]
fn txn_offset_commit_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::TxnOffsetCommit,
        unkept: &[],
        favourites: &[],
        reshape: |theirs| flatten(theirs, "Topics", "Partitions"),
        decode: |body, version| {
            let ours = TxnOffsetCommitResponse::decode(body, version).expect("it is a response");
            let partitions = ours
                .partitions
                .iter()
                .map(|ours| partition(ours.topic, ours.index, "ErrorCode", ours.error));
            Record::of([
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("Topics", structs(partitions)),
            ])
        },
    };
    check(
        "txn_offset_commit_responses_decode_to_what_was_written",
        &subject,
    );
}
