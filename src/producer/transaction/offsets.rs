//! Offsets of consumer groups that are to be committed with the transaction (KIP-447).

use super::{Ended, Transactions};
use crate::ids::OperationId;
use crate::time::Instant;
use crate::transaction::{GroupMetadata, OffsetToCommit, TransactionCall, TransactionError};
use crate::wire::api::txn_offset_commit::{PartitionOffset, TopicOffsets};
use std::collections::BTreeMap;

/// The longest text on the wire.
const TEXT_BYTES_MAX: usize = i16::MAX as usize;
/// The longest name of a topic.
const TOPIC_BYTES_MAX: usize = 249;

/// Offsets of one call, from the call to the coordinator's answer.
#[derive(Debug)]
pub(super) struct PendingOffsets {
    operation: OperationId,
    /// Until when somebody waits; `None` when nobody does any more.
    deadline: Option<Instant>,
    pub(super) group: Group,
    topics: BTreeMap<String, BTreeMap<i32, Offset>>,
    charge: u64,
    /// The transaction coordinator knows of the group, or need not (KIP-890).
    pub(super) is_registered: bool,
}

/// On whose behalf.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) generation_id: i32,
    pub(super) member_id: String,
    pub(super) instance_id: Option<String>,
}

#[derive(Debug)]
struct Offset {
    offset: i64,
    leader_epoch: i32,
    metadata: Option<String>,
}

impl PendingOffsets {
    /// What the offsets are charged, if a coordinator could take them.
    pub(super) fn check(
        offsets: &[OffsetToCommit<'_>],
        group: &GroupMetadata<'_>,
    ) -> Result<u64, TransactionError> {
        let texts = [
            group.group_id,
            group.member_id,
            group.group_instance_id.unwrap_or(""),
        ];
        if group.group_id.is_empty() || texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(TransactionError::InvalidGroup);
        }
        // A generation without a member is a mistake: nothing would be fenced.
        if group.generation_id > 0 && group.member_id.is_empty() {
            return Err(TransactionError::InvalidGroup);
        }
        let mut charge = group.charge();
        for (index, one) in offsets.iter().enumerate() {
            let text = one.metadata.map_or(0, str::len);
            let is_topic = (1..=TOPIC_BYTES_MAX).contains(&one.topic.len());
            if one.offset < 0 || one.partition < 0 || !is_topic || text > TEXT_BYTES_MAX {
                return Err(TransactionError::InvalidOffset { index });
            }
            charge += one.charge();
        }
        Ok(charge)
    }

    /// Of two offsets for a partition the later counts.
    pub(super) fn new(
        operation: OperationId,
        offsets: &[OffsetToCommit<'_>],
        group: &GroupMetadata<'_>,
        charge: u64,
        deadline: Instant,
    ) -> Self {
        let mut topics: BTreeMap<String, BTreeMap<i32, Offset>> = BTreeMap::new();
        for one in offsets {
            let offset = Offset {
                offset: one.offset,
                leader_epoch: one.leader_epoch.unwrap_or(-1),
                metadata: one.metadata.map(str::to_owned),
            };
            let partitions = topics.entry(one.topic.to_owned()).or_default();
            partitions.insert(one.partition, offset);
        }
        Self {
            operation,
            deadline: Some(deadline),
            group: Group {
                id: group.group_id.to_owned(),
                generation_id: group.generation_id,
                member_id: group.member_id.to_owned(),
                instance_id: group.group_instance_id.map(str::to_owned),
            },
            topics,
            charge,
            is_registered: false,
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Calls `with` with the offsets as the request has them.
    pub(super) fn with_topics<T>(&self, with: impl FnOnce(&[TopicOffsets<'_>]) -> T) -> T {
        let partitions: Vec<Vec<PartitionOffset<'_>>> = self
            .topics
            .values()
            .map(|partitions| {
                let partitions = partitions.iter().map(|(index, one)| PartitionOffset {
                    index: *index,
                    offset: one.offset,
                    leader_epoch: one.leader_epoch,
                    metadata: one.metadata.as_deref(),
                });
                partitions.collect()
            })
            .collect();
        let topics: Vec<TopicOffsets<'_>> = self
            .topics
            .keys()
            .zip(&partitions)
            .map(|(name, partitions)| TopicOffsets { name, partitions })
            .collect();
        with(&topics)
    }
}

impl Transactions {
    /// Answers the call behind pending offsets, once.
    pub(super) fn answer_offsets(&mut self, index: usize, result: Ended) {
        let Some(one) = self.offsets.get_mut(index) else {
            return;
        };
        let operation = one.operation;
        if one.deadline.take().is_some() {
            self.announce(operation, TransactionCall::SendOffsets, result);
        }
    }

    /// The first of the pending offsets are committed, or refused.
    pub(super) fn end_first_offsets(&mut self, result: Ended) {
        self.answer_offsets(0, result);
        if let Some(one) = self.offsets.pop_front() {
            self.freed += one.charge;
        }
    }

    /// No pending offsets are committed any more.
    pub(super) fn end_offsets(&mut self, result: Ended) {
        while !self.offsets.is_empty() {
            self.end_first_offsets(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupMetadata<'_> = GroupMetadata::of_group("group");
    const OFFSET: OffsetToCommit<'_> = OffsetToCommit {
        topic: "t",
        partition: 0,
        offset: 0,
        leader_epoch: None,
        metadata: Some("mm"),
    };

    #[test]
    fn a_group_needs_a_name_and_a_generation_needs_a_member() {
        let check = |group: GroupMetadata<'_>| PendingOffsets::check(&[], &group);
        let refused = Err(TransactionError::InvalidGroup);
        let longest = "g".repeat(TEXT_BYTES_MAX);
        let longer = "g".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(check(GroupMetadata::of_group("")), refused);
        assert!(check(GroupMetadata::of_group(&longest)).is_ok());
        assert_eq!(check(GroupMetadata::of_group(&longer)), refused);
        let of = |generation_id, member_id| GroupMetadata {
            generation_id,
            member_id,
            ..GROUP
        };
        assert!(check(of(0, "")).is_ok());
        assert_eq!(check(of(1, "")), refused);
        assert!(check(of(1, "m")).is_ok());
        assert!(check(of(0, "m")).is_ok());
        let instance = GroupMetadata {
            group_instance_id: Some(&longer),
            ..GROUP
        };
        assert_eq!(check(instance), refused);
    }

    #[test]
    fn an_offset_that_no_coordinator_could_take_is_named() {
        let check = |offset: OffsetToCommit<'_>| PendingOffsets::check(&[OFFSET, offset], &GROUP);
        let refused = Err(TransactionError::InvalidOffset { index: 1 });
        let (topic, text) = ("t".repeat(250), "m".repeat(TEXT_BYTES_MAX + 1));
        for bad in [
            OffsetToCommit {
                offset: -1,
                ..OFFSET
            },
            OffsetToCommit {
                partition: -1,
                ..OFFSET
            },
            OffsetToCommit {
                topic: "",
                ..OFFSET
            },
            OffsetToCommit {
                topic: &topic,
                ..OFFSET
            },
            OffsetToCommit {
                metadata: Some(&text),
                ..OFFSET
            },
        ] {
            assert_eq!(check(bad), refused, "{bad:?}");
        }
        let largest = OffsetToCommit {
            topic: &topic[1..],
            metadata: Some(&text[1..]),
            ..OFFSET
        };
        // The group, one offset, and another with the longest texts.
        let charge = 128 + 5 + (64 + 1 + 2) + (64 + 249 + 32_767);
        assert_eq!(check(largest), Ok(charge));
    }
}
