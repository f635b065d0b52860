//! A batch and its bookkeeping: open while records are appended, then sealed, sent, perhaps sent again.

use super::compression::Estimate;
use super::sequence::Stamp;
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
    /// The sequence and the identity it was given when it was first drained; a retry keeps both, so that
    /// the broker recognises the duplicate. It loses them only when it is known not to be in the log.
    pub(super) stamp: Option<Stamp>,
    pub(super) is_in_flight: bool,
    /// An earlier attempt got no answer that settles whether it was appended.
    pub(super) is_in_doubt: bool,
    /// A request that carried it named its topic (Produce below 13): it may reach the log of another topic
    /// that was created with the same name since.
    pub(super) was_sent_by_name: bool,
    /// It is in doubt because of a log that is gone: in the one that its partition has now it is not.
    pub(super) is_lost_with_old_log: bool,
    pub(super) last_error: Option<ErrorCode>,
}

/// What a sealed batch is charged in all.
pub(super) fn batch_charge(sealed: &SealedBatch, tickets: &TicketRuns) -> u64 {
    sealed.held_bytes() as u64 + BATCH_OVERHEAD_BYTES + tickets.charged_bytes()
}

impl ProducerBatch {
    pub(super) const fn is_stamped(&self) -> bool {
        self.stamp.is_some()
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
