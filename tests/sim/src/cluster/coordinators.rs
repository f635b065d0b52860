//! Which broker coordinates a transactional id or a group, and answers to FindCoordinator.

use super::FakeCluster;
use super::faults::Said;
use super::wire::{Head, Reply, answer, api, decode};
use bytes::Bytes;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;
use odradek::ErrorCode;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a coordinator is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyType {
    /// A consumer group.
    Group,
    /// A transactional id.
    Transaction,
}

/// Who coordinates something.
#[derive(Clone, Copy, Debug)]
struct Seat {
    node: Option<i32>,
    /// The broker before, and since when it is not.
    before: Option<(Option<i32>, Duration)>,
    loaded_at: Duration,
}

/// Every coordinator that anybody asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Coordinators {
    seats: BTreeMap<(KeyType, String), Seat>,
}

impl Coordinators {
    fn moved(seat: &mut Seat, node: Option<i32>, now: Duration, load: Duration) {
        if seat.node != node {
            seat.before = Some((seat.node, now));
            seat.node = node;
            seat.loaded_at = now + load;
        }
    }
}

/// A number of a name (FNV-1a).
fn number_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl FakeCluster {
    fn seat(&mut self, key_type: KeyType, key: &str) -> &mut Seat {
        let running: Vec<i32> = self.nodes().filter(|node| self.is_running(*node)).collect();
        let turn = number_of(key) % (running.len() as u64).max(1);
        let seat = Seat {
            node: running.get(turn as usize).copied(),
            before: None,
            loaded_at: Duration::ZERO,
        };
        let seats = &mut self.coordinators.seats;
        seats.entry((key_type, key.to_owned())).or_insert(seat)
    }

    /// The broker that coordinates a transactional id or a group.
    pub fn coordinator(&mut self, key_type: KeyType, key: &str) -> Option<i32> {
        self.seat(key_type, key).node
    }

    /// Moves a coordinator to another broker, which loads its state first.
    pub fn move_coordinator(&mut self, key_type: KeyType, key: &str, node: Option<i32>) {
        let (now, load) = (self.now, self.options.coordinator_load);
        Coordinators::moved(self.seat(key_type, key), node, now, load);
    }

    /// A broker stopped: others coordinate what it coordinated, each by its own choice.
    pub(super) fn leave_coordinators(&mut self, node: i32) {
        let running: Vec<i32> = self.nodes().filter(|node| self.is_running(*node)).collect();
        let (now, load) = (self.now, self.options.coordinator_load);
        for ((_, key), seat) in &mut self.coordinators.seats {
            if seat.node == Some(node) {
                let turn = number_of(key) % (running.len() as u64).max(1);
                Coordinators::moved(seat, running.get(turn as usize).copied(), now, load);
            }
        }
    }

    /// A broker started: it coordinates what nobody did.
    pub(super) fn take_coordinators(&mut self, node: i32) {
        let (now, load) = (self.now, self.options.coordinator_load);
        for seat in self.coordinators.seats.values_mut() {
            if seat.node.is_none() {
                Coordinators::moved(seat, Some(node), now, load);
            }
        }
    }

    /// Whether the coordinator of a key can work at all.
    pub(super) fn works(&mut self, key_type: KeyType, key: &str) -> Result<i32, ErrorCode> {
        let now = self.now;
        let seat = *self.seat(key_type, key);
        let node = seat.node.filter(|node| self.is_running(*node));
        let node = node.ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)?;
        if now < seat.loaded_at {
            return Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
        }
        Ok(node)
    }

    /// Whether a broker coordinates a key and is ready to.
    pub(super) fn coordinates(
        &mut self,
        node: i32,
        key_type: KeyType,
        key: &str,
    ) -> Result<(), ErrorCode> {
        if self.seat(key_type, key).node != Some(node) {
            return Err(ErrorCode::NOT_COORDINATOR);
        }
        self.works(key_type, key).map(|_| ())
    }

    pub(super) fn on_find_coordinator(
        &mut self,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let request: FindCoordinatorRequest = decode(head, body)?;
        let key_type = match request.key_type {
            0 => KeyType::Group,
            1 => KeyType::Transaction,
            other => return Err(format!("FindCoordinator of key type {other}")),
        };
        let response = FindCoordinatorResponse::default().with_throttle_time_ms(said.throttle_ms);
        if head.version >= 4 {
            let keys = request.coordinator_keys;
            let found = keys.into_iter().map(|key| self.find(key_type, key));
            return answer(head, &response.with_coordinators(found.collect()));
        }
        let found = self.find(key_type, request.key);
        let response = response
            .with_error_code(found.error_code)
            .with_error_message(found.error_message)
            .with_node_id(found.node_id)
            .with_host(found.host)
            .with_port(found.port);
        answer(head, &response)
    }

    fn find(&mut self, key_type: KeyType, key: StrBytes) -> Coordinator {
        let (now, lag) = (self.now, self.options.metadata_lag);
        let found = self.with_faults(api::FIND_COORDINATOR, None, |cluster| {
            let seat = *cluster.seat(key_type, &key);
            let told = match seat.before {
                Some((before, since)) if now < since + lag => before,
                Some(_) | None => seat.node,
            };
            told.ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)
        });
        let entry = Coordinator::default().with_key(key);
        match found {
            Ok(node) => {
                let (host, port) = self.address_of(node);
                entry
                    .with_node_id(BrokerId(node))
                    .with_host(StrBytes::from_string(host))
                    .with_port(i32::from(port))
            }
            Err(error) => entry
                .with_error_code(error.0)
                .with_node_id(BrokerId(-1))
                .with_port(-1),
        }
    }
}
