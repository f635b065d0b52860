//! What goes wrong with transactions: coordinators, other producers, levels, markers.

use super::World;
use super::coverage::Situation;
use super::faults::FaultKind;
use super::plan::MS;
use super::tap::{
    ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, FIND_COORDINATOR, INIT_PRODUCER_ID,
    PRODUCE, TXN_OFFSET_COMMIT,
};
use super::transactions::{GROUP, TRANSACTIONAL_ID};
use crate::cluster::{Injection, KeyType};
use bytes::BytesMut;
use core::time::Duration;
use kafka_protocol::messages::{InitProducerIdRequest, RequestHeader, TransactionalId};
use kafka_protocol::protocol::{Encodable, StrBytes};
use odradek::ErrorCode;

/// The version in which the other producer speaks.
const VERSION: i16 = 4;

const PASSING: [ErrorCode; 4] = [
    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ErrorCode::NOT_COORDINATOR,
    ErrorCode::CONCURRENT_TRANSACTIONS,
];

impl World {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds are struck elsewhere"
    )]
    pub(super) fn strike_transactions(&mut self, kind: FaultKind) {
        match kind {
            FaultKind::MoveCoordinator => self.move_coordinator(),
            FaultKind::CoordinatorErrors => {
                let apis = [
                    INIT_PRODUCER_ID,
                    ADD_PARTITIONS_TO_TXN,
                    ADD_OFFSETS_TO_TXN,
                    END_TXN,
                    TXN_OFFSET_COMMIT,
                    FIND_COORDINATOR,
                ];
                let api = self.dice.pick(&apis);
                let error = match api {
                    FIND_COORDINATOR => ErrorCode::COORDINATOR_NOT_AVAILABLE,
                    // Not one of what the group's coordinator answers.
                    TXN_OFFSET_COMMIT => self.dice.pick(&PASSING[..3]),
                    _ => self.dice.pick(&PASSING),
                };
                self.refuse(api, error);
            }
            FaultKind::AbortableErrors => {
                // Not EndTxn: no broker answers it so, and after a commit whose answer was lost it would
                // be a lie.
                let apis = [PRODUCE, ADD_PARTITIONS_TO_TXN, ADD_OFFSETS_TO_TXN];
                let api = self.dice.pick(&apis);
                self.refuse(api, ErrorCode::TRANSACTION_ABORTABLE);
            }
            // Rarely: it is the end of the producer.
            FaultKind::TakeOver if self.dice.chance(30) => self.take_over(),
            FaultKind::ChangeVersion => {
                self.level = self.dice.pick(&[0, 1, 2]);
                self.cluster.set_transaction_version(self.level);
                let level = self.level;
                self.note(|_| format!("~~ transaction.version is {level}"));
            }
            FaultKind::SlowMarkers => {
                let delay = Duration::from_nanos(self.dice.below(800 * MS));
                self.cluster.delay_markers(delay);
                self.note(|_| format!("~~ markers take {delay:?}"));
            }
            _ => {}
        }
    }

    fn refuse(&mut self, api: i16, error: ErrorCode) {
        let times = self.dice.between(1, 3) as u32;
        self.note(|_| format!("~~ {times} times {error} to api {api}"));
        self.cluster.inject(Injection {
            api,
            error,
            times,
            before_append: true,
            partition: None,
        });
    }

    fn move_coordinator(&mut self) {
        let node = self.any_node();
        if self.stopped.contains(&node) {
            return;
        }
        let (key_type, key) = if self.dice.chance(700) {
            (KeyType::Transaction, TRANSACTIONAL_ID)
        } else {
            (KeyType::Group, GROUP)
        };
        let is_ending = self.out.values().any(|(api, _)| *api == END_TXN);
        let is_moved = self.cluster.coordinator(key_type, key) != Some(node);
        let is_met = is_ending && is_moved && key_type == KeyType::Transaction;
        self.coverage
            .hit_if(is_met, Situation::CoordinatorMovedDuringEnd);
        self.cluster.move_coordinator(key_type, key, Some(node));
        self.note(|_| format!("~~ b{node} coordinates {key}"));
    }

    /// Another producer with the same transactional id asks for its identity, as a second copy of the
    /// application does.
    fn take_over(&mut self) {
        let Some(node) = self
            .cluster
            .coordinator(KeyType::Transaction, TRANSACTIONAL_ID)
        else {
            return;
        };
        let id = TransactionalId(StrBytes::from_static_str(TRANSACTIONAL_ID));
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(id))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let header = RequestHeader::default()
            .with_request_api_key(INIT_PRODUCER_ID)
            .with_request_api_version(VERSION)
            .with_client_id(Some(StrBytes::from_static_str("rival")));
        let mut frame = BytesMut::new();
        let encoded = header
            .encode(&mut frame, 2)
            .and_then(|()| request.encode(&mut frame, VERSION));
        encoded.expect("a request of the outside codec");
        let now = Duration::from_nanos(self.now);
        let _ = self.cluster.handle(node, u64::MAX, &frame, now);
        self.take_id_over();
        self.note(|_| "~~ another producer takes over".to_owned());
    }

    /// Another producer has the transactional id, or one that this machine asked for and gave up: a request
    /// for an identity that comes late fences whoever has one (nothing in it tells which request it is).
    pub(super) const fn take_id_over(&mut self) {
        if let Some(transactions) = &mut self.application.transactions {
            transactions.is_taken_over = true;
        }
    }
}
