//! The driver: it owns the machine, everything that WASI lends it, and the events that wait.

use super::clock;
use super::events::{Events, charge};
use super::sockets::Sockets;
use super::timers::{self, Timers};
use super::transact::Awaited;
use crate::Record;
use crate::bulk::{Bulk, BulkOutcome};
use crate::config::Config;
use crate::driver::{Output, WaitReason};
use crate::error::{SendError, TopicError};
use crate::event::Event;
use crate::ids::{FlushId, Ticket, TopicHandle};
use crate::time::{Instant, earliest};
use crate::{Metrics, Producer, Step};
use ::wasi::io::poll::Pollable;
use ::wasi::random::random::get_random_u64;
use core::time::Duration;

/// How many times one [`Driver::turn`] goes round at most before it lets its caller look at the rest of the
/// world.
const ROUNDS: u32 = 16;

/// How long a look at the sockets is good for. Records that are sent one after the other gather for so long;
/// the first after a pause leaves at once.
const FRESH: Duration = Duration::from_millis(1);

/// A producer with connections of its own.
///
/// Nothing blocks except [`wait`](Self::wait), [`run_until`](Self::run_until) and
/// [`close_within`](Self::close_within). Nothing happens between calls. Dropping it closes all connections
/// without waiting for any.
#[derive(Debug)]
pub struct Driver {
    pub(super) producer: Producer,
    sockets: Sockets,
    timers: Timers,
    events: Events,
    /// What the machine said last.
    pub(super) step: Step,
    /// When the sockets were looked at last. What became ready since then is not known.
    looked: Instant,
    outputs: Vec<Output>,
    /// The latest flush that is complete.
    flushed: Option<FlushId>,
    /// The operation that a call waits for, and its end.
    pub(super) awaited: Awaited,
    is_closed: bool,
}

impl Driver {
    /// A producer that has done nothing yet.
    pub fn new(config: &Config) -> Self {
        let now = clock::now();
        let producer = Producer::new(config, get_random_u64(), now);
        Self {
            step: Step {
                until: None,
                reason: WaitReason::Idle,
                free_bytes: producer.free_bytes(),
                more: true,
            },
            producer,
            sockets: Sockets::default(),
            timers: Timers::default(),
            events: Events::default(),
            looked: Instant::ZERO,
            outputs: Vec::new(),
            flushed: None,
            awaited: Awaited::default(),
            is_closed: false,
        }
    }

    /// Interns a topic name.
    ///
    /// # Errors
    ///
    /// [`TopicError`] when the name can be no topic's, or when there are too many.
    pub fn topic(&mut self, name: &str) -> Result<TopicHandle, TopicError> {
        // The machine asks the cluster for it.
        self.step.more = true;
        self.producer.topic(name)
    }

    /// Offers a record, whose timestamp must be given.
    ///
    /// # Errors
    ///
    /// As [`Producer::send`].
    pub fn send(&mut self, record: &Record<'_>) -> Result<Ticket, SendError> {
        let now = clock::now();
        let sent = self.producer.send(record, now);
        self.turn_after_sending(now);
        sent
    }

    /// Offers records in bulk form; a prefix of them is accepted. A timestamp of -1 becomes the time of the
    /// wall clock.
    pub fn send_many(&mut self, bulk: &Bulk<'_>) -> BulkOutcome {
        let now = clock::now();
        let outcome = self.producer.send_many(bulk, clock::wall_ms(), now);
        self.turn_after_sending(now);
        BulkOutcome {
            free_bytes: self.free_bytes(),
            ..outcome
        }
    }

    /// Asks for a topic's partitions: [`Event::Partitions`] follows, and again whenever they change.
    pub fn watch(&mut self, topic: TopicHandle) {
        self.step.more = true;
        self.producer.watch(topic, clock::now());
    }

    /// A snapshot of everything that the producer counts.
    pub fn metrics(&self) -> Metrics {
        self.producer.metrics(clock::now())
    }

    /// Overrides linger for everything accepted so far.
    pub fn flush(&mut self) -> FlushId {
        self.step.more = true;
        self.producer.flush(clock::now())
    }

    /// Drops everything that was never handed out; with reports.
    pub fn purge(&mut self) {
        self.step.more = true;
        self.producer.purge(clock::now());
    }

    /// Closes: sends what it can within `timeout`, then reports the rest. Blocks until that is done.
    pub fn close_within(&mut self, timeout: Duration) {
        self.close(timeout);
        // Not before the machine's own deadline, which is a little earlier.
        let deadline = clock::now().after(timeout);
        self.run_until(deadline, Self::is_closed);
        // The machine knows that the time is over; what is left are reports, some at a time.
        while !self.is_closed && !self.is_waiting() {
            self.turn();
        }
    }

    /// Begins to close: what can be sent within `timeout` is, then the rest is reported. [`Event::Closed`]
    /// is the last event.
    pub fn close(&mut self, timeout: Duration) {
        self.step.more = true;
        self.producer.close(timeout, clock::now());
    }

    /// Whether everything accepted before a flush has been reported.
    pub fn is_flushed(&self, flush: FlushId) -> bool {
        self.is_closed || self.flushed.is_some_and(|latest| latest.0 >= flush.0)
    }

    /// Whether everything is reported and every connection is closed.
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The next event for the application, which makes room in `buffer.memory`.
    pub fn next_event(&mut self) -> Option<Event> {
        let event = self.events.pop()?;
        self.producer.release(charge(&event));
        // There may be room now that somebody waits for.
        self.step.more = true;
        Some(event)
    }

    /// Whether anything was ever heard from any broker.
    pub const fn has_heard(&self) -> bool {
        self.sockets.has_heard
    }

    /// How many events wait.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Bytes of `buffer.memory` that are free.
    pub const fn free_bytes(&self) -> u64 {
        self.producer.free_bytes()
    }

    /// Looks at the sockets, if that was not just done, and moves everything on as far as it goes, within
    /// bounds. Never blocks.
    pub fn turn(&mut self) {
        let now = clock::now();
        // What waits in a socket comes before the deadline that it is an answer to.
        if self.is_stale(now) {
            self.look(now);
        }
        for _ in 0..ROUNDS {
            let now = clock::now();
            self.sockets.turn(&mut self.producer, now);
            self.step = self.producer.poll_outputs(now, &mut self.outputs);
            self.carry_out(now);
            if self.is_waiting() {
                return;
            }
        }
    }

    /// Waits until there is something for [`turn`](Self::turn) to do, until one of `others` is ready, or
    /// until `until`; says which of `others` are ready, by their positions. Where nothing could become
    /// ready it returns at once. With an `until` that has passed it is a look without a wait.
    pub fn wait(&mut self, until: Option<Instant>, others: &[&Pollable]) -> Vec<usize> {
        let now = clock::now();
        let until = if self.is_waiting() {
            earliest(until, self.step.until)
        } else {
            Some(now)
        };
        let timer = until.map(|until| self.timers.at(until, now));
        let ready = self.sockets.wait(timer, others);
        self.looked = clock::now();
        ready
    }

    /// Looks at the sockets and moves everything on as far as it goes. Never blocks.
    pub fn pump(&mut self) {
        self.look(clock::now());
        self.turn();
    }

    /// Whether the last look at the sockets is too old, or of a time that the clock has gone back to.
    fn is_stale(&self, now: Instant) -> bool {
        now.since(self.looked) >= FRESH || now < self.looked
    }

    fn look(&mut self, now: Instant) {
        self.sockets.wait(Some(self.timers.past(now)), &[]);
        self.looked = now;
    }

    /// Sends and receives until `is_done`, or until `deadline`; says which.
    pub fn run_until(&mut self, deadline: Instant, is_done: impl Fn(&Self) -> bool) -> bool {
        self.look(clock::now());
        loop {
            // The turn that counts is one that began after the deadline, for the machine has it too.
            let now = clock::now();
            self.turn();
            if is_done(self) {
                return true;
            }
            if now >= deadline {
                return false;
            }
            self.wait(Some(deadline), &[]);
        }
    }

    /// Pollables for everything that [`wait`](Self::wait) waits for. They must be dropped before anything
    /// else is asked of this driver and before it is dropped: a connection that ends while one is alive is
    /// a trap.
    pub fn pollables(&self) -> Vec<Pollable> {
        let now = clock::now();
        let until = if self.is_waiting() {
            self.step.until
        } else {
            Some(now)
        };
        let mut pollables = self.sockets.subscribe();
        pollables.extend(until.map(|until| timers::fresh(until, now)));
        pollables
    }

    /// Whether only an input, a command or time can help.
    pub fn is_waiting(&self) -> bool {
        !self.step.more && !self.sockets.is_ready()
    }

    /// Records leave with the next look at the sockets; callers that send one by one do not pay for one
    /// each.
    fn turn_after_sending(&mut self, now: Instant) {
        self.step.more = true;
        if self.is_stale(now) {
            self.turn();
        }
    }

    fn carry_out(&mut self, now: Instant) {
        let mut outputs = core::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Resolve { query, host, .. } => {
                    self.sockets.resolve(query, &host, &mut self.producer, now);
                    self.step.more = true;
                }
                Output::Connect {
                    connection,
                    address,
                    ..
                } => self.sockets.connect(connection, address),
                Output::Transmit { connection, slices } => {
                    self.sockets.transmit(connection, slices);
                }
                Output::Disconnect { connection } => self.sockets.disconnect(connection),
                Output::Event(event) => self.keep(event),
                Output::Wait { .. } => {}
            }
        }
        self.outputs = outputs;
    }

    fn keep(&mut self, event: Event) {
        if self.is_closed {
            // That a later flush has nothing to do is known without it.
            return;
        }
        match &event {
            Event::Flushed { flush } => self.flushed = Some(*flush),
            Event::OperationEnded(ended) => self.awaited.hear(ended),
            Event::Closed => {
                self.is_closed = true;
                self.sockets.forget_lookups();
            }
            Event::Delivered(_)
            | Event::BufferAvailable { .. }
            | Event::Partitions(_)
            | Event::ConnectionFailed(_)
            | Event::Failed(_) => {}
        }
        self.producer.hold(charge(&event));
        if let Some(dropped) = self.events.push(event) {
            self.producer.release(charge(&dropped));
        }
    }
}
