//! Connections and name look-ups: the machine's outputs carried out, and what came of them.

use bytes::Bytes;
use odradek::{ConnectionId, DisconnectReason, Input, QueryId, ResolveError};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How many bytes are read from all connections before the machine hears of them.
const ARENA_BYTES: usize = 256 << 10;
/// How many bytes one read asks for at most.
const READ_BYTES: usize = 64 << 10;
/// How many pieces one write offers.
const WRITE_SLICES: usize = 64;
/// How many bytes one connection may write before the others get their turn.
const WRITE_BYTES: usize = 1 << 20;

/// What an error of the transport means to the machine; every other kind is
/// [`DisconnectReason::Transport`].
const REASONS: [(ErrorKind, DisconnectReason); 11] = [
    (ErrorKind::ConnectionRefused, DisconnectReason::Refused),
    (ErrorKind::ConnectionReset, DisconnectReason::Reset),
    (ErrorKind::ConnectionAborted, DisconnectReason::Reset),
    (ErrorKind::BrokenPipe, DisconnectReason::Reset),
    (ErrorKind::UnexpectedEof, DisconnectReason::Closed),
    (ErrorKind::HostUnreachable, DisconnectReason::Unreachable),
    (ErrorKind::NetworkUnreachable, DisconnectReason::Unreachable),
    (ErrorKind::NetworkDown, DisconnectReason::Unreachable),
    (ErrorKind::AddrNotAvailable, DisconnectReason::Unreachable),
    // The kernel gave up sending packets: nobody answers at the address.
    (ErrorKind::TimedOut, DisconnectReason::Unreachable),
    // A firewall rule of this machine.
    (ErrorKind::PermissionDenied, DisconnectReason::Denied),
];

/// Why a connection ended, from the operating system's error.
pub(crate) fn disconnect_reason(error: &io::Error) -> DisconnectReason {
    REASONS
        .iter()
        .find(|(kind, _)| *kind == error.kind())
        .map_or(DisconnectReason::Transport, |(_, reason)| *reason)
}

/// Why a name has no addresses. The standard library keeps the resolver's code in the text alone:
/// EAI_AGAIN is the one that a later question may answer.
fn resolve_error(error: &io::Error) -> ResolveError {
    if error.to_string().contains("emporary failure") {
        ResolveError::Unavailable
    } else {
        ResolveError::NotFound
    }
}

/// Something that happened to a connection or a look-up.
#[derive(Debug)]
pub(crate) enum Happening {
    Connected(ConnectionId),
    Transmitted(ConnectionId, usize),
    /// Where in the arena the bytes lie.
    Received(ConnectionId, Range<usize>),
    Disconnected(ConnectionId, DisconnectReason),
    Resolved(QueryId, Result<Vec<IpAddr>, ResolveError>),
}

/// What happened since the machine was told last, with the bytes that arrived.
#[derive(Debug)]
pub(crate) struct Happenings {
    list: Vec<Happening>,
    arena: Vec<u8>,
    used: usize,
}

impl Happenings {
    pub(crate) fn new() -> Self {
        Self {
            list: Vec::new(),
            arena: vec![0; ARENA_BYTES],
            used: 0,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many received bytes there are.
    pub(crate) const fn received_bytes(&self) -> usize {
        self.used
    }

    /// How many bytes the transports have taken.
    pub(crate) fn transmitted_bytes(&self) -> usize {
        let bytes = |happening: &Happening| match happening {
            Happening::Transmitted(_, bytes) => *bytes,
            Happening::Connected(_)
            | Happening::Received(..)
            | Happening::Disconnected(..)
            | Happening::Resolved(..) => 0,
        };
        self.list.iter().map(bytes).sum()
    }

    /// The same for the machine.
    pub(crate) fn inputs(&self) -> Vec<Input<'_>> {
        let input = |happening| match happening {
            &Happening::Connected(connection) => Input::Connected { connection },
            &Happening::Transmitted(connection, bytes) => Input::Transmitted { connection, bytes },
            Happening::Received(connection, range) => Input::Received {
                connection: *connection,
                bytes: &self.arena[range.clone()],
            },
            &Happening::Disconnected(connection, reason) => {
                Input::Disconnected { connection, reason }
            }
            Happening::Resolved(query, result) => Input::Resolved {
                query: *query,
                result: result.as_deref().map_err(|error| *error),
            },
        };
        self.list.iter().map(input).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.used = 0;
    }
}

struct Query {
    id: QueryId,
    addresses: Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>,
}

enum Stream {
    Connecting(Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>),
    Open(TcpStream),
}

struct Connection {
    id: ConnectionId,
    stream: Stream,
    outgoing: VecDeque<Bytes>,
    /// How many bytes of the first piece the transport has taken.
    taken: usize,
}

/// All connections and look-ups of one machine.
#[derive(Default)]
pub(crate) struct Sockets {
    connections: Vec<Connection>,
    queries: Vec<Query>,
    /// Connections closed on request, to be confirmed.
    closed: Vec<ConnectionId>,
}

impl Sockets {
    /// Starts to open a stream.
    pub(crate) fn connect(&mut self, id: ConnectionId, address: SocketAddr) {
        self.connections.push(Connection {
            id,
            stream: Stream::Connecting(Box::pin(TcpStream::connect(address))),
            outgoing: VecDeque::new(),
            taken: 0,
        });
    }

    /// Queues bytes. For a connection that is gone they are dropped: the machine is about to hear
    /// of it.
    pub(crate) fn transmit(&mut self, id: ConnectionId, slices: Vec<Bytes>) {
        if let Some(connection) = self.connections.iter_mut().find(|c| c.id == id) {
            let filled = slices.into_iter().filter(|slice| !slice.is_empty());
            connection.outgoing.extend(filled);
        }
    }

    /// Closes a stream at once.
    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        if let Some(index) = self.connections.iter().position(|c| c.id == id) {
            self.connections.swap_remove(index);
            self.closed.push(id);
        }
    }

    /// Starts to look a name up.
    pub(crate) fn resolve(&mut self, id: QueryId, host: String, port: u16) {
        let addresses = Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), port)).await?;
            Ok(found.map(|address| address.ip()).collect())
        });
        self.queries.push(Query { id, addresses });
    }

    /// Whether bytes wait for a transport, or a close to be confirmed: the machine counts their
    /// memory until it hears of it.
    pub(crate) fn is_busy(&self) -> bool {
        !self.closed.is_empty() || self.connections.iter().any(|c| !c.outgoing.is_empty())
    }

    /// Moves everything on as far as it goes and adds what happened. Where nothing did, the task
    /// is woken when something can.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, happenings: &mut Happenings) {
        for id in self.closed.drain(..) {
            let reason = DisconnectReason::Requested;
            happenings.list.push(Happening::Disconnected(id, reason));
        }
        self.queries.retain_mut(|query| {
            let Poll::Ready(result) = query.addresses.as_mut().poll(cx) else {
                return true;
            };
            let result = result.map_err(|error| resolve_error(&error));
            happenings.list.push(Happening::Resolved(query.id, result));
            false
        });
        // Whoever came first last time comes last this time, should the arena be too small for all.
        if !self.connections.is_empty() {
            self.connections.rotate_left(1);
        }
        self.connections
            .retain_mut(|connection| match connection.poll(cx, happenings) {
                Ok(()) => true,
                Err(reason) => {
                    let gone = Happening::Disconnected(connection.id, reason);
                    happenings.list.push(gone);
                    false
                }
            });
    }
}

impl Connection {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        happenings: &mut Happenings,
    ) -> Result<(), DisconnectReason> {
        if let Stream::Connecting(connecting) = &mut self.stream {
            let Poll::Ready(stream) = connecting.as_mut().poll(cx) else {
                return Ok(());
            };
            let stream = stream.map_err(|error| disconnect_reason(&error))?;
            // Requests are whole when they are written; waiting for more only delays them. A
            // transport without the option still works.
            let _ = stream.set_nodelay(true);
            self.stream = Stream::Open(stream);
            happenings.list.push(Happening::Connected(self.id));
        }
        let Stream::Open(stream) = &mut self.stream else {
            return Ok(());
        };
        read(stream, self.id, cx, happenings)?;
        let (mut total, mut result) = (0, Ok(()));
        while total < WRITE_BYTES && !self.outgoing.is_empty() {
            match write(stream, &self.outgoing, self.taken, cx) {
                Poll::Ready(Ok(0)) => result = Err(DisconnectReason::Closed),
                Poll::Ready(Ok(bytes)) => {
                    total += bytes;
                    forget(&mut self.outgoing, &mut self.taken, bytes);
                    continue;
                }
                Poll::Ready(Err(error)) => result = Err(disconnect_reason(&error)),
                Poll::Pending => {}
            }
            break;
        }
        if total > 0 {
            let taken = Happening::Transmitted(self.id, total);
            happenings.list.push(taken);
        }
        result
    }
}

/// Reads what has arrived, as far as the arena has room.
fn read(
    stream: &mut TcpStream,
    id: ConnectionId,
    cx: &mut Context<'_>,
    happenings: &mut Happenings,
) -> Result<(), DisconnectReason> {
    let start = happenings.used;
    let result = loop {
        let end = happenings.arena.len().min(happenings.used + READ_BYTES);
        if end == happenings.used {
            // The machine takes what there is first; the driver comes back without waiting.
            break Ok(());
        }
        let mut buffer = ReadBuf::new(&mut happenings.arena[happenings.used..end]);
        match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                break Err(DisconnectReason::Closed);
            }
            Poll::Ready(Ok(())) => happenings.used += buffer.filled().len(),
            Poll::Ready(Err(error)) => break Err(disconnect_reason(&error)),
            Poll::Pending => break Ok(()),
        }
    };
    if happenings.used > start {
        let arrived = Happening::Received(id, start..happenings.used);
        happenings.list.push(arrived);
    }
    result
}

/// Offers the first pieces to the transport.
fn write(
    stream: &mut TcpStream,
    outgoing: &VecDeque<Bytes>,
    taken: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
    let mut count = 0;
    for (slice, bytes) in slices.iter_mut().zip(outgoing) {
        let start = if count == 0 { taken } else { 0 };
        *slice = IoSlice::new(&bytes[start..]);
        count += 1;
    }
    Pin::new(stream).poll_write_vectored(cx, &slices[..count])
}

/// Drops what was written: before the machine hears of it, so that it may use the memory again.
fn forget(outgoing: &mut VecDeque<Bytes>, taken: &mut usize, mut bytes: usize) {
    while let Some(front) = outgoing.front() {
        let left = front.len() - *taken;
        if bytes < left {
            *taken += bytes;
            return;
        }
        bytes -= left;
        *taken = 0;
        outgoing.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_have_their_reasons() {
        let reason = |kind: ErrorKind| disconnect_reason(&kind.into());
        assert_eq!(
            reason(ErrorKind::ConnectionRefused),
            DisconnectReason::Refused
        );
        assert_eq!(reason(ErrorKind::BrokenPipe), DisconnectReason::Reset);
        assert_eq!(reason(ErrorKind::TimedOut), DisconnectReason::Unreachable);
        assert_eq!(reason(ErrorKind::Other), DisconnectReason::Transport);
    }

    #[test]
    fn a_partial_write_leaves_the_rest_of_a_piece() {
        let mut outgoing = VecDeque::from([Bytes::from("abc"), Bytes::from("defg")]);
        let mut taken = 0;
        forget(&mut outgoing, &mut taken, 2);
        assert_eq!((outgoing.len(), taken), (2, 2));
        forget(&mut outgoing, &mut taken, 3);
        assert_eq!((outgoing.len(), taken), (1, 2));
        forget(&mut outgoing, &mut taken, 2);
        assert_eq!((outgoing.len(), taken), (0, 0));
    }
}
