//! One connection: opening it, reading from it, writing to it.

use super::outgoing::Outgoing;
use super::parking;
use super::reasons::{connect_reason, stream_reason};
use super::streams::Streams;
use crate::Producer;
use crate::driver::{DisconnectReason, Input};
use crate::ids::ConnectionId;
use crate::time::Instant;
use ::wasi::io::poll::Pollable;
use ::wasi::sockets::instance_network::instance_network;
use ::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use ::wasi::sockets::tcp::TcpSocket;
use ::wasi::sockets::tcp_create_socket::create_tcp_socket;
use bytes::Bytes;
use core::net::{IpAddr, SocketAddr};

/// How many bytes one read asks for. Hosts prepare a buffer of this size for each, and answers are small.
const READ_BYTES: u64 = 16 << 10;

/// How many bytes are read from one connection, or written to it, before the others get their turn.
const TURN_BYTES: usize = 256 << 10;

/// A connection on its way or open.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    stage: Stage,
    outgoing: Outgoing,
    /// Whether reading, or finishing to connect, may bring something.
    can_read: bool,
    /// Whether the connection is open and the host may take bytes.
    can_write: bool,
    /// Whether anything was ever received.
    pub(super) has_heard: bool,
}

/// The pollable is dropped before the socket, its parent.
#[derive(Debug)]
enum Stage {
    Connecting {
        connected: Pollable,
        socket: TcpSocket,
    },
    Open(Streams),
    /// The socket is gone.
    Over,
}

/// What of a connection can become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Being connected, or something to read.
    Read,
    /// Room for more bytes.
    Write,
}

impl Connection {
    /// Starts to open a connection. Never blocks.
    ///
    /// # Errors
    ///
    /// Why there will be none.
    pub(super) fn open(id: ConnectionId, address: SocketAddr) -> Result<Self, DisconnectReason> {
        if parking::is_full() {
            return Err(DisconnectReason::Exhausted);
        }
        let (family, address) = socket_address(address);
        let socket = create_tcp_socket(family).map_err(connect_reason)?;
        let network = instance_network();
        socket
            .start_connect(&network, address)
            .map_err(connect_reason)?;
        Ok(Self {
            id,
            stage: Stage::Connecting {
                connected: socket.subscribe(),
                socket,
            },
            outgoing: Outgoing::default(),
            can_read: true,
            can_write: false,
            has_heard: false,
        })
    }

    /// Queues bytes.
    pub(super) fn transmit(&mut self, slices: Vec<Bytes>) {
        self.outgoing.push(slices);
    }

    /// What is waited for now.
    pub(super) fn interests(&self) -> impl Iterator<Item = (Side, &Pollable)> {
        let (read, write) = match &self.stage {
            Stage::Connecting { connected, .. } => (Some(connected), None),
            Stage::Open(streams) => {
                let is_waiting = !self.outgoing.is_empty() && !self.can_write;
                (
                    Some(&streams.readable),
                    is_waiting.then_some(&streams.writable),
                )
            }
            Stage::Over => (None, None),
        };
        let read = read.map(|pollable| (Side::Read, pollable));
        read.into_iter()
            .chain(write.map(|pollable| (Side::Write, pollable)))
    }

    /// Other pollables for the same, for somebody who drops them in time.
    pub(super) fn subscribe(&self) -> impl Iterator<Item = Pollable> {
        let of_side = |(side, _)| match (&self.stage, side) {
            (Stage::Connecting { socket, .. }, _) => Some(socket.subscribe()),
            (Stage::Open(streams), Side::Read) => Some(streams.input.subscribe()),
            (Stage::Open(streams), Side::Write) => Some(streams.output.subscribe()),
            (Stage::Over, _) => None,
        };
        self.interests().filter_map(of_side)
    }

    /// Notes that a side is ready.
    pub(super) const fn set_ready(&mut self, side: Side) {
        match side {
            Side::Read => self.can_read = true,
            Side::Write => self.can_write = true,
        }
    }

    /// Whether another turn may move something without waiting.
    pub(super) const fn is_ready(&self) -> bool {
        self.can_read || (self.can_write && !self.outgoing.is_empty())
    }

    /// Moves on as far as it goes and tells the machine. Never blocks. `scratch` is where a write is
    /// put together.
    ///
    /// # Errors
    ///
    /// Why the connection is over.
    pub(super) fn turn(
        &mut self,
        producer: &mut Producer,
        scratch: &mut Vec<u8>,
        now: Instant,
    ) -> Result<(), DisconnectReason> {
        if matches!(self.stage, Stage::Connecting { .. }) && !self.connect(producer, now)? {
            return Ok(());
        }
        let Stage::Open(streams) = &self.stage else {
            return Ok(());
        };
        let mut left = TURN_BYTES;
        while self.can_read && left > 0 {
            let bytes = match streams.input.read(READ_BYTES) {
                Ok(bytes) => bytes,
                Err(error) => return Err(stream_reason(&error)),
            };
            self.can_read = bytes.len() as u64 == READ_BYTES;
            left = left.saturating_sub(bytes.len());
            if !bytes.is_empty() {
                self.has_heard = true;
                let (connection, bytes) = (self.id, bytes.as_slice());
                producer.handle_input(Input::Received { connection, bytes }, now);
            }
        }
        self.write(producer, scratch, now)
    }

    /// Whether the connection is open now.
    fn connect(&mut self, producer: &mut Producer, now: Instant) -> Result<bool, DisconnectReason> {
        if !self.can_read {
            return Ok(false);
        }
        let Stage::Connecting { connected, socket } =
            core::mem::replace(&mut self.stage, Stage::Over)
        else {
            return Ok(false);
        };
        match socket.finish_connect() {
            Ok((input, output)) => {
                drop(connected);
                self.stage = Stage::Open(Streams::new(input, output, socket));
                self.can_write = true;
                let connection = self.id;
                producer.handle_input(Input::Connected { connection }, now);
                Ok(true)
            }
            Err(ErrorCode::WouldBlock) => {
                self.stage = Stage::Connecting { connected, socket };
                self.can_read = false;
                Ok(false)
            }
            Err(code) => {
                drop(connected);
                Err(connect_reason(code))
            }
        }
    }

    fn write(
        &mut self,
        producer: &mut Producer,
        scratch: &mut Vec<u8>,
        now: Instant,
    ) -> Result<(), DisconnectReason> {
        let Stage::Open(streams) = &self.stage else {
            return Ok(());
        };
        let mut total = 0;
        let mut result = Ok(());
        while self.can_write && !self.outgoing.is_empty() && total < TURN_BYTES {
            let permitted = match streams.output.check_write() {
                Ok(0) => {
                    self.can_write = false;
                    break;
                }
                Ok(permitted) => usize::try_from(permitted)
                    .unwrap_or(usize::MAX)
                    .min(WRITE_BYTES),
                Err(error) => {
                    result = Err(stream_reason(&error));
                    break;
                }
            };
            let length = self.outgoing.next_length(permitted);
            if let Err(error) = streams.output.write(self.outgoing.front(length, scratch)) {
                result = Err(stream_reason(&error));
                break;
            }
            self.outgoing.forget(length);
            total += length;
        }
        if total > 0 {
            let (connection, bytes) = (self.id, total);
            producer.handle_input(Input::Transmitted { connection, bytes }, now);
        }
        result
    }

    /// Closes without waiting.
    pub(super) fn close(self) {
        match self.stage {
            Stage::Connecting { connected, socket } => {
                drop(connected);
                drop(socket);
            }
            Stage::Open(streams) => parking::retire(streams),
            Stage::Over => {}
        }
    }
}

/// How many bytes one write has at most; wasmtime permits no more.
const WRITE_BYTES: usize = 64 << 10;

/// The address as WASI has it. An IPv6 socket does not reach IPv4 addresses that are written as IPv6.
fn socket_address(address: SocketAddr) -> (IpAddressFamily, IpSocketAddress) {
    let port = address.port();
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            let address = (a, b, c, d);
            let address = IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address });
            (IpAddressFamily::Ipv4, address)
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            let address = IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port,
                flow_info: 0,
                address: (a, b, c, d, e, f, g, h),
                scope_id: 0,
            });
            (IpAddressFamily::Ipv6, address)
        }
    }
}
