//! What a driver tells the machine, as values: an [`Input`] that can own what it speaks of.
//!
//! A happening is its number (see [`Happening::number`]), the number of the connection or of the query, and
//! what follows from the fields. Reasons are numbered as the tables here list them.

use super::fields::{Fields, put_bytes, put_number, put_signed};
use odradek::wire::{WireError, WireErrorKind};
use odradek::{ConnectionId, DisconnectReason, ErrorCode, Input, QueryId, ResolveError};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An [`Input`] of the machine.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// [`Input::Resolved`].
    Resolved(QueryId, Result<Cow<'a, [IpAddr]>, ResolveError>),
    /// [`Input::Connected`].
    Connected(ConnectionId),
    /// [`Input::Transmitted`].
    Transmitted(ConnectionId, usize),
    /// [`Input::Received`].
    Received(ConnectionId, Cow<'a, [u8]>),
    /// [`Input::Disconnected`].
    Disconnected(ConnectionId, DisconnectReason),
    /// [`Input::Timeout`].
    Timeout,
}

impl<'a> From<&Input<'a>> for Happening<'a> {
    fn from(input: &Input<'a>) -> Self {
        match input {
            Input::Resolved { query, result } => Self::Resolved(*query, result.map(Cow::Borrowed)),
            Input::Connected { connection } => Self::Connected(*connection),
            Input::Transmitted { connection, bytes } => Self::Transmitted(*connection, *bytes),
            Input::Received { connection, bytes } => {
                Self::Received(*connection, Cow::Borrowed(*bytes))
            }
            Input::Disconnected { connection, reason } => Self::Disconnected(*connection, *reason),
            Input::Timeout => Self::Timeout,
        }
    }
}

impl<'a> Happening<'a> {
    /// The input, borrowed.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Resolved(query, result) => Input::Resolved {
                query: *query,
                result: result.as_deref().map_err(|error| *error),
            },
            Self::Connected(connection) => Input::Connected {
                connection: *connection,
            },
            Self::Transmitted(connection, bytes) => Input::Transmitted {
                connection: *connection,
                bytes: *bytes,
            },
            Self::Received(connection, bytes) => Input::Received {
                connection: *connection,
                bytes,
            },
            Self::Disconnected(connection, reason) => Input::Disconnected {
                connection: *connection,
                reason: *reason,
            },
            Self::Timeout => Input::Timeout,
        }
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Timeout => 0,
            Self::Resolved(..) => 1,
            Self::Connected(_) => 2,
            Self::Transmitted(..) => 3,
            Self::Received(..) => 4,
            Self::Disconnected(..) => 5,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.number());
        match self {
            Self::Resolved(query, result) => {
                put_number(out, query.0.into());
                match result {
                    Ok(addresses) => encode_addresses(addresses, out),
                    Err(error) => out.extend([1, resolve_number(*error)]),
                }
            }
            Self::Connected(connection) => put_number(out, connection.0.into()),
            Self::Transmitted(connection, bytes) => {
                put_number(out, connection.0.into());
                put_number(out, *bytes as u64);
            }
            Self::Received(connection, bytes) => {
                put_number(out, connection.0.into());
                put_bytes(out, bytes);
            }
            Self::Disconnected(connection, reason) => {
                put_number(out, connection.0.into());
                encode_reason(*reason, out);
            }
            Self::Timeout => {}
        }
    }

    pub(super) fn decode(fields: &mut Fields<'a>) -> Option<Self> {
        let number = fields.byte()?;
        if number == 0 {
            return Some(Self::Timeout);
        }
        let id = fields.small()?;
        let connection = ConnectionId(id);
        Some(match number {
            1 => {
                let result = match fields.byte()? {
                    0 => Ok(Cow::Owned(decode_addresses(fields)?)),
                    _ => Err(resolve_error(fields.byte()?)?),
                };
                Self::Resolved(QueryId(id), result)
            }
            2 => Self::Connected(connection),
            3 => Self::Transmitted(connection, fields.small()?),
            4 => Self::Received(connection, fields.bytes()?.into()),
            5 => Self::Disconnected(connection, decode_reason(fields)?),
            _ => return None,
        })
    }
}

fn encode_addresses(addresses: &[IpAddr], out: &mut Vec<u8>) {
    out.push(0);
    put_number(out, addresses.len() as u64);
    for address in addresses {
        match address {
            IpAddr::V4(ip) => put_bytes(out, &ip.octets()),
            IpAddr::V6(ip) => put_bytes(out, &ip.octets()),
        }
    }
}

fn decode_addresses(fields: &mut Fields<'_>) -> Option<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    for _ in 0..fields.number()? {
        let octets = fields.bytes()?;
        let four = <[u8; 4]>::try_from(octets).map(|octets| Ipv4Addr::from(octets).into());
        let sixteen = || <[u8; 16]>::try_from(octets).map(|octets| Ipv6Addr::from(octets).into());
        addresses.push(four.or_else(|_| sixteen()).ok()?);
    }
    Some(addresses)
}

/// By number.
const RESOLVE_ERRORS: [ResolveError; 3] = [
    ResolveError::NotFound,
    ResolveError::Unavailable,
    ResolveError::Denied,
];

fn resolve_number(error: ResolveError) -> u8 {
    number_in(&RESOLVE_ERRORS, error)
}

fn resolve_error(number: u8) -> Option<ResolveError> {
    RESOLVE_ERRORS.get(usize::from(number)).copied()
}

/// By number: the reasons that are nothing but a name. Those with fields have the numbers from 100 on.
const PLAIN_REASONS: [DisconnectReason; 11] = [
    DisconnectReason::Refused,
    DisconnectReason::Reset,
    DisconnectReason::Closed,
    DisconnectReason::Unreachable,
    DisconnectReason::Denied,
    DisconnectReason::Exhausted,
    DisconnectReason::Tls,
    DisconnectReason::Transport,
    DisconnectReason::Requested,
    DisconnectReason::SetupTimedOut,
    DisconnectReason::RequestTimedOut,
];

/// By number.
const WIRE_ERRORS: [WireErrorKind; 8] = [
    WireErrorKind::UnexpectedEnd,
    WireErrorKind::BadLength,
    WireErrorKind::NotUtf8,
    WireErrorKind::VarintTooLong,
    WireErrorKind::UnexpectedNull,
    WireErrorKind::TrailingBytes,
    WireErrorKind::WrongCorrelationId,
    WireErrorKind::Unasked,
];

/// The number of a value that its table lists.
fn number_in<T: PartialEq>(table: &[T], value: T) -> u8 {
    let index = table.iter().position(|listed| *listed == value);
    // A value that is missing here fails the test of this file.
    index.map_or(u8::MAX, |index| index as u8)
}

fn encode_reason(reason: DisconnectReason, out: &mut Vec<u8>) {
    match reason {
        DisconnectReason::Malformed(error) => {
            out.extend([100, number_in(&WIRE_ERRORS, error.kind)]);
            put_number(out, error.at as u64);
        }
        DisconnectReason::Unresolved(error) => out.extend([101, resolve_number(error)]),
        DisconnectReason::UnsupportedVersion { api_key } => {
            out.push(102);
            put_signed(out, api_key.into());
        }
        DisconnectReason::Rejected(code) => {
            out.push(103);
            put_signed(out, code.0.into());
        }
        DisconnectReason::Refused
        | DisconnectReason::Reset
        | DisconnectReason::Closed
        | DisconnectReason::Unreachable
        | DisconnectReason::Denied
        | DisconnectReason::Exhausted
        | DisconnectReason::Tls
        | DisconnectReason::Transport
        | DisconnectReason::Requested
        | DisconnectReason::SetupTimedOut
        | DisconnectReason::RequestTimedOut => out.push(number_in(&PLAIN_REASONS, reason)),
    }
}

fn decode_reason(fields: &mut Fields<'_>) -> Option<DisconnectReason> {
    Some(match fields.byte()? {
        100 => DisconnectReason::Malformed(WireError {
            kind: *WIRE_ERRORS.get(usize::from(fields.byte()?))?,
            at: fields.small()?,
        }),
        101 => DisconnectReason::Unresolved(resolve_error(fields.byte()?)?),
        102 => DisconnectReason::UnsupportedVersion {
            api_key: fields.small_signed()?,
        },
        103 => DisconnectReason::Rejected(ErrorCode(fields.small_signed()?)),
        plain => *PLAIN_REASONS.get(usize::from(plain))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(happening: &Happening<'_>) {
        let mut out = Vec::new();
        happening.encode(&mut out);
        let mut fields = Fields::new(&out);
        let decoded = Happening::decode(&mut fields).expect("it is whole");
        assert_eq!(format!("{decoded:?}"), format!("{happening:?}"));
        assert!(fields.rest().is_empty());
    }

    #[test]
    fn every_happening_comes_back_as_it_was() {
        let connection = ConnectionId(300);
        let addresses = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([1u16; 8])];
        both_ways(&Happening::Timeout);
        both_ways(&Happening::Connected(connection));
        both_ways(&Happening::Transmitted(connection, 70_000));
        both_ways(&Happening::Received(connection, b"answer"[..].into()));
        both_ways(&Happening::Resolved(QueryId(1), Ok(addresses[..].into())));
        for error in RESOLVE_ERRORS {
            both_ways(&Happening::Resolved(QueryId(1), Err(error)));
            let reason = DisconnectReason::Unresolved(error);
            both_ways(&Happening::Disconnected(connection, reason));
        }
        for reason in PLAIN_REASONS {
            both_ways(&Happening::Disconnected(connection, reason));
        }
        for kind in WIRE_ERRORS {
            let reason = DisconnectReason::Malformed(WireError { at: 9, kind });
            both_ways(&Happening::Disconnected(connection, reason));
        }
        for reason in [
            DisconnectReason::UnsupportedVersion { api_key: -3 },
            DisconnectReason::Rejected(ErrorCode(31)),
        ] {
            both_ways(&Happening::Disconnected(connection, reason));
        }
    }
}
