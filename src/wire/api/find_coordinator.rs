//! FindCoordinator, api key 10, versions 0 to 6: which broker looks after a group or a transaction.
//!
//! - v0: groups alone.
//! - v1: the type of the key; throttle time and a message with an error.
//! - v2: the client throttles itself, not the broker.
//! - v3: flexible.
//! - v4: several keys at once (KIP-699).
//! - v5: TRANSACTION_ABORTABLE may be answered (KIP-890).
//! - v6: share groups, which are not ours (KIP-932).

use crate::error_code::ErrorCode;
use crate::ids::BrokerId;
use crate::wire::{ApiKey, Reader, RequestHeader, WireError, begin_request, finish_request};

/// The first version that says what kind of coordinator is meant. Below it, it is always that of a
/// group.
pub const FIRST_WITH_KEY_TYPE: i16 = 1;
/// The first version with a list of keys and a list of coordinators.
const FIRST_BATCHED: i16 = 4;

/// What is looked after. The discriminant is the key type on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum CoordinatorType {
    /// The key is a group id.
    Group = 0,
    /// The key is a transactional id.
    Transaction = 1,
}

/// The request, about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindCoordinatorRequest<'a> {
    /// The group id or transactional id.
    pub key: &'a str,
    /// Which of them it is. Not sent in v0, which asks about a group whatever stands here: a caller
    /// that asks about a transaction needs [`FIRST_WITH_KEY_TYPE`].
    pub key_type: CoordinatorType,
}

impl FindCoordinatorRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let (mut writer, length_at) = begin_request(out, ApiKey::FindCoordinator, header);
        let is_batched = header.version >= FIRST_BATCHED;
        if !is_batched {
            writer.string(self.key);
        }
        if header.version >= FIRST_WITH_KEY_TYPE {
            writer.i8(self.key_type as i8);
        }
        if is_batched {
            writer.array_len(1);
            writer.string(self.key);
        }
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

/// The response. It borrows from the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindCoordinatorResponse<'a> {
    /// How long the client should send nothing, in ms; 0 below v1.
    pub throttle_time_ms: i32,
    /// One per key asked about; below v4 exactly one.
    pub coordinators: Vec<Coordinator<'a>>,
}

/// The coordinator of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinator<'a> {
    /// The key, `None` below v4, where it is the one asked about.
    pub key: Option<&'a str>,
    /// The error of this key. With one, the rest but the message means nothing.
    pub error: ErrorCode,
    /// What the broker says about the error (v1+).
    pub error_message: Option<&'a str>,
    /// The broker, -1 with an error.
    pub node: BrokerId,
    /// Its host name or address, empty with an error.
    pub host: &'a str,
    /// Its port, as sent: not checked to be one.
    pub port: i32,
}

impl<'a> FindCoordinatorResponse<'a> {
    /// Decodes the body of a response of `version`.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'a>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::FindCoordinator.is_flexible(version));
        let has_throttle_time = version >= 1;
        let throttle_time_ms = if has_throttle_time { reader.i32()? } else { 0 };
        let mut coordinators = Vec::new();
        if version >= FIRST_BATCHED {
            for _ in 0..reader.array_len()? {
                coordinators.push(decode_batched(&mut reader)?);
            }
        } else {
            coordinators.push(decode_single(&mut reader, version)?);
        }
        reader.skip_tagged_fields()?;
        reader.finish()?;
        Ok(Self {
            throttle_time_ms,
            coordinators,
        })
    }

    /// What the broker says about `key`, the one asked about; `None` when it leaves it out.
    #[must_use]
    pub fn coordinator_of(&self, key: &str) -> Option<&Coordinator<'a>> {
        let mut all = self.coordinators.iter();
        all.find(|coordinator| coordinator.key.is_none_or(|own| own == key))
    }
}

fn decode_single<'a>(reader: &mut Reader<'a>, version: i16) -> Result<Coordinator<'a>, WireError> {
    let error = ErrorCode(reader.i16()?);
    let error_message = if version >= 1 {
        reader.nullable_string()?
    } else {
        None
    };
    Ok(Coordinator {
        key: None,
        error,
        error_message,
        node: BrokerId(reader.i32()?),
        host: reader.string()?,
        port: reader.i32()?,
    })
}

fn decode_batched<'a>(reader: &mut Reader<'a>) -> Result<Coordinator<'a>, WireError> {
    let key = Some(reader.string()?);
    let node = BrokerId(reader.i32()?);
    let host = reader.string()?;
    let port = reader.i32()?;
    let error = ErrorCode(reader.i16()?);
    let error_message = reader.nullable_string()?;
    reader.skip_tagged_fields()?;
    Ok(Coordinator {
        key,
        error,
        error_message,
        node,
        host,
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_about_another_key_is_not_taken() {
        // Throttle time, one coordinator of "b" on broker 7 at "h":9, no error, no tagged fields.
        let body = [
            0, 0, 0, 0, 2, 2, b'b', 0, 0, 0, 7, 2, b'h', 0, 0, 0, 9, 0, 0, 0, 0, 0,
        ];
        let response = FindCoordinatorResponse::decode(Reader::new(&body), 4).unwrap();
        assert_eq!(response.coordinator_of("a"), None);
        let found = response.coordinator_of("b").unwrap();
        assert_eq!((found.node, found.host, found.port), (BrokerId(7), "h", 9));
    }

    #[test]
    fn an_answer_without_a_key_is_about_the_one_asked() {
        let body = [0, 0, 0, 0, 0, 7, 0, 1, b'h', 0, 0, 0, 9];
        let response = FindCoordinatorResponse::decode(Reader::new(&body), 0).unwrap();
        assert_eq!(response.coordinator_of("any").unwrap().node, BrokerId(7));
    }
}
