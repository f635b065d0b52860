//! Our requests about transactions, read by the schemas.

use odradek::wire::ApiKey;
use odradek::wire::api::add_offsets_to_txn::AddOffsetsToTxnRequest;
use odradek::wire::api::add_partitions_to_txn::{AddPartitionsToTxnRequest, TopicToAdd};
use odradek::wire::api::end_txn::EndTxnRequest;
use odradek::wire::api::find_coordinator::{CoordinatorType, FindCoordinatorRequest};
use odradek::wire::api::txn_offset_commit::{
    PartitionOffset, TopicOffsets, TxnOffsetCommitRequest,
};

use crate::dice::Dice;
use crate::requests::check;
use crate::value::{Record, Value, int, nullable_text, structs, text};

#[test]
fn find_coordinator_requests_read_as_meant() {
    let test = "find_coordinator_requests_read_as_meant";
    check(test, ApiKey::FindCoordinator, |dice, header| {
        let key = dice.string();
        let (key_type, number) = dice.pick(&[
            (CoordinatorType::Group, 0),
            (CoordinatorType::Transaction, 1),
        ]);
        let request = FindCoordinatorRequest {
            key: &key,
            key_type,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let meant = Record::of([
            ("Key", text(&key)),
            ("KeyType", int(number)),
            ("CoordinatorKeys", Value::Array(Some(vec![text(&key)]))),
        ]);
        (frame, meant)
    });
}

#[test]
fn add_partitions_to_txn_requests_read_as_meant() {
    let test = "add_partitions_to_txn_requests_read_as_meant";
    check(test, ApiKey::AddPartitionsToTxn, |dice, header| {
        let transactional_id = dice.string();
        let topics = dice.list(|dice| (dice.string(), dice.list(Dice::i32)));
        let to_add: Vec<TopicToAdd<'_>> = topics
            .iter()
            .map(|(name, partitions)| TopicToAdd { name, partitions })
            .collect();
        let request = AddPartitionsToTxnRequest {
            transactional_id: &transactional_id,
            producer_id: dice.i64(),
            producer_epoch: dice.i16(),
            topics: &to_add,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let topic = |(name, partitions): &(String, Vec<i32>)| {
            let partitions = partitions.iter().map(|index| int(*index));
            Record::of([
                ("Name", text(name)),
                ("Partitions", Value::Array(Some(partitions.collect()))),
            ])
        };
        let meant = Record::of([
            ("V3AndBelowTransactionalId", text(&transactional_id)),
            ("V3AndBelowProducerId", int(request.producer_id)),
            ("V3AndBelowProducerEpoch", int(request.producer_epoch)),
            ("V3AndBelowTopics", structs(topics.iter().map(topic))),
        ]);
        (frame, meant)
    });
}

#[test]
fn add_offsets_to_txn_requests_read_as_meant() {
    let test = "add_offsets_to_txn_requests_read_as_meant";
    check(test, ApiKey::AddOffsetsToTxn, |dice, header| {
        let (transactional_id, group_id) = (dice.string(), dice.string());
        let request = AddOffsetsToTxnRequest {
            transactional_id: &transactional_id,
            producer_id: dice.i64(),
            producer_epoch: dice.i16(),
            group_id: &group_id,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let meant = Record::of([
            ("TransactionalId", text(&transactional_id)),
            ("ProducerId", int(request.producer_id)),
            ("ProducerEpoch", int(request.producer_epoch)),
            ("GroupId", text(&group_id)),
        ]);
        (frame, meant)
    });
}

#[test]
fn end_txn_requests_read_as_meant() {
    let test = "end_txn_requests_read_as_meant";
    check(test, ApiKey::EndTxn, |dice, header| {
        let transactional_id = dice.string();
        let request = EndTxnRequest {
            transactional_id: &transactional_id,
            producer_id: dice.i64(),
            producer_epoch: dice.i16(),
            committed: dice.bool(),
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let meant = Record::of([
            ("TransactionalId", text(&transactional_id)),
            ("ProducerId", int(request.producer_id)),
            ("ProducerEpoch", int(request.producer_epoch)),
            ("Committed", Value::Bool(request.committed)),
        ]);
        (frame, meant)
    });
}

/// An offset to commit, with the text that goes with it.
struct Offset {
    index: i32,
    offset: i64,
    leader_epoch: i32,
    metadata: Option<String>,
}

impl Offset {
    fn generate(dice: &mut Dice) -> Self {
        Self {
            index: dice.i32(),
            offset: dice.i64(),
            leader_epoch: dice.i32(),
            metadata: dice.nullable_string(),
        }
    }

    fn ours(&self) -> PartitionOffset<'_> {
        PartitionOffset {
            index: self.index,
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.as_deref(),
        }
    }

    fn meant(&self) -> Record {
        Record::of([
            ("PartitionIndex", int(self.index)),
            ("CommittedOffset", int(self.offset)),
            ("CommittedLeaderEpoch", int(self.leader_epoch)),
            ("CommittedMetadata", nullable_text(self.metadata.as_deref())),
        ])
    }
}

#[test]
fn txn_offset_commit_requests_read_as_meant() {
    let test = "txn_offset_commit_requests_read_as_meant";
    check(test, ApiKey::TxnOffsetCommit, |dice, header| {
        let (transactional_id, group_id) = (dice.string(), dice.string());
        let (member_id, instance) = (dice.string(), dice.nullable_string());
        let topics = dice.list(|dice| (dice.string(), dice.list(Offset::generate)));
        let partitions: Vec<Vec<PartitionOffset<'_>>> = topics
            .iter()
            .map(|(_, offsets)| offsets.iter().map(Offset::ours).collect())
            .collect();
        let topic_offsets: Vec<TopicOffsets<'_>> = topics
            .iter()
            .zip(&partitions)
            .map(|((name, _), partitions)| TopicOffsets { name, partitions })
            .collect();
        let request = TxnOffsetCommitRequest {
            transactional_id: &transactional_id,
            group_id: &group_id,
            producer_id: dice.i64(),
            producer_epoch: dice.i16(),
            generation_id: dice.i32(),
            member_id: &member_id,
            group_instance_id: instance.as_deref(),
            topics: &topic_offsets,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let topic = |(name, offsets): &(String, Vec<Offset>)| {
            Record::of([
                ("Name", text(name)),
                ("Partitions", structs(offsets.iter().map(Offset::meant))),
            ])
        };
        let meant = Record::of([
            ("TransactionalId", text(&transactional_id)),
            ("GroupId", text(&group_id)),
            ("ProducerId", int(request.producer_id)),
            ("ProducerEpoch", int(request.producer_epoch)),
            ("GenerationId", int(request.generation_id)),
            ("MemberId", text(&member_id)),
            ("GroupInstanceId", nullable_text(instance.as_deref())),
            ("Topics", structs(topics.iter().map(topic))),
        ]);
        (frame, meant)
    });
}
