//! One producer in an instance of its own, with calls that neither trap nor take longer than they may.

use crate::limits::{LIMIT, LIMIT_MS, within};
use odradek_tests_wasi::client::types::{
    ConnectionFailure, Event, HeaderIndex, ProducerRecord, RecordIndex, SendOutcome, TopicError,
};
use odradek_tests_wasi::client::{Instance, Pollables, Producer, Progress};
use odradek_tests_wasi::policy::Policy;
use std::net::SocketAddr;
use std::time::Instant;

/// An instance with one producer.
pub(crate) struct Opened {
    pub(crate) instance: Instance,
    pub(crate) producer: Producer,
}

/// A record of a topic with a value and nothing else.
pub(crate) fn record(topic: u32, value: &[u8]) -> ProducerRecord {
    ProducerRecord {
        topic,
        partition: None,
        timestamp: None,
        key: None,
        value: Some(value.to_vec()),
        headers: Vec::new(),
    }
}

/// The index entry of a record with a value and nothing else.
pub(crate) fn index(topic: u32, value_length: i32) -> RecordIndex {
    RecordIndex {
        topic,
        partition: -1,
        timestamp: -1,
        key_length: -1,
        value_length,
        header_count: 0,
    }
}

/// How many tickets the reports of taken events have, and with which outcomes.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    pub(crate) tickets: Vec<u64>,
    pub(crate) written: u64,
    pub(crate) not_written: u64,
    pub(crate) possibly_written: u64,
    pub(crate) others: Vec<Event>,
}

impl Reported {
    pub(crate) fn all(&self) -> u64 {
        self.written + self.not_written + self.possibly_written
    }

    /// The connections that could not be made, or were lost.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &ConnectionFailure> {
        self.others.iter().filter_map(|event| {
            if let Event::ConnectionFailed(failure) = event {
                Some(failure)
            } else {
                None
            }
        })
    }
}

impl Opened {
    pub(crate) fn new(address: SocketAddr, others: &[(&str, &str)]) -> Self {
        Self::within(&Policy::default(), &address.to_string(), others)
    }

    pub(crate) fn within(policy: &Policy, servers: &str, others: &[(&str, &str)]) -> Self {
        let mut instance = Instance::new(policy);
        let producer = open(&mut instance, servers, others);
        Self { instance, producer }
    }

    pub(crate) fn topic(&mut self, name: &str) -> Result<u32, TopicError> {
        let (guest, store) = self.instance.producer();
        let answer = within(0, || guest.call_topic(store, self.producer, name));
        answer.expect("no trap")
    }

    pub(crate) fn send(&mut self, record: &ProducerRecord) -> SendOutcome {
        let (guest, store) = self.instance.producer();
        let outcome = within(0, || guest.call_send(store, self.producer, record));
        outcome.expect("no trap")
    }

    pub(crate) fn send_many(&mut self, records: &[ProducerRecord]) -> SendOutcome {
        let (guest, store) = self.instance.producer();
        let outcome = within(0, || guest.call_send_many(store, self.producer, records));
        outcome.expect("no trap")
    }

    pub(crate) fn send_bulk(
        &mut self,
        records: &[RecordIndex],
        headers: &[HeaderIndex],
        data: &[u8],
    ) -> SendOutcome {
        let (guest, store) = self.instance.producer();
        let call = || guest.call_send_bulk(store, self.producer, records, headers, data);
        within(0, call).expect("no trap")
    }

    pub(crate) fn wait(&mut self, timeout: u64) -> Progress {
        let (guest, store) = self.instance.producer();
        let progress = within(timeout, || guest.call_wait(store, self.producer, timeout));
        progress.expect("no trap")
    }

    pub(crate) fn flush(&mut self, timeout: u64) -> Progress {
        let (guest, store) = self.instance.producer();
        let flushing = within(timeout, || guest.call_flush(store, self.producer, timeout));
        flushing.expect("no trap").progress
    }

    pub(crate) fn purge(&mut self) -> Progress {
        let (guest, store) = self.instance.producer();
        let progress = within(0, || guest.call_purge(store, self.producer));
        progress.expect("no trap")
    }

    pub(crate) fn close(&mut self, timeout: u64) -> Progress {
        let (guest, store) = self.instance.producer();
        let progress = within(timeout, || guest.call_close(store, self.producer, timeout));
        progress.expect("no trap")
    }

    pub(crate) fn pump(&mut self) -> Progress {
        let (guest, store) = self.instance.poll();
        let progress = within(0, || guest.call_pump(store, self.producer));
        progress.expect("no trap")
    }

    pub(crate) fn begin_close(&mut self, timeout: u64) -> Progress {
        let (guest, store) = self.instance.poll();
        let progress = within(0, || guest.call_begin_close(store, self.producer, timeout));
        progress.expect("no trap")
    }

    pub(crate) fn pollables(&mut self) -> Pollables {
        let (guest, store) = self.instance.poll();
        let pollables = within(0, || guest.call_pollables(store, self.producer));
        pollables.expect("no trap")
    }

    /// Polls what the producer waits for, as a caller that must not block would, then pumps.
    pub(crate) fn poll_and_pump(&mut self) -> Progress {
        let pollables = self.pollables();
        assert!(!pollables.is_empty(), "nothing would ever happen");
        let ready = within(LIMIT_MS, || self.instance.poll_and_drop(pollables));
        assert!(!ready.expect("WASI polls").is_empty());
        self.pump()
    }

    /// Asks for what the producer waits for and drops it unpolled, then pumps.
    pub(crate) fn pump_without_polling(&mut self) -> Progress {
        let pollables = self.pollables();
        let dropped = self.instance.drop_pollables(pollables);
        dropped.expect("they are children of nothing that is gone");
        self.pump()
    }

    /// Drops the producer and opens another one in the same instance.
    pub(crate) fn replace(&mut self, address: SocketAddr, others: &[(&str, &str)]) {
        let dropped = within(0, || self.instance.drop_producer(self.producer));
        dropped.expect("no trap");
        self.producer = open(&mut self.instance, &address.to_string(), others);
    }

    /// Takes every event that waits.
    pub(crate) fn take(&mut self, reported: &mut Reported) -> Progress {
        self.take_some(u32::MAX, reported)
    }

    /// Takes so many of the events that wait.
    pub(crate) fn take_some(&mut self, max: u32, reported: &mut Reported) -> Progress {
        let (guest, store) = self.instance.producer();
        let taken = within(0, || guest.call_take_events(store, self.producer, max));
        let taken = taken.expect("no trap");
        assert!(taken.events.len() <= max as usize);
        let mut data = taken.data.as_slice();
        for event in taken.events {
            let Event::Delivered(report) = event else {
                reported.others.push(event);
                continue;
            };
            let (runs, rest) = data.split_at(report.tickets_length as usize);
            data = rest;
            let before = reported.tickets.len();
            read_tickets(runs, &mut reported.tickets);
            let count = (reported.tickets.len() - before) as u64;
            use odradek_tests_wasi::client::types::Outcome;
            match report.outcome {
                Outcome::Written => reported.written += count,
                Outcome::NotWritten => reported.not_written += count,
                Outcome::PossiblyWritten => reported.possibly_written += count,
            }
        }
        assert!(data.is_empty(), "bytes of no report");
        taken.progress
    }

    /// Waits and takes until so many records are reported.
    pub(crate) fn take_until(&mut self, reported: &mut Reported, count: u64) {
        let started = Instant::now();
        while reported.all() < count {
            assert!(started.elapsed() < LIMIT, "{count} of {reported:?}");
            self.wait(1000);
            self.take(reported);
        }
    }
}

pub(crate) fn open(instance: &mut Instance, servers: &str, others: &[(&str, &str)]) -> Producer {
    let properties = [&[("bootstrap.servers", servers)], others].concat();
    let opened = instance.open(&properties).expect("no trap");
    opened.expect("the configuration is right").producer
}

/// Runs of two unsigned LEB128 numbers each: the gap to the end of the run before, and the count.
fn read_tickets(mut runs: &[u8], tickets: &mut Vec<u64>) {
    let mut end = 0;
    while !runs.is_empty() {
        let first = end + leb128(&mut runs);
        end = first + leb128(&mut runs);
        tickets.extend(first..end);
    }
}

fn leb128(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().expect("the number ends");
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}
