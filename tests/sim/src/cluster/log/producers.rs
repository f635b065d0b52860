//! What a partition knows of producers, and the rules by which it takes or refuses a batch.
//!
//! The rules are those of Apache Kafka's `ProducerStateEntry` and `ProducerAppendInfo`.

use crate::cluster::batch::{Batch, sequence_after};
use odradek::ErrorCode;
use std::collections::{BTreeMap, VecDeque};

/// How many batches of a producer a broker remembers.
const REMEMBERED_BATCHES: usize = 5;

/// A batch that a partition remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) first: i32,
    pub(crate) last: i32,
    pub(crate) offset: i64,
    pub(crate) max_timestamp: i64,
}

/// What a partition knows of one producer id.
#[derive(Clone, Debug)]
pub(crate) struct ProducerState {
    pub(crate) epoch: i16,
    pub(crate) batches: VecDeque<Remembered>,
    /// Where its open transaction begins.
    pub(crate) transaction: Option<i64>,
}

/// A verification by the transaction coordinator that was begun and not used yet.
#[derive(Clone, Copy, Debug)]
struct Verification {
    epoch: i16,
    /// The lowest first sequence that asked for it: a later batch may not overtake it.
    lowest: i32,
    supports_epoch_bump: bool,
}

/// How far the transaction coordinator vouched for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vouched {
    /// It was asked just now, and knows the partition.
    Yes,
    /// It was not asked.
    No,
}

/// The producers of a partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Producers {
    states: BTreeMap<i64, ProducerState>,
    verifications: BTreeMap<i64, Verification>,
}

impl Producers {
    pub(crate) fn state(&self, producer_id: i64) -> Option<&ProducerState> {
        self.states.get(&producer_id)
    }

    /// Whether the partition holds records of an open transaction under this identity.
    pub(crate) fn has_transaction(&self, producer_id: i64, epoch: i16) -> bool {
        let state = self.states.get(&producer_id);
        state.is_some_and(|state| state.transaction.is_some() && state.epoch == epoch)
    }

    /// Where the first open transaction begins.
    pub(crate) fn first_open(&self) -> Option<i64> {
        let open = self.states.values().filter_map(|state| state.transaction);
        open.min()
    }

    /// Notes that the coordinator is going to be asked about a batch.
    pub(crate) fn begin_verification(&mut self, batch: &Batch, supports_epoch_bump: bool) {
        let entry = Verification {
            epoch: batch.producer_epoch,
            lowest: batch.base_sequence,
            supports_epoch_bump,
        };
        let known = self.verifications.entry(batch.producer_id).or_insert(entry);
        if batch.producer_epoch > known.epoch {
            (known.epoch, known.lowest) = (entry.epoch, entry.lowest);
        } else {
            known.lowest = known.lowest.min(entry.lowest);
        }
    }

    /// The remembered batch that this one repeats.
    pub(crate) fn duplicate(&self, batch: &Batch) -> Option<Remembered> {
        let state = self.states.get(&batch.producer_id)?;
        let range = (batch.base_sequence, batch.last_sequence());
        let mut batches = state.batches.iter();
        batches
            .find(|old| state.epoch == batch.producer_epoch && (old.first, old.last) == range)
            .copied()
    }

    /// Checks epoch, sequence and transaction of a batch that is no duplicate.
    pub(crate) fn check(&self, batch: &Batch, vouched: Vouched) -> Result<(), ErrorCode> {
        let is_open = self.has_transaction(batch.producer_id, batch.producer_epoch);
        if batch.is_transactional && !is_open && vouched == Vouched::No {
            return Err(ErrorCode::INVALID_TXN_STATE);
        }
        let state = self.states.get(&batch.producer_id);
        if state.is_some_and(|state| batch.producer_epoch < state.epoch) {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        self.check_sequence(batch)?;
        let is_within = state.is_some_and(|state| state.transaction.is_some());
        if is_within && !batch.is_transactional {
            return Err(ErrorCode::INVALID_TXN_STATE);
        }
        Ok(())
    }

    fn check_sequence(&self, batch: &Batch) -> Result<(), ErrorCode> {
        let first = batch.base_sequence;
        let state = self.states.get(&batch.producer_id);
        let is_empty = state.is_none_or(|state| state.batches.is_empty());
        if let Some(verification) = self.verifications.get(&batch.producer_id) {
            let needs_0 = verification.supports_epoch_bump && is_empty;
            if first > verification.lowest || (needs_0 && first != 0) {
                return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            }
        }
        let Some(state) = state else {
            // Retention may have deleted everything of this producer: any sequence will do.
            return Ok(());
        };
        let expected = match state.batches.back() {
            Some(last) if state.epoch == batch.producer_epoch => sequence_after(last.last, 1),
            _ => 0,
        };
        if first == expected {
            Ok(())
        } else {
            Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
        }
    }

    /// Notes a batch that was appended.
    pub(crate) fn appended(&mut self, batch: &Batch, offset: i64, max_timestamp: i64) {
        let state = self.state_of(batch.producer_id, batch.producer_epoch);
        state.batches.push_back(Remembered {
            first: batch.base_sequence,
            last: batch.last_sequence(),
            offset,
            max_timestamp,
        });
        if state.batches.len() > REMEMBERED_BATCHES {
            state.batches.pop_front();
        }
        if batch.is_transactional {
            state.transaction.get_or_insert(offset);
            self.verifications.remove(&batch.producer_id);
        }
    }

    /// Notes a marker; answers where the transaction that it ends began, if it left records here.
    pub(crate) fn marked(&mut self, producer_id: i64, epoch: i16) -> Option<i64> {
        self.verifications.remove(&producer_id);
        self.state_of(producer_id, epoch).transaction.take()
    }

    fn state_of(&mut self, producer_id: i64, epoch: i16) -> &mut ProducerState {
        let state = self
            .states
            .entry(producer_id)
            .or_insert_with(|| ProducerState {
                epoch,
                batches: VecDeque::new(),
                transaction: None,
            });
        if state.epoch != epoch {
            state.epoch = epoch;
            state.batches.clear();
        }
        state
    }

    /// Forgets every producer without an open transaction, as a broker does when they expire.
    pub(crate) fn forget(&mut self) {
        self.states.retain(|_, state| state.transaction.is_some());
        self.verifications.clear();
    }
}
