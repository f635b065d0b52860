//! A batch and its bookkeeping: open while records are appended, then sealed, sent, perhaps sent again.

use super::compression::Estimate;
use super::identity;
use crate::error_code::ErrorCode;
use crate::event::{Outcome, TicketRuns};
use crate::ids::TopicHandle;
use crate::metrics::HandedOut;
use crate::record::{BatchBuilder, SealedBatch};
use crate::time::Instant;

/// What a batch is charged for its bookkeeping, on top of the memory of its records.
pub(super) const BATCH_OVERHEAD_BYTES: u64 = 256;

/// What one more ticket can add to the charge of a batch at most: two LEB128 numbers.
pub(super) const TICKET_BYTES_MAX: u64 = 20;

/// A batch that takes records.
#[derive(Debug)]
pub(super) struct OpenBatch {
    pub(super) builder: BatchBuilder,
    pub(super) tickets: TicketRuns,
    /// Bytes of records at which it is full: what is expected to take `batch.size` once compressed.
    pub(super) limit: usize,
    /// How much smaller compression is expected to make it.
    pub(super) estimate: Estimate,
    /// Bytes of `buffer.memory` taken so far.
    pub(super) charge: u64,
    /// When the first record was accepted; `delivery.timeout.ms` counts from here.
    pub(super) created: Instant,
    /// When it leaves even if it is not full (`linger.ms`).
    pub(super) ready_at: Instant,
}

/// A batch whose records are final.
#[derive(Debug)]
pub(super) struct ProducerBatch {
    pub(super) sealed: SealedBatch,
    pub(super) tickets: TicketRuns,
    pub(super) charge: u64,
    pub(super) created: Instant,
    /// Position in the partition's history. Orders batches without the wrap of sequences.
    pub(super) ordinal: u64,
    /// How often it was handed out.
    pub(super) attempts: u32,
    /// The sequence it was given when it was first drained under an identity; a retry keeps it, so that
    /// the broker recognises the duplicate.
    pub(super) stamp: Option<Stamp>,
    pub(super) is_in_flight: bool,
    /// An earlier attempt got no answer that settles whether it was appended.
    pub(super) is_in_doubt: bool,
    pub(super) last_error: Option<ErrorCode>,
}

/// A base sequence and the identity that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) generation: u32,
    pub(super) base_sequence: i32,
}

/// What a sealed batch is charged in all.
pub(super) fn batch_charge(sealed: &SealedBatch, tickets: &TicketRuns) -> u64 {
    sealed.held_bytes() as u64 + BATCH_OVERHEAD_BYTES + tickets.charged_bytes()
}

impl Stamp {
    /// The stamp of what follows a batch of `count` records with this one.
    pub(super) const fn behind(self, count: u32) -> Self {
        let base_sequence = identity::advance(self.base_sequence, count);
        Self {
            base_sequence,
            ..self
        }
    }
}

impl ProducerBatch {
    /// Whether it was stamped under this identity. A stamp of an older identity is void: the batch is
    /// known not to be in the log, and gets a new one.
    pub(super) fn is_stamped(&self, generation: u32) -> bool {
        self.stamp
            .is_some_and(|stamp| stamp.generation == generation)
    }

    /// What is counted when it is handed out.
    pub(super) fn handed_out(&self, topic: TopicHandle, now: Instant) -> HandedOut {
        HandedOut {
            topic,
            records: self.sealed.count(),
            bytes: self.encoded_len(),
            compressed: self.sealed.records().len(),
            uncompressed: self.sealed.uncompressed_len(),
            queued: now.since(self.created),
        }
    }

    /// What is known of it when no answer settles it.
    pub(super) const fn outcome_unanswered(&self) -> Outcome {
        if self.is_in_flight || self.is_in_doubt {
            Outcome::PossiblyWritten
        } else {
            Outcome::NotWritten
        }
    }

    /// Bytes in a request: the batch header and the records.
    pub(super) fn encoded_len(&self) -> usize {
        self.sealed.encoded_len()
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;

    #[test]
    fn the_stamp_behind_the_largest_sequence_wraps() {
        let stamp = |base_sequence| Stamp {
            generation: 3,
            base_sequence,
        };
        assert_eq!(stamp(i32::MAX - 1).behind(3), stamp(1));
        assert_eq!(stamp(i32::MAX).behind(1), stamp(0));
        assert_eq!(stamp(7).behind(5), stamp(12));
    }
}
