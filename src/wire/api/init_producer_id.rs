//! InitProducerId, api key 22, versions 0 to 6: a producer id and epoch.
//!
//! - v1: the client throttles itself, not the broker.
//! - v2: flexible.
//! - v3: the identity held so far, so that the broker can bump its epoch (KIP-360).
//! - v4: PRODUCER_FENCED may be answered.
//! - v5: TRANSACTION_ABORTABLE may be answered (KIP-890).
//! - v6: two-phase commit (KIP-939). Brokers offer it only with unstable versions on, and it is asked
//!   for only by a producer that is set up for two-phase commit.

use crate::error_code::ErrorCode;
use crate::wire::{ApiKey, Reader, RequestHeader, WireError, begin_request, finish_request};

/// The first version that carries the identity held so far.
pub const FIRST_WITH_IDENTITY: i16 = 3;
/// The first version with two-phase commit.
pub const FIRST_WITH_TWO_PHASE_COMMIT: i16 = 6;

/// The request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitProducerIdRequest<'a> {
    /// `transactional.id`, `None` for a producer that is idempotent only.
    pub transactional_id: Option<&'a str>,
    /// After how many ms the coordinator aborts an open transaction. Ignored without a
    /// transactional id.
    pub transaction_timeout_ms: i32,
    /// The producer id held so far, -1 for none (v3+).
    pub producer_id: i64,
    /// The producer epoch held so far, -1 for none (v3+).
    pub producer_epoch: i16,
    /// `transaction.two.phase.commit.enable`: the coordinator never aborts a transaction because of
    /// its age. Not sent below v6: a caller that needs it needs [`FIRST_WITH_TWO_PHASE_COMMIT`].
    pub enable_2pc: bool,
    /// Whether an open transaction is kept, to be completed by this producer, rather than aborted. Not
    /// sent below v6 either.
    pub keep_prepared_txn: bool,
}

impl InitProducerIdRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let (mut writer, length_at) = begin_request(out, ApiKey::InitProducerId, header);
        writer.nullable_string(self.transactional_id);
        writer.i32(self.transaction_timeout_ms);
        if header.version >= FIRST_WITH_IDENTITY {
            writer.i64(self.producer_id);
            writer.i16(self.producer_epoch);
        }
        if header.version >= FIRST_WITH_TWO_PHASE_COMMIT {
            writer.bool(self.enable_2pc);
            writer.bool(self.keep_prepared_txn);
        }
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

/// The response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitProducerIdResponse {
    /// How long the client should send nothing, in ms.
    pub throttle_time_ms: i32,
    /// The error of the whole answer.
    pub error: ErrorCode,
    /// The producer id, -1 with an error.
    pub producer_id: i64,
    /// The producer epoch, -1 with an error.
    pub producer_epoch: i16,
    /// The producer id of the open transaction that is kept, -1 for none and below v6.
    pub ongoing_txn_producer_id: i64,
    /// The producer epoch of the open transaction that is kept, -1 for none and below v6.
    pub ongoing_txn_producer_epoch: i16,
}

impl InitProducerIdResponse {
    /// Decodes the body of a response of `version`.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'_>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::InitProducerId.is_flexible(version));
        let mut response = Self {
            throttle_time_ms: reader.i32()?,
            error: ErrorCode(reader.i16()?),
            producer_id: reader.i64()?,
            producer_epoch: reader.i16()?,
            ongoing_txn_producer_id: -1,
            ongoing_txn_producer_epoch: -1,
        };
        if version >= FIRST_WITH_TWO_PHASE_COMMIT {
            response.ongoing_txn_producer_id = reader.i64()?;
            response.ongoing_txn_producer_epoch = reader.i16()?;
        }
        reader.skip_tagged_fields()?;
        reader.finish()?;
        Ok(response)
    }
}
