//! Our frames of the transactions' requests equal the judge's, byte for byte.

use kafka_protocol::messages as judge;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use odradek::wire::ApiKey;
use odradek::wire::api::add_offsets_to_txn::AddOffsetsToTxnRequest;
use odradek::wire::api::add_partitions_to_txn::{AddPartitionsToTxnRequest, TopicToAdd};
use odradek::wire::api::end_txn::EndTxnRequest;
use odradek::wire::api::find_coordinator::{CoordinatorType, FindCoordinatorRequest};
use odradek::wire::api::txn_offset_commit::{
    PartitionOffset, TopicOffsets, TxnOffsetCommitRequest,
};

use crate::dice::Dice;
use crate::judge::{nullable_text, text};
use crate::requests::{assert_frames_equal, for_each_case};

#[test]
fn find_coordinator_requests_equal_the_judges() {
    for_each_case(ApiKey::FindCoordinator, |dice, header| {
        let key = dice.string();
        let key_type = if header.version >= 1 && dice.bool() {
            CoordinatorType::Transaction
        } else {
            CoordinatorType::Group
        };
        let request = FindCoordinatorRequest {
            key: &key,
            key_type,
        };
        let mut ours = Vec::new();
        request.encode(&mut ours, &header);
        let is_transaction = key_type == CoordinatorType::Transaction;
        let theirs =
            judge::FindCoordinatorRequest::default().with_key_type(i8::from(is_transaction));
        let theirs = if header.version >= 4 {
            theirs.with_coordinator_keys(vec![text(&key)])
        } else {
            theirs.with_key(text(&key))
        };
        assert_frames_equal(&ours, &theirs, ApiKey::FindCoordinator, &header);
    });
}

#[test]
fn add_partitions_to_txn_requests_equal_the_judges() {
    for_each_case(ApiKey::AddPartitionsToTxn, |dice, header| {
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
        let mut ours = Vec::new();
        request.encode(&mut ours, &header);
        let topic = |(name, partitions): &(String, Vec<i32>)| {
            AddPartitionsToTxnTopic::default()
                .with_name(text(name).into())
                .with_partitions(partitions.clone())
        };
        let theirs = judge::AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(text(&transactional_id).into())
            .with_v3_and_below_producer_id(request.producer_id.into())
            .with_v3_and_below_producer_epoch(request.producer_epoch)
            .with_v3_and_below_topics(topics.iter().map(topic).collect());
        assert_frames_equal(&ours, &theirs, ApiKey::AddPartitionsToTxn, &header);
    });
}

#[test]
fn add_offsets_to_txn_requests_equal_the_judges() {
    for_each_case(ApiKey::AddOffsetsToTxn, |dice, header| {
        let (transactional_id, group_id) = (dice.string(), dice.string());
        let request = AddOffsetsToTxnRequest {
            transactional_id: &transactional_id,
            producer_id: dice.i64(),
            producer_epoch: dice.i16(),
            group_id: &group_id,
        };
        let mut ours = Vec::new();
        request.encode(&mut ours, &header);
        let theirs = judge::AddOffsetsToTxnRequest::default()
            .with_transactional_id(text(&transactional_id).into())
            .with_producer_id(request.producer_id.into())
            .with_producer_epoch(request.producer_epoch)
            .with_group_id(text(&group_id).into());
        assert_frames_equal(&ours, &theirs, ApiKey::AddOffsetsToTxn, &header);
    });
}

#[test]
fn end_txn_requests_equal_the_judges() {
    for_each_case(ApiKey::EndTxn, |dice, header| {
        let transactional_id = dice.string();
        let request = EndTxnRequest {
            transactional_id: &transactional_id,
            producer_id: dice.i64(),
            producer_epoch: dice.i16(),
            committed: dice.bool(),
        };
        let mut ours = Vec::new();
        request.encode(&mut ours, &header);
        let theirs = judge::EndTxnRequest::default()
            .with_transactional_id(text(&transactional_id).into())
            .with_producer_id(request.producer_id.into())
            .with_producer_epoch(request.producer_epoch)
            .with_committed(request.committed);
        assert_frames_equal(&ours, &theirs, ApiKey::EndTxn, &header);
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

    fn for_judge(&self) -> TxnOffsetCommitRequestPartition {
        TxnOffsetCommitRequestPartition::default()
            .with_partition_index(self.index)
            .with_committed_offset(self.offset)
            .with_committed_leader_epoch(self.leader_epoch)
            .with_committed_metadata(nullable_text(self.metadata.as_deref()))
    }
}

#[test]
fn txn_offset_commit_requests_equal_the_judges() {
    for_each_case(ApiKey::TxnOffsetCommit, |dice, header| {
        let (transactional_id, group_id) = (dice.string(), dice.string());
        // The judge refuses to leave a member out that is one.
        let has_member = header.version >= 3;
        let member_id = if has_member {
            dice.string()
        } else {
            String::new()
        };
        let instance = dice.nullable_string().filter(|_| has_member);
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
            generation_id: if has_member { dice.i32() } else { -1 },
            member_id: &member_id,
            group_instance_id: instance.as_deref(),
            topics: &topic_offsets,
        };
        let mut ours = Vec::new();
        request.encode(&mut ours, &header);
        let topic = |(name, offsets): &(String, Vec<Offset>)| {
            TxnOffsetCommitRequestTopic::default()
                .with_name(text(name).into())
                .with_partitions(offsets.iter().map(Offset::for_judge).collect())
        };
        let theirs = judge::TxnOffsetCommitRequest::default()
            .with_transactional_id(text(&transactional_id).into())
            .with_group_id(text(&group_id).into())
            .with_producer_id(request.producer_id.into())
            .with_producer_epoch(request.producer_epoch)
            .with_generation_id(request.generation_id)
            .with_member_id(text(&member_id))
            .with_group_instance_id(nullable_text(instance.as_deref()))
            .with_topics(topics.iter().map(topic).collect());
        assert_frames_equal(&ours, &theirs, ApiKey::TxnOffsetCommit, &header);
    });
}
