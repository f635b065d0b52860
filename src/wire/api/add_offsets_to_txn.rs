//! AddOffsetsToTxn, api key 25, versions 0 to 4: a group whose offsets a transaction commits.
//!
//! A producer needs it for transactions of the first kind alone: with those of the second,
//! TxnOffsetCommit adds the group (KIP-890).
//!
//! - v1: the client throttles itself, not the broker.
//! - v2: PRODUCER_FENCED may be answered.
//! - v3: flexible.
//! - v4: TRANSACTION_ABORTABLE may be answered (KIP-890).

use crate::error_code::ErrorCode;
use crate::wire::{ApiKey, Reader, RequestHeader, WireError, begin_request, finish_request};

/// The request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddOffsetsToTxnRequest<'a> {
    /// `transactional.id`.
    pub transactional_id: &'a str,
    /// The producer id.
    pub producer_id: i64,
    /// The producer epoch.
    pub producer_epoch: i16,
    /// The group.
    pub group_id: &'a str,
}

impl AddOffsetsToTxnRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let (mut writer, length_at) = begin_request(out, ApiKey::AddOffsetsToTxn, header);
        writer.string(self.transactional_id);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.string(self.group_id);
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

/// The response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddOffsetsToTxnResponse {
    /// How long the client should send nothing, in ms.
    pub throttle_time_ms: i32,
    /// The error of the whole answer.
    pub error: ErrorCode,
}

impl AddOffsetsToTxnResponse {
    /// Decodes the body of a response of `version`.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'_>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::AddOffsetsToTxn.is_flexible(version));
        let response = Self {
            throttle_time_ms: reader.i32()?,
            error: ErrorCode(reader.i16()?),
        };
        reader.skip_tagged_fields()?;
        reader.finish()?;
        Ok(response)
    }
}
