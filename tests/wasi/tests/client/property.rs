//! The exported interfaces in random orders with random arguments, obeying only the rule on pollables:
//! nothing traps, and every accepted record is reported once.
//!
//! One seed in twelve sends records of up to 4 MB to a broker that mostly does not read, so that streams are
//! parked.
//!
//! `ODRADEK_FULL=1` runs 400 seeds; otherwise it is 24.

use crate::opened::{Opened, Reported, index, record};
use crate::seeds;
use odradek::cli::workload::Random;
use odradek_host::sink::SinkHandle;
use odradek_tests_wasi::client::types::{
    DisconnectReason, Header, HeaderIndex, ProducerRecord, RecordIndex, SendOutcome,
};
use odradek_tests_wasi::sink;

/// `buffer.memory`, `max.request.size`.
const SMALL: [&str; 2] = ["262144", "1048576"];
const LARGE: [&str; 2] = ["33554432", "4194304"];

fn settings(sizes: [&'static str; 2]) -> [(&'static str, &'static str); 6] {
    [
        ("buffer.memory", sizes[0]),
        ("max.request.size", sizes[1]),
        ("batch.size", "4096"),
        ("max.block.ms", "200"),
        ("request.timeout.ms", "300"),
        ("delivery.timeout.ms", "600"),
    ]
}

struct Run {
    dice: Random,
    is_large: bool,
    opened: Opened,
    sink: SinkHandle,
    topics: u32,
    accepted: Vec<u64>,
    /// How many records all producers together accepted.
    all: usize,
    /// How many connections they gave up because nobody answered.
    given_up: usize,
    reported: Reported,
}

impl Run {
    fn new(seed: u64) -> Self {
        let sink = sink::start(3);
        let is_large = seed % 12 == 7;
        let sizes = if is_large { LARGE } else { SMALL };
        Self {
            dice: Random::new(seed),
            is_large,
            opened: Opened::new(sink.address(), &settings(sizes)),
            sink,
            topics: 0,
            accepted: Vec::new(),
            all: 0,
            given_up: 0,
            reported: Reported::default(),
        }
    }

    /// A number that is often sensible, sometimes at an edge.
    fn number(&mut self, sensible: u64) -> i64 {
        match self.dice.below(100) {
            0 => -1,
            1 => i64::MIN,
            2 => i64::MAX,
            _ => i64::try_from(self.dice.below(sensible)).unwrap_or_default(),
        }
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.dice.below(most + 1);
        (0..length).map(|at| at as u8).collect()
    }

    /// A topic that is mostly known.
    fn some_topic(&mut self) -> u32 {
        let unknown = u64::from(self.dice.below(20) == 0);
        let known = u64::from(self.topics).max(1);
        self.dice.below(known + unknown) as u32
    }

    fn record(&mut self) -> ProducerRecord {
        let mut record = record(self.some_topic(), b"");
        if self.dice.below(4) == 0 {
            record.partition = Some(self.number(4) as i32);
        }
        if self.dice.below(4) == 0 {
            record.timestamp = Some(self.number(1 << 40));
        }
        let size = if self.dice.below(20) == 0 {
            2_000_000
        } else {
            2000
        };
        record.value = (self.dice.below(4) > 0).then(|| self.bytes(size));
        record.key = (self.dice.below(4) == 0).then(|| self.bytes(20));
        if self.dice.below(4) == 0 {
            let count = self.dice.below(4);
            record.headers = (0..count).map(|_| self.header()).collect();
        }
        record
    }

    fn header(&mut self) -> Header {
        let name = self.bytes(9);
        Header {
            name: String::from_utf8(name).expect("the bytes are below 9"),
            value: (self.dice.below(4) > 0).then(|| self.bytes(20)),
        }
    }

    fn header_entry(&mut self) -> HeaderIndex {
        HeaderIndex {
            name_length: self.dice.below(9) as u32,
            value_length: self.number(9) as i32,
        }
    }

    fn entry(&mut self) -> RecordIndex {
        let mut entry = index(self.some_topic(), self.dice.below(2000) as i32);
        match self.dice.below(40) {
            0 => entry.partition = self.number(4) as i32,
            1 => entry.timestamp = self.number(1 << 40),
            2 => entry.value_length = self.number(2000) as i32,
            3 => entry.header_count = self.dice.below(1 << 32) as u32,
            4..8 => entry.key_length = self.number(20) as i32,
            8..12 => entry.header_count = self.dice.below(3) as u32,
            _ => {}
        }
        entry
    }

    fn note(&mut self, outcome: &SendOutcome) {
        let tickets = outcome.first_ticket..outcome.first_ticket + u64::from(outcome.accepted);
        self.accepted.extend(tickets);
        self.all += outcome.accepted as usize;
    }

    fn send(&mut self) {
        let outcome = match self.dice.below(3) {
            0 => {
                let mut record = self.record();
                if self.is_large && self.dice.below(2) == 0 {
                    record.value = Some(self.bytes(4_190_000));
                }
                self.opened.send(&record)
            }
            1 => {
                let records: Vec<_> = (0..self.dice.below(20)).map(|_| self.record()).collect();
                self.opened.send_many(&records)
            }
            _ => {
                let entries: Vec<_> = (0..self.dice.below(50)).map(|_| self.entry()).collect();
                let headers: Vec<_> = (0..self.dice.below(9))
                    .map(|_| self.header_entry())
                    .collect();
                let data = self.bytes(60_000);
                self.opened.send_bulk(&entries, &headers, &data)
            }
        };
        self.note(&outcome);
    }

    /// One call; whether it was the one that closes.
    fn call(&mut self) -> bool {
        let few = self.dice.below(8);
        match self.dice.below(100) {
            0..49 => self.send(),
            49 => self.replace(),
            50..54 if self.is_large => self.stall(),
            50..60 => {
                let name = match self.dice.below(4) {
                    0 => String::from_utf8_lossy(&self.bytes(300)).into_owned(),
                    _ => format!("topic-{}", self.dice.below(5)),
                };
                if let Ok(topic) = self.opened.topic(&name) {
                    self.topics = self.topics.max(topic + 1);
                }
            }
            60..70 => drop(self.opened.wait(few)),
            70..74 => drop(self.opened.flush(few)),
            74..84 => self.take(),
            84..87 => drop(self.opened.purge()),
            87..95 => drop(self.opened.pump_without_polling()),
            _ if self.dice.below(10) > 0 => {
                let is_reading = (self.dice.below(3) > 0) != self.is_large;
                self.sink.set_reading(is_reading);
            }
            95..98 => {
                let timeouts = [0, few * 20, u64::MAX];
                let timeout = timeouts[self.dice.below(3) as usize];
                self.opened.begin_close(timeout);
                return true;
            }
            _ => {
                self.opened.close(few * 20);
                return true;
            }
        }
        false
    }

    fn take(&mut self) {
        let max = match self.dice.below(4) {
            0 => self.dice.below(3) as u32,
            _ => u32::MAX,
        };
        let was_all = self.opened.take_some(max, &mut self.reported).done;
        if !was_all {
            assert!(self.opened.wait(u64::MAX).done, "an event waits already");
        }
    }

    /// Leaves a request unread until it is given up, with its stream.
    fn stall(&mut self) {
        self.sink.set_reading(true);
        let topic = self.opened.topic("topic-0").unwrap_or_default();
        self.topics = self.topics.max(topic + 1);
        self.opened.flush(100);
        self.sink.set_reading(false);
        let value = self.bytes(4_190_000);
        for _ in 0..6 {
            let outcome = self.opened.send(&record(topic, &value));
            self.note(&outcome);
        }
        self.opened.flush(400);
    }

    /// Drops the producer, whatever it is doing, and goes on with another one in the same instance.
    fn replace(&mut self) {
        self.check();
        let sizes = if self.is_large { LARGE } else { SMALL };
        let address = self.sink.address();
        self.opened.replace(address, &settings(sizes));
        self.topics = 0;
        self.accepted.clear();
        self.reported = Reported::default();
    }

    /// The producer's last: no record is reported twice, and none that was not accepted.
    fn check(&mut self) {
        self.reported.tickets.sort_unstable();
        self.accepted.sort_unstable();
        let is_twice = self.reported.tickets.windows(2).any(|two| two[0] == two[1]);
        assert!(!is_twice, "{:?}", self.reported.tickets);
        for ticket in &self.reported.tickets {
            let found = self.accepted.binary_search(ticket);
            assert!(found.is_ok(), "{ticket} was not accepted");
        }
        let given_up = self
            .reported
            .failures()
            .filter(|failure| matches!(failure.reason, DisconnectReason::RequestTimedOut));
        self.given_up += given_up.count();
    }
}

/// Runs a seed; how many records were accepted, and how many connections given up as stalled.
fn run(seed: u64) -> (usize, usize) {
    let mut run = Run::new(seed);
    let mut left = if run.is_large { 100 } else { 400 };
    while left > 0 {
        left -= 1;
        if run.call() {
            // A closed producer is called for a while, too.
            left = left.min(30);
        }
    }
    assert!(run.opened.close(50).done);
    run.opened.take(&mut run.reported);
    run.check();
    assert_eq!(run.reported.tickets, run.accepted);
    (run.all, run.given_up)
}

#[test]
fn no_order_of_calls_traps_and_every_record_is_reported_once() {
    let runs = seeds::each(24, 400, run);
    let all: usize = runs.iter().map(|(accepted, _)| accepted).sum();
    let given_up: usize = runs.iter().map(|(_, stalled)| stalled).sum();
    assert!(given_up > 0, "no stream was stalled");
    assert!(all > 1000, "only {all} records were accepted");
}
