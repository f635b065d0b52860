//! The network: streams, what is under way on them, and everything else that will happen at some instant.

use odradek::{ConnectionId, DisconnectReason, QueryId, ResolveError};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// Something that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// The resolver answers.
    Resolved(QueryId, Result<Vec<IpAddr>, ResolveError>),
    /// A connection is open.
    Connected(ConnectionId),
    /// The transport took bytes.
    Transmitted(ConnectionId, usize),
    /// Bytes arrive at the broker.
    Arrive(ConnectionId, Vec<u8>),
    /// A response leaves the broker.
    Respond(ConnectionId, Response),
    /// Bytes that came from the broker are read.
    Flow(ConnectionId),
    /// The producer learns that the connection is gone.
    Ended(ConnectionId, DisconnectReason),
    /// The application goes on with its work.
    Work,
    /// The application takes its events.
    TakeEvents,
    /// Something goes wrong.
    Fault,
    /// Something that went wrong is over.
    Repair(Repair),
    /// Faults stop for good.
    Calm,
}

/// What ends a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// A broker listens again.
    Start(i32),
    /// A broker is as fast as before.
    Hurry(i32),
    /// A broker's throttling ends.
    Unthrottle(i32),
    /// Transports take bytes again.
    Transports,
    /// A broker's address answers again.
    Listen(i32),
    /// A partition replicates again.
    Replicas(String, i32),
}

/// A response and the request that it answers.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) bytes: Vec<u8>,
    pub(crate) api: i16,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
}

/// One stream, as both ends see it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) node: i32,
    pub(crate) is_open: bool,
    /// The producer asked to close it.
    pub(crate) is_closing: bool,
    /// The producer was told that it is over, or will be: nothing reaches it any more.
    pub(crate) is_over: bool,
    /// The broker hears nothing any more.
    pub(crate) is_deaf: bool,
    /// The broker's answers do not arrive any more.
    pub(crate) is_mute: bool,
    /// What arrived at the broker and is no whole request.
    pub(crate) inbox: Vec<u8>,
    /// When the last bytes arrive that are under way to the broker.
    pub(crate) arrives_at: u64,
    /// When the last response leaves the broker.
    pub(crate) responds_at: u64,
    /// Bytes that have come from the broker and were not read.
    pub(crate) unread: Vec<u8>,
    /// Ends of the responses, counted in bytes from the beginning, and what they answer.
    pub(crate) answers: VecDeque<(u64, Response)>,
    pub(crate) sent_bytes: u64,
    pub(crate) read_bytes: u64,
    /// Bytes until the connection is reset, on the way to the broker.
    pub(crate) cut_request: Option<u64>,
    /// Bytes until the connection is reset, on the way back.
    pub(crate) cut_response: Option<u64>,
    /// Bytes whose `Transmitted` is held back.
    pub(crate) held_back: usize,
}

impl Stream {
    pub(crate) const fn new(node: i32) -> Self {
        Self {
            node,
            is_open: false,
            is_closing: false,
            is_over: false,
            is_deaf: false,
            is_mute: false,
            inbox: Vec::new(),
            arrives_at: 0,
            responds_at: 0,
            unread: Vec::new(),
            answers: VecDeque::new(),
            sent_bytes: 0,
            read_bytes: 0,
            cut_request: None,
            cut_response: None,
            held_back: 0,
        }
    }

    /// The next whole request, without its length.
    pub(crate) fn next_request(&mut self) -> Option<Vec<u8>> {
        let length = u32::from_be_bytes(*self.inbox.first_chunk()?) as usize;
        let request = self.inbox.get(4..4 + length)?.to_vec();
        self.inbox.drain(..4 + length);
        Some(request)
    }
}

/// How the road to a broker is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    /// Connections open.
    Open,
    /// Connections are refused.
    Refuses,
    /// Connections are neither opened nor refused.
    Hole,
}

/// Streams, and the happenings to come.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) streams: BTreeMap<ConnectionId, Stream>,
    pub(crate) roads: BTreeMap<i32, Road>,
    /// Nanoseconds more that requests take to a broker, and answers from it.
    pub(crate) slowness: BTreeMap<i32, (u64, u64)>,
    /// Transports take nothing for the time being.
    pub(crate) holds_transmitted: bool,
    /// The next so many responses are lost, and their connections with them.
    pub(crate) losing: u64,
    /// Of a thousand connections, so many are reset at some byte.
    pub(crate) cut_per_mille: u64,
    happenings: BTreeMap<(u64, u64), Happening>,
    next: u64,
}

impl Network {
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

    /// A stream that the producer still uses.
    pub(crate) fn live(&mut self, connection: ConnectionId) -> Option<&mut Stream> {
        self.streams
            .get_mut(&connection)
            .filter(|stream| !stream.is_over)
    }

    /// The producer's end of a stream is told at `at`; nothing else reaches it before that.
    pub(crate) fn end(&mut self, connection: ConnectionId, at: u64, reason: DisconnectReason) {
        if let Some(stream) = self.streams.get_mut(&connection)
            && !stream.is_over
        {
            stream.is_over = true;
            self.schedule(at, Happening::Ended(connection, reason));
        }
    }

    /// The connections to a broker that are in use.
    pub(crate) fn connections_to(&self, node: i32) -> Vec<ConnectionId> {
        let streams = self.streams.iter();
        let hit = streams.filter(|(_, stream)| stream.node == node && !stream.is_over);
        hit.map(|(id, _)| *id).collect()
    }
}
