//! TxnOffsetCommit, api key 28, versions 0 to 5: offsets of a group that a transaction commits.
//!
//! - v1: the client throttles itself, not the broker.
//! - v2: the leader epoch of the last record consumed.
//! - v3: flexible; who the member is, so that the group can fence it (KIP-447).
//! - v4: TRANSACTION_ABORTABLE may be answered (KIP-890).
//! - v5: for transactions of the second kind alone; the group joins the transaction implicitly
//!   (KIP-890).

use crate::error_code::ErrorCode;
use crate::wire::{
    ApiKey, Reader, RequestHeader, WireError, Writer, begin_request, finish_request,
};

/// The first version with the leader epoch of the last record consumed.
const FIRST_WITH_LEADER_EPOCH: i16 = 2;
/// The first version that says who the member is: below it a group cannot fence one (KIP-447).
pub const FIRST_WITH_MEMBER: i16 = 3;

/// The request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxnOffsetCommitRequest<'a> {
    /// `transactional.id`.
    pub transactional_id: &'a str,
    /// The group.
    pub group_id: &'a str,
    /// The producer id.
    pub producer_id: i64,
    /// The producer epoch.
    pub producer_epoch: i16,
    /// The generation of the group, -1 for none (v3+).
    pub generation_id: i32,
    /// The member that consumed, empty for none (v3+).
    pub member_id: &'a str,
    /// `group.instance.id` of the member, if it has one (v3+).
    pub group_instance_id: Option<&'a str>,
    /// The topics.
    pub topics: &'a [TopicOffsets<'a>],
}

/// A topic in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicOffsets<'a> {
    /// The name.
    pub name: &'a str,
    /// The partitions, each at most once.
    pub partitions: &'a [PartitionOffset<'a>],
}

/// A partition in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffset<'a> {
    /// The partition index.
    pub index: i32,
    /// The offset of the next record to consume.
    pub offset: i64,
    /// The leader epoch of the last record consumed, -1 when it is not known (v2+).
    pub leader_epoch: i32,
    /// A text that goes with the offset.
    pub metadata: Option<&'a str>,
}

impl TxnOffsetCommitRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes, or the frame has 2 GiB or more.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let version = header.version;
        let (mut writer, length_at) = begin_request(out, ApiKey::TxnOffsetCommit, header);
        writer.string(self.transactional_id);
        writer.string(self.group_id);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        if version >= FIRST_WITH_MEMBER {
            writer.i32(self.generation_id);
            writer.string(self.member_id);
            writer.nullable_string(self.group_instance_id);
        }
        writer.array_len(self.topics.len());
        for topic in self.topics {
            writer.string(topic.name);
            writer.array_len(topic.partitions.len());
            for partition in topic.partitions {
                encode_partition(&mut writer, version, partition);
            }
            writer.no_tagged_fields();
        }
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

fn encode_partition(writer: &mut Writer<'_>, version: i16, partition: &PartitionOffset<'_>) {
    writer.i32(partition.index);
    writer.i64(partition.offset);
    if version >= FIRST_WITH_LEADER_EPOCH {
        writer.i32(partition.leader_epoch);
    }
    writer.nullable_string(partition.metadata);
    writer.no_tagged_fields();
}

/// The response. It borrows from the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOffsetCommitResponse<'a> {
    /// How long the client should send nothing, in ms.
    pub throttle_time_ms: i32,
    /// What became of each offset, topic after topic in the order sent.
    pub partitions: Vec<CommittedOffset<'a>>,
}

/// What became of the offset of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedOffset<'a> {
    /// The name of its topic.
    pub topic: &'a str,
    /// The partition index.
    pub index: i32,
    /// The error of this partition.
    pub error: ErrorCode,
}

impl<'a> TxnOffsetCommitResponse<'a> {
    /// Decodes the body of a response of `version`.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'a>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::TxnOffsetCommit.is_flexible(version));
        let throttle_time_ms = reader.i32()?;
        let mut partitions = Vec::new();
        for _ in 0..reader.array_len()? {
            let topic = reader.string()?;
            for _ in 0..reader.array_len()? {
                partitions.push(CommittedOffset {
                    topic,
                    index: reader.i32()?,
                    error: ErrorCode(reader.i16()?),
                });
                reader.skip_tagged_fields()?;
            }
            reader.skip_tagged_fields()?;
        }
        reader.skip_tagged_fields()?;
        reader.finish()?;
        Ok(Self {
            throttle_time_ms,
            partitions,
        })
    }
}
