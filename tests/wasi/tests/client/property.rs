//! The exported interfaces in random orders with random arguments, obeying only the rule on pollables:
//! nothing traps, and every accepted record is reported once.
//!
//! `ODRADEK_FULL=1` runs 400 seeds; otherwise it is 24.

use crate::opened::{Opened, Reported, index, record};
use odradek::cli::workload::Random;
use odradek_host::sink::SinkHandle;
use odradek_tests_wasi::client::types::{HeaderIndex, ProducerRecord, RecordIndex, SendOutcome};
use odradek_tests_wasi::sink;

fn seeds() -> u64 {
    let is_full = std::env::var("ODRADEK_FULL").is_ok_and(|full| full == "1");
    if is_full { 400 } else { 24 }
}

struct Run {
    dice: Random,
    opened: Opened,
    sink: SinkHandle,
    topics: u32,
    accepted: Vec<u64>,
    reported: Reported,
}

impl Run {
    fn new(seed: u64) -> Self {
        let sink = sink::start(3);
        let settings = [
            ("buffer.memory", "262144"),
            ("batch.size", "4096"),
            ("max.block.ms", "200"),
            ("request.timeout.ms", "300"),
            ("delivery.timeout.ms", "600"),
        ];
        Self {
            dice: Random::new(seed),
            opened: Opened::new(sink.address(), &settings),
            sink,
            topics: 0,
            accepted: Vec::new(),
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

    fn record(&mut self) -> ProducerRecord {
        let topics = u64::from(self.topics) + 1;
        let mut record = record(self.dice.below(topics) as u32, b"");
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
        record
    }

    fn entry(&mut self) -> RecordIndex {
        RecordIndex {
            partition: self.number(4) as i32,
            timestamp: self.number(1 << 40),
            key_length: self.number(20) as i32,
            header_count: (self.dice.below(30) == 0) as u32 * self.dice.below(1 << 32) as u32,
            ..index(
                self.dice.below(u64::from(self.topics) + 1) as u32,
                self.number(2000) as i32,
            )
        }
    }

    fn note(&mut self, outcome: &SendOutcome) {
        let tickets = outcome.first_ticket..outcome.first_ticket + u64::from(outcome.accepted);
        self.accepted.extend(tickets);
    }

    fn send(&mut self) {
        let outcome = match self.dice.below(3) {
            0 => {
                let record = self.record();
                self.opened.send(&record)
            }
            1 => {
                let records: Vec<_> = (0..self.dice.below(20)).map(|_| self.record()).collect();
                self.opened.send_many(&records)
            }
            _ => {
                let entries: Vec<_> = (0..self.dice.below(50)).map(|_| self.entry()).collect();
                let headers = [HeaderIndex {
                    name_length: self.dice.below(9) as u32,
                    value_length: self.number(9) as i32,
                }];
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
            0..50 => self.send(),
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
            74..84 => drop(self.opened.take(&mut self.reported)),
            84..87 => drop(self.opened.purge()),
            87..95 => {
                let pollables = self.opened.pollables();
                let dropped = self.opened.instance.drop_pollables(pollables);
                dropped.expect("they are children of nothing that is gone");
                self.opened.pump();
            }
            _ if self.dice.below(10) > 0 => self.sink.set_reading(self.dice.below(3) > 0),
            95..98 => {
                self.opened.begin_close(few * 20);
                return true;
            }
            _ => {
                self.opened.close(few * 20);
                return true;
            }
        }
        false
    }
}

#[test]
fn no_order_of_calls_traps_and_every_record_is_reported_once() {
    let mut all = 0;
    for seed in 0..seeds() {
        let mut run = Run::new(seed);
        let mut left = 400;
        while left > 0 {
            left -= 1;
            if run.call() {
                // A closed producer is called for a while, too.
                left = left.min(30);
            }
        }
        assert!(run.opened.close(50).done, "seed {seed}");
        run.opened.take(&mut run.reported);
        run.reported.tickets.sort_unstable();
        run.accepted.sort_unstable();
        assert_eq!(run.reported.tickets, run.accepted, "seed {seed}");
        all += run.accepted.len();
    }
    assert!(all > 1000, "only {all} records were accepted");
}
