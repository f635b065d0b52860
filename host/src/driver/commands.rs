//! Flush, purge, close and the commands of transactions, each behind the records that were staged before it.

use super::{AGES, Driver};
use crate::deliveries::Verdict;
use crate::machine::MachineLost;
use crate::metrics::Metrics;
use crate::report::ReportCause;
use crate::staging::{Command, CommandKind, Due};
use odradek::{Cause, SendError};
use std::time::{Duration, Instant as Moment};
use tokio::sync::oneshot;

/// A close under way.
pub(super) struct Closing {
    pub(super) deadline: Moment,
    /// How many records were staged before it.
    after: u64,
    /// Whether the machine knows.
    pub(super) told: bool,
    /// Who waits for the end; told by being dropped.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Driver {
    /// Carries out the commands whose time has come.
    pub(super) fn obey(&mut self) -> Result<(), MachineLost> {
        // Commands of transactions keep their order.
        let mut is_held = false;
        let commands = std::mem::take(&mut self.commands);
        let last_abort = commands.iter().rposition(|it| it.kind.is_abort());
        self.transactions.needed = None;
        for (position, Command { after, kind }) in commands.into_iter().enumerate() {
            match kind {
                CommandKind::Transact(transact) => {
                    is_held |= transact.is_behind_records() && self.passed < after;
                    let is_given_up = last_abort.is_some_and(|abort| position < abort);
                    let held = if is_held {
                        Some(self.put_off(transact))
                    } else {
                        self.transact(transact, is_given_up)?
                    };
                    if let Some(transact) = held {
                        is_held = true;
                        let kind = CommandKind::Transact(transact);
                        self.commands.push(Command { after, kind });
                    }
                }
                CommandKind::TransactionState(answer) => {
                    self.shared.counters.machine_calls.add(1);
                    let state = self.machine.transaction_state()?;
                    let _ = answer.send(state);
                }
                CommandKind::Flush(done) if self.passed >= after => {
                    let flush = self.machine.flush(self.now())?;
                    self.shared.counters.machine_calls.add(1);
                    self.flushes.push((flush, done));
                }
                kind @ CommandKind::Flush(_) => self.commands.push(Command { after, kind }),
                CommandKind::Purge(done) => {
                    let cause = ReportCause::Delivery(Cause::Purged);
                    if !self.pending.is_empty() || self.shared.staging().due() != Due::Nothing {
                        self.miss(cause);
                    }
                    self.refuse_all(&Verdict::refused(cause));
                    self.machine.purge(self.now())?;
                    self.shared.counters.machine_calls.add(1);
                    self.purges.push(done);
                }
                // Taken apart from the others: see `Staging::take_wakers`.
                CommandKind::Wake(waker) => self.wakers.push(waker),
                CommandKind::Close { timeout, done } => self.begin_close(after, timeout, done)?,
                CommandKind::Watch(number) => self.watch(number)?,
                CommandKind::Metrics(done) => {
                    let metrics = self.measure()?;
                    // Whoever gave up waiting wants none.
                    let _ = done.send(metrics);
                }
            }
        }
        self.tell_close()
    }

    /// Asks the machine for a topic's partitions. A name that it refuses is answered here.
    fn watch(&mut self, number: u32) -> Result<(), MachineLost> {
        self.learn_topics();
        match self.topics.numbered(number) {
            Ok(topic) => {
                self.shared.counters.machine_calls.add(1);
                self.machine.watch(topic, self.now())
            }
            Err((name, error)) => {
                self.shared.partitions.tell(&name, &Err(error));
                Ok(())
            }
        }
    }

    /// What the machine counts, and what it counted a window ago.
    pub(super) fn measure(&mut self) -> Result<Metrics, MachineLost> {
        let now = self.now();
        let sample = self.take_sample(now)?;
        let base = self.samples.base(now).unwrap_or(&sample).clone();
        Ok(Metrics::new(sample, base))
    }

    fn begin_close(
        &mut self,
        after: u64,
        timeout: Duration,
        done: oneshot::Sender<()>,
    ) -> Result<(), MachineLost> {
        let now = Moment::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + AGES);
        let Some(closing) = &mut self.closing else {
            self.closing = Some(Closing {
                deadline,
                after,
                told: false,
                waiting: vec![done],
            });
            return Ok(());
        };
        closing.waiting.push(done);
        if deadline < closing.deadline {
            closing.deadline = deadline;
            if closing.told {
                self.machine.close(timeout, self.now())?;
                self.shared.counters.machine_calls.add(1);
            }
        }
        Ok(())
    }

    /// Tells the machine of a close once it has all records, or when there is no more time.
    fn tell_close(&mut self) -> Result<(), MachineLost> {
        let Some(closing) = &mut self.closing else {
            return Ok(());
        };
        let left = closing.deadline.saturating_duration_since(Moment::now());
        if closing.told || (self.passed < closing.after && !left.is_zero()) {
            return Ok(());
        }
        closing.told = true;
        let cause = ReportCause::Refused(SendError::Closed);
        self.refuse_all(&Verdict::refused(cause));
        self.shared.counters.machine_calls.add(1);
        self.machine.close(left, self.now())
    }
}
