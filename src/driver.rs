//! The contract with the driver: what it tells the machine, and what the machine asks of it.
//!
//! A driver repeats two steps for ever: hand over what happened with
//! [`Producer::handle_input`](crate::Producer::handle_input), then act on
//! [`Producer::poll_output`](crate::Producer::poll_output) until it says [`Output::Wait`]. It decides
//! nothing: which address is tried, when a connection has taken too long and when a request is sent
//! again are the machine's choices.

use crate::event::Event;
use crate::ids::{ConnectionId, QueryId};
use crate::time::Instant;
use bytes::Bytes;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// Something that happened outside, told by the driver. No input can fail: whatever the bytes are,
/// the consequence is an output.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// An [`Output::Resolve`] was answered. An empty list counts as [`ResolveError::NotFound`].
    Resolved {
        /// The query that is answered. An unknown one is ignored.
        query: QueryId,
        /// The addresses in the order in which they should be tried, or why there are none.
        result: Result<&'a [IpAddr], ResolveError>,
    },
    /// A connection asked for with [`Output::Connect`] is open (after TLS, where the driver adds it).
    Connected {
        /// The connection that is open.
        connection: ConnectionId,
    },
    /// The transport took bytes for good: they will not be handed back, and their memory may be
    /// used again.
    Transmitted {
        /// The connection they were written to.
        connection: ConnectionId,
        /// How many bytes since the last such input.
        bytes: usize,
    },
    /// Bytes arrived, cut anywhere.
    Received {
        /// The connection they arrived on.
        connection: ConnectionId,
        /// The bytes; borrowed for the call.
        bytes: &'a [u8],
    },
    /// A connection ended, or could not be opened, or [`Output::Disconnect`] was carried out. The
    /// last input of a connection; the driver holds none of its bytes any more.
    Disconnected {
        /// The connection that is gone.
        connection: ConnectionId,
        /// Why, as far as the driver knows.
        reason: DisconnectReason,
    },
    /// Nothing but time passed. Calling early or late is harmless.
    Timeout,
}

/// Something the machine asks of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an output that is dropped is a request that nobody carries out"]
pub enum Output {
    /// Find the addresses of a name. Answer with [`Input::Resolved`].
    Resolve {
        /// The number to answer with.
        query: QueryId,
        /// A host name, or an IP address as text.
        host: String,
        /// The port that will be connected to, for policies; not part of the question.
        port: u16,
    },
    /// Open a stream. Answer with [`Input::Connected`] or [`Input::Disconnected`].
    Connect {
        /// The number of the new connection.
        connection: ConnectionId,
        /// Where to.
        address: SocketAddr,
        /// The host name that was resolved, for TLS and for policies.
        host: String,
    },
    /// Write these bytes, in order and after all earlier ones. Report progress with
    /// [`Input::Transmitted`].
    Transmit {
        /// The connection to write to.
        connection: ConnectionId,
        /// One whole request frame in pieces; the pieces share the memory of the record batches.
        slices: Vec<Bytes>,
    },
    /// Close the stream at once and forget what was not written. Answer with
    /// [`Input::Disconnected`].
    Disconnect {
        /// The connection to close.
        connection: ConnectionId,
    },
    /// Something for the application.
    Event(Event),
    /// Nothing more to do until the next input, or until the time given.
    Wait {
        /// When to call with [`Input::Timeout`] at the latest; `None` when only an input can help.
        until: Option<Instant>,
        /// What the machine waits for first.
        reason: WaitReason,
    },
}

/// What the earliest deadline of an [`Output::Wait`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// Nothing is pending. With a time: a connection on which nothing happens is closed then
    /// (`connections.max.idle.ms`).
    Idle,
    /// An open batch waits for company (`linger.ms`).
    Linger,
    /// A batch would expire (`delivery.timeout.ms`).
    DeliveryTimeout,
    /// A record waits for its topic's metadata (`max.block.ms`).
    MaxBlock,
    /// A request is unanswered (`request.timeout.ms`).
    RequestTimeout,
    /// A batch or a request is to be tried again (`retry.backoff.ms`).
    RetryBackoff,
    /// A connection is being set up (`socket.connection.setup.timeout.ms`).
    ConnectionSetup,
    /// A connection is to be tried again (`reconnect.backoff.ms`).
    ReconnectBackoff,
    /// The cluster view grows old (`metadata.max.age.ms`).
    MetadataAge,
    /// A close has a deadline.
    Close,
}

/// Why a name has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// The name does not exist or has no addresses.
    NotFound,
    /// The resolver could not answer at this time.
    Unavailable,
    /// A policy of the driver or of its host does not allow the name, or look-ups at all.
    Denied,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The peer refused the connection.
    Refused,
    /// The peer reset or aborted the connection.
    Reset,
    /// The peer closed its side.
    Closed,
    /// No route to the address.
    Unreachable,
    /// A policy of the driver does not allow the address.
    Denied,
    /// The driver has no room for another connection: it, or its host, has as many as it may have.
    Exhausted,
    /// The TLS handshake failed.
    Tls,
    /// Some other failure of the transport.
    Transport,
    /// The machine asked for it.
    Requested,
    /// The connection was not set up within `socket.connection.setup.timeout.ms`.
    SetupTimedOut,
    /// A request was not answered within `request.timeout.ms` or, with `acks=0`, not taken whole by
    /// the transport.
    RequestTimedOut,
    /// The peer sent bytes that are no answer to what was asked.
    Malformed(crate::wire::WireError),
    /// The name of the broker could not be resolved.
    Unresolved(ResolveError),
    /// The broker speaks no version of a request that this producer needs.
    UnsupportedVersion {
        /// The request's API key.
        api_key: i16,
    },
    /// The broker answered the connection set-up with an error code.
    Rejected(crate::error_code::ErrorCode),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the name has no address",
            Self::Unavailable => "the resolver did not answer",
            Self::Denied => "the host refuses to look the name up: its policy may not allow it, or it has no name server",
        })
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Reset => f.write_str("connection reset by the peer"),
            Self::Closed => f.write_str("connection closed by the peer"),
            Self::Unreachable => f.write_str("address unreachable"),
            Self::Denied => f.write_str("address not allowed by the host's policy"),
            Self::Exhausted => f.write_str("no room for another connection"),
            Self::Tls => f.write_str("TLS handshake failed"),
            Self::Transport => f.write_str("transport failure"),
            Self::Requested => f.write_str("closed by this producer"),
            Self::SetupTimedOut => f.write_str("no connection within the set-up timeout"),
            Self::RequestTimedOut => f.write_str("a request took longer than request.timeout.ms"),
            Self::Malformed(error) => write!(f, "malformed answer: {error}"),
            Self::Unresolved(error) => error.fmt(f),
            Self::UnsupportedVersion { api_key } => {
                write!(f, "the broker supports no usable version of API {api_key}")
            }
            Self::Rejected(code) => write!(f, "the broker answered {code}"),
        }
    }
}
