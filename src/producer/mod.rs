//! The producer: everything between a record that is accepted and its report.

mod murmur2;

use crate::bulk::{Bulk, BulkOutcome};
use crate::config::Config;
use crate::driver::{Input, Output};
use crate::error::{SendError, TopicError};
use crate::ids::{FlushId, Ticket, TopicHandle};
use crate::record::Record;
use crate::time::Instant;
use core::time::Duration;

/// The machine.
#[derive(Debug)]
pub struct Producer {}

impl Producer {
    /// A producer that has done nothing yet. `seed` makes every random choice.
    pub fn new(_config: Config, _seed: u64, _now: Instant) -> Self {
        unimplemented!()
    }
    /// Interns a topic name.
    pub fn topic(&mut self, _name: &str) -> Result<TopicHandle, TopicError> {
        unimplemented!()
    }
    /// The name behind a handle.
    pub fn topic_name(&self, _topic: TopicHandle) -> Option<&str> {
        unimplemented!()
    }
    /// Accepts a record or refuses it; never blocks.
    pub fn send(&mut self, _record: &Record<'_>, _now: Instant) -> Result<Ticket, SendError> {
        unimplemented!()
    }
    /// Accepts a prefix of many records; `wall` is the wall clock time in ms since 1970.
    pub fn send_many(&mut self, _bulk: &Bulk<'_>, _wall: i64, _now: Instant) -> BulkOutcome {
        unimplemented!()
    }
    /// Overrides linger for everything accepted so far; ends with `Event::Flushed`.
    pub fn flush(&mut self, _now: Instant) -> FlushId {
        unimplemented!()
    }
    /// Drops everything that was never handed out; with reports.
    pub fn purge(&mut self, _now: Instant) {
        unimplemented!()
    }
    /// Sends what it can within `timeout`, then reports the rest; ends with `Event::Closed`.
    pub fn close(&mut self, _timeout: Duration, _now: Instant) {
        unimplemented!()
    }
    /// Tells the machine what happened.
    pub fn handle_input(&mut self, _input: Input<'_>, _now: Instant) {
        unimplemented!()
    }
    /// What the machine wants next; repeat until `Output::Wait`.
    pub fn poll_output(&mut self, _now: Instant) -> Output {
        unimplemented!()
    }
    /// Bytes of `buffer.memory` that are free.
    pub fn free_bytes(&self) -> u64 {
        unimplemented!()
    }
}
