//! The transaction coordinators: what they know of each transactional id.
//!
//! The rules are those of Apache Kafka's `TransactionCoordinator` and `TransactionMetadata` in 4.3. What a
//! broker writes into `__transaction_state` first is valid here at once: there is no state between two.

mod ending;
mod joining;
mod markers;
mod producer_id;

use super::FakeCluster;
use super::coordinators::KeyType;
use odradek::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// No producer id, and no epoch.
const NO_PRODUCER_ID: i64 = -1;
const NO_EPOCH: i16 = -1;

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionState {
    /// It never had any.
    Empty,
    /// Partitions or groups take part in it.
    Ongoing,
    /// It counts; markers are being written.
    PrepareCommit,
    /// It does not count; markers are being written.
    PrepareAbort,
    /// All markers are written.
    CompleteCommit,
    /// All markers are written.
    CompleteAbort,
}

/// What takes part in a transaction: a partition, or the offsets of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Partition(String, i32),
    Offsets(String),
}

/// What a coordinator knows of one transactional id.
#[derive(Clone, Debug)]
struct Transaction {
    producer_id: i64,
    /// The producer id before the last transition.
    previous_id: i64,
    /// The producer id that takes over when the markers are written, the epoch being exhausted.
    next_id: i64,
    epoch: i16,
    /// The epoch that a retried request may still name.
    last_epoch: i16,
    /// None for two-phase commit: it never times out.
    timeout: Option<Duration>,
    state: TransactionState,
    /// When the marker of a place is written, once the transaction ends.
    places: BTreeMap<Place, Option<Duration>>,
    started: Duration,
    /// The epoch of a producer that kept the open transaction of another (KIP-939).
    keeper: Option<i16>,
    /// Whether its producer asked for its end: it may not ask for the opposite then. What a timeout or
    /// another producer ended it cannot know.
    is_ended_by_producer: bool,
}

/// What a test sees of a transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionView {
    /// Where it is.
    pub state: TransactionState,
    /// Its producer id.
    pub producer_id: i64,
    /// The epoch of it.
    pub epoch: i16,
    /// How many partitions and groups take part.
    pub places: usize,
}

/// All transactional ids of the cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    by_id: BTreeMap<String, Transaction>,
    /// Everything that AddPartitionsToTxn or AddOffsetsToTxn ever named, by identity.
    named: BTreeSet<(i64, i16, Place)>,
    next_check: Duration,
    /// How many transactions coordinators have ended because they had taken too long.
    timed_out: u64,
    /// The highest level of `transaction.version` so far.
    highest_version: i16,
}

/// How a producer calls itself in a request.
type Identity = (i64, i16);

impl Transaction {
    /// The last epoch that a client gets is one below the last: the coordinator can always fence it.
    const fn is_exhausted(&self) -> bool {
        self.epoch >= i16::MAX - 1
    }

    const fn is_ending(&self) -> bool {
        matches!(
            self.state,
            TransactionState::PrepareCommit | TransactionState::PrepareAbort
        )
    }
}

impl FakeCluster {
    /// How many transactions coordinators have ended because they had taken too long.
    pub fn timed_out_transactions(&self) -> u64 {
        self.transactions.timed_out
    }

    /// What the coordinator of a transactional id knows; `None` if it never heard of it.
    pub fn transaction(&self, transactional_id: &str) -> Option<TransactionView> {
        let transaction = self.transactions.by_id.get(transactional_id)?;
        Some(TransactionView {
            state: transaction.state,
            producer_id: transaction.producer_id,
            epoch: transaction.epoch,
            places: transaction.places.len(),
        })
    }

    fn new_producer_id(&mut self) -> i64 {
        self.next_producer_id += 1;
        self.next_producer_id - 1
    }

    /// Whether a producer id was ever given to anybody.
    pub(super) fn gave(&self, producer_id: i64) -> bool {
        (1000..self.next_producer_id).contains(&producer_id)
    }

    /// The transaction of an id, if this broker may speak about it and the producer is the one it knows.
    fn known(
        &mut self,
        transactional_id: &str,
        (producer_id, epoch): Identity,
    ) -> Result<&mut Transaction, ErrorCode> {
        let known = self.transactions.by_id.get_mut(transactional_id);
        let known = known.filter(|known| known.producer_id == producer_id);
        let known = known.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        if known.epoch == epoch {
            Ok(known)
        } else {
            Err(ErrorCode::PRODUCER_FENCED)
        }
    }

    /// Whether a broker coordinates a transactional id and is ready to.
    fn is_coordinator(&mut self, node: i32, transactional_id: &str) -> Result<(), ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.coordinates(node, KeyType::Transaction, transactional_id)
    }
}

/// Clients below a version take PRODUCER_FENCED for an unknown code.
fn for_version(error: ErrorCode, version: i16, knows_fenced: i16) -> ErrorCode {
    if version < knows_fenced && error == ErrorCode::PRODUCER_FENCED {
        ErrorCode::INVALID_PRODUCER_EPOCH
    } else {
        error
    }
}
