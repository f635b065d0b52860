//! The loop that makes transactions: while one is under way, the next one is gathered.

use super::attempt::{Around, Attempt};
use super::outlets::Outlets;
use super::reading::Reading;
use crate::connect::{Connected, Heard};
use crate::topics::Topics;
use odradek::Instant;
use odradek::cli::course::Course;
use odradek::cli::grouping::Step;
use odradek::cli::ledger::GATHERED;
use odradek::cli::retained::{Gathering, Limits, Retained, Settling};
use odradek::cli::transactions::{Ending, Transactions};
use odradek::wasi::clock;

/// Everything that the loop looks at.
pub(super) struct TransactionalRun {
    connected: Connected,
    outlets: Outlets,
    topics: Topics,
    reading: Reading,
    gathering: Gathering,
    transactions: Transactions,
    course: Course,
    /// A transaction that is complete and waits for the one before it.
    complete: Option<Retained>,
    attempt: Option<Attempt>,
    /// A transaction that is over.
    settling: Option<Settling>,
}

impl TransactionalRun {
    pub(super) fn new(
        connected: Connected,
        outlets: Outlets,
        reading: Reading,
        limits: Limits,
    ) -> Self {
        Self {
            transactions: Transactions::new(&connected.config),
            connected,
            outlets,
            topics: Topics::default(),
            reading,
            gathering: Gathering::new(limits),
            course: Course::Go,
            complete: None,
            attempt: None,
            settling: None,
        }
    }

    /// Makes transactions until the input is over.
    pub(super) fn run(mut self) -> (Connected, Outlets) {
        loop {
            let now = clock::now();
            self.connected.driver.turn();
            self.hear(now);
            self.advance(now);
            self.settle();
            self.begin(now);
            self.read(now);
            if self.is_over() {
                return (self.connected, self.outlets);
            }
            self.connected.driver.turn();
            let is_busy = self.is_busy();
            if !is_busy || self.outlets.ledger.gathered_bytes() >= GATHERED {
                self.outlets.write_out();
            }
            // Writing makes room for what is settled.
            self.wait();
        }
    }

    fn hear(&mut self, now: Instant) {
        while let Some(heard) = self.connected.next_heard() {
            let defaults = self.outlets.ledger.defaults();
            let Some(attempt) = &mut self.attempt else {
                continue;
            };
            match heard {
                Heard::Report(report) => attempt.report(&report),
                Heard::Operation(ended) => {
                    let max_block = self.connected.config.max_block;
                    let mut around = Around {
                        connected: &mut self.connected,
                        topics: &mut self.topics,
                        transactions: &mut self.transactions,
                        defaults,
                        max_block,
                        now,
                    };
                    attempt.operation_ended(&ended, &mut around);
                }
            }
        }
    }

    fn advance(&mut self, now: Instant) {
        let Some(mut attempt) = self.attempt.take() else {
            return;
        };
        let max_block = self.connected.config.max_block;
        let mut around = Around {
            connected: &mut self.connected,
            topics: &mut self.topics,
            transactions: &mut self.transactions,
            defaults: self.outlets.ledger.defaults(),
            max_block,
            now,
        };
        match attempt.advance(&mut around) {
            Some(ending) => self.settling = Some(attempt.settle(ending)),
            None => self.attempt = Some(attempt),
        }
        // What follows will not be committed either.
        if self.transactions.failure().is_some() {
            self.course = Course::GiveUp;
        }
    }

    /// Gives what is over to the ledger, as long as its lines have somewhere to go.
    fn settle(&mut self) {
        while !self.outlets.is_full()
            && let Some(settling) = &mut self.settling
        {
            if !settling.settle_next(&mut self.outlets.ledger) {
                self.settling = None;
            }
            if self.outlets.ledger.gathered_bytes() >= GATHERED {
                self.outlets.write_out();
            }
        }
    }

    fn begin(&mut self, now: Instant) {
        if self.attempt.is_some() || self.settling.is_some() {
            return;
        }
        let Some(retained) = self.complete.take() else {
            return;
        };
        if retained.is_empty() {
            self.settling = Some(retained.settle(Ending::Committed, Vec::new()));
        } else {
            let first = self.transactions.start(now);
            self.attempt = Some(Attempt::new(retained, first));
        }
    }

    /// Gathers until a transaction is complete, and reads at most one chunk for that.
    fn read(&mut self, now: Instant) {
        self.gather();
        if self.complete.is_none() && !self.reading.is_over() {
            self.read_on(now);
        }
        if self.complete.is_none() && self.reading.is_over() {
            self.complete = self.gathering.rest();
        }
    }

    fn read_on(&mut self, now: Instant) {
        let unreadable = self.reading.read(self.course, now);
        self.gather();
        if let Some(error) = unreadable {
            // What was cut belongs to the input that failed, and comes first.
            while let Some(step) = self.next_step() {
                self.gathering.push(self.reading.index(), step);
            }
            self.gathering.unreadable(self.reading.index(), error);
        }
    }

    fn gather(&mut self) {
        while self.complete.is_none() {
            self.complete = self.gathering.next_complete();
            if self.complete.is_some() {
                return;
            }
            let Some(step) = self.next_step() else {
                return;
            };
            self.gathering.push(self.reading.index(), step);
        }
    }

    fn next_step(&mut self) -> Option<Step> {
        self.reading.next_step(self.outlets.ledger.defaults())
    }

    const fn is_idle(&self) -> bool {
        self.attempt.is_none() && self.settling.is_none()
    }

    fn is_over(&self) -> bool {
        self.reading.is_over() && self.complete.is_none() && self.is_idle()
    }

    /// Whether there is more to do without waiting for anything.
    fn is_busy(&self) -> bool {
        self.connected.driver.event_count() > 0
            || (self.settling.is_some() && !self.outlets.is_full())
            || (self.complete.is_some() && self.is_idle())
            || (self.complete.is_none() && self.reading.is_ready())
    }

    /// Waits for anything to happen; not at all while there is more to do.
    fn wait(&mut self) {
        let reads = self.complete.is_none();
        let until = if self.is_busy() {
            Some(Instant::ZERO)
        } else {
            let max_block = self.connected.config.max_block;
            let attempt = self.attempt.as_ref();
            let attempt = attempt.and_then(|attempt| attempt.deadline(max_block));
            let reading = self.reading.deadline().filter(|_| reads);
            odradek::time::earliest(attempt, reading)
        };
        let input = self.reading.pollable().filter(|_| reads);
        if self.outlets.wait(&mut self.connected, until, input) {
            self.reading.set_ready();
        }
    }
}
