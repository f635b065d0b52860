//! A machine driven against the cluster in simulated time, every call recorded.

use crate::cluster::{Cluster, HOSTS, Reaction, resolve};
use crate::trace::{Answer, Call, Happening, Records, Trace, perform};
use odradek::{
    BulkOutcome, ConnectionId, DisconnectReason, Event, Instant, Output, ResolveError, Step,
    TopicHandle,
};
use odradek_host::machine::Machine;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a byte is under way, each direction.
const LATENCY: Duration = Duration::from_micros(700);

/// What arrives instead of an answer.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// These bytes.
    pub bytes: Vec<u8>,
    /// What happens after them.
    pub then: Then,
}

/// What a broker does after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    Continue,
    /// It never says anything again on this connection.
    Silence,
    /// It closes the connection.
    Close,
}

/// A machine, its cluster, and the record of what passed between them.
pub struct Session {
    machine: Box<dyn Machine>,
    /// The brokers.
    pub cluster: Cluster,
    /// What was asked.
    pub trace: Trace,
    /// What was answered.
    pub answers: Vec<Answer>,
    /// What the application heard.
    pub events: Vec<Event>,
    /// What becomes of the brokers' answers on their way, if anything.
    pub mangle: Option<Box<dyn FnMut(Vec<u8>) -> Spoken>>,
    now: Instant,
    deadline: Option<Instant>,
    /// Inputs on their way, by time of arrival and order.
    pending: BTreeMap<(Instant, u64), Happening>,
    /// Open connections and the broker at their end.
    open: BTreeMap<ConnectionId, usize>,
    /// When the last thing that a broker sent arrives: nothing overtakes it.
    last_arrivals: BTreeMap<ConnectionId, Instant>,
    /// Connections on which the broker says nothing any more.
    stalled: BTreeSet<ConnectionId>,
    order: u64,
}

impl Session {
    /// Starts a session with a machine at time zero.
    pub fn new(machine: Box<dyn Machine>) -> Self {
        Self {
            machine,
            cluster: Cluster::default(),
            trace: Trace::default(),
            answers: Vec::new(),
            events: Vec::new(),
            mangle: None,
            now: Instant::ZERO,
            deadline: Some(Instant::ZERO),
            pending: BTreeMap::new(),
            open: BTreeMap::new(),
            last_arrivals: BTreeMap::new(),
            stalled: BTreeSet::new(),
            order: 0,
        }
    }

    /// Interns a topic name.
    ///
    /// # Panics
    ///
    /// When the name is refused.
    pub fn topic(&mut self, name: &str) -> TopicHandle {
        let answer = self.call(Call::Topic(name.to_owned()));
        let Answer::Topic(Ok(topic)) = answer else {
            panic!("{answer:?}");
        };
        topic
    }

    /// Offers records.
    ///
    /// # Panics
    ///
    /// Never with a machine that answers what it was asked.
    pub fn send(&mut self, records: Records) -> BulkOutcome {
        let Answer::Sent(outcome) = self.call(Call::SendMany(records)) else {
            panic!("an answer to another call");
        };
        self.step(Vec::new());
        outcome
    }

    /// Any other command.
    pub fn command(&mut self, call: Call) {
        self.call(call);
        self.step(Vec::new());
    }

    /// Lets time pass until `done` says so, for at most `limit`; whether it did.
    pub fn run(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now.after(limit);
        while !done(self) {
            let arrival = self.pending.keys().next().map(|(at, _)| *at);
            let Some(next) = odradek::time::earliest(arrival, self.deadline) else {
                return false;
            };
            if next > end {
                self.now = end;
                return done(self);
            }
            self.now = self.now.max(next);
            let mut inputs = self.arrivals();
            if inputs.is_empty() {
                inputs.push(Happening::Timeout);
            }
            self.step(inputs);
        }
        true
    }

    /// Lets this much time pass.
    pub fn pass(&mut self, time: Duration) {
        self.run(time, |_| false);
    }

    /// What has arrived by the present.
    fn arrivals(&mut self) -> Vec<Happening> {
        let mut inputs = Vec::new();
        while let Some(entry) = self.pending.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let happening = entry.remove();
            let connection = happening.connection();
            if connection.is_some_and(|connection| !self.open.contains_key(&connection)) {
                continue;
            }
            if let Happening::Disconnected(connection, _) = &happening {
                self.open.remove(connection);
            }
            inputs.push(happening);
        }
        inputs
    }

    fn call(&mut self, call: Call) -> Answer {
        let answer = perform(self.machine.as_mut(), &call, self.now);
        self.trace.calls.push((self.now, call));
        self.answers.push(answer.clone());
        answer
    }

    fn step(&mut self, mut inputs: Vec<Happening>) {
        loop {
            let call = Call::Step(std::mem::take(&mut inputs));
            let Answer::Step(outputs, step) = self.call(call) else {
                panic!("an answer to another call");
            };
            for output in outputs {
                self.carry_out(output);
            }
            let Step { until, more, .. } = step;
            self.deadline = until;
            if !more {
                return;
            }
        }
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
        self.order += 1;
        let arrival = self.now.after(delay);
        self.pending.insert((arrival, self.order), happening);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Resolve { query, host, .. } => {
                let found = resolve(&host).map(|address| vec![address]);
                let result = found.ok_or(ResolveError::NotFound);
                self.after(LATENCY, Happening::Resolved(query, result));
            }
            Output::Connect {
                connection, host, ..
            } => {
                let broker = HOSTS.iter().position(|name| *name == host);
                self.open
                    .insert(connection, broker.expect("a broker of ours"));
                self.after(LATENCY, Happening::Connected(connection));
            }
            Output::Transmit { connection, slices } => {
                let Some(broker) = self.open.get(&connection) else {
                    return;
                };
                let frame = slices.concat();
                let reaction = if self.stalled.contains(&connection) {
                    Reaction::Silence
                } else {
                    self.cluster.request(*broker, &frame)
                };
                // The transport takes large frames in two pieces.
                let first = frame.len().min(3000);
                self.after(LATENCY / 4, Happening::Transmitted(connection, first));
                if first < frame.len() {
                    let rest = Happening::Transmitted(connection, frame.len() - first);
                    self.after(LATENCY / 2, rest);
                }
                self.react(connection, reaction);
            }
            Output::Disconnect { connection } => {
                let reason = DisconnectReason::Requested;
                self.after(Duration::ZERO, Happening::Disconnected(connection, reason));
            }
            Output::Event(event) => self.events.push(event),
            Output::Wait { .. } => panic!("a wait is no output of a step"),
        }
    }

    fn react(&mut self, connection: ConnectionId, reaction: Reaction) {
        match reaction {
            Reaction::Answer(bytes) => {
                let then = Then::Continue;
                let spoken = match &mut self.mangle {
                    Some(mangle) => mangle(bytes),
                    None => Spoken { bytes, then },
                };
                self.speak(connection, &spoken);
            }
            Reaction::Silence => {}
            Reaction::Stall => {
                self.stalled.insert(connection);
            }
            Reaction::Reset => {
                let reason = DisconnectReason::Reset;
                let gone = Happening::Disconnected(connection, reason);
                self.in_order(connection, LATENCY, gone);
            }
        }
    }

    fn speak(&mut self, connection: ConnectionId, spoken: &Spoken) {
        let Spoken { bytes, then } = spoken;
        // Cut inside the length, inside the header, anywhere.
        let cut = usize::try_from(self.order % 11).map_or(0, |cut| cut.min(bytes.len()));
        let (front, back) = bytes.split_at(cut);
        for (piece, delay) in [(front, LATENCY), (back, LATENCY * 2)] {
            if !piece.is_empty() {
                let received = Happening::Received(connection, piece.to_vec());
                self.in_order(connection, delay, received);
            }
        }
        if *then != Then::Continue {
            self.stalled.insert(connection);
        }
        if *then == Then::Close {
            let gone = Happening::Disconnected(connection, DisconnectReason::Closed);
            self.in_order(connection, LATENCY * 2, gone);
        }
    }

    /// Lets something arrive after what the same peer sent before.
    fn in_order(&mut self, connection: ConnectionId, delay: Duration, happening: Happening) {
        let last = self.last_arrivals.entry(connection).or_default();
        *last = self.now.after(delay).max(*last);
        let delay = last.since(self.now);
        self.after(delay, happening);
    }
}
