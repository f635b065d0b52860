//! What coordinators answer, and what follows from it.

use super::requests::Request;
use super::{CONCURRENT_BACKOFF, Kind, Registration, Transactions};
use crate::cluster::Cluster;
use crate::error::FatalError;
use crate::error_code::{ErrorCode, Recovery};
use crate::producer::accumulator::Slot;
use crate::random::Random;
use crate::time::Instant;
use crate::transaction::{OperationError, PreparedTransaction, TransactionFault, TransactionState};
use crate::wire::api::add_offsets_to_txn::AddOffsetsToTxnResponse;
use crate::wire::api::add_partitions_to_txn::AddPartitionsToTxnResponse;
use crate::wire::api::end_txn::EndTxnResponse;
use crate::wire::api::find_coordinator::FindCoordinatorResponse;
use crate::wire::api::init_producer_id::InitProducerIdResponse;
use crate::wire::api::txn_offset_commit::TxnOffsetCommitResponse;
use crate::wire::{ApiKey, Reader, WireError, WireErrorKind};

/// What the producer has to do about an answer.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Effect {
    /// Nothing.
    None,
    /// The identity is another one from now on.
    Granted {
        /// The producer id.
        producer_id: i64,
        /// The producer epoch.
        producer_epoch: i16,
    },
    /// Partitions may be written to.
    Registered(Vec<Slot>),
    /// Nothing goes on.
    Failed(FatalError),
}

/// What an answer was, for those who count and honour.
#[derive(Debug)]
pub(in super::super) struct Answered {
    pub(in super::super) api: ApiKey,
    pub(in super::super) throttle_time_ms: i32,
    /// The error that counts, or none.
    pub(in super::super) error: ErrorCode,
    pub(in super::super) effect: Effect,
}

/// What an answer without an error gives, of what the request asked for.
enum Gain {
    Coordinator { node: crate::ids::BrokerId },
    Identity(InitProducerIdResponse),
    Partitions,
    Group,
    Offsets,
    End(EndTxnResponse),
}

impl Transactions {
    /// Takes the answer to the request that is out.
    ///
    /// An error means that the bytes are no such answer: then the request counts as
    /// [lost](Self::on_lost).
    pub(in super::super) fn on_answer(
        &mut self,
        version: i16,
        body: Reader<'_>,
        cluster: &mut Cluster,
        random: &mut Random,
        now: Instant,
    ) -> Result<Answered, WireError> {
        let Some(request) = self.in_flight.clone() else {
            return Err(nothing(WireErrorKind::Unasked));
        };
        let (throttle_time_ms, error, gain) = self.decode(&request, version, body, cluster)?;
        self.in_flight = None;
        let api = request.api();
        let effect = match gain {
            Some(gain) => {
                // A coordinator that is found has still to show that it is one.
                if !matches!(gain, Gain::Coordinator { .. }) {
                    self.failures = 0;
                }
                self.retry_at = Instant::ZERO;
                self.take(&request, gain, cluster)
            }
            None => self.recover(&request, error, random, now),
        };
        Ok(Answered {
            api,
            throttle_time_ms,
            error,
            effect,
        })
    }

    /// The request that is out will not be answered. What the coordinator made of it is not known: the
    /// same is asked again, wherever the coordinator is by now.
    pub(in super::super) fn on_lost(&mut self, random: &mut Random, now: Instant) {
        if let Some(request) = self.in_flight.take() {
            self.current.may_be_registered |= request.registers();
            self.coordinators.forget(request.concerns());
            self.back_off(self.settings.backoff.base, random, now);
        }
    }

    /// A coordinator cannot be reached: it is looked for anew, after a while.
    pub(in super::super) fn on_unreachable(&mut self, random: &mut Random, now: Instant) {
        self.back_off(self.settings.backoff.base, random, now);
    }

    fn decode(
        &self,
        request: &Request,
        version: i16,
        body: Reader<'_>,
        cluster: &mut Cluster,
    ) -> Result<(i32, ErrorCode, Option<Gain>), WireError> {
        let whole = |throttle: i32, error: ErrorCode, gain: Gain| {
            let gain = (error == ErrorCode::NONE).then_some(gain);
            (throttle, error, gain)
        };
        Ok(match request {
            Request::FindTransaction | Request::FindGroup(_) => {
                let response = FindCoordinatorResponse::decode(body, version)?;
                let key = request.group().map_or_else(|| self.id(), String::as_str);
                let found = response.coordinator_of(key);
                let found = found.ok_or_else(|| nothing(WireErrorKind::UnexpectedNull))?;
                let (node, mut error) = (found.node, found.error);
                if error == ErrorCode::NONE && !cluster.learn(node, found.host, found.port) {
                    error = ErrorCode::COORDINATOR_NOT_AVAILABLE;
                }
                whole(response.throttle_time_ms, error, Gain::Coordinator { node })
            }
            Request::InitProducerId { .. } => {
                let response = InitProducerIdResponse::decode(body, version)?;
                let (id, epoch) = (response.producer_id, response.producer_epoch);
                check_identity(response.error, id, epoch)?;
                let gain = Gain::Identity(response);
                whole(response.throttle_time_ms, response.error, gain)
            }
            Request::AddPartitions => {
                let response = AddPartitionsToTxnResponse::decode(body, version)?;
                let errors = response.partitions.iter().map(|one| one.error);
                let error = gravest(errors, ApiKey::AddPartitionsToTxn);
                whole(response.throttle_time_ms, error, Gain::Partitions)
            }
            Request::AddOffsets => {
                let response = AddOffsetsToTxnResponse::decode(body, version)?;
                whole(response.throttle_time_ms, response.error, Gain::Group)
            }
            Request::CommitOffsets => {
                let response = TxnOffsetCommitResponse::decode(body, version)?;
                let errors = response.partitions.iter().map(|one| one.error);
                let error = gravest(errors, ApiKey::TxnOffsetCommit);
                whole(response.throttle_time_ms, error, Gain::Offsets)
            }
            Request::End { .. } => {
                let response = EndTxnResponse::decode(body, version)?;
                if !self.registers() {
                    let (id, epoch) = (response.producer_id, response.producer_epoch);
                    check_identity(response.error, id, epoch)?;
                }
                let gain = Gain::End(response);
                whole(response.throttle_time_ms, response.error, gain)
            }
        })
    }

    /// The request did what it should.
    fn take(&mut self, request: &Request, gain: Gain, cluster: &Cluster) -> Effect {
        match gain {
            Gain::Coordinator { node } => {
                let group = request.group().cloned();
                self.coordinators.note(group, node, cluster);
                Effect::None
            }
            Gain::Identity(response) => self.take_identity(&response, cluster),
            Gain::Partitions => match self.current.registering.take() {
                Some(Registration::Partitions(slots)) => {
                    self.current.is_started = true;
                    Effect::Registered(slots)
                }
                Some(Registration::Group(_)) | None => Effect::None,
            },
            Gain::Group => {
                self.current.is_started = true;
                if let Some(Registration::Group(group)) = self.current.registering.take()
                    && let Some(offsets) = self.offsets.front_mut()
                {
                    offsets.is_registered = offsets.group.id == group;
                }
                Effect::None
            }
            Gain::Offsets => {
                self.end_first_offsets(Ok(None));
                Effect::None
            }
            Gain::End(response) => self.take_end(&response, cluster),
        }
    }

    fn take_identity(&mut self, response: &InitProducerIdResponse, cluster: &Cluster) -> Effect {
        let kept = PreparedTransaction {
            producer_id: response.ongoing_txn_producer_id,
            producer_epoch: response.ongoing_txn_producer_epoch,
        };
        if self.state != TransactionState::Initializing {
            // The transaction that this epoch ends needs nothing else.
            self.current.is_ended = true;
            self.current.needs_new_epoch = false;
        } else if self.current.keeps_prepared && kept.producer_id >= 0 {
            self.current.kind = Kind::of(cluster.transaction_version());
            self.current.is_started = true;
            self.end_operation(Ok(Some(kept)));
        } else {
            self.end_operation(Ok(None));
        }
        Effect::Granted {
            producer_id: response.producer_id,
            producer_epoch: response.producer_epoch,
        }
    }

    fn take_end(&mut self, response: &EndTxnResponse, cluster: &Cluster) -> Effect {
        self.current.is_ended = true;
        if self.registers() {
            // The first transaction of the second kind starts with an epoch of its own (KIP-890).
            self.current.needs_new_epoch |=
                Kind::of(cluster.transaction_version()) != self.current.kind;
            return Effect::None;
        }
        // The end of one of the second kind brings another epoch by itself.
        self.current.needs_new_epoch = false;
        Effect::Granted {
            producer_id: response.producer_id,
            producer_epoch: response.producer_epoch,
        }
    }

    /// The request was refused.
    fn recover(
        &mut self,
        request: &Request,
        error: ErrorCode,
        random: &mut Random,
        now: Instant,
    ) -> Effect {
        let is_abort = matches!(request, Request::End { is_commit: false });
        if is_abort && error == ErrorCode::INVALID_TXN_STATE && !self.current.is_started {
            // What may have been registered was not: there is nothing to abort.
            self.current.is_ended = true;
            return Effect::None;
        }
        let recovery = error.recovery(request.api());
        match recovery {
            Recovery::Retry | Recovery::RefreshAndRetry => {
                if recovery == Recovery::RefreshAndRetry {
                    self.coordinators.forget(request.concerns());
                }
                self.current.may_be_registered |= request.registers() && !is_refused_at_once(error);
                let base = if error == ErrorCode::CONCURRENT_TRANSACTIONS {
                    CONCURRENT_BACKOFF
                } else {
                    self.settings.backoff.base
                };
                self.back_off(base, random, now);
                Effect::None
            }
            Recovery::AbortTransaction => self.lose(request, error),
            Recovery::Done
            | Recovery::Split
            | Recovery::RestartProducer
            | Recovery::FixConfiguration
            | Recovery::Fail => {
                let may_be_asked_again = self.state == TransactionState::Initializing
                    && matches!(
                        error,
                        ErrorCode::CLUSTER_AUTHORIZATION_FAILED
                            | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                    )
                    && matches!(request, Request::InitProducerId { .. });
                if may_be_asked_again {
                    self.end_operation(Err(OperationError::Refused(error)));
                    return Effect::None;
                }
                Effect::Failed(fatal(error))
            }
        }
    }

    /// The transaction is lost by a coordinator's word.
    fn lose(&mut self, request: &Request, error: ErrorCode) -> Effect {
        self.current.registering = None;
        let is_spent = error == ErrorCode::UNKNOWN_PRODUCER_ID;
        match (self.state, request) {
            (TransactionState::Initializing, _) => {
                self.end_operation(Err(OperationError::Refused(error)));
                Effect::None
            }
            // An abort that cannot be carried out leaves nothing to be tried.
            (TransactionState::Aborting, Request::End { .. } | Request::InitProducerId { .. })
            | (_, Request::InitProducerId { .. }) => Effect::Failed(fatal(error)),
            _ => {
                if is_spent {
                    self.on_gap();
                }
                self.fault(TransactionFault::Broker(error));
                Effect::None
            }
        }
    }
}

/// Whether a coordinator finds an error out before it notes anything. After another one, such as that it could not
/// write, the transaction may have begun all the same.
const fn is_refused_at_once(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            | ErrorCode::CONCURRENT_TRANSACTIONS
            | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
    )
}

/// The error that decides about an answer with one error for each partition: what costs most.
fn gravest(errors: impl Iterator<Item = ErrorCode>, api: ApiKey) -> ErrorCode {
    let weight = |error: &ErrorCode| match error.recovery(api) {
        Recovery::Done => 0,
        Recovery::Retry => 1,
        Recovery::RefreshAndRetry => 2,
        Recovery::AbortTransaction if *error == ErrorCode::OPERATION_NOT_ATTEMPTED => 3,
        Recovery::AbortTransaction => 4,
        Recovery::Split
        | Recovery::RestartProducer
        | Recovery::FixConfiguration
        | Recovery::Fail => 5,
    };
    // Of several that weigh the same, the first.
    let heavier = |worst: ErrorCode, error| {
        if weight(&error) > weight(&worst) {
            error
        } else {
            worst
        }
    };
    errors.fold(ErrorCode::NONE, heavier)
}

/// The end of a producer because of what a coordinator answers.
pub(in super::super) fn fatal(error: ErrorCode) -> FatalError {
    match error {
        // Brokers before 2.7 say INVALID_PRODUCER_EPOCH where later ones say PRODUCER_FENCED (KIP-588).
        ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH => FatalError::Fenced,
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => FatalError::NotAuthorized(error),
        error => FatalError::Transaction(error),
    }
}

/// Refuses an identity with a negative number, under which nothing would be idempotent.
fn check_identity(error: ErrorCode, id: i64, epoch: i16) -> Result<(), WireError> {
    if error == ErrorCode::NONE && (id < 0 || epoch < 0) {
        return Err(nothing(WireErrorKind::UnexpectedNull));
    }
    Ok(())
}

const fn nothing(kind: WireErrorKind) -> WireError {
    WireError { at: 0, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_most_decides() {
        let decide =
            |errors: &[ErrorCode]| gravest(errors.iter().copied(), ApiKey::AddPartitionsToTxn);
        assert_eq!(decide(&[]), ErrorCode::NONE);
        let (again, not_tried) = (
            ErrorCode::CONCURRENT_TRANSACTIONS,
            ErrorCode::OPERATION_NOT_ATTEMPTED,
        );
        assert_eq!(decide(&[ErrorCode::NONE, again]), again);
        let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        assert_eq!(decide(&[not_tried, denied, not_tried]), denied);
        let fenced = ErrorCode::PRODUCER_FENCED;
        assert_eq!(decide(&[denied, fenced]), fenced);
        let abortable = ErrorCode::TRANSACTION_ABORTABLE;
        assert_eq!(decide(&[denied, abortable]), denied, "the first");
        assert_eq!(decide(&[abortable, denied]), abortable, "the first");
    }

    #[test]
    fn nothing_is_written_under_a_negative_identity() {
        for (id, epoch, is_one) in [(-1, 0, false), (0, -1, false), (0, 0, true)] {
            let checked = check_identity(ErrorCode::NONE, id, epoch);
            assert_eq!(checked.is_ok(), is_one, "{id} {epoch}");
        }
        assert_eq!(check_identity(ErrorCode::PRODUCER_FENCED, -1, -1), Ok(()));
    }
}
