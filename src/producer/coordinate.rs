//! The producer's side of its transactions: requests to coordinators, and what follows from their
//! answers.

use super::Producer;
use super::accumulator::Slot;
use super::identity::IdAndEpoch;
use super::transaction::{Destination, Effect, Request, fatal};
use crate::cluster::{RequestSlot, RequestTag};
use crate::error::{Cause, FatalError};
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, ConnectionId};
use crate::time::Instant;
use crate::wire::{ApiKey, Reader};
use bytes::Bytes;

impl Producer {
    /// A record of the open transaction was put into a batch of this partition.
    pub(super) fn enlist(&mut self, slot: Slot) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let partition = self.accumulator.partition_mut(slot);
        if partition.enlisted_in != transactions.number() {
            partition.enlisted_in = transactions.number();
            partition.is_unregistered = transactions.enlist(slot);
        }
    }

    /// Goes on with the transaction: drops what it does not need any more, ends what is over, and asks a
    /// coordinator what has to be asked. Returns whether anything was done.
    pub(super) fn pursue_transaction(&mut self, now: Instant) -> bool {
        let (bearer, is_settled) = (self.bearer(), self.is_transaction_settled());
        let Some(transactions) = &mut self.transactions else {
            return false;
        };
        if transactions.take_drop() {
            self.drop_queued(Cause::TransactionAborted, now);
            return true;
        }
        if transactions.expire(now) {
            return true;
        }
        if transactions.progress(is_settled, bearer) {
            return true;
        }
        if transactions.retry_at() > now {
            return false;
        }
        if transactions.forget_unreachable(&self.cluster) {
            transactions.on_unreachable(&mut self.random, now);
            return true;
        }
        match transactions.next_request(is_settled) {
            Some(request) => self.ask_coordinator(request, now),
            None => false,
        }
    }

    /// Sends a request to a coordinator, or works towards a connection that can carry it.
    fn ask_coordinator(&mut self, request: Request, now: Instant) -> bool {
        let Some(transactions) = &self.transactions else {
            return false;
        };
        let node = match transactions.destination(&request) {
            Destination::Anyone => {
                let Some(node) = self.cluster.least_loaded(now) else {
                    // Whoever is asked for metadata can be asked for a coordinator.
                    self.cluster.metadata.want_refresh();
                    return false;
                };
                node
            }
            Destination::Broker(node) if self.cluster.is_usable(node, now) => node,
            Destination::Broker(node) => return self.cluster.connect(node, now),
        };
        let Some(slot) = self.reserve(&request, node) else {
            self.fail(FatalError::Transaction(ErrorCode::UNSUPPORTED_VERSION), now);
            return true;
        };
        let bearer = self.bearer();
        let Self {
            transactions,
            cluster,
            accumulator,
            ..
        } = self;
        let Some(transactions) = transactions else {
            return false;
        };
        let name = |slot: Slot| {
            let partition = accumulator.partition(slot);
            let view = cluster.metadata.topic(partition.topic)?;
            Some((view.name.clone(), partition.index))
        };
        let header = cluster.request_header(&slot);
        let frame = transactions.encode(request, bearer, &header, name);
        let slices = vec![Bytes::from(frame)];
        self.cluster
            .submit(slot, RequestTag::Transaction, slices, now);
        true
    }

    /// A place for the request on the connection to a broker, in a version that it may be sent in.
    fn reserve(&mut self, request: &Request, node: BrokerId) -> Option<RequestSlot> {
        let transactions = self.transactions.as_ref()?;
        let versions = transactions.versions(request);
        let is_two_phase = transactions.is_two_phase();
        let is_two_phase = is_two_phase && request.api() == ApiKey::InitProducerId;
        let mut slot = if is_two_phase {
            self.cluster.begin_two_phase_commit(node)?
        } else {
            self.cluster.begin(node, request.api())?
        };
        slot.version = slot.version.min(versions.max);
        (slot.version >= versions.min).then_some(slot)
    }

    /// What requests to coordinators bear.
    fn bearer(&self) -> IdAndEpoch {
        self.identity.newest().unwrap_or(IdAndEpoch::NOBODY)
    }

    /// Whether every record of the transaction is reported and no request with records is out.
    fn is_transaction_settled(&self) -> bool {
        self.delivery.is_settled() && !self.sender.has_requests()
    }

    /// What the next request to a coordinator waits for: a connection to a broker, or the end of its
    /// back-off.
    pub(super) fn coordinator_wait(&self) -> (Option<BrokerId>, Option<Instant>) {
        let Some(transactions) = &self.transactions else {
            return (None, None);
        };
        let Some(request) = transactions.next_request(self.is_transaction_settled()) else {
            return (None, None);
        };
        if transactions.retry_at() > self.now {
            return (None, Some(transactions.retry_at()));
        }
        match transactions.destination(&request) {
            Destination::Broker(node) => (Some(node), None),
            Destination::Anyone => (None, None),
        }
    }

    pub(super) fn on_coordinator_answer(
        &mut self,
        connection: ConnectionId,
        version: i16,
        body: &Bytes,
        now: Instant,
    ) {
        let Self {
            transactions,
            cluster,
            random,
            ..
        } = self;
        let Some(transactions) = transactions else {
            return;
        };
        let answered =
            match transactions.on_answer(version, Reader::new(body), cluster, random, now) {
                Ok(answered) => answered,
                Err(error) => {
                    // What the coordinator did stays unknown.
                    cluster.reject(connection, error);
                    transactions.on_lost(random, now);
                    return;
                }
            };
        let api = (answered.api, version);
        self.cluster
            .throttle(connection, api, answered.throttle_time_ms, now);
        if answered.error != ErrorCode::NONE {
            self.sender.counters.on_error(answered.error);
        }
        match answered.effect {
            Effect::None => {}
            Effect::Granted {
                producer_id,
                producer_epoch,
            } => {
                self.identity.grant(producer_id, producer_epoch);
            }
            Effect::Registered(slots) => {
                for slot in slots {
                    self.accumulator.partition_mut(slot).is_unregistered = false;
                    self.accumulator.list(slot, now);
                }
            }
            Effect::Failed(error) => self.fail(error, now),
        }
    }

    /// The request that is out to a coordinator will not be answered.
    pub(super) fn on_coordinator_lost(&mut self, now: Instant) {
        if let Some(transactions) = &mut self.transactions {
            transactions.on_lost(&mut self.random, now);
        }
    }

    /// What an answer to Produce says about the transaction, beyond the batch that it is about: true if
    /// the producer can do no more.
    pub(super) fn judge_transaction(&mut self, error: ErrorCode, now: Instant) -> bool {
        let Some(transactions) = &mut self.transactions else {
            return false;
        };
        match error {
            ErrorCode::PRODUCER_FENCED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | ErrorCode::UNSUPPORTED_VERSION
            | ErrorCode::INVALID_PRODUCER_ID_MAPPING => {
                self.fail(fatal(error), now);
                true
            }
            ErrorCode::INVALID_PRODUCER_EPOCH => {
                transactions.on_gap();
                false
            }
            _ => false,
        }
    }
}
