//! The network between the producer and the fake brokers: connections, latency, and what is under way.

use odradek::{ConnectionId, DisconnectReason, QueryId, ResolveError};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Something that will happen at some instant.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// The resolver answers.
    Resolved {
        query: QueryId,
        result: Result<Vec<IpAddr>, ResolveError>,
    },
    /// A connection is open.
    Connected(ConnectionId),
    /// The transport took bytes.
    Transmitted(ConnectionId, usize),
    /// Bytes arrive at the broker.
    Arrive(ConnectionId, Vec<u8>),
    /// Bytes arrive at the producer.
    Deliver(ConnectionId, Vec<u8>),
    /// The connection ends.
    Ended(ConnectionId, DisconnectReason),
}

/// What stands behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// A broker that listens.
    Broker(i32),
    /// Nobody: connections are refused.
    Refuses,
    /// A hole: connections are neither opened nor refused.
    Hole,
}

/// What the resolver says about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Addresses(Vec<IpAddr>),
    Fails(ResolveError),
    NeverAnswers,
}

/// One stream, as both ends see it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) broker: i32,
    pub(crate) is_open: bool,
    /// The producer asked to close it.
    pub(crate) is_closing: bool,
    /// What arrived at the broker and is no whole request.
    pub(crate) inbox: Vec<u8>,
    /// The broker answers nothing more.
    pub(crate) is_mute: bool,
    /// Responses do not overtake each other.
    pub(crate) last_response_at: u64,
    /// Produce requests that the broker has not answered.
    pub(crate) produce_out: usize,
    /// Bytes whose `Transmitted` is held back.
    pub(crate) held_back: usize,
}

impl Stream {
    pub(crate) const fn new(broker: i32) -> Self {
        Self {
            broker,
            is_open: false,
            is_closing: false,
            inbox: Vec::new(),
            is_mute: false,
            last_response_at: 0,
            produce_out: 0,
            held_back: 0,
        }
    }

    /// The next whole request, without its length.
    pub(crate) fn next_request(&mut self) -> Option<Vec<u8>> {
        let length = u32::from_be_bytes(*self.inbox.first_chunk()?) as usize;
        if self.inbox.len() < 4 + length {
            return None;
        }
        let request = self.inbox[4..4 + length].to_vec();
        self.inbox.drain(..4 + length);
        Some(request)
    }
}

/// Names, addresses, streams, and the happenings to come.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) names: BTreeMap<String, Name>,
    pub(crate) behind: BTreeMap<SocketAddr, Behind>,
    pub(crate) streams: BTreeMap<ConnectionId, Stream>,
    /// Nanoseconds from one end to the other.
    pub(crate) latency: u64,
    /// Nanoseconds more that brokers take for each answer.
    pub(crate) slowness: BTreeMap<i32, u64>,
    /// Bytes arrive at the producer one by one.
    pub(crate) is_dripping: bool,
    /// The transport takes nothing for the time being.
    pub(crate) holds_transmitted: bool,
    happenings: BTreeMap<(u64, u64), Happening>,
    next: u64,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            names: BTreeMap::new(),
            behind: BTreeMap::new(),
            streams: BTreeMap::new(),
            latency: 500_000,
            slowness: BTreeMap::new(),
            is_dripping: false,
            holds_transmitted: false,
            happenings: BTreeMap::new(),
            next: 0,
        }
    }

    pub(crate) fn schedule(&mut self, at: u64, happening: Happening) {
        self.happenings.insert((at, self.next), happening);
        self.next += 1;
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.happenings.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn take_due(&mut self, now: u64) -> Option<Happening> {
        let entry = self.happenings.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// The end of a stream is told to the producer; nothing of it happens any more.
    pub(crate) fn end(&mut self, connection: ConnectionId, at: u64, reason: DisconnectReason) {
        self.happenings.retain(|_, happening| match happening {
            Happening::Connected(id)
            | Happening::Transmitted(id, _)
            | Happening::Arrive(id, _)
            | Happening::Deliver(id, _)
            | Happening::Ended(id, _) => *id != connection,
            Happening::Resolved { .. } => true,
        });
        if let Some(stream) = self.streams.get_mut(&connection) {
            stream.is_mute = true;
        }
        self.schedule(at, Happening::Ended(connection, reason));
    }

    /// Bytes on their way to the producer, one by one if it drips.
    pub(crate) fn deliver(&mut self, connection: ConnectionId, at: u64, bytes: &[u8]) {
        if self.is_dripping {
            for byte in bytes {
                self.schedule(at, Happening::Deliver(connection, vec![*byte]));
            }
        } else {
            self.schedule(at, Happening::Deliver(connection, bytes.to_vec()));
        }
    }
}
