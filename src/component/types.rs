//! Conversions from the core's types to those of the interface `types`, and of records from them.

use super::bindings::exports::odradek::kafka::types;
use crate::bulk::{BulkError, BulkHeader, BulkOutcome, BulkRecord};
use crate::config::ConfigError;
use crate::driver::{DisconnectReason, ResolveError};
use crate::error::{Cause, SendError, TopicError};
use crate::error_code::ErrorCode;
use crate::event::{ConnectionFailure, DeliveryReport, Event, Outcome, TopicPartitions};
use crate::ids::TopicHandle;
use crate::wire::{WireError, WireErrorKind};
use core::net::{IpAddr, SocketAddr};

/// A length or offset as the interface has it. Linear memory ends at 4 GiB, so none is cut short.
pub(super) fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// An event whose tickets, if it has any, are appended to the blob.
pub(super) fn addressed(event: Event, blob: &mut Vec<u8>) -> types::Event {
    match event {
        Event::Delivered(report) => types::Event::Delivered(delivered(&report, blob)),
        Event::BufferAvailable { free_bytes } => types::Event::BufferAvailable(free_bytes),
        Event::Flushed { flush } => types::Event::Flushed(flush.0),
        Event::OperationEnded(ended) => types::Event::OperationEnded(ended.into()),
        Event::Partitions(TopicPartitions { topic, leaders }) => {
            types::Event::Partitions(types::TopicPartitions {
                topic: topic.0,
                leaders: leaders.map_err(Into::into),
            })
        }
        Event::ConnectionFailed(failure) => types::Event::ConnectionFailed(failure.into()),
        Event::Failed(error) => types::Event::Failed(error.into()),
        Event::Closed => types::Event::Closed,
    }
}

fn delivered(report: &DeliveryReport, blob: &mut Vec<u8>) -> types::Report {
    let start = blob.len();
    report.tickets.encode(blob);
    types::Report {
        topic: report.topic.0,
        partition: report.partition,
        base_offset: report.base_offset,
        log_append_time: report.log_append_time,
        outcome: match report.outcome {
            Outcome::Written => types::Outcome::Written,
            Outcome::NotWritten => types::Outcome::NotWritten,
            Outcome::PossiblyWritten => types::Outcome::PossiblyWritten,
        },
        cause: report.cause.map(Into::into),
        message: report.message.as_deref().map(ToOwned::to_owned),
        tickets_length: length(blob.len() - start),
    }
}

/// The index of a bulk. Collected in place: both types of each have the same layout.
pub(super) fn bulk_index(
    records: Vec<types::RecordIndex>,
    headers: Vec<types::HeaderIndex>,
) -> (Vec<BulkRecord>, Vec<BulkHeader>) {
    (
        records.into_iter().map(Into::into).collect(),
        headers.into_iter().map(Into::into).collect(),
    )
}

impl From<types::RecordIndex> for BulkRecord {
    fn from(record: types::RecordIndex) -> Self {
        Self {
            topic: TopicHandle(record.topic),
            partition: record.partition,
            timestamp: record.timestamp,
            key_length: record.key_length,
            value_length: record.value_length,
            header_count: record.header_count,
        }
    }
}

impl From<types::HeaderIndex> for BulkHeader {
    fn from(header: types::HeaderIndex) -> Self {
        Self {
            name_length: header.name_length,
            value_length: header.value_length,
        }
    }
}

impl From<BulkOutcome> for types::SendOutcome {
    fn from(outcome: BulkOutcome) -> Self {
        Self {
            accepted: outcome.accepted,
            first_ticket: outcome.first_ticket.0,
            refused: outcome.refused.map(|error| match error {
                BulkError::Send(error) => types::Refusal::Send(error.into()),
                BulkError::Malformed => types::Refusal::Malformed,
            }),
            free_bytes: outcome.free_bytes,
        }
    }
}

impl From<ConfigError> for types::ConfigError {
    fn from(error: ConfigError) -> Self {
        Self {
            key: error.key().to_owned(),
            message: error.to_string(),
        }
    }
}

impl From<TopicError> for types::TopicError {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::Length { length: bytes } => Self::Length(length(bytes)),
            TopicError::Character => Self::Character,
            TopicError::TooMany { limit } => Self::TooMany(limit),
        }
    }
}

impl From<SendError> for types::SendError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::BufferFull { needed, free } => {
                Self::BufferFull(types::BufferFull { needed, free })
            }
            SendError::RecordTooLarge { size, limit, key } => {
                Self::RecordTooLarge(types::RecordTooLarge {
                    size,
                    limit,
                    key: key.to_owned(),
                })
            }
            SendError::UnknownTopic => Self::UnknownTopic,
            SendError::UnknownPartition { partition, count } => {
                Self::UnknownPartition(types::UnknownPartition { partition, count })
            }
            SendError::InvalidTimestamp { timestamp } => Self::InvalidTimestamp(timestamp),
            SendError::NoTransaction { state } => Self::NoTransaction(state.into()),
            SendError::AbortRequired(fault) => Self::AbortRequired(fault.into()),
            SendError::Closed => Self::Closed,
            SendError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<Cause> for types::Cause {
    fn from(cause: Cause) -> Self {
        let code = |code: ErrorCode| code.0;
        match cause {
            Cause::AcksZero => Self::AcksZero,
            Cause::Duplicate => Self::Duplicate,
            Cause::Broker(code) => Self::Broker(code.0),
            Cause::DeliveryTimeout { last } => Self::DeliveryTimeout(last.map(code)),
            Cause::NoMetadata { last } => Self::NoMetadata(last.map(code)),
            Cause::UnknownPartition { count } => Self::UnknownPartition(count),
            Cause::ConnectionLost => Self::ConnectionLost,
            Cause::InDoubt => Self::InDoubt,
            Cause::Purged => Self::Purged,
            Cause::TransactionAborted => Self::TransactionAborted,
            Cause::Closed => Self::Closed,
            Cause::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<SocketAddr> for types::SocketAddress {
    fn from(address: SocketAddr) -> Self {
        Self {
            ip: match address.ip() {
                IpAddr::V4(ip) => types::IpAddress::Ipv4(ip.to_bits()),
                IpAddr::V6(ip) => {
                    let bits = ip.to_bits();
                    types::IpAddress::Ipv6(((bits >> 64) as u64, bits as u64))
                }
            },
            port: address.port(),
        }
    }
}

impl From<ResolveError> for types::ResolveError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::NotFound => Self::NotFound,
            ResolveError::Unavailable => Self::Unavailable,
            ResolveError::Denied => Self::Denied,
        }
    }
}

impl From<WireError> for types::WireError {
    fn from(error: WireError) -> Self {
        use types::WireErrorKind as Wit;
        Self {
            at: length(error.at),
            kind: match error.kind {
                WireErrorKind::UnexpectedEnd => Wit::UnexpectedEnd,
                WireErrorKind::BadLength => Wit::BadLength,
                WireErrorKind::NotUtf8 => Wit::NotUtf8,
                WireErrorKind::VarintTooLong => Wit::VarintTooLong,
                WireErrorKind::UnexpectedNull => Wit::UnexpectedNull,
                WireErrorKind::TrailingBytes => Wit::TrailingBytes,
                WireErrorKind::WrongCorrelationId => Wit::WrongCorrelationId,
                WireErrorKind::Unasked => Wit::Unasked,
            },
        }
    }
}

impl From<DisconnectReason> for types::DisconnectReason {
    fn from(reason: DisconnectReason) -> Self {
        match reason {
            DisconnectReason::Refused => Self::Refused,
            DisconnectReason::Reset => Self::Reset,
            DisconnectReason::Closed => Self::Closed,
            DisconnectReason::Unreachable => Self::Unreachable,
            DisconnectReason::Denied => Self::Denied,
            DisconnectReason::Exhausted => Self::Exhausted,
            DisconnectReason::Tls => Self::Tls,
            DisconnectReason::Transport => Self::Transport,
            DisconnectReason::Requested => Self::Requested,
            DisconnectReason::SetupTimedOut => Self::SetupTimedOut,
            DisconnectReason::RequestTimedOut => Self::RequestTimedOut,
            DisconnectReason::Malformed(error) => Self::Malformed(error.into()),
            DisconnectReason::Unresolved(error) => Self::Unresolved(error.into()),
            DisconnectReason::UnsupportedVersion { api_key } => Self::UnsupportedVersion(api_key),
            DisconnectReason::Rejected(code) => Self::Rejected(code.0),
        }
    }
}

impl From<ConnectionFailure> for types::ConnectionFailure {
    fn from(failure: ConnectionFailure) -> Self {
        Self {
            host: failure.host,
            port: failure.port,
            address: failure.address.map(Into::into),
            reason: failure.reason.into(),
            after: u64::try_from(failure.after.as_nanos()).unwrap_or(u64::MAX),
            was_ready: failure.was_ready,
        }
    }
}
