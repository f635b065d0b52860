//! `bench` as an application of the client component in a stock WASI host.

use odradek::cli::args::{BenchApi, BenchArgs};
use odradek::cli::exit::{ExitStatus, Tally};
use odradek::cli::figures::{Figures, Usage};
use odradek::cli::generator::Generator;
use odradek::cli::pace::Pace;
use odradek::cli::properties::configure;
use odradek::{Ticket, TicketRuns};
use odradek_tests_wasi::client::types::{Event, Outcome, ProducerRecord, RecordIndex, Refusal};
use odradek_tests_wasi::client::types::{SendError, SendOutcome};
use odradek_tests_wasi::client::{Instance, Producer};
use odradek_tests_wasi::policy::Policy;
use std::collections::VecDeque;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Sends, waits for the reports, and prints the figures.
pub(crate) fn run(arguments: &BenchArgs) -> ExitCode {
    let configured = configure(&arguments.connection);
    let properties = odradek::cli::properties::merge(
        &arguments.connection.properties_files,
        &arguments.connection.settings,
        arguments.connection.bootstrap_servers.as_deref(),
    );
    let (Ok(_), Ok(properties)) = (configured, properties) else {
        eprintln!("the properties are wrong");
        return ExitCode::from(ExitStatus::Usage.code());
    };
    let properties: Vec<(&str, &str)> = properties
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let mut bench = Bench::new(arguments, &properties);
    bench.send_all();
    let text = bench.figures.text(arguments, "client", Usage::default());
    let _ = std::io::stdout().write_all(text.as_bytes());
    eprint!("{}", bench.figures.summary(false, &[]));
    ExitCode::from(bench.figures.status(false).code())
}

/// Records that were accepted together: the first ticket, how many, and the moment before.
type Sent = (u64, u64, Instant);

struct Bench<'a> {
    arguments: &'a BenchArgs,
    instance: Instance,
    producer: Producer,
    topic: u32,
    generator: Generator,
    pace: Pace,
    /// What has no report yet, in the order of the tickets.
    sent: VecDeque<Sent>,
    unreported: u64,
    figures: Figures,
    started: Instant,
}

/// The longest wait, in ms: that of the pace.
const STEP_MS: u64 = 1;

impl<'a> Bench<'a> {
    fn new(arguments: &'a BenchArgs, properties: &[(&str, &str)]) -> Self {
        let mut instance = Instance::new(&Policy::default());
        let opened = instance.open(properties).expect("no trap");
        let producer = opened.expect("the properties were checked").producer;
        let (guest, store) = instance.producer();
        let topic = guest.call_topic(store, producer, &arguments.topic);
        Self {
            arguments,
            instance,
            producer,
            topic: topic.expect("no trap").expect("a topic's name"),
            generator: Generator::new(arguments),
            pace: Pace::new(arguments),
            sent: VecDeque::new(),
            unreported: 0,
            figures: Figures::default(),
            started: Instant::now(),
        }
    }

    fn send_all(&mut self) {
        while !self.pace.is_done() {
            let count = self.pace.take(self.started.elapsed());
            if count == 0 {
                self.wait(STEP_MS);
            } else {
                match self.arguments.api {
                    BenchApi::Batch => self.send_bulk(count),
                    BenchApi::Send => self.send_singles(count),
                }
            }
            self.take();
        }
        let (guest, store) = self.instance.producer();
        let flushed = guest.call_flush(store, self.producer, 0);
        flushed.expect("no trap");
        while self.unreported > 0 {
            self.wait(1000);
            self.take();
        }
    }

    fn wait(&mut self, timeout: u64) {
        let (guest, store) = self.instance.producer();
        let waited = guest.call_wait(store, self.producer, timeout);
        waited.expect("no trap");
    }

    fn send_bulk(&mut self, count: u64) {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (key, value) in self.generator.next_group(count) {
            index.push(RecordIndex {
                topic: self.topic,
                partition: -1,
                timestamp: -1,
                key_length: key.map_or(-1, |key| key.len() as i32),
                value_length: value.len() as i32,
                header_count: 0,
            });
            data.extend_from_slice(key.unwrap_or_default());
            data.extend_from_slice(value);
        }
        let (mut index, mut data) = (index.as_slice(), data.as_slice());
        while !index.is_empty() {
            let begun = Instant::now();
            let (guest, store) = self.instance.producer();
            let outcome = guest.call_send_bulk(store, self.producer, index, &[], data);
            let accepted = self.note(&outcome.expect("no trap"), begun);
            let (passed, rest) = index.split_at(accepted);
            let bytes =
                |entry: &RecordIndex| (entry.key_length.max(0) + entry.value_length) as usize;
            data = &data[passed.iter().map(bytes).sum()..];
            index = rest;
        }
    }

    fn send_singles(&mut self, count: u64) {
        let topic = self.topic;
        let group = self.generator.next_group(count);
        let records: Vec<_> = group
            .map(|(key, value)| ProducerRecord {
                topic,
                partition: None,
                timestamp: None,
                key: key.map(<[u8]>::to_vec),
                value: Some(value.to_vec()),
                headers: Vec::new(),
            })
            .collect();
        for record in records {
            let mut is_sent = false;
            while !is_sent {
                let begun = Instant::now();
                let (guest, store) = self.instance.producer();
                let outcome = guest.call_send(store, self.producer, &record);
                is_sent = self.note(&outcome.expect("no trap"), begun) == 1;
            }
        }
    }

    /// Notes what was accepted; waits for room where there is none.
    fn note(&mut self, outcome: &SendOutcome, begun: Instant) -> usize {
        if outcome.accepted > 0 {
            let count = u64::from(outcome.accepted);
            self.sent.push_back((outcome.first_ticket, count, begun));
            self.unreported += count;
        }
        match &outcome.refused {
            None => {}
            Some(Refusal::Send(SendError::BufferFull(_))) => {
                self.take();
                self.wait(1000);
                self.take();
            }
            Some(refused) => panic!("refused: {refused:?}"),
        }
        outcome.accepted as usize
    }

    fn take(&mut self) {
        let (guest, store) = self.instance.producer();
        let taken = guest.call_take_events(store, self.producer, u32::MAX);
        let taken = taken.expect("no trap");
        let mut data = taken.data.as_slice();
        let elapsed = self.started.elapsed();
        for event in taken.events {
            if let Event::Delivered(report) = event {
                let (runs, rest) = data.split_at(report.tickets_length as usize);
                data = rest;
                let runs = TicketRuns::decode(runs).expect("runs of tickets");
                for (first, count) in runs.iter() {
                    self.count(first, count, report.outcome, elapsed);
                }
            }
        }
    }

    /// Counts records of a report, with the latency of each part that was sent together.
    fn count(&mut self, first: Ticket, count: u64, outcome: Outcome, elapsed: Duration) {
        self.unreported -= count;
        let (mut at, end) = (first.0, first.0 + count);
        let start = self.sent.partition_point(|sent| sent.0 + sent.1 <= at);
        for index in start.. {
            let Some((sent, sent_count, begun)) = self.sent.get(index).copied() else {
                break;
            };
            if at >= end {
                break;
            }
            let part = end.min(sent + sent_count) - at;
            at += part;
            let mut tally = Tally::default();
            match outcome {
                Outcome::Written => tally.delivered = part,
                Outcome::NotWritten => tally.failed = part,
                Outcome::PossiblyWritten => tally.possibly = part,
            }
            self.figures.add(tally, begun.elapsed(), elapsed, None);
        }
        // Old ones are forgotten now and then; reports of other partitions may still come for the rest.
        while self.sent.len() > 100_000 {
            self.sent.pop_front();
        }
    }
}
