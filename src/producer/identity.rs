//! The producer's identity for idempotence: producer id and epoch, and how sequences follow from it.
//!
//! ```text
//! Absent --request--> Requested --answer--> Present --a stamped batch was given up--> Present, changing
//!    ^                    |                                                                |
//!    |<---- failed -------'               nothing stamped is out or in doubt               |
//!    '<------------------------------------------------------------------------------------'
//! ```
//!
//! While the identity is changing no batch is stamped: what was stamped is settled first, then a new
//! producer id makes every partition start again at sequence 0.

use super::batch::Stamp;
use crate::backoff::Backoff;
use crate::random::Random;
use crate::record::ProducerStamp;
use crate::time::Instant;

/// The identity, or the way to it.
#[derive(Debug)]
pub(super) struct Identity {
    is_enabled: bool,
    /// The coordinator of the transactions gives it, nobody else.
    is_transactional: bool,
    state: State,
    /// Counts identities. A stamp or a sequence of another generation is void.
    generation: u32,
    is_changing: bool,
    backoff: Backoff,
    failures: u32,
    retry_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Requested,
    Present {
        producer_id: i64,
        producer_epoch: i16,
    },
}

/// Where one partition stands in the sequence of the identity.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartitionSequence {
    generation: u32,
    next: i32,
    /// A batch of this generation was acknowledged. Before that one batch at a time is in flight: a
    /// broker without state for the producer id takes any first sequence (before KIP-890), so a lost
    /// first batch would be overtaken by the second one.
    is_confirmed: bool,
    /// A batch that was stamped in this generation was given up: the broker will take nothing that
    /// comes after it.
    has_gap: bool,
}

impl Identity {
    pub(super) const fn new(is_enabled: bool, is_transactional: bool, backoff: Backoff) -> Self {
        Self {
            is_enabled,
            is_transactional,
            state: State::Absent,
            generation: 1,
            is_changing: false,
            backoff,
            failures: 0,
            retry_at: Instant::ZERO,
        }
    }

    pub(super) const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether batches that were never stamped may be drained.
    pub(super) const fn may_stamp(&self) -> bool {
        !self.is_enabled || (!self.is_changing && matches!(self.state, State::Present { .. }))
    }

    pub(super) const fn is_changing(&self) -> bool {
        self.is_changing
    }

    /// Starts a change: a stamped batch was given up, or the broker lost its state.
    pub(super) const fn begin_change(&mut self) {
        let is_own = self.is_enabled && !self.is_transactional;
        if is_own && matches!(self.state, State::Present { .. }) {
            self.is_changing = true;
        }
    }

    /// Everything stamped is settled: the identity may be replaced.
    pub(super) const fn finish_change(&mut self) {
        self.is_changing = false;
        self.state = State::Absent;
    }

    /// Whether InitProducerId should be sent; when, if not at once.
    pub(super) fn request_due_at(&self) -> Option<Instant> {
        let is_due = self.is_enabled && !self.is_transactional && self.state == State::Absent;
        is_due.then_some(self.retry_at)
    }

    pub(super) const fn on_request_sent(&mut self) {
        self.state = State::Requested;
    }

    pub(super) fn on_request_failed(&mut self, random: &mut Random, now: Instant) {
        self.state = State::Absent;
        self.retry_at = now.after(self.backoff.delay(self.failures, random));
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) const fn on_granted(&mut self, producer_id: i64, producer_epoch: i16) {
        self.state = State::Present {
            producer_id,
            producer_epoch,
        };
        self.generation = self.generation.wrapping_add(1);
        self.failures = 0;
    }

    /// The producer id and epoch, -1 for none.
    pub(super) const fn held(&self) -> (i64, i16) {
        match self.state {
            State::Present {
                producer_id,
                producer_epoch,
            } => (producer_id, producer_epoch),
            State::Absent | State::Requested => (-1, -1),
        }
    }

    /// What goes into the header of a batch: the triple, or none without idempotence.
    pub(super) const fn producer_stamp(&self, stamp: Option<Stamp>) -> ProducerStamp {
        match (self.state, stamp) {
            (
                State::Present {
                    producer_id,
                    producer_epoch,
                },
                Some(stamp),
            ) => ProducerStamp {
                producer_id,
                producer_epoch,
                base_sequence: stamp.base_sequence,
                transactional: self.is_transactional,
            },
            (State::Absent | State::Requested | State::Present { .. }, _) => ProducerStamp::NONE,
        }
    }
}

impl PartitionSequence {
    /// Takes the next `count` sequences of a generation.
    pub(super) fn stamp(&mut self, generation: u32, count: u32) -> Stamp {
        self.enter(generation);
        let base_sequence = self.next;
        self.next = advance(self.next, count);
        Stamp {
            generation,
            base_sequence,
        }
    }

    /// A batch of this generation was acknowledged.
    pub(super) fn confirm(&mut self, generation: u32) {
        self.enter(generation);
        self.is_confirmed = true;
    }

    /// The log that acknowledged a batch is gone.
    pub(super) const fn unconfirm(&mut self) {
        self.is_confirmed = false;
    }

    /// A batch of this generation was given up, or found out of order.
    pub(super) fn break_off(&mut self, generation: u32) {
        self.enter(generation);
        self.has_gap = true;
    }

    pub(super) const fn is_confirmed(&self, generation: u32) -> bool {
        self.generation == generation && self.is_confirmed
    }

    pub(super) const fn has_gap(&self, generation: u32) -> bool {
        self.generation == generation && self.has_gap
    }

    /// Starts again at 0 when the identity is another one.
    fn enter(&mut self, generation: u32) {
        if self.generation != generation {
            *self = Self {
                generation,
                ..Self::default()
            };
        }
    }
}

/// The sequence `count` after `sequence`. Sequences are 31 bits wide: after 2^31 - 1 comes 0.
pub(super) const fn advance(sequence: i32, count: u32) -> i32 {
    ((sequence as u32).wrapping_add(count) & 0x7fff_ffff) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_from_the_largest_to_zero_inside_a_batch() {
        assert_eq!(advance(i32::MAX, 1), 0);
        assert_eq!(advance(i32::MAX - 1, 3), 1);
        assert_eq!(advance(0, 5), 5);
    }

    #[test]
    fn another_generation_starts_at_zero_unconfirmed_and_without_a_gap() {
        let mut sequence = PartitionSequence::default();
        assert_eq!(sequence.stamp(1, 10).base_sequence, 0);
        assert_eq!(sequence.stamp(1, 10).base_sequence, 10);
        sequence.confirm(1);
        sequence.break_off(1);
        assert!(sequence.is_confirmed(1) && sequence.has_gap(1));
        assert_eq!(sequence.stamp(2, 1).base_sequence, 0);
        assert!(!sequence.is_confirmed(2) && !sequence.has_gap(2));
    }
}
