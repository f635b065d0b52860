//! How transactions end: answers to EndTxn, and producers that are fenced.

use super::{Identity, NO_EPOCH, NO_PRODUCER_ID, Transaction, TransactionState, for_version};
use crate::cluster::FakeCluster;
use crate::cluster::faults::Said;
use crate::cluster::log::Marker;
use crate::cluster::wire::{Head, Reply, answer, api, decode};
use bytes::Bytes;
use kafka_protocol::messages::{EndTxnRequest, EndTxnResponse, ProducerId};
use odradek::ErrorCode;

/// From this version on a client understands PRODUCER_FENCED.
const KNOWS_FENCED: i16 = 2;
/// From this version on every transaction has an epoch of its own (KIP-890).
const BUMPS_EPOCH: i16 = 5;

/// What is to be done about a request to end a transaction.
enum Decision {
    /// It was done before: the same answer again.
    Done,
    /// It is done now.
    End,
}

impl FakeCluster {
    pub(in crate::cluster) fn on_end_txn(
        &mut self,
        node: i32,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let request: EndTxnRequest = decode(head, body)?;
        let transactional_id = request.transactional_id.to_string();
        let identity = (request.producer_id.0, request.producer_epoch);
        let marker = if request.committed {
            Marker::Commit
        } else {
            Marker::Abort
        };
        let bumps = head.version >= BUMPS_EPOCH;
        let level = self
            .transactions
            .highest_version
            .max(self.transaction_version);
        if bumps && level < 2 {
            self.blame(format!(
                "EndTxn v{} at transaction.version={level}",
                head.version
            ));
        }
        let result = self.with_faults(api::END_TXN, None, |cluster| {
            cluster.is_coordinator(node, &transactional_id)?;
            cluster.end(&transactional_id, identity, marker, bumps)
        });
        let (error, identity) = match result {
            Ok(identity) if bumps => (ErrorCode::NONE, identity),
            Ok(_) => (ErrorCode::NONE, (NO_PRODUCER_ID, NO_EPOCH)),
            Err(error) => (error, (NO_PRODUCER_ID, NO_EPOCH)),
        };
        let response = EndTxnResponse::default()
            .with_throttle_time_ms(said.throttle_ms)
            .with_error_code(for_version(error, head.version, KNOWS_FENCED).0)
            .with_producer_id(ProducerId(identity.0))
            .with_producer_epoch(identity.1);
        answer(head, &response)
    }

    /// Ends a transaction as its producer wants; answers the identity of the next one.
    fn end(
        &mut self,
        transactional_id: &str,
        identity: Identity,
        marker: Marker,
        bumps: bool,
    ) -> Result<Identity, ErrorCode> {
        let spare = self.next_producer_id;
        let Some(known) = self.transactions.by_id.get_mut(transactional_id) else {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        };
        let decided = match known.keeper {
            // It keeps another's transaction: its epoch counts, and that one's for the markers.
            Some(keeper) if (known.producer_id, keeper) == identity => Ok(Decision::End),
            Some(_) => Err(ErrorCode::PRODUCER_FENCED),
            None if bumps => known.decide_with_bump(identity, marker),
            None => known.decide(identity, marker),
        };
        match decided {
            Ok(Decision::Done) => Ok((known.producer_id, known.epoch)),
            Ok(Decision::End) => {
                if bumps && known.is_exhausted() {
                    known.next_id = spare;
                    self.next_producer_id += 1;
                }
                let next = known.prepare(marker, bumps);
                known.is_ended_by_producer = true;
                self.begin_markers(transactional_id);
                Ok(next)
            }
            Err(error) => {
                let (id, epoch) = identity;
                // Before KIP-890 an abort may ask whether there is anything to be aborted.
                let is_opposite = error == ErrorCode::INVALID_TXN_STATE
                    && known.is_ended_by_producer
                    && (bumps || marker == Marker::Commit);
                if is_opposite {
                    let state = known.state;
                    self.blame(format!(
                        "EndTxn of {transactional_id} by {id}:{epoch} with {marker:?}: it is {state:?}"
                    ));
                }
                Err(error)
            }
        }
    }

    /// Aborts an open transaction, so that nobody can go on with it under its epoch.
    pub(super) fn fence(&mut self, transactional_id: &str) {
        let bumps = self.transaction_version >= 2;
        let spare = self.next_producer_id;
        let Some(known) = self.transactions.by_id.get_mut(transactional_id) else {
            return;
        };
        known.keeper = None;
        if bumps {
            if known.is_exhausted() {
                known.next_id = spare;
                self.next_producer_id += 1;
            }
            known.prepare(Marker::Abort, true);
        } else {
            known.epoch += 1;
            known.last_epoch = NO_EPOCH;
            known.prepare(Marker::Abort, false);
        }
        self.begin_markers(transactional_id);
    }
}

impl Transaction {
    /// Whether the transaction may end, each transaction having the same epoch.
    fn decide(&self, (id, epoch): Identity, marker: Marker) -> Result<Decision, ErrorCode> {
        if id != self.producer_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if epoch != self.epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        if self.is_ending() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        match (self.state, marker) {
            (TransactionState::Ongoing, _) => Ok(Decision::End),
            (TransactionState::CompleteCommit, Marker::Commit)
            | (TransactionState::CompleteAbort, Marker::Abort) => Ok(Decision::Done),
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// The same when the end of each transaction bumps the epoch (KIP-890): the epoch before says that
    /// a request is repeated, the epoch of now that another transaction ends, though it be empty.
    fn decide_with_bump(
        &self,
        (id, epoch): Identity,
        marker: Marker,
    ) -> Result<Decision, ErrorCode> {
        let repeats_last_epoch = id == self.previous_id && epoch == i16::MAX - 1 && self.epoch == 0;
        let is_repeated = repeats_last_epoch || self.epoch == epoch.wrapping_add(1);
        let is_current = epoch == self.epoch;
        // Before the identity: the producer may abort the next transaction, under the next epoch or id, while
        // this one is being completed (KAFKA-18464).
        if self.is_ending() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        if id != self.producer_id && !repeats_last_epoch {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        let is_valid = match self.state {
            TransactionState::Ongoing | TransactionState::Empty => is_current,
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => false,
            TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
                is_repeated || is_current
            }
        };
        if !is_valid {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match (self.state, marker) {
            (TransactionState::Ongoing, _) | (TransactionState::Empty, Marker::Abort) => {
                Ok(Decision::End)
            }
            (TransactionState::CompleteCommit, Marker::Commit)
            | (TransactionState::CompleteAbort, Marker::Abort)
                if is_repeated =>
            {
                Ok(Decision::Done)
            }
            (TransactionState::CompleteCommit | TransactionState::CompleteAbort, Marker::Abort)
                if !is_repeated =>
            {
                Ok(Decision::End)
            }
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// Decides the transaction; answers the identity of the next one.
    fn prepare(&mut self, marker: Marker, bumps: bool) -> Identity {
        self.state = match marker {
            Marker::Commit => TransactionState::PrepareCommit,
            Marker::Abort => TransactionState::PrepareAbort,
        };
        self.is_ended_by_producer = false;
        self.previous_id = self.producer_id;
        if bumps {
            // The epoch of one that keeps this transaction is used up by the markers.
            let last = self.keeper.take().unwrap_or(self.epoch);
            self.last_epoch = last;
            self.epoch = last.saturating_add(1);
        }
        match self.next_id {
            NO_PRODUCER_ID => (self.producer_id, self.epoch),
            next => (next, 0),
        }
    }
}
