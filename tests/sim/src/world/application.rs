//! The application: it sends, flushes, purges, closes, and takes its events when it likes.

use super::coverage::Situation;
use super::dice::Dice;
use super::ledger::Accepted;
use super::network::Happening;
use super::plan::{EPOCH_MS, MS, Plan};
use super::tap::NUMBER_HEADER;
use super::transactions::Transactions;
use super::{Promise, World};
use core::time::Duration;
use odradek::{FlushId, Header, Record, SendError};
use std::collections::BTreeMap;

/// What an event costs that nobody has taken, in bytes.
const EVENT_BYTES: u64 = 200;

/// The application's state.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) dice: Dice,
    left: u64,
    /// A record was refused for want of room, and nobody said yet that there is some.
    pub(super) is_refused: bool,
    /// All records were offered.
    pub(super) is_done: bool,
    is_closing: bool,
    /// The first ticket that a flush does not wait for.
    flushes: BTreeMap<FlushId, usize>,
    held: u64,
    pub(super) transactions: Option<Transactions>,
}

impl Application {
    pub(super) fn new(plan: &Plan, dice: Dice) -> Self {
        let transactions = plan.transactions.as_ref();
        Self {
            dice,
            left: plan.work.records,
            is_refused: false,
            is_done: false,
            is_closing: false,
            flushes: BTreeMap::new(),
            held: 0,
            transactions: transactions.map(|plan| Transactions::new(plan.is_two_phase)),
        }
    }

    /// Whether nothing is owed to it.
    pub(super) fn is_settled(&self) -> bool {
        self.flushes.is_empty()
    }

    pub(super) const fn is_out_of_records(&self) -> bool {
        self.left == 0
    }

    /// Whether it has offered all records and ended its transactions; a hasty one does not wait for that.
    fn has_ended(&self, is_hasty: bool) -> bool {
        let transactions = self.transactions.as_ref();
        self.left == 0 && (is_hasty || transactions.is_none_or(Transactions::is_at_rest))
    }
}

impl World {
    /// The next thing that the application does.
    pub(super) fn work(&mut self) {
        if self.application.is_done || self.failed.is_some() {
            self.application.is_done = true;
            return;
        }
        let pause = self.plan.work.pause;
        let at = self.now + self.application.dice.below(2 * pause) + 1;
        self.network.schedule(at, Happening::Work);
        self.counts.stirs += 1;
        match self.application.dice.below(100) {
            4 if self.plan.work.purges => self.purge(),
            _ if self.application.transactions.is_some() => self.work_transactionally(),
            0..=3 => self.flush(),
            _ => self.send_some(),
        }
        if self
            .application
            .has_ended(self.plan.work.hasty_close.is_some())
        {
            self.application.is_done = true;
            match self.plan.work.hasty_close {
                Some(ms) => self.close(ms),
                None => self.flush(),
            }
        }
        self.drain();
    }

    pub(super) fn send_some(&mut self) {
        // Half of all applications wait to be told that there is room, as they are asked to.
        if self.application.is_refused && self.plan.seed.is_multiple_of(2) {
            return;
        }
        let burst = 1 + self.application.dice.below(self.plan.work.burst);
        for _ in 0..burst.min(self.application.left) {
            self.counts.stirs += 1;
            match self.send_one() {
                Ok(()) => self.application.left -= 1,
                Err(SendError::BufferFull { .. }) => {
                    self.application.is_refused = true;
                    self.coverage.hit(Situation::BufferFull);
                    return;
                }
                Err(SendError::Failed(_) | SendError::Closed) => {
                    self.application.left = 0;
                    return;
                }
                Err(error @ (SendError::AbortRequired(_) | SendError::NoTransaction { .. })) => {
                    self.on_send_refused(error);
                    return;
                }
                // Larger than a request, or a partition that is not there: this one is lost.
                Err(error) => {
                    self.application.left -= 1;
                    self.note(|_| format!("   refused: {error}"));
                }
            }
        }
    }

    fn send_one(&mut self) -> Result<(), SendError> {
        let number = self.ledger.next_number();
        let dice = &mut self.application.dice;
        let (topic, partitions, _) = dice.pick(&self.plan.topics);
        let partition = dice
            .chance(400)
            .then(|| dice.below(partitions as u64) as i32);
        let key = dice
            .chance(400)
            .then(|| format!("key {}", dice.below(9)).into_bytes());
        let len = dice.below(self.plan.work.value_bytes);
        let value = dice.chance(970).then(|| {
            let text = format!("value {number} ");
            let filler = text.bytes().cycle();
            filler.take(len as usize).collect::<Vec<u8>>()
        });
        let timestamp = (EPOCH_MS + self.now / MS) as i64;
        let handle = match self.producer.topic(&topic) {
            Ok(handle) => handle,
            Err(error) => panic!("{topic}: {error}"),
        };
        let bytes = number.to_be_bytes();
        let record = Record {
            topic: handle,
            partition,
            timestamp,
            key: key.as_deref(),
            value: value.as_deref(),
            headers: &[Header {
                name: NUMBER_HEADER,
                value: Some(&bytes),
            }],
        };
        let now = self.instant();
        let ticket = self.producer.send(&record, now)?;
        let accepted = Accepted {
            number,
            handle,
            topic,
            partition,
            key,
            value,
            timestamp,
            transaction: self
                .application
                .transactions
                .as_ref()
                .and_then(Transactions::current),
        };
        self.ledger.accept(ticket, accepted);
        Ok(())
    }

    pub(super) fn flush(&mut self) {
        let now = self.instant();
        let flush = self.producer.flush(now);
        let until = self.ledger.accepted.len();
        self.note(|_| format!("   {flush}"));
        // Where nothing was accepted since the last one, it is the same.
        let same = self.application.flushes.insert(flush, until);
        if same.is_some_and(|old| old != until) {
            self.complain(format!("{flush} was given twice"));
        }
    }

    pub(super) fn on_flushed(&mut self, flush: FlushId) {
        self.note(|_| format!("   {flush} is complete"));
        let Some(until) = self.application.flushes.remove(&flush) else {
            self.complain(format!("{flush} is complete and was not asked for"));
            return;
        };
        if !self.ledger.is_reported_before(until) {
            self.complain(format!(
                "{flush} is complete before its records are reported"
            ));
        }
        let is_early = !self.is_calm;
        self.coverage.hit_if(is_early, Situation::FlushDuringFaults);
    }

    fn purge(&mut self) {
        let is_out = self.ledger.requests_out(None) > 0;
        self.coverage.hit_if(is_out, Situation::PurgedInFlight);
        self.note(|_| "   purge".to_owned());
        let now = self.instant();
        self.producer.purge(now);
    }

    pub(super) fn close(&mut self, ms: u64) {
        self.note(|_| format!("   close within {ms} ms"));
        let now = self.instant();
        if !self.application.is_closing {
            let is_open = self.ledger.open() > 0;
            let met = if ms < 1000 {
                Situation::ClosedTooEarly
            } else {
                Situation::ClosedInTime
            };
            self.coverage.hit_if(is_open, met);
        }
        self.application.is_closing = true;
        self.producer.close(Duration::from_millis(ms), now);
        self.drain();
    }

    /// The application leaves an event lying, or not; its bytes count in `buffer.memory`.
    pub(super) fn hold_event(&mut self) {
        let per_mille = self.plan.work.slow_per_mille;
        if self.is_calm || !self.application.dice.chance(per_mille) {
            return;
        }
        self.coverage.hit(Situation::EventsHeld);
        self.producer.hold(EVENT_BYTES);
        if self.application.held == 0 {
            let at = self.now + self.application.dice.below(500 * MS);
            self.network.schedule(at, Happening::TakeEvents);
        }
        self.application.held += EVENT_BYTES;
    }

    pub(super) fn release_events(&mut self) {
        let held = core::mem::take(&mut self.application.held);
        self.producer.release(held);
    }

    /// Whether the machine promises that every record is in a log at most once, and where it says.
    pub(crate) fn is_exactly_once(&self) -> bool {
        self.plan.promise == Promise::ExactlyOnce
    }
}
