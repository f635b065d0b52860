//! How a world runs: outputs are carried out, happenings are handed in, time jumps to what comes next.

use crate::broker::PRODUCE;
use crate::faults::Fate;
use crate::hostility::Mangled;
use crate::network::{Behind, Happening, Name, Stream};
use crate::trace::{brief_input, brief_output};
use crate::world::{MS, World, address_of};
use odradek::{ConnectionId, DisconnectReason, Event, Input, Instant, Output};
use std::net::SocketAddr;

/// More outputs than this at one instant are a hot loop.
const OUTPUTS_PER_INSTANT_MAX: usize = 20_000;

impl World {
    /// Runs until every accepted record is reported and every flush and close is done; at most an hour
    /// of virtual time.
    pub(crate) fn run_until_idle(&mut self) {
        self.run_until_idle_unchecked();
        self.check();
    }

    /// The same, without a look into the logs.
    pub(crate) fn run_until_idle_unchecked(&mut self) {
        self.run_until(3_600_000, |world| world.is_idle());
        assert!(self.is_idle(), "not idle after an hour\n{}", self.story());
    }

    fn is_idle(&self) -> bool {
        self.account.open() == 0
    }

    /// Runs until a condition holds, at most so many ms; says whether it does.
    pub(crate) fn run_until(&mut self, limit_ms: u64, condition: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit_ms * MS;
        self.drain();
        while !condition(self) {
            let next = self.next_at().filter(|at| *at <= end);
            let Some(next) = next else {
                self.now = end;
                return condition(self);
            };
            self.step(next);
        }
        true
    }

    pub(crate) fn run_for(&mut self, ms: u64) {
        self.run_until(ms, |_| false);
    }

    /// Closes with a minute's time and checks that everything is accounted for.
    pub(crate) fn finish(&mut self) {
        self.close(60_000);
        assert!(
            self.run_until(120_000, |world| world.is_closed),
            "not closed after two minutes\n{}",
            self.story()
        );
        self.run_for(1_000);
        let held = self.held();
        assert_eq!(held, 0, "memory is held after the end\n{}", self.story());
        self.check();
        assert_eq!(self.account.open(), 0, "records without a report");
    }

    fn next_at(&self) -> Option<u64> {
        let until = self.wait.and_then(|(until, _)| until);
        let happening = self.network.next_at();
        match (until, happening) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }

    fn step(&mut self, next: u64) {
        self.now = self.now.max(next);
        self.happen_now();
        self.drain();
    }

    /// What comes next happens; the producer is not polled.
    pub(crate) fn step_without_drain(&mut self) {
        self.now = self.next_at().expect("something comes").max(self.now);
        self.happen_now();
    }

    fn happen_now(&mut self) {
        match self.network.take_due(self.now) {
            Some(happening) => self.happen(happening),
            None => self.input(Input::Timeout),
        }
    }

    /// Hands an input to the producer, without polling it.
    pub(crate) fn input(&mut self, input: Input<'_>) {
        if self.is_tracing {
            self.note(&format!("-> {}", brief_input(&input)));
        }
        let now = self.now();
        self.producer().handle_input(input, now);
    }

    /// Polls until the producer waits.
    pub(crate) fn drain(&mut self) {
        if self.outputs_now.0 != self.now {
            self.outputs_now = (self.now, 0);
        }
        self.wakeups += 1;
        loop {
            let now = self.now();
            let output = self.producer().poll_output(now);
            self.outputs_now.1 += 1;
            self.outputs += 1;
            assert!(
                self.outputs_now.1 < OUTPUTS_PER_INSTANT_MAX,
                "hot loop\n{}",
                self.story()
            );
            if self.is_tracing {
                self.note(&brief_output(&output));
            }
            if let Output::Wait { until, reason } = output {
                let until = until.map(Instant::as_nanos);
                assert!(
                    until.is_none_or(|until| until > self.now),
                    "a wait for the past ({reason:?}) is a hot loop\n{}",
                    self.story()
                );
                self.wait = Some((until, reason));
                return;
            }
            self.act(output);
        }
    }

    pub(crate) fn act(&mut self, output: Output) {
        let latency = self.network.latency;
        match output {
            Output::Resolve {
                query,
                host,
                port: _,
            } => {
                self.resolves.push((self.now, host.clone()));
                let result = match self.network.names.get(&host) {
                    Some(Name::Addresses(list)) => Ok(list.clone()),
                    Some(Name::Fails(error)) => Err(*error),
                    Some(Name::NeverAnswers) => return,
                    None => Err(odradek::ResolveError::NotFound),
                };
                let happening = Happening::Resolved { query, result };
                self.network.schedule(self.now + latency, happening);
            }
            Output::Connect {
                connection,
                address,
                host: _,
            } => self.connect(connection, address),
            Output::Transmit { connection, slices } => {
                let bytes: Vec<u8> = slices.concat();
                self.transmit(connection, bytes);
            }
            Output::Disconnect { connection } => {
                let stream = self.network.streams.get_mut(&connection);
                let stream = stream.expect("only what was opened is closed");
                assert!(!stream.is_closing, "closed twice");
                stream.is_closing = true;
                let at = self.now + 1_000;
                self.network
                    .end(connection, at, DisconnectReason::Requested);
            }
            Output::Event(event) => self.on_event(event),
            Output::Wait { .. } => {}
        }
    }

    fn connect(&mut self, connection: ConnectionId, address: SocketAddr) {
        self.connects.push((self.now, address));
        let behind = self.network.behind.get(&address).copied();
        let broker = match behind {
            Some(Behind::Broker(id)) => id,
            None | Some(Behind::Refuses | Behind::Hole) => -1,
        };
        let stream = Stream::new(broker);
        let old = self.network.streams.insert(connection, stream);
        assert!(old.is_none(), "a connection id is never used twice");
        let at = self.now + 2 * self.network.latency;
        match behind {
            Some(Behind::Broker(_)) => {
                self.network.schedule(at, Happening::Connected(connection));
            }
            Some(Behind::Hole) => {}
            None | Some(Behind::Refuses) => {
                self.network.end(connection, at, DisconnectReason::Refused);
            }
        }
    }

    fn transmit(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        let stream = self.network.streams.get_mut(&connection);
        let stream = stream.expect("only what was opened is written to");
        assert!(
            stream.is_open && !stream.is_closing,
            "written to when not open"
        );
        if i16::from_be_bytes([bytes[4], bytes[5]]) == PRODUCE {
            stream.produce_out += 1;
            self.produce_out_max = self.produce_out_max.max(stream.produce_out);
        }
        if self.network.holds_transmitted {
            stream.held_back += bytes.len();
        } else {
            let at = self.now + 10_000;
            let taken = Happening::Transmitted(connection, bytes.len());
            self.network.schedule(at, taken);
        }
        let at = self.now + self.network.latency;
        self.network
            .schedule(at, Happening::Arrive(connection, bytes));
    }

    /// The transport takes what it held back.
    pub(crate) fn release_transmitted(&mut self) {
        self.network.holds_transmitted = false;
        let mut taken = Vec::new();
        for (id, stream) in &mut self.network.streams {
            if stream.held_back > 0 && !stream.is_closing {
                taken.push((*id, std::mem::take(&mut stream.held_back)));
            }
        }
        for (id, bytes) in taken {
            let happening = Happening::Transmitted(id, bytes);
            self.network.schedule(self.now + 1, happening);
        }
    }

    /// The network cuts every connection of a broker.
    pub(crate) fn cut(&mut self, broker: i32) {
        let streams = self.network.streams.iter();
        let hit: Vec<ConnectionId> = streams
            .filter(|(_, stream)| stream.broker == broker)
            .map(|(id, _)| *id)
            .collect();
        for id in hit {
            self.network.end(id, self.now, DisconnectReason::Reset);
        }
    }

    /// A broker's address refuses connections, or listens again.
    pub(crate) fn set_listening(&mut self, broker: i32, is_listening: bool) {
        let address = SocketAddr::new(address_of(broker), 9092);
        let behind = if is_listening {
            Behind::Broker(broker)
        } else {
            Behind::Refuses
        };
        self.network.behind.insert(address, behind);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Resolved { query, result } => {
                let result = result.as_deref().map_err(|error| *error);
                self.input(Input::Resolved { query, result });
            }
            Happening::Connected(connection) => {
                if let Some(stream) = self.network.streams.get_mut(&connection) {
                    stream.is_open = true;
                }
                self.input(Input::Connected { connection });
            }
            Happening::Transmitted(connection, bytes) => {
                self.input(Input::Transmitted { connection, bytes });
            }
            Happening::Arrive(connection, bytes) => self.arrive(connection, &bytes),
            Happening::Deliver(connection, bytes) => {
                let bytes = &bytes;
                self.received_bytes += bytes.len() as u64;
                self.input(Input::Received { connection, bytes });
            }
            Happening::Ended(connection, reason) => {
                self.network.streams.remove(&connection);
                self.input(Input::Disconnected { connection, reason });
            }
        }
    }

    /// Bytes arrived at a broker.
    fn arrive(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some(stream) = self.network.streams.get_mut(&connection) else {
            return;
        };
        let broker = stream.broker;
        stream.inbox.extend_from_slice(bytes);
        while let Some(stream) = self.network.streams.get_mut(&connection)
            && !stream.is_mute
            && let Some(request) = stream.next_request()
        {
            let is_produce = i16::from_be_bytes([request[0], request[1]]) == PRODUCE;
            let reaction = self.cluster.handle(broker, &request, self.now);
            let stream = self.network.streams.get_mut(&connection);
            let stream = stream.expect("it was there before");
            if is_produce {
                stream.produce_out -= 1;
            }
            self.respond(connection, reaction.response, reaction.fate);
        }
    }

    fn respond(&mut self, connection: ConnectionId, response: Option<Vec<u8>>, fate: Fate) {
        let latency = self.network.latency;
        let Some(stream) = self.network.streams.get_mut(&connection) else {
            return;
        };
        let delay = if let Fate::Slow(ms) = fate {
            ms * MS
        } else {
            0
        };
        let slowness = self.network.slowness.get(&stream.broker).copied();
        let delay = delay + slowness.unwrap_or(0);
        let at = (self.now + latency + delay).max(stream.last_response_at);
        stream.last_response_at = at;
        match fate {
            Fate::ResetBefore | Fate::LoseResponse => {
                stream.is_mute = true;
                self.network
                    .schedule(at, Happening::Ended(connection, DisconnectReason::Reset));
            }
            Fate::CutResponse(bytes) => {
                stream.is_mute = true;
                let response = response.unwrap_or_default();
                let cut = bytes.min(response.len());
                self.network.deliver(connection, at, &response[..cut]);
                self.network
                    .schedule(at, Happening::Ended(connection, DisconnectReason::Reset));
            }
            Fate::NeverAnswer => stream.is_mute = true,
            Fate::Bytes(bytes) => self.network.deliver(connection, at, &bytes),
            Fate::Well
            | Fate::Slow(_)
            | Fate::WrongCorrelationId
            | Fate::Throttle(_)
            | Fate::Error(_) => {
                if let Some(response) = response {
                    self.deliver(connection, at, response);
                }
            }
        }
    }

    /// A response goes out, as it is or mangled.
    fn deliver(&mut self, connection: ConnectionId, at: u64, response: Vec<u8>) {
        let mangled = match &mut self.hostility {
            None => Mangled::Bytes(response),
            Some(dice) => dice.mangle(response),
        };
        let (bytes, is_last, is_end) = match mangled {
            Mangled::Bytes(bytes) => (bytes, false, false),
            Mangled::ThenSilent(bytes) => (bytes, true, false),
            Mangled::ThenClosed(bytes) => (bytes, true, true),
        };
        self.network.deliver(connection, at, &bytes);
        if let Some(stream) = self.network.streams.get_mut(&connection) {
            stream.is_mute |= is_last;
        }
        if is_end {
            let end = Happening::Ended(connection, DisconnectReason::Closed);
            self.network.schedule(at, end);
        }
    }

    fn on_event(&mut self, event: Event) {
        assert!(!self.is_closed, "an event after Closed: {event:?}");
        match event {
            Event::Delivered(report) => {
                let now = self.now;
                self.account.report(report, now);
            }
            Event::BufferAvailable { free_bytes } => {
                assert!(free_bytes > 0);
                self.relief.push(self.now);
            }
            Event::Flushed { flush } => self.flushed.push(flush),
            Event::Partitions(told) => self.told.push((self.now, told)),
            Event::OperationEnded(ended) => self.ended.push((self.now, ended)),
            Event::ConnectionFailed(failure) => self.failures.push((self.now, failure)),
            Event::Failed(error) => {
                assert_eq!(self.failed, None, "failed twice");
                self.failed = Some(error);
            }
            Event::Closed => {
                self.is_closed = true;
                assert!(
                    self.network.streams.is_empty(),
                    "closed with open connections"
                );
                assert_eq!(self.held(), 0, "closed with memory held");
            }
        }
    }

    /// What must hold at any time when the account is looked at.
    pub(crate) fn check(&self) {
        self.account.check(&self.cluster);
    }
}
