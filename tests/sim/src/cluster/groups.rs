//! Consumer groups as far as a producer meets them: answers to TxnOffsetCommit, and committed offsets.

use super::FakeCluster;
use super::coordinators::KeyType;
use super::faults::Said;
use super::log::Marker;
use super::transactions::Place;
use super::wire::{Head, Reply, answer, api, decode};
use bytes::Bytes;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use odradek::ErrorCode;
use std::collections::BTreeMap;

/// From this version on a client understands TRANSACTION_ABORTABLE.
const KNOWS_ABORTABLE: i16 = 4;
/// From this version on a group joins the transaction when offsets are sent (KIP-890).
const ADDS_OFFSETS: i16 = 5;
/// `offset.metadata.max.bytes`
const METADATA_MAX: usize = 4096;

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What the group calls it.
    pub member_id: String,
    /// What its configuration calls it, if it is a static one.
    pub group_instance_id: Option<String>,
}

/// An offset that a group committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the record before; -1 if it is not known.
    pub leader_epoch: i32,
    /// What the committer wrote beside it.
    pub metadata: String,
}

type Offsets = BTreeMap<(String, i32), CommittedOffset>;

/// What a group's part of `__consumer_offsets` knows of a producer.
#[derive(Clone, Debug)]
struct Committer {
    epoch: i16,
    pending: Option<Offsets>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    generation: i32,
    members: Vec<Member>,
    committed: Offsets,
    committers: BTreeMap<i64, Committer>,
}

/// All groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    by_id: BTreeMap<String, Group>,
}

impl Groups {
    /// Writes the marker of a transaction: pending offsets count, or are dropped.
    pub(super) fn mark(&mut self, group: &str, producer_id: i64, epoch: i16, marker: Marker) {
        let group = self.by_id.entry(group.to_owned()).or_default();
        let committer = group.committers.entry(producer_id).or_insert(Committer {
            epoch,
            pending: None,
        });
        committer.epoch = epoch;
        let pending = committer.pending.take().unwrap_or_default();
        if marker == Marker::Commit {
            group.committed.extend(pending);
        }
    }
}

impl Group {
    /// Whether these words can come from a member of the group as it is.
    fn check(
        &self,
        generation: i32,
        member_id: &str,
        instance: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        if generation < 0 && member_id.is_empty() && instance.is_none() {
            // A client that knows nothing of KIP-447.
            return Ok(());
        }
        let is_it = |member: &&Member| member.group_instance_id.as_deref() == instance;
        if instance.is_some() {
            match self.members.iter().find(is_it) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(member) if member.member_id != member_id => {
                    return Err(ErrorCode::FENCED_INSTANCE_ID);
                }
                Some(_) => {}
            }
        }
        if !self
            .members
            .iter()
            .any(|member| member.member_id == member_id)
        {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        if generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        Ok(())
    }
}

impl FakeCluster {
    /// Makes a group with members, or replaces its members as a rebalance does.
    pub fn set_group(&mut self, group: &str, generation: i32, members: Vec<Member>) {
        let group = self.groups.by_id.entry(group.to_owned()).or_default();
        group.generation = generation;
        group.members = members;
    }

    /// The offsets that count, by topic and partition.
    pub fn committed_offsets(&self, group: &str) -> BTreeMap<(String, i32), CommittedOffset> {
        let group = self.groups.by_id.get(group);
        group.map_or_else(BTreeMap::new, |group| group.committed.clone())
    }

    /// Whether offsets of a group wait for the end of a transaction.
    pub fn has_pending_offsets(&self, group: &str) -> bool {
        let group = self.groups.by_id.get(group);
        group.is_some_and(|group| group.committers.values().any(|one| one.pending.is_some()))
    }

    pub(super) fn on_txn_offset_commit(
        &mut self,
        node: i32,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let request: TxnOffsetCommitRequest = decode(head, body)?;
        let mut offsets = Offsets::new();
        for topic in &request.topics {
            for partition in &topic.partitions {
                let index = partition.partition_index;
                if self.topics.partition(topic.name.as_str(), index).is_some() {
                    let metadata = partition.committed_metadata.as_deref().unwrap_or("");
                    let committed = CommittedOffset {
                        offset: partition.committed_offset,
                        leader_epoch: partition.committed_leader_epoch,
                        metadata: metadata.to_owned(),
                    };
                    offsets.insert((topic.name.to_string(), index), committed);
                }
            }
        }
        let known: Vec<(String, i32)> = offsets.keys().cloned().collect();
        let is_too_long = |committed: &CommittedOffset| committed.metadata.len() > METADATA_MAX;
        let too_long: Vec<(String, i32)> = offsets
            .iter()
            .filter(|(_, committed)| is_too_long(committed))
            .map(|(place, _)| place.clone())
            .collect();
        offsets.retain(|_, committed| !is_too_long(committed));
        let result = self.with_faults(api::TXN_OFFSET_COMMIT, None, |cluster| {
            if known.is_empty() {
                return Ok(());
            }
            cluster.commit_in_transaction(node, head.version, &request, offsets)
        });
        let error = result.err().unwrap_or(ErrorCode::NONE);
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let place = (topic.name.to_string(), partition.partition_index);
                let error = if !known.contains(&place) {
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                } else if too_long.contains(&place) && error == ErrorCode::NONE {
                    ErrorCode::OFFSET_METADATA_TOO_LARGE
                } else {
                    error
                };
                TxnOffsetCommitResponsePartition::default()
                    .with_partition_index(place.1)
                    .with_error_code(error.0)
            });
            TxnOffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        let response = TxnOffsetCommitResponse::default()
            .with_throttle_time_ms(said.throttle_ms)
            .with_topics(topics.collect());
        answer(head, &response)
    }

    fn commit_in_transaction(
        &mut self,
        node: i32,
        version: i16,
        request: &TxnOffsetCommitRequest,
        offsets: Offsets,
    ) -> Result<(), ErrorCode> {
        let group_id = request.group_id.as_str();
        if group_id.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.coordinates(node, KeyType::Group, group_id)?;
        let (id, epoch) = (request.producer_id.0, request.producer_epoch);
        let group = self.groups.by_id.get(group_id);
        let committer = group.and_then(|group| group.committers.get(&id));
        let is_open = committer.is_some_and(|one| one.pending.is_some() && one.epoch == epoch);
        if !is_open {
            let place = Place::Offsets(group_id.to_owned());
            let transactional_id = request.transactional_id.as_str();
            let vouched = self.vouch(
                transactional_id,
                (id, epoch),
                place,
                version >= ADDS_OFFSETS,
            );
            vouched.map_err(|error| match error {
                ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
                ErrorCode::TRANSACTION_ABORTABLE if version < KNOWS_ABORTABLE => {
                    ErrorCode::INVALID_TXN_STATE
                }
                error => error,
            })?;
        }
        let generation = request.generation_id;
        let instance = request.group_instance_id.as_deref();
        let group = match self.groups.by_id.get_mut(group_id) {
            Some(group) => group,
            None if generation < 0 => self.groups.by_id.entry(group_id.to_owned()).or_default(),
            None => return Err(ErrorCode::ILLEGAL_GENERATION),
        };
        group.check(generation, request.member_id.as_str(), instance)?;
        let committer = group.committers.entry(id).or_insert(Committer {
            epoch,
            pending: None,
        });
        if epoch < committer.epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        committer.epoch = epoch;
        let pending = committer.pending.get_or_insert_with(Offsets::new);
        pending.extend(offsets);
        Ok(())
    }
}
