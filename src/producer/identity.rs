//! The producer's identity: producer id and epoch, and when it needs another one.
//!
//! ```text
//! Absent --request--> Requested --answer--> Granted --a partition has a gap--> Granted, epoch + 1
//!    ^                    |                   | |
//!    '------ failed ------'                   | '--no epoch is left, or the epoch is refused--,
//!                                             '<--------answer-------- Granted, being replaced
//! ```
//!
//! Brokers keep sequences for each producer id and partition, so a gap in a partition concerns that
//! partition alone: once what was stamped in it is settled, it goes on at sequence 0 under a higher
//! epoch. A producer without transactions raises the epoch by itself, which needs no request. Other
//! partitions go on under the identity that they have, and take up the newest one when they have
//! nothing stamped. Where one partition stands is in `sequence.rs`.
//!
//! In transactions the coordinator alone gives identities ([`Identity::grant`]); until it does, a
//! partition with a gap stamps nothing.

use crate::backoff::Backoff;
use crate::random::Random;
use crate::time::Instant;

/// The last epoch that is used. Epochs end at 2^15 - 1; as in franz-go, and as transaction coordinators
/// do it, the last one is left alone, so that a broker can add 1 to any epoch of ours.
const LAST_EPOCH: i16 = i16::MAX - 1;

/// Who gives the producer its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody: batches carry none.
    None,
    /// Any broker gives a producer id, epochs are the producer's own.
    Idempotent,
    /// The coordinator of its transactions gives both.
    Transactional,
}

/// A producer id and its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdAndEpoch {
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
}

impl IdAndEpoch {
    /// What requests bear that have none.
    pub(super) const NOBODY: Self = Self {
        producer_id: -1,
        producer_epoch: -1,
    };
}

/// The newest identity, or the way to it.
#[derive(Debug)]
pub(super) struct Identity {
    kind: Kind,
    newest: Option<IdAndEpoch>,
    /// The newest is of no use any more where there is a gap: another producer id is needed.
    is_spent: bool,
    is_requested: bool,
    /// The sequence at which partitions start under the first identity.
    first_sequence: i32,
    backoff: Backoff,
    failures: u32,
    retry_at: Instant,
}

impl Identity {
    pub(super) const fn new(kind: Kind, backoff: Backoff) -> Self {
        Self {
            kind,
            newest: None,
            is_spent: false,
            is_requested: false,
            first_sequence: 0,
            backoff,
            failures: 0,
            retry_at: Instant::ZERO,
        }
    }

    /// Whether batches carry an identity and sequences.
    pub(super) fn is_enabled(&self) -> bool {
        self.kind != Kind::None
    }

    /// Whether batches are marked as part of a transaction.
    pub(super) fn is_transactional(&self) -> bool {
        self.kind == Kind::Transactional
    }

    /// Whether the producer may start a partition again under a higher epoch of its own. In a
    /// transaction it may not: the transaction has to be aborted.
    pub(super) fn raises_epochs(&self) -> bool {
        self.kind == Kind::Idempotent
    }

    pub(super) const fn newest(&self) -> Option<IdAndEpoch> {
        self.newest
    }

    /// For tests of the wrap: partitions start at this sequence under the first identity.
    pub(super) const fn start_at(&mut self, sequence: i32) {
        self.first_sequence = sequence;
    }

    pub(super) const fn first_sequence(&self) -> i32 {
        self.first_sequence
    }

    /// What a partition goes on under whose sequences under `ended` are over; `None` while that is to
    /// be granted first.
    pub(super) fn successor(&mut self, ended: IdAndEpoch) -> Option<IdAndEpoch> {
        let newest = self.newest?;
        // Identities only move on: one that is not the newest is older.
        if newest != ended {
            return Some(newest);
        }
        if !self.raises_epochs() || self.is_spent {
            return None;
        }
        if newest.producer_epoch >= LAST_EPOCH {
            self.is_spent = true;
            return None;
        }
        let raised = IdAndEpoch {
            producer_epoch: newest.producer_epoch + 1,
            ..newest
        };
        self.newest = Some(raised);
        Some(raised)
    }

    /// A broker has seen a higher epoch of this producer id, which nobody but this producer should
    /// use: no epoch of ours is known to be high enough.
    pub(super) fn on_epoch_refused(&mut self, refused: IdAndEpoch) {
        if self.raises_epochs() && self.newest == Some(refused) {
            self.is_spent = true;
        }
    }

    /// Whether InitProducerId should be sent without a transactional id; when, if not at once.
    pub(super) fn request_due_at(&self) -> Option<Instant> {
        let is_needed = self.newest.is_none() || self.is_spent;
        let is_due = self.kind == Kind::Idempotent && is_needed && !self.is_requested;
        is_due.then_some(self.retry_at)
    }

    pub(super) const fn on_request_sent(&mut self) {
        self.is_requested = true;
    }

    pub(super) fn on_request_failed(&mut self, random: &mut Random, now: Instant) {
        self.is_requested = false;
        self.retry_at = now.after(self.backoff.delay(self.failures, random));
        self.failures = self.failures.saturating_add(1);
    }

    /// Takes an identity that was granted: partitions take it up when they have nothing stamped.
    pub(super) const fn grant(&mut self, producer_id: i64, producer_epoch: i16) {
        self.newest = Some(IdAndEpoch {
            producer_id,
            producer_epoch,
        });
        self.is_spent = false;
        self.is_requested = false;
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn identity(kind: Kind) -> Identity {
        let wait = Duration::from_millis(100);
        let backoff = Backoff {
            base: wait,
            max: wait,
        };
        Identity::new(kind, backoff)
    }

    const fn of(producer_id: i64, producer_epoch: i16) -> IdAndEpoch {
        IdAndEpoch {
            producer_id,
            producer_epoch,
        }
    }

    #[test]
    fn a_gap_raises_the_epoch_and_the_next_one_takes_up_what_is_newer() {
        let mut identity = identity(Kind::Idempotent);
        assert_eq!(identity.request_due_at(), Some(Instant::ZERO));
        assert_eq!(identity.successor(of(7, 0)), None, "nothing is granted");
        identity.grant(7, 0);
        assert_eq!(identity.request_due_at(), None);
        assert_eq!(identity.successor(of(7, 0)), Some(of(7, 1)));
        assert_eq!(identity.successor(of(7, 0)), Some(of(7, 1)));
        assert_eq!(identity.successor(of(7, 1)), Some(of(7, 2)));
        assert_eq!(identity.request_due_at(), None);
    }

    #[test]
    fn behind_the_last_epoch_comes_another_producer_id() {
        let mut identity = identity(Kind::Idempotent);
        identity.grant(7, LAST_EPOCH - 1);
        let last = of(7, LAST_EPOCH);
        assert_eq!(identity.successor(of(7, LAST_EPOCH - 1)), Some(last));
        assert_eq!(identity.request_due_at(), None, "it is still of use");
        assert_eq!(identity.successor(last), None);
        assert_eq!(identity.request_due_at(), Some(Instant::ZERO));
        identity.on_request_sent();
        assert_eq!(identity.request_due_at(), None);
        assert_eq!(identity.newest(), Some(last), "others go on under it");
        identity.grant(8, 0);
        assert_eq!(identity.successor(last), Some(of(8, 0)));
        // A broker may grant any epoch, also the very last one.
        identity.grant(9, i16::MAX);
        assert_eq!(identity.successor(of(9, i16::MAX)), None);
        assert_eq!(identity.request_due_at(), Some(Instant::ZERO));
    }

    #[test]
    fn a_refused_epoch_needs_another_producer_id_unless_it_is_an_old_one() {
        let mut identity = identity(Kind::Idempotent);
        identity.grant(7, 3);
        identity.on_epoch_refused(of(7, 2));
        assert_eq!(identity.request_due_at(), None);
        identity.on_epoch_refused(of(7, 3));
        assert_eq!(identity.request_due_at(), Some(Instant::ZERO));
        assert_eq!(identity.successor(of(7, 3)), None);
    }

    #[test]
    fn the_coordinator_alone_gives_the_identity_of_a_transactional_producer() {
        let mut identity = identity(Kind::Transactional);
        assert_eq!(identity.request_due_at(), None);
        identity.grant(7, 3);
        assert_eq!(identity.successor(of(7, 3)), None);
        identity.on_epoch_refused(of(7, 3));
        assert_eq!(identity.request_due_at(), None);
        identity.grant(7, 4);
        assert_eq!(identity.successor(of(7, 3)), Some(of(7, 4)));
    }
}
