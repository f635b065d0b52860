//! The way out in transactions: what the input brings is cut into them, and each is made and entered in the
//! ledger before the next one.

use super::attempt::Attempt;
use super::outcomes::Outcomes;
use super::pending::{Entry, Pending};
use odradek::cli::course::Course;
use odradek::cli::grouping::Step;
use odradek::cli::ledger::GATHERED;
use odradek::cli::retained::{Gathering, Limits, Retained};
use odradek::cli::transactions::{Ending, Next, Transactions};
use odradek::config::Config;
use std::time::Instant;

/// What is needed beside the outcomes.
pub(super) struct Transactional {
    gathering: Gathering,
    transactions: Transactions,
    /// The origin of the instants.
    started: Instant,
}

impl Transactional {
    pub(super) fn new(limits: Limits, config: &Config) -> Self {
        Self {
            gathering: Gathering::new(limits),
            transactions: Transactions::new(config),
            started: Instant::now(),
        }
    }

    /// Takes what the intake hands over.
    fn gather(&mut self, source: usize, pending: Pending) {
        let step = match pending {
            Pending::Unsent(records) => Step::Group(records),
            Pending::Refused { record, error } => Step::Refused(record, error),
            Pending::Bad(line) => Step::Bad(line),
            Pending::Unreadable(error) => {
                return self.gathering.unreadable(source, error.to_string());
            }
            // The intake sends nothing itself where transactions are made.
            Pending::Sent { .. } => return,
        };
        self.gathering.push(source, step);
    }

    /// Makes the calls of a transaction until it is over.
    async fn drive(&mut self, attempt: &mut Attempt<'_>) -> Ending {
        let mut next = self.transactions.start(self.now());
        loop {
            next = match next {
                Next::Call(call) => {
                    let result = attempt.call(call).await;
                    self.transactions.ended(call, result, self.now())
                }
                Next::Pause(until) => {
                    tokio::time::sleep(until.since(self.now())).await;
                    self.transactions.resume()
                }
                Next::End(ending) => return ending,
            };
        }
    }

    fn now(&self) -> odradek::Instant {
        let nanos = self.started.elapsed().as_nanos();
        odradek::Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Outcomes {
    /// Makes transactions until the intake has ended.
    pub(super) async fn run_transactions(mut self, mut all: Transactional) -> Self {
        while let Some(entry) = self.next_entry().await {
            let Entry {
                pending,
                source,
                permits,
            } = entry;
            all.gather(source, pending);
            // What is gathered has a bound of its own.
            self.window.add_permits(permits as usize);
            while let Some(retained) = all.gathering.next_complete() {
                self.transact(&mut all, retained).await;
            }
        }
        if let Some(rest) = all.gathering.rest() {
            self.transact(&mut all, rest).await;
        }
        // The last transaction is settled when nothing more is waited for.
        self.write_out();
        self
    }

    async fn transact(&mut self, all: &mut Transactional, retained: Retained) {
        let producer = self.producer.clone();
        let defaults = self.ledger.defaults().clone();
        let mut attempt = Attempt::new(&producer, &defaults, retained);
        let ending = if attempt.is_empty() {
            Ending::Committed
        } else {
            // Nobody should wait for lines that are ready.
            self.write_out();
            all.drive(&mut attempt).await
        };
        // What follows will not be committed either.
        if all.transactions.failure().is_some() && *self.course.borrow() == Course::Go {
            self.course.send_replace(Course::GiveUp);
        }
        let mut settling = attempt.settle(ending);
        while settling.settle_next(&mut self.ledger) {
            if self.ledger.gathered_bytes() >= GATHERED {
                self.write_out();
            }
        }
        self.progress.set_position(self.ledger.tally().records());
    }
}
