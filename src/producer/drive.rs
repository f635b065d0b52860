//! What the machine does between two inputs: one bounded step at a time until only waiting is left.

use super::sender::Writer;
use super::transaction::Transactions;
use super::{Life, Producer};
use crate::cluster::{RequestTag, TopicState};
use crate::driver::{Output, WaitReason};
use crate::error::{Cause, FatalError};
use crate::error_code::ErrorCode;
use crate::event::Event;
use crate::ids::{BrokerId, TopicHandle};
use crate::time::Instant;
use crate::transaction::TransactionFault;
use crate::wire::ApiKey;
use crate::wire::api::init_producer_id::InitProducerIdRequest;
use bytes::Bytes;

/// Open batches let go, and waiting records moved, per step.
const BATCHES_PER_STEP: usize = 64;
const RECORDS_PER_STEP: usize = 256;

impl Producer {
    /// What the machine wants next. Call it until it returns [`Output::Wait`]; the work of one call is
    /// bounded by one request, one compressed batch or a few hundred records.
    pub fn poll_output(&mut self, now: Instant) -> Output {
        let now = self.advance(now);
        loop {
            if let Some(output) = self.cluster.take_output() {
                return output;
            }
            if let Some(event) = self.take_event() {
                return Output::Event(event);
            }
            if !self.work(now) {
                return self.wait(now);
            }
        }
    }

    /// The next thing that the application has to hear.
    fn take_event(&mut self) -> Option<Event> {
        if let Some((report, charge)) = self.delivery.take() {
            self.memory.release(charge);
            return Some(Event::Delivered(report));
        }
        if let Some(flush) = self.delivery.take_flushed() {
            return Some(Event::Flushed { flush });
        }
        if let Some(told) = self.watches.take(&self.cluster.metadata) {
            return Some(Event::Partitions(told));
        }
        if let Some(ended) = self
            .transactions
            .as_mut()
            .and_then(Transactions::take_ended)
        {
            return Some(Event::OperationEnded(ended));
        }
        if self.memory.take_relief() {
            return Some(Event::BufferAvailable {
                free_bytes: self.memory.free(),
            });
        }
        if let Some(error) = self.failure
            && !self.is_failure_announced
        {
            self.is_failure_announced = true;
            return Some(Event::Failed(error));
        }
        if self.life == Life::Disconnecting && self.cluster.is_shut_down() {
            self.life = Life::Closed;
            return Some(Event::Closed);
        }
        None
    }

    /// One step; false when nothing can be done before the next input or deadline.
    fn work(&mut self, now: Instant) -> bool {
        if let Some(event) = self.cluster.take_event() {
            self.on_cluster_event(event, now);
            return true;
        }
        if let Some(transactions) = &mut self.transactions {
            self.memory.release(transactions.take_freed());
        }
        if matches!(self.life, Life::Disconnecting | Life::Closed) {
            return false;
        }
        self.finish_closing()
            || self.check_deadlines(now)
            || self.admit_waiting(now)
            || self.accumulator.ready_expedited(BATCHES_PER_STEP, now)
            || self.pursue_identity(now)
            || self.pursue_transaction(now)
            || self.refresh_metadata(now)
            || self.drain(now)
            // Draining may find that no epoch is left.
            || self.pursue_identity(now)
            || self.make_room()
    }

    /// Ends linger where somebody waits for room and nothing is out whose end would make some.
    fn make_room(&mut self) -> bool {
        let is_stuck = self.memory.is_wanted()
            && !self.sender.has_requests()
            && self.accumulator.has_lingering();
        if is_stuck {
            self.accumulator.expedite();
        }
        is_stuck
    }

    fn check_deadlines(&mut self, now: Instant) -> bool {
        if let Life::Closing { deadline } = self.life
            && deadline <= now
            && self.is_busy()
        {
            if let Some(transactions) = &mut self.transactions {
                transactions.abandon();
            }
            self.abandon(Cause::Closed, now);
            return true;
        }
        if let Some(slot) = self.accumulator.pop_due(now) {
            self.on_partition_due(slot, now);
            return true;
        }
        if let Some(topic) = self.waiting.first_due(now) {
            self.expire_waiting(topic, now);
            return true;
        }
        if self.watches.expire(now) {
            return true;
        }
        self.check_cluster_deadline(now)
    }

    fn check_cluster_deadline(&mut self, now: Instant) -> bool {
        if self.cluster_deadline.is_none_or(|deadline| deadline > now) {
            return false;
        }
        self.cluster_deadline = None;
        self.cluster.on_timeout(now);
        true
    }

    /// Moves records of topics that became known into batches, in their order of acceptance.
    fn admit_waiting(&mut self, now: Instant) -> bool {
        let Some(topic) = self.waiting.first_called_up() else {
            return false;
        };
        match self.cluster.metadata.topic(topic).map(|view| view.state) {
            Some(TopicState::Known) => self.admit_topic(topic, now),
            Some(TopicState::Refused(code)) => {
                self.fail_waiting(topic, Cause::Broker(code), true, now);
            }
            Some(TopicState::Unknown(_)) | None => self.waiting.call_off(topic),
        }
        true
    }

    fn admit_topic(&mut self, topic: TopicHandle, now: Instant) {
        for _ in 0..RECORDS_PER_STEP {
            if !self.admit_next(topic, now) {
                break;
            }
        }
        let transactions = self.transactions.as_ref();
        let is_finishing = transactions.is_some_and(Transactions::is_finishing);
        if is_finishing || self.delivery.is_flushing() || self.life != Life::Open {
            self.accumulator.expedite();
        }
    }

    /// Asks for a producer id when there is none, or when the old one has to be replaced.
    fn pursue_identity(&mut self, now: Instant) -> bool {
        if self.identity.request_due_at().is_none_or(|due| due > now) {
            return false;
        }
        let Some(node) = self.cluster.least_loaded(now) else {
            // Whoever is asked for metadata can be asked for a producer id. No batch can leave without
            // one, so nothing else may be going to open a connection.
            let due = self.cluster.metadata.due_at();
            self.cluster.metadata.want_refresh();
            return self.cluster.metadata.due_at() != due;
        };
        let Some(slot) = self.cluster.begin(node, ApiKey::InitProducerId) else {
            return false;
        };
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            producer_id: -1,
            producer_epoch: -1,
            enable_2pc: false,
            keep_prepared_txn: false,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, &self.cluster.request_header(&slot));
        self.identity.on_request_sent();
        let slices = vec![Bytes::from(frame)];
        self.cluster
            .submit(slot, RequestTag::InitProducerId, slices, now);
        true
    }

    /// Hands one request to one broker, or starts a connection to one that has something to get.
    fn drain(&mut self, now: Instant) -> bool {
        let mut after: Option<BrokerId> = None;
        while let Some(broker) = self.accumulator.next_ready_broker(after) {
            after = Some(broker);
            let takes = self.cluster.may_produce(broker, now);
            self.partitioner.observe(broker, takes, now);
            if takes {
                let Self {
                    sender,
                    accumulator,
                    memory,
                    identity,
                    cluster,
                    transactions,
                    ..
                } = self;
                let writer = Writer {
                    identity,
                    transactions: transactions.as_ref(),
                };
                let is_sent = sender.drain(broker, accumulator, memory, writer, cluster, now);
                if let (true, Some(transactions)) = (is_sent, transactions) {
                    transactions.on_produce();
                }
                if self.drop_refused(now) || self.give_up_stuck() || is_sent {
                    return true;
                }
            } else if self.cluster.connect(broker, now) {
                return true;
            }
        }
        false
    }

    /// Where a topic was created again in the middle of a transaction its partitions need another epoch,
    /// which only the end of the transaction brings. True if there was one.
    fn give_up_stuck(&mut self) -> bool {
        let is_stuck = self.sender.take_stuck();
        if let (true, Some(transactions)) = (is_stuck, &mut self.transactions) {
            transactions.on_gap();
            transactions.fault(TransactionFault::Broker(ErrorCode::UNKNOWN_TOPIC_ID));
        }
        is_stuck
    }

    fn finish_closing(&mut self) -> bool {
        let Life::Closing { .. } = self.life else {
            return false;
        };
        if self.is_busy() {
            return false;
        }
        self.life = Life::Disconnecting;
        self.watches.end(Cause::Closed);
        self.cluster.shut_down();
        true
    }

    /// Whether a close has to wait: for records, or for the end of a transaction.
    fn is_busy(&self) -> bool {
        let transactions = self.transactions.as_ref();
        !self.delivery.is_settled() || transactions.is_some_and(Transactions::is_ending)
    }

    /// The producer can do no more: everything is reported as far as it is known.
    pub(super) fn fail(&mut self, error: FatalError, now: Instant) {
        if self.failure.is_none() {
            self.failure = Some(error);
            if let Some(transactions) = &mut self.transactions {
                transactions.fail(error);
            }
            self.abandon(Cause::Failed(error), now);
            self.watches.end(Cause::Failed(error));
        }
    }

    /// Folds the deadlines of all rooms.
    fn wait(&mut self, now: Instant) -> Output {
        let accumulator = &self.accumulator;
        let mut wanted = None;
        let unconnected = core::iter::from_fn(|| {
            wanted = accumulator.next_ready_broker(wanted);
            wanted
        });
        let (coordinator, coordinator_due) = self.coordinator_wait();
        let unconnected = unconnected.chain(coordinator);
        let (cluster, cluster_reason) = self.cluster.next_deadline(unconnected, now);
        self.cluster_deadline = cluster;
        if matches!(self.life, Life::Disconnecting | Life::Closed) {
            // Every connection is closing and nothing is opened: only the driver can go on.
            return Output::Wait {
                until: None,
                reason: WaitReason::Idle,
            };
        }
        let close = match self.life {
            Life::Closing { deadline } if self.is_busy() => Some(deadline),
            Life::Closing { .. } | Life::Open | Life::Disconnecting | Life::Closed => None,
        };
        let identity = self.identity.request_due_at().filter(|due| *due > now);
        let transactions = self.transactions.as_ref();
        let operations = transactions.and_then(Transactions::next_deadline);
        let deadlines = [
            (cluster, cluster_reason),
            (
                self.accumulator.next_deadline(),
                self.accumulator.next_deadline_reason(),
            ),
            (self.waiting.next_deadline(), WaitReason::MaxBlock),
            (self.watches.next_deadline(), WaitReason::MaxBlock),
            (identity, WaitReason::RetryBackoff),
            (operations, WaitReason::MaxBlock),
            (coordinator_due, WaitReason::RetryBackoff),
            (close, WaitReason::Close),
        ];
        let first = deadlines
            .into_iter()
            .filter_map(|(deadline, reason)| Some((deadline?, reason)))
            .min_by_key(|(deadline, _)| *deadline);
        match first {
            Some((until, reason)) => Output::Wait {
                until: Some(until),
                reason,
            },
            None => Output::Wait {
                until: None,
                reason: WaitReason::Idle,
            },
        }
    }
}
