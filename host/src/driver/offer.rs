//! From the staging place into the machine: taking, offering, refusing.

use super::{Driver, Due};
use crate::deliveries::Verdict;
use crate::machine::MachineLost;
use crate::pending::bulk_bytes;
use crate::report::ReportCause;
use odradek::{BulkError, SendError};
use std::sync::Arc;
use std::time::{Instant as Moment, SystemTime};

impl Driver {
    /// Whether a pending record has room.
    pub(super) fn can_offer(&self) -> bool {
        let free = self.step.free_bytes;
        !self.pending.is_empty() && self.needed.is_none_or(|needed| free >= needed)
    }

    /// Takes commands, and the staged records if they are due and all earlier ones were passed on.
    pub(super) fn take_staged(&mut self) {
        // Freed delivery slots go the way back, one lock after the other.
        let mut freed = std::mem::take(self.shared.deliveries.lock().freed());
        let mut staging = self.shared.staging();
        staging.recycle(&mut freed);
        staging.take_wakers(&mut self.wakers);
        self.commands.extend(staging.take_commands());
        self.wanted = self.wanted.max(staging.take_wanted());
        let gathered = self.gathered_at();
        let due = match staging.due() {
            Due::Nothing => false,
            Due::Now => true,
            Due::Some => gathered.is_none_or(|moment| moment <= Moment::now()),
        };
        drop(staging);
        if due && self.pending.is_empty() {
            self.take_records();
        }
    }

    /// Whether offsets that wait for room have it.
    pub(super) fn has_room(&self) -> bool {
        let needed = self.transactions.needed;
        needed.is_some_and(|needed| self.step.free_bytes >= needed)
    }

    /// Tells the machine of senders that wait for more room than there is, and of a pending record or
    /// offsets that are not offered for want of it: the machine would not hear of them.
    pub(super) fn want_room(&mut self) -> Result<(), MachineLost> {
        if self.shared.waiting.read().senders == 0 {
            self.wanted = 0;
        }
        let needed = self.needed.max(self.transactions.needed);
        let wanted = self.wanted.max(needed.unwrap_or(0));
        if wanted <= self.step.free_bytes.max(self.told_wanted) {
            return Ok(());
        }
        self.told_wanted = wanted;
        self.shared.counters.machine_calls.add(1);
        self.machine.want_room(wanted)
    }

    /// Takes the staged records. None may be pending.
    fn take_records(&mut self) {
        let mut staging = self.shared.staging();
        staging.take_records(&mut self.pending.staged);
        drop(staging);
        self.learn_topics();
        let staged = &mut self.pending.staged;
        self.topics.translate(&mut staged.records);
        self.in_circulation = self.in_circulation.saturating_sub(staged.credits);
        self.needed = None;
    }

    /// Interns the topics that the application has named since the last time.
    pub(super) fn learn_topics(&mut self) {
        let new_topics = self
            .shared
            .staging()
            .topics_from(self.topics.len())
            .to_vec();
        for name in new_topics {
            self.shared.deliveries.lock().name(Arc::clone(&name));
            self.shared.counters.machine_calls.add(1);
            self.topics.add(name, &mut *self.machine);
        }
    }

    /// Offers pending records as long as the machine has room for them.
    pub(super) fn offer(&mut self) -> Result<(), MachineLost> {
        while self.can_offer() {
            let bulk = self.pending.prefix(self.step.free_bytes);
            if bulk.records.is_empty() {
                self.needed = Some(self.pending.first_bytes());
                break;
            }
            let offered = bulk.records.len();
            let counters = &self.shared.counters;
            counters.machine_calls.add(1);
            counters.send_calls.add(1);
            counters.bytes_offered.add(bulk_bytes(&bulk));
            self.offered = Some(Moment::now());
            let outcome = self.machine.send_many(&bulk, wall_clock(), self.now())?;
            let accepted = offered.min(outcome.accepted as usize);
            counters.records_accepted.add(accepted as u64);
            self.pending
                .accept(accepted, outcome.first_ticket, &mut self.window);
            self.passed += accepted as u64;
            self.needed = None;
            self.set_free(outcome.free_bytes);
            match outcome.refused {
                None => {}
                Some(BulkError::Send(SendError::BufferFull { needed, .. })) => {
                    // The machine's own count decides: more room than now is needed in any case.
                    self.needed = Some(needed.max(outcome.free_bytes.saturating_add(1)));
                }
                Some(BulkError::Send(error @ (SendError::Closed | SendError::Failed(_)))) => {
                    self.refuse_pending(&Verdict::refused(ReportCause::Refused(error)))
                }
                // All of them belong to one transaction.
                Some(BulkError::Send(
                    error @ (SendError::NoTransaction { .. } | SendError::AbortRequired(_)),
                )) => {
                    self.tell_state()?;
                    self.refuse_pending(&Verdict::refused(ReportCause::Refused(error)));
                }
                Some(BulkError::Send(error)) => self.refuse_first(error),
                Some(BulkError::Malformed) => self.refuse_first(SendError::UnknownTopic),
            }
        }
        Ok(())
    }

    /// Refuses the first pending record alone.
    fn refuse_first(&mut self, error: SendError) {
        let topic_error = self
            .pending
            .topic()
            .and_then(|topic| self.topics.error(topic));
        let cause = topic_error.map_or(ReportCause::Refused(error), ReportCause::Topic);
        self.miss(cause);
        self.refuse(1, &Verdict::refused(cause));
    }

    /// Refuses all pending records.
    pub(super) fn refuse_pending(&mut self, verdict: &Verdict) {
        self.refuse(self.pending.len(), verdict);
    }

    /// Refuses all pending and all staged records.
    pub(super) fn refuse_all(&mut self, verdict: &Verdict) {
        self.refuse_pending(verdict);
        self.take_records();
        self.refuse_pending(verdict);
    }

    fn refuse(&mut self, count: usize, verdict: &Verdict) {
        let mut slots = self.shared.deliveries.lock();
        self.shared.staging().take_wakers(&mut self.wakers);
        let wakers = &mut self.wakers;
        self.pending
            .refuse(count, verdict, &self.topics, &mut slots, wakers);
        drop(slots);
        self.passed += count as u64;
        self.shared.counters.records_refused.add(count as u64);
        self.needed = None;
    }

    /// Refuses the first pending record if it has no room although nothing is left that could make
    /// some: it would stand in the way for ever.
    pub(super) fn give_up_stuck(&mut self) {
        if self.pending.is_empty()
            || self.can_offer()
            || self.step.more
            || self.window.outstanding() > 0
            || self.sockets.is_busy()
            // Something is held, if only for a transport: its memory will come back.
            || self.step.free_bytes < self.shared.limits.buffer
        {
            return;
        }
        self.refuse_first(SendError::RecordTooLarge {
            size: self.needed.unwrap_or_else(|| self.pending.first_bytes()),
            limit: self.step.free_bytes,
            key: "buffer.memory",
        });
        self.wake_all();
    }
}

/// The wall clock in ms since 1970.
fn wall_clock() -> i64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_millis() as i64)
}
