//! Conversions between the core's types and those of the component's interface.

use super::MachineLost;
use super::bindings::exports::odradek::kafka::machine as wit;
use super::bindings::exports::odradek::kafka::types;
use bytes::Bytes;
use odradek::wire::{WireError, WireErrorKind};
use odradek::{
    BulkError, BulkHeader, BulkOutcome, BulkRecord, Cause, ConnectionFailure, ConnectionId,
    DeliveryReport, DisconnectReason, ErrorCode, Event, FlushId, Input, Outcome, Output, QueryId,
    ResolveError, SendError, Ticket, TicketRuns, TopicError, TopicHandle, TopicPartitions,
    WaitReason,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// An input, its bytes appended to the blob. A call with 4 GiB of them fails in the component, whose
/// memory is smaller; a length beyond that is cut to the largest one.
pub(super) fn lower(input: &Input<'_>, blob: &mut Vec<u8>) -> wit::Input {
    match input {
        Input::Resolved { query, result } => wit::Input::Resolved(wit::Resolved {
            query: query.0,
            addresses: match result {
                Ok(addresses) => Ok(addresses.iter().copied().map(Into::into).collect()),
                Err(error) => Err((*error).into()),
            },
        }),
        Input::Connected { connection } => wit::Input::Connected(connection.0),
        Input::Transmitted { connection, bytes } => wit::Input::Transmitted(wit::ConnectionBytes {
            connection: connection.0,
            bytes: length(*bytes),
        }),
        Input::Received { connection, bytes } => {
            blob.extend_from_slice(bytes);
            wit::Input::Received(wit::ConnectionBytes {
                connection: connection.0,
                bytes: length(bytes.len()),
            })
        }
        Input::Disconnected { connection, reason } => wit::Input::Disconnected(wit::Disconnected {
            connection: connection.0,
            reason: (*reason).into(),
        }),
        Input::Timeout => wit::Input::Timeout,
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Appends actions as outputs; frames are slices of the one blob that came with them.
pub(super) fn raise_actions(
    actions: Vec<wit::Action>,
    mut blob: Bytes,
    outputs: &mut Vec<Output>,
) -> Result<(), MachineLost> {
    for action in actions {
        outputs.push(match action {
            wit::Action::Resolve(resolve) => Output::Resolve {
                query: QueryId(resolve.query),
                host: resolve.host,
                port: resolve.port,
            },
            wit::Action::Connect(connect) => Output::Connect {
                connection: ConnectionId(connect.connection),
                address: connect.address.into(),
                host: connect.host,
            },
            wit::Action::Transmit(moved) => Output::Transmit {
                connection: ConnectionId(moved.connection),
                slices: vec![take(&mut blob, moved.bytes)?],
            },
            wit::Action::Disconnect(connection) => Output::Disconnect {
                connection: ConnectionId(connection),
            },
            wit::Action::Event(event) => Output::Event(raise_event(event, &mut blob)?),
        });
    }
    if blob.is_empty() {
        Ok(())
    } else {
        Err(MachineLost::BrokenContract("bytes without an action"))
    }
}

/// The next bytes of a blob.
fn take(blob: &mut Bytes, length: u32) -> Result<Bytes, MachineLost> {
    match usize::try_from(length) {
        Ok(length) if length <= blob.len() => Ok(blob.split_to(length)),
        Ok(_) | Err(_) => Err(MachineLost::BrokenContract("an action without its bytes")),
    }
}

fn raise_event(event: types::Event, blob: &mut Bytes) -> Result<Event, MachineLost> {
    Ok(match event {
        types::Event::Delivered(report) => {
            let tickets = take(blob, report.tickets_length)?;
            let tickets = TicketRuns::decode(&tickets)
                .ok_or(MachineLost::BrokenContract("a ticket list that is none"))?;
            Event::Delivered(DeliveryReport {
                topic: TopicHandle(report.topic),
                partition: report.partition,
                base_offset: report.base_offset,
                log_append_time: report.log_append_time,
                outcome: match report.outcome {
                    types::Outcome::Written => Outcome::Written,
                    types::Outcome::NotWritten => Outcome::NotWritten,
                    types::Outcome::PossiblyWritten => Outcome::PossiblyWritten,
                },
                cause: report.cause.map(Into::into),
                message: report.message.map(Into::into),
                tickets,
            })
        }
        types::Event::BufferAvailable(free_bytes) => Event::BufferAvailable { free_bytes },
        types::Event::Flushed(flush) => Event::Flushed {
            flush: FlushId(flush),
        },
        types::Event::OperationEnded(ended) => Event::OperationEnded(ended.into()),
        types::Event::Partitions(told) => Event::Partitions(TopicPartitions {
            topic: TopicHandle(told.topic),
            leaders: told.leaders.map_err(Into::into),
        }),
        types::Event::ConnectionFailed(failure) => Event::ConnectionFailed(failure.into()),
        types::Event::Failed(error) => Event::Failed(error.into()),
        types::Event::Closed => Event::Closed,
    })
}

/// What became of a bulk.
pub(super) fn raise_outcome(outcome: types::SendOutcome) -> Result<BulkOutcome, MachineLost> {
    let refused = match outcome.refused {
        None => None,
        Some(types::Refusal::Malformed) => Some(BulkError::Malformed),
        Some(types::Refusal::Send(error)) => Some(BulkError::Send(raise_send_error(error)?)),
    };
    Ok(BulkOutcome {
        accepted: outcome.accepted,
        first_ticket: Ticket(outcome.first_ticket),
        refused,
        free_bytes: outcome.free_bytes,
    })
}

fn raise_send_error(error: types::SendError) -> Result<SendError, MachineLost> {
    Ok(match error {
        types::SendError::BufferFull(full) => SendError::BufferFull {
            needed: full.needed,
            free: full.free,
        },
        types::SendError::RecordTooLarge(large) => SendError::RecordTooLarge {
            size: large.size,
            limit: large.limit,
            key: odradek::config::keys()
                .iter()
                .find(|key| key.name == large.key)
                .ok_or(MachineLost::BrokenContract("a limit without a key"))?
                .name,
        },
        types::SendError::UnknownTopic => SendError::UnknownTopic,
        types::SendError::UnknownPartition(unknown) => SendError::UnknownPartition {
            partition: unknown.partition,
            count: unknown.count,
        },
        types::SendError::InvalidTimestamp(timestamp) => SendError::InvalidTimestamp { timestamp },
        types::SendError::NoTransaction(state) => SendError::NoTransaction {
            state: state.into(),
        },
        types::SendError::AbortRequired(fault) => SendError::AbortRequired(fault.into()),
        types::SendError::Closed => SendError::Closed,
        types::SendError::Failed(error) => SendError::Failed(error.into()),
    })
}

impl From<&BulkRecord> for types::RecordIndex {
    fn from(record: &BulkRecord) -> Self {
        Self {
            topic: record.topic.0,
            partition: record.partition,
            timestamp: record.timestamp,
            key_length: record.key_length,
            value_length: record.value_length,
            header_count: record.header_count,
        }
    }
}

impl From<&BulkHeader> for types::HeaderIndex {
    fn from(header: &BulkHeader) -> Self {
        Self {
            name_length: header.name_length,
            value_length: header.value_length,
        }
    }
}

impl From<types::TopicError> for TopicError {
    fn from(error: types::TopicError) -> Self {
        match error {
            types::TopicError::Length(bytes) => Self::Length {
                length: bytes as usize,
            },
            types::TopicError::Character => Self::Character,
            types::TopicError::TooMany(limit) => Self::TooMany { limit },
        }
    }
}

impl From<types::Cause> for Cause {
    fn from(cause: types::Cause) -> Self {
        match cause {
            types::Cause::AcksZero => Self::AcksZero,
            types::Cause::Duplicate => Self::Duplicate,
            types::Cause::Broker(code) => Self::Broker(ErrorCode(code)),
            types::Cause::DeliveryTimeout(last) => Self::DeliveryTimeout {
                last: last.map(ErrorCode),
            },
            types::Cause::NoMetadata(last) => Self::NoMetadata {
                last: last.map(ErrorCode),
            },
            types::Cause::UnknownPartition(count) => Self::UnknownPartition { count },
            types::Cause::ConnectionLost => Self::ConnectionLost,
            types::Cause::InDoubt => Self::InDoubt,
            types::Cause::Purged => Self::Purged,
            types::Cause::TransactionAborted => Self::TransactionAborted,
            types::Cause::Closed => Self::Closed,
            types::Cause::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<IpAddr> for types::IpAddress {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(ip) => Self::Ipv4(ip.to_bits()),
            IpAddr::V6(ip) => {
                let bits = ip.to_bits();
                Self::Ipv6(((bits >> 64) as u64, bits as u64))
            }
        }
    }
}

impl From<types::SocketAddress> for SocketAddr {
    fn from(address: types::SocketAddress) -> Self {
        let ip = match address.ip {
            types::IpAddress::Ipv4(bits) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            types::IpAddress::Ipv6((high, low)) => IpAddr::V6(Ipv6Addr::from_bits(
                u128::from(high) << 64 | u128::from(low),
            )),
        };
        Self::new(ip, address.port)
    }
}

impl From<types::ConnectionFailure> for ConnectionFailure {
    fn from(failure: types::ConnectionFailure) -> Self {
        Self {
            host: failure.host,
            port: failure.port,
            address: failure.address.map(Into::into),
            reason: failure.reason.into(),
            after: Duration::from_nanos(failure.after),
            was_ready: failure.was_ready,
        }
    }
}

/// Both directions between two enumerations whose variants have the same names.
macro_rules! same_names {
    ($core:ty, $wit:ty: $($name:ident),+ $(,)?) => {
        impl From<$core> for $wit {
            fn from(value: $core) -> Self {
                match value { $(<$core>::$name => Self::$name),+ }
            }
        }

        impl From<$wit> for $core {
            fn from(value: $wit) -> Self {
                match value { $(<$wit>::$name => Self::$name),+ }
            }
        }
    };
}

pub(super) use same_names;

same_names!(ResolveError, types::ResolveError: NotFound, Unavailable, Denied);
same_names!(
    WireErrorKind, types::WireErrorKind:
    UnexpectedEnd, BadLength, NotUtf8, VarintTooLong, UnexpectedNull, TrailingBytes,
    WrongCorrelationId, Unasked,
);
same_names!(
    WaitReason, wit::WaitReason:
    Idle, Linger, DeliveryTimeout, MaxBlock, RequestTimeout, RetryBackoff, ConnectionSetup,
    ReconnectBackoff, MetadataAge, Close,
);

impl From<types::DisconnectReason> for DisconnectReason {
    fn from(reason: types::DisconnectReason) -> Self {
        use types::DisconnectReason as Wit;
        match reason {
            Wit::Refused => Self::Refused,
            Wit::Reset => Self::Reset,
            Wit::Closed => Self::Closed,
            Wit::Unreachable => Self::Unreachable,
            Wit::Denied => Self::Denied,
            Wit::Exhausted => Self::Exhausted,
            Wit::Tls => Self::Tls,
            Wit::Transport => Self::Transport,
            Wit::Requested => Self::Requested,
            Wit::SetupTimedOut => Self::SetupTimedOut,
            Wit::RequestTimedOut => Self::RequestTimedOut,
            Wit::Malformed(error) => Self::Malformed(WireError {
                at: error.at as usize,
                kind: error.kind.into(),
            }),
            Wit::Unresolved(error) => Self::Unresolved(error.into()),
            Wit::UnsupportedVersion(api_key) => Self::UnsupportedVersion { api_key },
            Wit::Rejected(code) => Self::Rejected(ErrorCode(code)),
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
            DisconnectReason::Malformed(error) => Self::Malformed(types::WireError {
                at: length(error.at),
                kind: error.kind.into(),
            }),
            DisconnectReason::Unresolved(error) => Self::Unresolved(error.into()),
            DisconnectReason::UnsupportedVersion { api_key } => Self::UnsupportedVersion(api_key),
            DisconnectReason::Rejected(code) => Self::Rejected(code.0),
        }
    }
}
