//! What is asked of a transactional machine, as one value.

use odradek::{GroupMetadata, OffsetToCommit, PreparedTransaction};

/// What is asked of a transactional machine: the calls of the core that have to do with transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionCommand {
    /// [`init_transactions`](odradek::Producer::init_transactions)
    Init {
        /// Whether a prepared transaction is kept.
        keep_prepared: bool,
    },
    /// [`begin_transaction`](odradek::Producer::begin_transaction), which begins no operation
    Begin,
    /// [`send_offsets`](odradek::Producer::send_offsets)
    SendOffsets(Box<GroupOffsets>),
    /// [`prepare_transaction`](odradek::Producer::prepare_transaction)
    Prepare,
    /// [`complete_transaction`](odradek::Producer::complete_transaction)
    Complete(PreparedTransaction),
    /// [`commit_transaction`](odradek::Producer::commit_transaction)
    Commit,
    /// [`abort_transaction`](odradek::Producer::abort_transaction)
    Abort,
}

/// Offsets of a consumer group, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffsets {
    /// `group.id`.
    pub group_id: String,
    /// The generation (or member epoch) of the consumer, -1 for none.
    pub generation_id: i32,
    /// The consumer's member id, empty for none.
    pub member_id: String,
    /// `group.instance.id` of a static member.
    pub group_instance_id: Option<String>,
    /// The offsets to be committed.
    pub offsets: Vec<GroupOffset>,
}

/// An offset to be committed, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic that was consumed.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The offset of the next record to be consumed.
    pub offset: i64,
    /// The leader epoch of the last consumed record, if known.
    pub leader_epoch: Option<i32>,
    /// A text that goes with the offset.
    pub metadata: Option<String>,
}

impl GroupOffsets {
    /// Copies what is borrowed.
    pub fn new(offsets: &[OffsetToCommit<'_>], group: &GroupMetadata<'_>) -> Self {
        let offset = |offset: &OffsetToCommit<'_>| GroupOffset {
            topic: offset.topic.to_owned(),
            partition: offset.partition,
            offset: offset.offset,
            leader_epoch: offset.leader_epoch,
            metadata: offset.metadata.map(ToOwned::to_owned),
        };
        Self {
            group_id: group.group_id.to_owned(),
            generation_id: group.generation_id,
            member_id: group.member_id.to_owned(),
            group_instance_id: group.group_instance_id.map(ToOwned::to_owned),
            offsets: offsets.iter().map(offset).collect(),
        }
    }

    /// Bytes of `buffer.memory` that the core counts for it.
    pub fn bytes(&self) -> u64 {
        let offsets = self.offsets();
        self.group().charge() + offsets.iter().map(OffsetToCommit::charge).sum::<u64>()
    }

    /// The group, borrowed.
    pub fn group(&self) -> GroupMetadata<'_> {
        GroupMetadata {
            group_id: &self.group_id,
            generation_id: self.generation_id,
            member_id: &self.member_id,
            group_instance_id: self.group_instance_id.as_deref(),
        }
    }

    /// The offsets, borrowed.
    pub fn offsets(&self) -> Vec<OffsetToCommit<'_>> {
        let borrowed = self.offsets.iter().map(|offset| OffsetToCommit {
            topic: &offset.topic,
            partition: offset.partition,
            offset: offset.offset,
            leader_epoch: offset.leader_epoch,
            metadata: offset.metadata.as_deref(),
        });
        borrowed.collect()
    }
}
