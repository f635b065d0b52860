//! Responses to the transactions' requests that the judge encodes decode here to the same values.

use kafka_protocol::messages as judge;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::find_coordinator_response::Coordinator as JudgeCoordinator;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use odradek::wire::ApiKey;
use odradek::wire::api::add_offsets_to_txn::AddOffsetsToTxnResponse;
use odradek::wire::api::add_partitions_to_txn::{AddPartitionsToTxnResponse, AddedPartition};
use odradek::wire::api::end_txn::EndTxnResponse;
use odradek::wire::api::find_coordinator::{Coordinator, FindCoordinatorResponse};
use odradek::wire::api::txn_offset_commit::{CommittedOffset, TxnOffsetCommitResponse};
use odradek::{BrokerId, ErrorCode};

use crate::dice::Dice;
use crate::judge::{nullable_text, response_frame, text, unknown_tags};
use crate::responses::{body, for_each_case};

fn coordinator(dice: &mut Dice) -> JudgeCoordinator {
    JudgeCoordinator::default()
        .with_key(text(&dice.string()))
        .with_node_id(dice.i32().into())
        .with_host(text(&dice.string()))
        .with_port(dice.i32())
        .with_error_code(dice.i16())
        .with_error_message(nullable_text(dice.nullable_string().as_deref()))
        .with_unknown_tagged_fields(unknown_tags(dice, 0, true))
}

pub(crate) fn find_coordinator(dice: &mut Dice, version: i16) -> judge::FindCoordinatorResponse {
    let response = judge::FindCoordinatorResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 3));
    if version >= 4 {
        return response.with_coordinators(dice.list(coordinator));
    }
    response
        .with_node_id(dice.i32().into())
        .with_host(text(&dice.string()))
        .with_port(dice.i32())
        .with_error_code(dice.i16())
        .with_error_message(nullable_text(dice.nullable_string().as_deref()))
}

fn expected_coordinators(
    theirs: &judge::FindCoordinatorResponse,
    version: i16,
) -> Vec<Coordinator<'_>> {
    if version < 4 {
        return vec![Coordinator {
            key: None,
            error: ErrorCode(theirs.error_code),
            error_message: theirs.error_message.as_deref().filter(|_| version >= 1),
            node: BrokerId(theirs.node_id.0),
            host: &theirs.host,
            port: theirs.port,
        }];
    }
    let coordinators = theirs.coordinators.iter().map(|theirs| Coordinator {
        key: Some(&theirs.key),
        error: ErrorCode(theirs.error_code),
        error_message: theirs.error_message.as_deref(),
        node: BrokerId(theirs.node_id.0),
        host: &theirs.host,
        port: theirs.port,
    });
    coordinators.collect()
}

#[test]
fn find_coordinator_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::FindCoordinator, |dice, version| {
        let theirs = find_coordinator(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let body = body(&frame, ApiKey::FindCoordinator, version);
        let expected = FindCoordinatorResponse {
            throttle_time_ms: if version >= 1 {
                theirs.throttle_time_ms
            } else {
                0
            },
            coordinators: expected_coordinators(&theirs, version),
        };
        let ours = FindCoordinatorResponse::decode(body, version);
        assert_eq!(ours.as_ref(), Ok(&expected));
    });
}

pub(crate) fn add_partitions_to_txn(
    dice: &mut Dice,
    version: i16,
) -> judge::AddPartitionsToTxnResponse {
    let is_flexible = version >= 3;
    let partition = |dice: &mut Dice| {
        AddPartitionsToTxnPartitionResult::default()
            .with_partition_index(dice.i32())
            .with_partition_error_code(dice.i16())
            .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
    };
    let topic = |dice: &mut Dice| {
        AddPartitionsToTxnTopicResult::default()
            .with_name(text(&dice.string()).into())
            .with_results_by_partition(dice.list(partition))
            .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
    };
    judge::AddPartitionsToTxnResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_results_by_topic_v3_and_below(dice.list(topic))
        .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
}

#[test]
fn add_partitions_to_txn_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::AddPartitionsToTxn, |dice, version| {
        let theirs = add_partitions_to_txn(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let body = body(&frame, ApiKey::AddPartitionsToTxn, version);
        let topics = theirs.results_by_topic_v3_and_below.iter();
        let partitions = topics.flat_map(|topic| {
            let partitions = topic.results_by_partition.iter();
            partitions.map(|theirs| AddedPartition {
                topic: &topic.name,
                index: theirs.partition_index,
                error: ErrorCode(theirs.partition_error_code),
            })
        });
        let expected = AddPartitionsToTxnResponse {
            throttle_time_ms: theirs.throttle_time_ms,
            partitions: partitions.collect(),
        };
        let ours = AddPartitionsToTxnResponse::decode(body, version);
        assert_eq!(ours.as_ref(), Ok(&expected));
    });
}

pub(crate) fn add_offsets_to_txn(dice: &mut Dice, version: i16) -> judge::AddOffsetsToTxnResponse {
    judge::AddOffsetsToTxnResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_error_code(dice.i16())
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 3))
}

#[test]
fn add_offsets_to_txn_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::AddOffsetsToTxn, |dice, version| {
        let theirs = add_offsets_to_txn(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let body = body(&frame, ApiKey::AddOffsetsToTxn, version);
        let expected = AddOffsetsToTxnResponse {
            throttle_time_ms: theirs.throttle_time_ms,
            error: ErrorCode(theirs.error_code),
        };
        assert_eq!(AddOffsetsToTxnResponse::decode(body, version), Ok(expected));
    });
}

pub(crate) fn end_txn(dice: &mut Dice, version: i16) -> judge::EndTxnResponse {
    judge::EndTxnResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_error_code(dice.i16())
        .with_producer_id(dice.i64().into())
        .with_producer_epoch(dice.i16())
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 3))
}

#[test]
fn end_txn_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::EndTxn, |dice, version| {
        let theirs = end_txn(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let body = body(&frame, ApiKey::EndTxn, version);
        let has_identity = version >= 5;
        let expected = EndTxnResponse {
            throttle_time_ms: theirs.throttle_time_ms,
            error: ErrorCode(theirs.error_code),
            producer_id: if has_identity {
                theirs.producer_id.0
            } else {
                -1
            },
            producer_epoch: if has_identity {
                theirs.producer_epoch
            } else {
                -1
            },
        };
        assert_eq!(EndTxnResponse::decode(body, version), Ok(expected));
    });
}

pub(crate) fn txn_offset_commit(dice: &mut Dice, version: i16) -> judge::TxnOffsetCommitResponse {
    let is_flexible = version >= 3;
    let partition = |dice: &mut Dice| {
        TxnOffsetCommitResponsePartition::default()
            .with_partition_index(dice.i32())
            .with_error_code(dice.i16())
            .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
    };
    let topic = |dice: &mut Dice| {
        TxnOffsetCommitResponseTopic::default()
            .with_name(text(&dice.string()).into())
            .with_partitions(dice.list(partition))
            .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
    };
    judge::TxnOffsetCommitResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_topics(dice.list(topic))
        .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
}

#[test]
fn txn_offset_commit_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::TxnOffsetCommit, |dice, version| {
        let theirs = txn_offset_commit(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let body = body(&frame, ApiKey::TxnOffsetCommit, version);
        let partitions = theirs.topics.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|theirs| CommittedOffset {
                topic: &topic.name,
                index: theirs.partition_index,
                error: ErrorCode(theirs.error_code),
            })
        });
        let expected = TxnOffsetCommitResponse {
            throttle_time_ms: theirs.throttle_time_ms,
            partitions: partitions.collect(),
        };
        let ours = TxnOffsetCommitResponse::decode(body, version);
        assert_eq!(ours.as_ref(), Ok(&expected));
    });
}
