//! What brokers say, taken to the rooms that it concerns.

use super::Producer;
use super::accumulator::Slot;
use super::refusal::Refusal;
use super::sender::{BatchAnswer, Ended};
use super::sequence::Run;
use super::transaction::Transactions;
use super::verdict::{Circumstances, Verdict, judge};
use crate::cluster::{ClusterEvent, RequestTag};
use crate::error::{Cause, FatalError};
use crate::error_code::{ErrorCode, Recovery};
use crate::event::Outcome;
use crate::ids::ConnectionId;
use crate::time::Instant;
use crate::wire::api::init_producer_id::InitProducerIdResponse;
use crate::wire::{ApiKey, Reader, WireError, WireErrorKind};
use bytes::Bytes;

impl Producer {
    pub(super) fn on_cluster_event(&mut self, event: ClusterEvent, now: Instant) {
        match event {
            ClusterEvent::Answered {
                connection,
                tag,
                version,
                body,
            } => match tag {
                RequestTag::Produce(request) => {
                    self.on_produce_answer(connection, request, version, &body, now);
                }
                RequestTag::InitProducerId => {
                    self.on_init_producer_id(connection, version, &body, now);
                }
                RequestTag::Transaction => {
                    self.on_coordinator_answer(connection, version, &body, now);
                }
                RequestTag::ApiVersions | RequestTag::Metadata => {}
            },
            ClusterEvent::Sent {
                tag: RequestTag::Produce(request),
            } => {
                self.on_unacknowledged(request, Cause::AcksZero, now);
            }
            ClusterEvent::Lost {
                tag: RequestTag::Produce(request),
            } => {
                if self.settings.is_unacknowledged {
                    self.on_unacknowledged(request, Cause::ConnectionLost, now);
                } else {
                    let ended = self.sender.on_lost(request);
                    self.on_ended(ended, now);
                }
            }
            ClusterEvent::Lost {
                tag: RequestTag::InitProducerId,
            } => {
                self.identity.on_request_failed(&mut self.random, now);
            }
            ClusterEvent::Lost {
                tag: RequestTag::Transaction,
            } => self.on_coordinator_lost(now),
            ClusterEvent::Sent { .. } | ClusterEvent::Lost { .. } => {}
            ClusterEvent::MetadataChanged => {
                self.follow_leaders(now);
                self.watches.on_view(&self.cluster.metadata);
            }
        }
    }

    fn on_produce_answer(
        &mut self,
        connection: ConnectionId,
        request: u64,
        version: i16,
        body: &Bytes,
        now: Instant,
    ) {
        let answer = self
            .sender
            .on_answer(request, version, Reader::new(body), &self.cluster);
        let mut ended = match answer {
            Ok(ended) => ended,
            Err(error) => {
                // What the broker did with the batches stays unknown.
                self.cluster.reject(connection, error);
                self.sender.on_lost(request)
            }
        };
        let api = (ApiKey::Produce, version);
        self.cluster
            .throttle(connection, api, ended.throttle_ms, now);
        let hints = core::mem::take(&mut ended.hints);
        self.take_hints(&hints);
        self.on_ended(ended, now);
        self.follow_hints(&hints, now);
    }

    fn on_ended(&mut self, ended: Ended, now: Instant) {
        self.memory.release(ended.pinned);
        for answer in ended.answers {
            self.on_batch_answer(answer, now);
        }
    }

    /// A request to which nobody answers is over: the transport took it, or the connection is gone.
    fn on_unacknowledged(&mut self, request: u64, cause: Cause, now: Instant) {
        let ended = self.sender.on_lost(request);
        self.memory.release(ended.pinned);
        for BatchAnswer { batch: out, .. } in ended.answers {
            let partition = self.accumulator.partition_mut(out.slot);
            partition.end_attempt();
            if let Some(position) = partition.position(out.ordinal)
                && let Some(batch) = partition.remove(position)
            {
                self.report_batch(out.slot, batch, Outcome::PossiblyWritten, Some(cause));
            }
            self.accumulator.list(out.slot, now);
            self.accumulator.retime(out.slot, now);
        }
    }

    /// One attempt of one batch ended.
    fn on_batch_answer(&mut self, answer: BatchAnswer, now: Instant) {
        let BatchAnswer {
            batch: out,
            attempt,
            refusal,
        } = answer;
        let partition = self.accumulator.partition_mut(out.slot);
        partition.end_attempt();
        if let Some(behind) = out.behind {
            if attempt.is_success() {
                let last_offset = attempt.last_offset(out.count);
                partition.sequence.acknowledge(behind, last_offset);
            } else if attempt.error() == Some(ErrorCode::INVALID_PRODUCER_EPOCH) {
                self.identity.on_epoch_refused(behind.by);
            }
        }
        let has_gap = partition.sequence.run() != Run::Whole;
        let last_offset = partition.sequence.last_offset();
        // A batch that was reported meanwhile (expired, say) is gone from the queue.
        if let Some(position) = partition.position(out.ordinal)
            && let Some(batch) = partition.batch_mut(position)
        {
            let about = Circumstances {
                is_idempotent: self.identity.is_enabled(),
                is_head: position == 0,
                has_gap,
                may_restamp: self.identity.raises_epochs(),
                last_offset,
                retries: self.settings.retries,
                refused: refusal.named(batch.sealed.count()),
            };
            batch.is_in_flight = false;
            if let Some(error) = attempt.error() {
                self.sender.counters.on_error(error);
                batch.last_error = Some(error);
            }
            let verdict = judge(batch, attempt, about);
            if attempt.error() == Some(ErrorCode::MESSAGE_TOO_LARGE) {
                let topic = partition.topic;
                self.accumulator.forget_ratio(topic);
            }
            self.carry_out(out.slot, position, verdict, &refusal, now);
        }
        let partition = self.accumulator.partition_mut(out.slot);
        if partition.has_left_log(out.uuid) {
            partition.forget_doubts_of_old_log();
        }
        if let Some(error) = attempt.error()
            && self.judge_transaction(error, now)
        {
            return;
        }
        let transactions = self.transactions.as_ref();
        if transactions.is_some_and(Transactions::is_dropping) {
            self.drop_queued_of(out.slot, Cause::TransactionAborted, now);
        }
        self.accumulator.list(out.slot, now);
        self.accumulator.retime(out.slot, now);
    }

    fn carry_out(
        &mut self,
        slot: Slot,
        position: usize,
        verdict: Verdict,
        refusal: &Refusal,
        now: Instant,
    ) {
        let partition = self.accumulator.partition_mut(slot);
        match verdict {
            Verdict::Complete {
                base_offset,
                log_append_time,
                cause,
            } => {
                let Some(batch) = partition.remove(position) else {
                    return;
                };
                self.report_written(slot, batch, base_offset, log_append_time, cause);
            }
            Verdict::Retry {
                adds_doubt,
                refresh,
            } => {
                let Some(batch) = partition.batch_mut(position) else {
                    return;
                };
                batch.is_in_doubt |= adds_doubt;
                batch.is_lost_with_old_log &= !adds_doubt;
                let failures = batch.attempts.saturating_sub(1);
                if refresh && !self.is_led_elsewhere(slot, failures) {
                    self.cluster.metadata.want_refresh();
                }
                self.back_off(slot, position, now);
            }
            Verdict::Restamp { is_forgotten } => {
                let Some(batch) = partition.batch_mut(position) else {
                    return;
                };
                batch.stamp = None;
                partition.sequence.break_off(is_forgotten);
                // A broker that refuses every sequence is not asked at the speed of the network.
                self.back_off(slot, position, now);
            }
            Verdict::Split { outcome, cause } => {
                if !self.split_batch(slot, position) {
                    debug_assert!(false, "own batches can be read");
                    self.give_up_answered(slot, position, outcome, cause, refusal);
                }
            }
            Verdict::LeaveOut { outcome, cause } => {
                if !self.leave_out(slot, position, outcome, cause, refusal) {
                    debug_assert!(false, "own batches can be read");
                    self.give_up_answered(slot, position, outcome, cause, refusal);
                }
            }
            Verdict::GiveUp { outcome, cause } => {
                self.give_up_answered(slot, position, outcome, cause, refusal);
            }
        }
    }

    /// Counts a retry and holds its partition back, unless it goes to another leader (KIP-951).
    fn back_off(&mut self, slot: Slot, position: usize, now: Instant) {
        let partition = self.accumulator.partition_mut(slot);
        let topic = partition.topic;
        let Some(batch) = partition.batch_mut(position) else {
            return;
        };
        let records = batch.sealed.count();
        self.sender.counters.on_retry(topic, records);
        let failures = batch.attempts.saturating_sub(1);
        if self.is_led_elsewhere(slot, failures) {
            return;
        }
        let backoff = self.settings.retry_backoff;
        let wait = backoff.delay(failures, &mut self.random);
        let partition = self.accumulator.partition_mut(slot);
        partition.retry_at = partition.retry_at.max(now.after(wait));
    }

    fn on_init_producer_id(
        &mut self,
        connection: ConnectionId,
        version: i16,
        body: &Bytes,
        now: Instant,
    ) {
        let response = match InitProducerIdResponse::decode(Reader::new(body), version) {
            Ok(response) => response,
            Err(error) => {
                self.cluster.reject(connection, error);
                self.identity.on_request_failed(&mut self.random, now);
                return;
            }
        };
        let api = (ApiKey::InitProducerId, version);
        self.cluster
            .throttle(connection, api, response.throttle_time_ms, now);
        let error = response.error;
        if error == ErrorCode::NONE && (response.producer_id < 0 || response.producer_epoch < 0) {
            // Batches with a negative id are taken as not idempotent: duplicates would be appended.
            let none = WireError {
                at: 0,
                kind: WireErrorKind::UnexpectedNull,
            };
            self.cluster.reject(connection, none);
            self.identity.on_request_failed(&mut self.random, now);
            return;
        }
        if error == ErrorCode::NONE {
            self.identity
                .grant(response.producer_id, response.producer_epoch);
            for slot in self.accumulator.slots() {
                self.accumulator.list(slot, now);
            }
            return;
        }
        self.sender.counters.on_error(error);
        match error.recovery(ApiKey::InitProducerId) {
            Recovery::Retry | Recovery::RefreshAndRetry => {
                self.identity.on_request_failed(&mut self.random, now);
            }
            Recovery::Done
            | Recovery::Split
            | Recovery::AbortTransaction
            | Recovery::RestartProducer
            | Recovery::FixConfiguration
            | Recovery::Fail => {
                let is_denied = error == ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
                self.fail(
                    if is_denied {
                        FatalError::NotAuthorized(error)
                    } else {
                        FatalError::NoProducerId(error)
                    },
                    now,
                );
            }
        }
    }
}
