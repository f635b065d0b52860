//! The calls of one transaction, and what the machine says of its records.

use crate::connect::Connected;
use crate::offer::{Offer, Offered};
use crate::staged::Entry as StagedEntry;
use crate::topics::Topics;
use odradek::cli::causes::describe_cause;
use odradek::cli::course::{CLOSE_TIMEOUT, Course};
use odradek::cli::input::Defaults;
use odradek::cli::retained::{Place, Retained, Settling};
use odradek::cli::tickets::{Group, Tickets};
use odradek::cli::transactions::{Call, Ending, Failure, Next, Transactions};
use odradek::wasi::clock;
use odradek::{
    Cause, DeliveryReport, Instant, OperationEnded, OperationId, Outcome, SendError, Ticket,
};
use std::collections::VecDeque;
use std::time::Duration;

/// A transaction on its way.
pub(super) struct Attempt {
    retained: Retained,
    doing: Doing,
    /// Positions of records that are to be staged, and of those that are.
    waiting: VecDeque<usize>,
    staged: VecDeque<usize>,
    offer: Offer,
    /// The timestamp in ms since 1970 of those that name none.
    wall: i64,
    /// Records on their way.
    tickets: Tickets<Sent>,
    /// What was reported, by the positions of the records.
    places: Vec<Option<Place>>,
}

/// Records that the machine accepted together.
struct Sent {
    positions: Vec<usize>,
    wall: i64,
}

enum Doing {
    Next(Next),
    /// Records are handed over.
    Sending,
    /// An operation has not ended.
    Waiting(Call, OperationId),
    /// The producer has failed, and the last reports come until the instant at the latest.
    Failing(Call, String, Instant),
}

/// Who is asked and told.
pub(super) struct Around<'a> {
    pub(super) connected: &'a mut Connected,
    pub(super) topics: &'a mut Topics,
    pub(super) transactions: &'a mut Transactions,
    pub(super) defaults: &'a Defaults,
    pub(super) max_block: Duration,
    pub(super) now: Instant,
}

/// How many records are staged together.
const GROUP_RECORDS: usize = 1000;

impl Attempt {
    /// Begins with what is to be done first.
    pub(super) fn new(retained: Retained, first: Next) -> Self {
        Self {
            retained,
            doing: Doing::Next(first),
            waiting: VecDeque::new(),
            staged: VecDeque::new(),
            offer: Offer::default(),
            wall: 0,
            tickets: Tickets::default(),
            places: Vec::new(),
        }
    }

    /// With the end of the transaction.
    pub(super) fn settle(self, ending: Ending) -> Settling {
        self.retained.settle(ending, self.places)
    }

    /// Until when to wait at most.
    pub(super) fn deadline(&self, max_block: Duration) -> Option<Instant> {
        match &self.doing {
            Doing::Next(Next::Pause(until)) | Doing::Failing(_, _, until) => Some(*until),
            Doing::Sending => self.offer.deadline(max_block),
            Doing::Next(Next::Call(_) | Next::End(_)) => Some(Instant::ZERO),
            Doing::Waiting(..) => None,
        }
    }

    /// Takes a report. One of an earlier attempt is of no interest.
    pub(super) fn report(&mut self, report: &DeliveryReport) {
        self.tickets.settle(report);
    }

    /// Takes the end of an operation.
    pub(super) fn operation_ended(&mut self, ended: &OperationEnded, around: &mut Around<'_>) {
        if let Doing::Waiting(call, operation) = self.doing
            && operation == ended.operation
        {
            let result = ended.result.map(drop).map_err(Failure::of_operation);
            self.ended(call, result, around);
        }
    }

    /// Goes on as far as there is nothing to wait for; how it ended, if it has.
    pub(super) fn advance(&mut self, around: &mut Around<'_>) -> Option<Ending> {
        loop {
            match &self.doing {
                Doing::Next(Next::Call(call)) => self.call(*call, around),
                Doing::Next(Next::Pause(until)) if *until <= around.now => {
                    self.doing = Doing::Next(around.transactions.resume());
                }
                Doing::Next(Next::End(ending)) => return Some(ending.clone()),
                Doing::Sending => {
                    let result = self.send(around)?;
                    self.ended(Call::Send, result, around);
                }
                Doing::Failing(..) => self.fail(around)?,
                Doing::Next(Next::Pause(_)) | Doing::Waiting(..) => return None,
            }
        }
    }

    fn call(&mut self, call: Call, around: &mut Around<'_>) {
        let driver = &mut around.connected.driver;
        let begun = match call {
            Call::Init => driver.init_transactions(false).map(Some),
            Call::Begin => {
                self.tickets = Tickets::default();
                self.places = vec![None; self.retained.len()];
                driver.begin_transaction().map(|()| None)
            }
            Call::Send => {
                self.waiting = self.retained.to_send().collect();
                self.doing = Doing::Sending;
                return;
            }
            Call::Commit => driver.commit_transaction().map(Some),
            Call::Abort => driver.abort_transaction().map(Some),
        };
        match begun {
            Ok(Some(operation)) => self.doing = Doing::Waiting(call, operation),
            Ok(None) => self.ended(call, Ok(()), around),
            Err(error) => self.ended(call, Err(Failure::of_command(error)), around),
        }
    }

    fn ended(&mut self, call: Call, result: Result<(), Failure>, around: &mut Around<'_>) {
        self.collect(around.topics);
        let is_unreached = || call == Call::Init && around.connected.is_unreached();
        let result = match result {
            Err(Failure::Fatal { why, .. }) => {
                // Every record is reported when the producer has failed.
                self.doing = Doing::Failing(call, why, around.now.after(CLOSE_TIMEOUT));
                return;
            }
            Err(Failure::TimedOut) if is_unreached() => {
                let why = Course::GiveUp.why_not().unwrap_or_default();
                Err(Failure::fatal(why.to_owned()))
            }
            result => result,
        };
        self.doing = Doing::Next(around.transactions.ended(call, result, around.now));
    }

    /// Goes on when there is nothing more to be reported.
    fn fail(&mut self, around: &mut Around<'_>) -> Option<()> {
        self.collect(around.topics);
        if let Doing::Failing(call, why, until) = &self.doing
            && (self.tickets.is_empty() || *until <= around.now)
        {
            let failure = Failure::Fatal {
                why: why.clone(),
                is_written: self.is_written(),
            };
            let next = around.transactions.ended(*call, Err(failure), around.now);
            self.doing = Doing::Next(next);
            return Some(());
        }
        None
    }

    /// Hands over what there is room for. A record that can never be sent is left out. `None` where there
    /// is no room now.
    fn send(&mut self, around: &mut Around<'_>) -> Option<Result<(), Failure>> {
        loop {
            if self.staged.is_empty() && !self.stage(around) {
                return Some(Ok(()));
            }
            let driver = &mut around.connected.driver;
            let offered = self
                .offer
                .offer(driver, usize::MAX, around.max_block, around.now);
            let result = match offered {
                Offered::Accepted(first, count) => self.sent(first, count),
                Offered::Rejected(error) => self.rejected(error, around),
                Offered::Full => return None,
                // As many are staged as there are positions, so the latter does not happen.
                Offered::StayedFull | Offered::Done => Err(Failure::TimedOut),
            };
            if result.is_err() {
                self.waiting.clear();
                self.staged.clear();
                self.offer = Offer::default();
                return Some(result);
            }
        }
    }

    /// Stages the next records; whether there were any.
    fn stage(&mut self, around: &mut Around<'_>) -> bool {
        self.wall = clock::wall_ms();
        let count = self.waiting.len().min(GROUP_RECORDS);
        for position in self.waiting.drain(..count) {
            let Some(record) = self.retained.record(position) else {
                continue;
            };
            let name = around.defaults.topic_of(record).unwrap_or_default();
            let topic = around.topics.handle(&mut around.connected.driver, name);
            let entry = StagedEntry {
                topic,
                partition: around.defaults.partition_of(record),
                timestamp: record.timestamp.unwrap_or(self.wall),
                key: record.key.as_deref(),
                value: record.value.as_deref(),
            };
            let headers = around.defaults.headers_of(record);
            let headers = headers.map(|header| (header.name.as_str(), header.value.as_deref()));
            self.offer.staged.push(entry, headers);
            self.staged.push_back(position);
        }
        !self.staged.is_empty()
    }

    fn sent(&mut self, first: Ticket, count: usize) -> Result<(), Failure> {
        let sent = Sent {
            positions: self.staged.drain(..count).collect(),
            wall: self.wall,
        };
        self.tickets.accept(first, count, sent);
        Ok(())
    }

    fn rejected(&mut self, error: SendError, around: &mut Around<'_>) -> Result<(), Failure> {
        if let Some(failure) = Failure::of_send(error) {
            return Err(failure);
        }
        if let Some(position) = self.staged.pop_front() {
            let record = self.retained.record(position);
            let topic = record.and_then(|record| around.defaults.topic_of(record));
            let driver = &mut around.connected.driver;
            let error = Topics::describe(driver, topic.unwrap_or_default(), error);
            self.retained.refuse(position, error);
        }
        Ok(())
    }

    /// Notes what was reported.
    fn collect(&mut self, topics: &Topics) {
        while let Some(group) = self.tickets.next_settled() {
            self.note(topics, &group);
        }
    }

    fn note(&mut self, topics: &Topics, group: &Group<Sent>) {
        for (position, verdict) in group.payload.positions.iter().zip(group.verdicts()) {
            let topic = topics.name(verdict.topic).unwrap_or_default();
            // The transaction has a reason of its own.
            let cause = verdict
                .cause
                .filter(|cause| *cause != Cause::TransactionAborted);
            let record = self.retained.record(*position);
            let own = record.and_then(|record| record.timestamp);
            let created = own.unwrap_or(group.payload.wall);
            if let Some(place) = self.places.get_mut(*position) {
                *place = Some(Place {
                    ticket: Some(verdict.ticket.0),
                    partition: verdict.partition,
                    offset: verdict.offset,
                    timestamp: verdict.log_append_time.unwrap_or(created),
                    outcome: verdict.outcome,
                    error: cause.map(|cause| describe_cause(topic, cause, verdict.message)),
                });
            }
        }
    }

    /// Whether every record is reported as written.
    fn is_written(&self) -> bool {
        let is_written = |place: &Place| place.outcome == Outcome::Written;
        self.retained.to_send().all(|at| {
            let place = self.places.get(at).and_then(Option::as_ref);
            place.is_some_and(is_written)
        })
    }
}
