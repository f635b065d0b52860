//! `odradek bench`: throughput and latency on varied data; one loop.

use crate::connect::Connected;
use crate::offer::{Offer, Offered, stayed_full};
use crate::staged::Entry;
use crate::terminal::{complain, print, tell};
use crate::topics::Topics;
use odradek::Instant;
use odradek::cli::args::{BenchApi, BenchArgs};
use odradek::cli::course::CLOSE_TIMEOUT;
use odradek::cli::exit::{ExitStatus, Tally};
use odradek::cli::figures::{Figures, Usage};
use odradek::cli::generator::Generator;
use odradek::cli::pace::{Pace, RATE_STEP};
use odradek::cli::tickets::{Group, Tickets};
use odradek::wasi::clock;
use odradek::{Outcome, TopicHandle};
use std::fmt::Display;
use std::time::Duration;

/// Sends, waits for the reports, and prints the figures.
pub(crate) fn run(arguments: &BenchArgs) -> ExitStatus {
    let connected = Connected::new(&arguments.connection)
        .and_then(|connected| BenchArgs::check(&connected.config).map(|()| connected));
    let connected = match connected {
        Ok(connected) => connected,
        Err(error) => {
            complain(&error);
            return ExitStatus::Usage;
        }
    };
    let mut bench = Bench::new(arguments, connected);
    bench.send_all();
    let is_acks_zero = bench.connected.is_acks_zero();
    bench.connected.close(CLOSE_TIMEOUT);
    // What it took of the machine can only be seen from outside.
    let text = bench.figures.text(arguments, "wasi", Usage::default());
    let is_printed = print(&text);
    let failures = bench.connected.failures();
    tell(&bench.figures.summary(is_acks_zero, &failures));
    if is_printed {
        bench.figures.status(is_acks_zero)
    } else {
        ExitStatus::Undelivered
    }
}

struct Bench<'a> {
    arguments: &'a BenchArgs,
    connected: Connected,
    topics: Topics,
    pace: Pace,
    generator: Generator,
    offer: Offer,
    /// When the staged records were first offered; with one call per record, the first of them.
    begun: Option<Instant>,
    /// Records on their way, with the moment before they were handed over.
    tickets: Tickets<Instant>,
    figures: Figures,
    started: Instant,
}

/// How many records are handed over with `--api send` before the reports are looked at.
const SINGLES: usize = 64;

impl<'a> Bench<'a> {
    fn new(arguments: &'a BenchArgs, connected: Connected) -> Self {
        let started = clock::now();
        Self {
            arguments,
            connected,
            topics: Topics::default(),
            pace: Pace::new(arguments),
            generator: Generator::new(arguments),
            offer: Offer::default(),
            begun: None,
            tickets: Tickets::default(),
            figures: Figures::default(),
            started,
        }
    }

    /// Sends everything, and returns when everything is reported.
    fn send_all(&mut self) {
        let mut is_flushed = false;
        loop {
            self.connected.driver.turn();
            self.take_reports();
            let next = self.send();
            let is_sent = self.pace.is_done() && self.offer.staged.first().is_none();
            if is_sent && !is_flushed {
                self.connected.driver.flush();
                is_flushed = true;
            }
            if is_sent && self.tickets.is_empty() {
                return;
            }
            self.connected.driver.turn();
            let is_busy = matches!(next, Next::More) || self.connected.driver.event_count() > 0;
            let until = match next {
                // What has passed is no wait.
                _ if is_busy => Some(Instant::ZERO),
                Next::More | Next::Over => None,
                Next::At(moment) => moment,
            };
            self.connected.driver.wait(until, &[]);
        }
    }

    fn take_reports(&mut self) {
        while let Some(report) = self.connected.next_report() {
            self.tickets.settle(&report);
        }
        while let Some(group) = self.tickets.next_settled() {
            self.count(&group);
        }
    }

    fn count(&mut self, group: &Group<Instant>) {
        let (mut records, mut failure) = (Tally::default(), None);
        for (outcome, cause, count) in group.sums() {
            records.add(outcome, count);
            let is_failure = match outcome {
                Outcome::Written => false,
                Outcome::NotWritten => true,
                Outcome::PossiblyWritten => !self.connected.is_acks_zero(),
            };
            if is_failure && failure.is_none() {
                failure = cause;
            }
        }
        let now = clock::now();
        let (latency, elapsed) = (now.since(group.payload), now.since(self.started));
        let failure = failure.as_ref().map(|cause| cause as &dyn Display);
        self.figures.add(records, latency, elapsed, failure);
    }

    /// Hands over some records.
    fn send(&mut self) -> Next {
        let now = clock::now();
        if self.offer.staged.first().is_none() {
            if self.pace.is_done() {
                return Next::Over;
            }
            let count = self.pace.take(now.since(self.started));
            if count == 0 {
                return Next::At(Some(now.after(RATE_STEP)));
            }
            self.stage(count);
            self.begun = None;
        }
        match self.arguments.api {
            BenchApi::Batch => self.offer(usize::MAX),
            BenchApi::Send => {
                for _ in 0..SINGLES {
                    let next = self.offer(1);
                    if !matches!(next, Next::More) {
                        return next;
                    }
                    self.begun = None;
                }
                Next::More
            }
        }
    }

    /// Offers up to `limit` of the staged records.
    fn offer(&mut self, limit: usize) -> Next {
        let begun = *self.begun.get_or_insert_with(clock::now);
        let max_block = self.connected.config.max_block;
        let driver = &mut self.connected.driver;
        let offered = self.offer.offer(driver, limit, max_block, clock::now());
        match offered {
            Offered::Accepted(first, count) => self.tickets.accept(first, count, begun),
            Offered::Rejected(error) => {
                let topic = &self.arguments.topic;
                let error = Topics::describe(driver, topic, error);
                self.refused(&error);
            }
            Offered::StayedFull => self.refused(&stayed_full(max_block)),
            Offered::Full => return Next::At(self.offer.deadline(max_block)),
            Offered::Done => {}
        }
        Next::More
    }

    fn refused(&mut self, error: &dyn Display) {
        self.figures.refusals.add(error);
        let elapsed = clock::now().since(self.started);
        self.figures
            .add(Tally::default(), Duration::ZERO, elapsed, None);
    }

    fn stage(&mut self, count: u64) {
        let driver = &mut self.connected.driver;
        let topic: TopicHandle = self.topics.handle(driver, &self.arguments.topic);
        let timestamp = clock::wall_ms();
        for (key, value) in self.generator.next_group(count) {
            let entry = Entry {
                topic,
                partition: None,
                timestamp,
                key,
                value: Some(value),
            };
            self.offer.staged.push(entry, std::iter::empty());
        }
    }
}

/// When there is more to hand over.
#[derive(Clone, Copy)]
enum Next {
    /// At once.
    More,
    /// At this moment, or when there is room.
    At(Option<Instant>),
    /// Nothing is left.
    Over,
}
