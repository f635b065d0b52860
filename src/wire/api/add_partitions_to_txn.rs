//! AddPartitionsToTxn, api key 24, versions 0 to 3: partitions that a transaction writes to.
//!
//! Versions from 4 on are for brokers among themselves. A producer needs none with transactions of
//! the second kind, where Produce adds partitions (KIP-890).
//!
//! - v1: the client throttles itself, not the broker.
//! - v2: PRODUCER_FENCED may be answered.
//! - v3: flexible.

use crate::error_code::ErrorCode;
use crate::wire::{ApiKey, Reader, RequestHeader, WireError, begin_request, finish_request};

/// The request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddPartitionsToTxnRequest<'a> {
    /// `transactional.id`.
    pub transactional_id: &'a str,
    /// The producer id.
    pub producer_id: i64,
    /// The producer epoch.
    pub producer_epoch: i16,
    /// The topics.
    pub topics: &'a [TopicToAdd<'a>],
}

/// A topic in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicToAdd<'a> {
    /// The name, at most once per request.
    pub name: &'a str,
    /// The partition indexes.
    pub partitions: &'a [i32],
}

impl AddPartitionsToTxnRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes, or the frame has 2 GiB or more.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let (mut writer, length_at) = begin_request(out, ApiKey::AddPartitionsToTxn, header);
        writer.string(self.transactional_id);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.array_len(self.topics.len());
        for topic in self.topics {
            writer.string(topic.name);
            writer.array_len(topic.partitions.len());
            for index in topic.partitions {
                writer.i32(*index);
            }
            writer.no_tagged_fields();
        }
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

/// The response. It borrows from the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPartitionsToTxnResponse<'a> {
    /// How long the client should send nothing, in ms.
    pub throttle_time_ms: i32,
    /// What became of each partition, topic after topic in the order sent. A partition is added only
    /// if all are.
    pub partitions: Vec<AddedPartition<'a>>,
}

/// What became of one partition of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddedPartition<'a> {
    /// The name of its topic.
    pub topic: &'a str,
    /// The partition index.
    pub index: i32,
    /// The error of this partition.
    pub error: ErrorCode,
}

impl<'a> AddPartitionsToTxnResponse<'a> {
    /// Decodes the body of a response of `version`.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'a>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::AddPartitionsToTxn.is_flexible(version));
        let throttle_time_ms = reader.i32()?;
        let mut partitions = Vec::new();
        for _ in 0..reader.array_len()? {
            let topic = reader.string()?;
            for _ in 0..reader.array_len()? {
                partitions.push(AddedPartition {
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
