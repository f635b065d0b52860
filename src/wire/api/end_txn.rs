//! EndTxn, api key 26, versions 0 to 5: commits or aborts a transaction.
//!
//! - v1: the client throttles itself, not the broker.
//! - v2: PRODUCER_FENCED may be answered.
//! - v3: flexible.
//! - v4: TRANSACTION_ABORTABLE may be answered (KIP-890).
//! - v5: for transactions of the second kind alone; the answer carries the identity under which the
//!   next one runs (KIP-890).

use crate::error_code::ErrorCode;
use crate::wire::{ApiKey, Reader, RequestHeader, WireError, begin_request, finish_request};

/// The first version that answers the identity for the next transaction.
const FIRST_WITH_IDENTITY: i16 = 5;

/// The request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnRequest<'a> {
    /// `transactional.id`.
    pub transactional_id: &'a str,
    /// The producer id.
    pub producer_id: i64,
    /// The producer epoch.
    pub producer_epoch: i16,
    /// Whether the transaction is committed; otherwise it is aborted.
    pub committed: bool,
}

impl EndTxnRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let (mut writer, length_at) = begin_request(out, ApiKey::EndTxn, header);
        writer.string(self.transactional_id);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.bool(self.committed);
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

/// The response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnResponse {
    /// How long the client should send nothing, in ms.
    pub throttle_time_ms: i32,
    /// The error of the whole answer.
    pub error: ErrorCode,
    /// The producer id from now on, -1 with an error and below v5. It is another one when the epochs
    /// of the old one are used up.
    pub producer_id: i64,
    /// The producer epoch from now on, -1 with an error and below v5.
    pub producer_epoch: i16,
}

impl EndTxnResponse {
    /// Decodes the body of a response of `version`.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'_>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::EndTxn.is_flexible(version));
        let mut response = Self {
            throttle_time_ms: reader.i32()?,
            error: ErrorCode(reader.i16()?),
            producer_id: -1,
            producer_epoch: -1,
        };
        if version >= FIRST_WITH_IDENTITY {
            response.producer_id = reader.i64()?;
            response.producer_epoch = reader.i16()?;
        }
        reader.skip_tagged_fields()?;
        reader.finish()?;
        Ok(response)
    }
}
