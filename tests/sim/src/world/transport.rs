//! Streams: how bytes travel, and how they do not.

use super::World;
use super::coverage::Situation;
use super::network::{Happening, Response, Road, Stream};
use super::plan::MS;
use super::tap::{
    ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, AnswerSeen, END_TXN, INIT_PRODUCER_ID, PRODUCE,
    RequestSeen, TXN_OFFSET_COMMIT, read_request, read_response,
};
use super::trace::{answer_line, request_line};
use crate::cluster::Reply;
use core::time::Duration;
use odradek::{ConnectionId, DisconnectReason, Input, QueryId, ResolveError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The address of a broker.
fn address_of(node: i32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, node as u8))
}

fn node_of(address: SocketAddr) -> i32 {
    match address.ip() {
        IpAddr::V4(ip) => i32::from(ip.octets()[3]),
        IpAddr::V6(_) => 0,
    }
}

/// Whether a request of one transaction would be taken for one of the next, should it come so late: the
/// epoch is the same before level 2 of `transaction.version`. No producer can help that; KIP-890 does.
pub(super) const fn is_unprotected(api: i16, version: i16) -> bool {
    match api {
        PRODUCE => version < 12,
        END_TXN | TXN_OFFSET_COMMIT => version < 5,
        ADD_PARTITIONS_TO_TXN | ADD_OFFSETS_TO_TXN => true,
        _ => false,
    }
}

impl World {
    pub(super) fn resolve(&mut self, query: QueryId, host: &str, _port: u16) {
        let result = match self.cluster.node_at(host).map(address_of) {
            Some(_) if !self.is_calm && self.dice.chance(20) => Err(ResolveError::Unavailable),
            Some(address) => Ok(vec![address]),
            None => Err(ResolveError::NotFound),
        };
        let at = self.now + self.travel(0);
        self.network
            .schedule(at, Happening::Resolved(query, result));
    }

    /// How long something takes from one end to the other.
    fn travel(&mut self, slowness: u64) -> u64 {
        let weather = &self.plan.weather;
        let jitter = if self.is_calm { 0 } else { weather.jitter };
        weather.latency + slowness + self.dice.below(jitter + 1)
    }

    pub(super) fn connect(&mut self, connection: ConnectionId, address: SocketAddr) {
        let node = node_of(address);
        let mut stream = Stream::new(node);
        if !self.is_calm && self.dice.chance(self.network.cut_per_mille) {
            let bytes = Some(self.dice.between(1, 4000));
            if self.dice.chance(500) {
                stream.cut_request = bytes;
            } else {
                stream.cut_response = bytes;
            }
        }
        let old = self.network.streams.insert(connection, stream);
        assert!(old.is_none(), "a connection id is never used twice");
        let at = self.now + self.travel(0) + self.travel(0);
        let road = self.network.roads.get(&node).copied();
        match road.unwrap_or(Road::Open) {
            Road::Open => self.network.schedule(at, Happening::Connected(connection)),
            Road::Hole => {}
            Road::Refuses => self.network.end(connection, at, DisconnectReason::Refused),
        }
    }

    pub(super) fn transmit(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        let seen = read_request(&bytes);
        let stream = self.network.streams.get_mut(&connection);
        let stream = stream.expect("only what was opened is written to");
        assert!(
            stream.is_open && !stream.is_closing,
            "written to when not open"
        );
        let node = stream.node;
        let is_over = stream.is_over;
        self.learn_names(&seen);
        self.note(|world| request_line(&world.names, node, &seen));
        if let Some(commits) = seen.commits {
            self.watch_end(commits);
        }
        for batch in seen.batches {
            if seen.acks == 0 {
                // Nobody answers: the attempt stays without one.
                self.ledger.on_attempt(connection, -1, batch);
                continue;
            }
            let attempt = self
                .ledger
                .on_attempt(connection, seen.correlation, batch.clone());
            self.watch_batch(&batch, attempt);
        }
        self.out
            .insert((connection, seen.correlation), (seen.api, false));
        if is_over {
            return;
        }
        self.take(connection, bytes.len());
        self.carry(connection, bytes);
    }

    /// Which topic a request means by an id can be told from its records.
    fn learn_names(&mut self, seen: &RequestSeen) {
        for batch in &seen.batches {
            let ticket = batch.numbers.first();
            if let Some(ticket) = ticket.and_then(|number| self.ledger.ticket_of(*number)) {
                let name = &self.ledger.accepted[ticket].topic;
                let id = batch.place.0.clone();
                self.names.entry(id).or_insert_with(|| name.clone());
            }
        }
    }

    /// The transport takes bytes, in pieces.
    fn take(&mut self, connection: ConnectionId, bytes: usize) {
        if self.network.holds_transmitted {
            if let Some(stream) = self.network.live(connection) {
                stream.held_back += bytes;
            }
            return;
        }
        let mut rest = bytes;
        let mut at = self.now + 10_000;
        while rest > 0 {
            let is_cut = self.dice.chance(self.plan.weather.pieces_per_mille);
            let piece = if is_cut {
                1 + self.dice.below(rest as u64) as usize
            } else {
                rest
            };
            self.network
                .schedule(at, Happening::Transmitted(connection, piece));
            rest -= piece;
            at += self.dice.below(MS);
        }
    }

    /// Bytes are on their way to the broker, in pieces that keep their order.
    fn carry(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        let Some(stream) = self.network.streams.get(&connection) else {
            return;
        };
        let (node, not_before) = (stream.node, stream.arrives_at);
        let slowness = self.network.slowness.get(&node).map_or(0, |(to, _)| *to);
        let mut at = (self.now + self.travel(slowness)).max(not_before);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let is_cut = self.dice.chance(self.plan.weather.pieces_per_mille);
            let len = if is_cut {
                1 + self.dice.below(rest.len() as u64) as usize
            } else {
                rest.len()
            };
            let (piece, behind) = rest.split_at(len);
            self.network
                .schedule(at, Happening::Arrive(connection, piece.to_vec()));
            rest = behind;
            at += self.dice.below(MS);
        }
        if let Some(stream) = self.network.streams.get_mut(&connection) {
            stream.arrives_at = at;
        }
    }

    /// Bytes arrive at a broker. What the machine has given up may still arrive.
    pub(super) fn arrive(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some(stream) = self.network.streams.get_mut(&connection) else {
            return;
        };
        if stream.is_deaf {
            return;
        }
        let mut bytes = bytes;
        if let Some(left) = &mut stream.cut_request {
            let len = bytes.len().min(*left as usize);
            bytes = &bytes[..len];
            *left -= len as u64;
        }
        stream.inbox.extend_from_slice(bytes);
        let is_cut = stream.cut_request == Some(0);
        while let Some(stream) = self.network.streams.get_mut(&connection)
            && !stream.is_deaf
            && let Some(request) = stream.next_request()
        {
            self.serve(connection, &request);
        }
        let Some(stream) = self.network.streams.get_mut(&connection) else {
            return;
        };
        if is_cut && !stream.is_deaf {
            stream.is_deaf = true;
            let is_inside = !stream.inbox.is_empty();
            self.coverage.hit_if(is_inside, Situation::RequestCut);
            let at = self.now + self.travel(0);
            self.network.end(connection, at, DisconnectReason::Reset);
        }
    }

    /// A broker has a whole request.
    fn serve(&mut self, connection: ConnectionId, request: &[u8]) {
        let short = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
        let (api, version) = (short(0), short(2));
        let correlation = i32::from_be_bytes([request[4], request[5], request[6], request[7]]);
        let Some(stream) = self.network.streams.get(&connection) else {
            return;
        };
        let (node, is_over) = (stream.node, stream.is_over);
        if is_over && self.plan.transactions.is_some() && is_unprotected(api, version) {
            return;
        }
        if is_over && api == INIT_PRODUCER_ID {
            self.take_id_over();
        }
        let before = self.logged();
        let now = Duration::from_nanos(self.now);
        let id = u64::from(connection.0);
        let reply = self.cluster.handle(node, id, request, now);
        let is_appended = self.logged() > before;
        let is_ghost = is_over && is_appended;
        self.coverage
            .hit_if(is_ghost, Situation::AppendedAfterTheEnd);
        match reply {
            Reply::Nothing => {}
            Reply::Close => {
                if let Some(stream) = self.network.streams.get_mut(&connection) {
                    stream.is_deaf = true;
                }
                let at = self.now + self.travel(0);
                self.network.end(connection, at, DisconnectReason::Closed);
            }
            Reply::Answer(bytes) => {
                let response = Response {
                    bytes,
                    api,
                    version,
                    correlation,
                };
                if let Some(out) = self.out.get_mut(&(connection, correlation)) {
                    out.1 = true;
                }
                let found = api == PRODUCE && !is_appended;
                let seen = self.watch_answer(node, &response, found);
                self.ask_for_cause(connection, &response, &seen);
                self.respond(connection, response, is_appended);
            }
        }
    }

    /// What a broker answers, before it is known whether it arrives.
    fn watch_answer(&mut self, node: i32, response: &Response, is_nothing_new: bool) -> AnswerSeen {
        let seen = read_response(&response.bytes, response.api, response.version);
        let is_throttled = seen.throttle_ms > 0;
        self.coverage.hit_if(is_throttled, Situation::Throttled);
        for (place, code, offset) in &seen.batches {
            let met = match code {
                0 if is_nothing_new && *offset >= 0 => Situation::DuplicateAnswered,
                45 => Situation::OutOfOrder,
                46 => Situation::DuplicateForgotten,
                47 => Situation::StaleEpoch,
                59 => Situation::UnknownProducerId,
                10 => {
                    let others = self.ledger.out_for(place) > 1;
                    self.coverage.hit_if(others, Situation::SplitWithOthersOut);
                    continue;
                }
                _ => continue,
            };
            self.coverage.hit(met);
        }
        let is_concurrent = seen.errors.contains(&51);
        self.coverage
            .hit_if(is_concurrent, Situation::ConcurrentTransactions);
        let about = (response.api, response.correlation);
        self.note(|world| answer_line(&world.names, ("  ", node), about, &seen));
        seen
    }

    fn respond(&mut self, connection: ConnectionId, response: Response, is_appended: bool) {
        let Some(stream) = self.network.streams.get(&connection) else {
            return;
        };
        if stream.is_over || stream.is_mute {
            return;
        }
        let (node, not_before) = (stream.node, stream.responds_at);
        let slowness = self
            .network
            .slowness
            .get(&node)
            .map_or(0, |(_, back)| *back);
        let at = (self.now + self.travel(slowness)).max(not_before);
        if self.network.losing > 0 {
            self.network.losing -= 1;
            self.coverage.hit_if(is_appended, Situation::ResponseLost);
            let ends = self.dice.chance(700);
            if let Some(stream) = self.network.streams.get_mut(&connection) {
                stream.is_mute = true;
                stream.is_deaf = ends;
            }
            if ends {
                self.network.end(connection, at, DisconnectReason::Reset);
            }
            return;
        }
        if let Some(stream) = self.network.streams.get_mut(&connection) {
            stream.responds_at = at;
        }
        self.network
            .schedule(at, Happening::Respond(connection, response));
    }

    /// A response is there to be read, perhaps together with the next one.
    pub(super) fn leave(&mut self, connection: ConnectionId, response: Response) {
        let wait = if self.dice.chance(self.plan.weather.pieces_per_mille) {
            self.dice.below(5 * MS)
        } else {
            0
        };
        let Some(stream) = self.network.live(connection) else {
            return;
        };
        stream.unread.extend_from_slice(&response.bytes);
        stream.sent_bytes += response.bytes.len() as u64;
        stream.answers.push_back((stream.sent_bytes, response));
        self.network
            .schedule(self.now + wait, Happening::Flow(connection));
    }

    /// The machine reads what has come: all of it, or a part.
    pub(super) fn flow(&mut self, connection: ConnectionId) {
        let is_part = self.dice.chance(self.plan.weather.pieces_per_mille);
        let share = self.dice.below(1000);
        let Some(stream) = self.network.live(connection) else {
            return;
        };
        if stream.is_closing || stream.unread.is_empty() {
            return;
        }
        let mut len = stream.unread.len();
        if is_part {
            len = 1 + (len - 1) * share as usize / 1000;
        }
        let mut is_cut = false;
        if let Some(left) = &mut stream.cut_response {
            len = len.min(*left as usize);
            *left -= len as u64;
            is_cut = *left == 0;
        }
        let bytes: Vec<u8> = stream.unread.drain(..len).collect();
        stream.read_bytes += len as u64;
        let is_rest = !stream.unread.is_empty();
        self.read_answers(connection);
        if is_cut {
            let at = self.now + MS;
            if let Some(stream) = self.network.live(connection) {
                stream.is_mute = true;
                stream.is_deaf = true;
            }
            self.input_bytes(connection, &bytes);
            self.network.end(connection, at, DisconnectReason::Reset);
            return;
        }
        if is_rest {
            let at = self.now + self.dice.below(MS);
            self.network.schedule(at, Happening::Flow(connection));
        }
        self.input_bytes(connection, &bytes);
    }

    fn input_bytes(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.input(Input::Received { connection, bytes });
    }

    /// Notes which responses the machine has whole now.
    fn read_answers(&mut self, connection: ConnectionId) {
        let mut count = 0;
        while let Some(stream) = self.network.live(connection)
            && let Some((end, _)) = stream.answers.front()
            && *end <= stream.read_bytes
            && let Some((_, response)) = stream.answers.pop_front()
        {
            count += 1;
            let node = stream.node;
            self.out.remove(&(connection, response.correlation));
            let seen = read_response(&response.bytes, response.api, response.version);
            self.on_answer(connection, &response, &seen);
            let about = (response.api, response.correlation);
            self.note(|world| answer_line(&world.names, ("<-", node), about, &seen));
        }
        self.coverage.hit_if(count > 1, Situation::ResponsesJoined);
    }

    fn on_answer(&mut self, connection: ConnectionId, response: &Response, seen: &AnswerSeen) {
        let out = self.ledger.requests_out(Some(connection));
        let attempts = self.ledger.in_request(connection, response.correlation);
        for index in attempts {
            let attempt = &self.ledger.attempts[*index];
            let answer = seen.batches.iter().find(|one| one.0 == attempt.batch.place);
            if answer.is_some_and(|(_, code, _)| *code == 10) {
                let met = if attempt.earlier > 0 {
                    Situation::SplitWhileRetrying
                } else {
                    Situation::SplitFirst
                };
                self.coverage.hit(met);
            }
        }
        if seen.batches.iter().any(|(_, code, _)| *code != 0) {
            self.watch_trouble(out);
        }
        self.ledger
            .on_answer(connection, response.correlation, &seen.batches);
    }

    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        let is_deaf = !self.dice.chance(self.plan.weather.ghosts_per_mille);
        let stream = self.network.streams.get_mut(&connection);
        let stream = stream.expect("only what was opened is closed");
        assert!(!stream.is_closing, "closed twice");
        stream.is_closing = true;
        stream.is_deaf |= is_deaf;
        let at = self.now + 1_000;
        self.network
            .end(connection, at, DisconnectReason::Requested);
    }
}
