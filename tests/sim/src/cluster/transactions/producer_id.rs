//! Answers to InitProducerId.

use super::{Identity, NO_EPOCH, NO_PRODUCER_ID, Transaction, TransactionState, for_version};
use crate::cluster::FakeCluster;
use crate::cluster::faults::Said;
use crate::cluster::wire::{Head, Reply, answer, api, decode};
use bytes::{Buf, Bytes};
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};
use odradek::ErrorCode;
use std::collections::BTreeMap;
use std::time::Duration;

/// From this version on a client understands PRODUCER_FENCED.
const KNOWS_FENCED: i16 = 4;
/// Two-phase commit (KIP-939): two more flags, which the crate does not decode.
const TWO_PHASE_COMMIT: i16 = 6;

/// What a producer asks for.
struct Wanted {
    transactional_id: Option<String>,
    timeout: Duration,
    expected: Option<Identity>,
    two_phase_commit: bool,
    keep_prepared: bool,
}

/// What it is given.
struct Given {
    identity: Identity,
    /// The identity of the transaction that it was asked to keep.
    ongoing: Option<Identity>,
}

impl Wanted {
    fn read(head: Head, body: &mut Bytes) -> Result<Self, String> {
        let (mut two_phase_commit, mut keep_prepared) = (false, false);
        if head.version >= TWO_PHASE_COMMIT {
            // Both flags lie in front of the tags, which are none.
            let Some([a, b, 0]) = body.last_chunk::<3>().copied() else {
                return Err("InitProducerId v6 with tags or without flags".to_owned());
            };
            (two_phase_commit, keep_prepared) = (a == 1, b == 1);
            let mut rest = body.split_to(body.len() - 3).to_vec();
            rest.push(0);
            body.advance(body.len());
            *body = Bytes::from(rest);
        }
        let version = head.version.min(TWO_PHASE_COMMIT - 1);
        let request: InitProducerIdRequest = decode(Head { version, ..head }, body)?;
        let timeout_ms = u64::try_from(request.transaction_timeout_ms).unwrap_or(0);
        let expected = (request.producer_id.0, request.producer_epoch);
        if (expected.0 == NO_PRODUCER_ID) != (expected.1 == NO_EPOCH) {
            return Err(format!("InitProducerId of {}:{}", expected.0, expected.1));
        }
        Ok(Self {
            transactional_id: request.transactional_id.map(|id| id.to_string()),
            timeout: Duration::from_millis(timeout_ms),
            expected: (expected.0 != NO_PRODUCER_ID).then_some(expected),
            two_phase_commit,
            keep_prepared,
        })
    }
}

impl FakeCluster {
    pub(in crate::cluster) fn on_init_producer_id(
        &mut self,
        node: i32,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let wanted = Wanted::read(head, body)?;
        let given = self.with_faults(api::INIT_PRODUCER_ID, None, |cluster| {
            cluster.give_producer_id(node, &wanted)
        });
        let response = InitProducerIdResponse::default().with_throttle_time_ms(said.throttle_ms);
        let response = match given {
            Ok(Given { identity, ongoing }) => {
                let response = response
                    .with_producer_id(ProducerId(identity.0))
                    .with_producer_epoch(identity.1);
                match ongoing.filter(|_| head.version >= TWO_PHASE_COMMIT) {
                    None => response,
                    Some((id, epoch)) => response
                        .with_ongoing_txn_producer_id(ProducerId(id))
                        .with_ongoing_txn_producer_epoch(epoch),
                }
            }
            Err(error) => response
                .with_error_code(for_version(error, head.version, KNOWS_FENCED).0)
                .with_producer_id(ProducerId(NO_PRODUCER_ID))
                .with_producer_epoch(NO_EPOCH),
        };
        answer(head, &response)
    }

    fn give_producer_id(&mut self, node: i32, wanted: &Wanted) -> Result<Given, ErrorCode> {
        let first_epoch = self.options.first_epoch;
        let Some(transactional_id) = &wanted.transactional_id else {
            let identity = (self.new_producer_id(), first_epoch);
            let ongoing = None;
            return Ok(Given { identity, ongoing });
        };
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        if wanted.two_phase_commit && !self.options.two_phase_commit {
            return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        }
        let limit = self.options.transaction_max_timeout;
        let is_within = (Duration::from_millis(1)..=limit).contains(&wanted.timeout);
        if !is_within && !wanted.two_phase_commit {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
        }
        self.is_coordinator(node, transactional_id)?;
        if !self.transactions.by_id.contains_key(transactional_id) {
            let created = self.created(first_epoch);
            let ids = &mut self.transactions.by_id;
            ids.insert(transactional_id.clone(), created);
        }
        self.take_over(transactional_id, wanted)
    }

    fn created(&mut self, first_epoch: i16) -> Transaction {
        Transaction {
            producer_id: self.new_producer_id(),
            previous_id: NO_PRODUCER_ID,
            next_id: NO_PRODUCER_ID,
            epoch: first_epoch - 1,
            last_epoch: NO_EPOCH,
            timeout: None,
            state: TransactionState::Empty,
            places: BTreeMap::new(),
            started: Duration::ZERO,
            keeper: None,
            is_ended_by_producer: false,
        }
    }

    fn take_over(&mut self, transactional_id: &str, wanted: &Wanted) -> Result<Given, ErrorCode> {
        let is_new = |epoch: i16, first: i16| epoch == first - 1;
        let first_epoch = self.options.first_epoch;
        let spare = self.next_producer_id;
        let Some(known) = self.transactions.by_id.get_mut(transactional_id) else {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        };
        let fresh = is_new(known.epoch, first_epoch) && known.state == TransactionState::Empty;
        if let Some((id, epoch)) = wanted.expected {
            let is_retry = id == known.previous_id && epoch >= i16::MAX - 1;
            if !fresh && id != known.producer_id && !is_retry {
                return Err(ErrorCode::PRODUCER_FENCED);
            }
        }
        if known.is_ending() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        if known.state == TransactionState::Ongoing {
            if !wanted.keep_prepared {
                self.fence(transactional_id);
                return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
            }
            let keeper = known.keeper.map_or(known.epoch, |keeper| keeper) + 1;
            known.keeper = Some(keeper);
            return Ok(Given {
                identity: (known.producer_id, keeper),
                ongoing: Some((known.producer_id, known.epoch)),
            });
        }
        let (old_id, old_epoch) = (known.producer_id, known.epoch);
        let expected_epoch = wanted.expected.map(|(_, epoch)| epoch);
        if known.is_exhausted() && expected_epoch.is_none_or(|epoch| epoch == old_epoch) {
            known.producer_id = spare;
            known.epoch = 0;
            known.last_epoch = expected_epoch.map_or(NO_EPOCH, |_| old_epoch);
            self.next_producer_id += 1;
        } else if expected_epoch.is_none() || fresh || expected_epoch == Some(old_epoch) {
            known.epoch = old_epoch + 1;
            known.last_epoch = match expected_epoch {
                Some(_) if !fresh => old_epoch,
                Some(_) | None => NO_EPOCH,
            };
        } else if expected_epoch != Some(known.last_epoch) {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        known.previous_id = old_id;
        known.state = TransactionState::Empty;
        known.places.clear();
        known.timeout = (!wanted.two_phase_commit).then_some(wanted.timeout);
        Ok(Given {
            identity: (known.producer_id, known.epoch),
            ongoing: None,
        })
    }
}
