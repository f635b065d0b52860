//! The fake cluster: brokers that keep logs and enforce the rules of sequences, epochs and transactions.
//!
//! It knows no network and no clock: frames come in with the time and answers come out at once. Whatever
//! happens between two frames (markers being written, transactions timing out, coordinators loading)
//! happens in [`FakeCluster::advance`].

mod batch;
mod controls;
mod coordinators;
mod dice;
mod faults;
mod groups;
mod log;
mod metadata;
mod options;
mod payload;
mod produce;
mod topics;
mod transactions;
mod wire;

pub use batch::Header;
pub use coordinators::KeyType;
pub use faults::Injection;
pub use groups::{CommittedOffset, Member};
pub use log::{FakeLog, FakeRecord, Marker};
pub use options::{ClusterOptions, TooFewReplicas, TopicOptions};
pub(crate) use payload::decompress;
pub use transactions::{TransactionState, TransactionView};
pub use wire::{Reply, api};

use bytes::Bytes;
use coordinators::Coordinators;
use dice::Dice;
use faults::Said;
use groups::Groups;
use odradek::ErrorCode;
use std::time::Duration;
use topics::Topics;
use transactions::Transactions;
use wire::Head;

/// One broker.
#[derive(Clone, Debug)]
struct Node {
    is_running: bool,
    throttle_ms: i32,
}

/// Several brokers, and what they share.
#[derive(Clone, Debug)]
pub struct FakeCluster {
    options: ClusterOptions,
    dice: Dice,
    now: Duration,
    nodes: Vec<Node>,
    topics: Topics,
    coordinators: Coordinators,
    transactions: Transactions,
    groups: Groups,
    transaction_version: i16,
    features_epoch: i64,
    next_producer_id: i64,
    injections: Vec<Injection>,
    violations: Vec<String>,
}

impl FakeCluster {
    /// A cluster without topics, at time 0. The seed decides what real time decides elsewhere.
    pub fn new(options: ClusterOptions, seed: u64) -> Self {
        let node = Node {
            is_running: true,
            throttle_ms: 0,
        };
        Self {
            dice: Dice::new(seed),
            now: Duration::ZERO,
            nodes: vec![node; options.brokers as usize],
            topics: Topics::default(),
            coordinators: Coordinators::default(),
            transactions: Transactions::default(),
            groups: Groups::default(),
            transaction_version: options.transaction_version,
            features_epoch: 1,
            next_producer_id: 1000,
            injections: Vec::new(),
            violations: Vec::new(),
            options,
        }
    }

    /// Where a broker listens.
    pub fn address_of(&self, node: i32) -> (String, u16) {
        (format!("broker-{node}.fake"), 9092)
    }

    /// The broker that listens at a name.
    pub fn node_at(&self, host: &str) -> Option<i32> {
        self.nodes().find(|node| self.address_of(*node).0 == host)
    }

    /// The ids of all brokers, running or not.
    pub fn nodes(&self) -> impl Iterator<Item = i32> + use<> {
        1..=self.nodes.len() as i32
    }

    fn node_mut(&mut self, node: i32) -> Option<&mut Node> {
        self.nodes
            .get_mut(usize::try_from(node).ok()?.checked_sub(1)?)
    }

    /// Whether a broker runs.
    pub fn is_running(&self, node: i32) -> bool {
        let index = usize::try_from(node)
            .ok()
            .and_then(|node| node.checked_sub(1));
        index
            .and_then(|index| self.nodes.get(index))
            .is_some_and(|node| node.is_running)
    }

    /// A whole request, without its length, arrives at a broker. `connection` tells violations apart.
    pub fn handle(&mut self, node: i32, connection: u64, frame: &[u8], now: Duration) -> Reply {
        self.advance(now);
        if !self.is_running(node) {
            return Reply::Close;
        }
        let before = self.violations.len();
        let mut body = Bytes::copy_from_slice(frame);
        let reply = self.dispatch(node, &mut body).unwrap_or_else(|what| {
            self.blame(what);
            Reply::Close
        });
        for violation in &mut self.violations[before..] {
            violation.push_str(&format!(" (broker {node}, connection {connection})"));
        }
        reply
    }

    fn dispatch(&mut self, node: i32, body: &mut Bytes) -> Result<Reply, String> {
        let head = Head::read(body)?;
        let Head { api, version, .. } = head;
        let offered = self.offered(api);
        let is_offered = offered.is_some_and(|(min, max)| (min..=max).contains(&version));
        if !is_offered && api != api::API_VERSIONS {
            return Err(format!("api {api} v{version} is not offered: {offered:?}"));
        }
        let throttle_ms = self.node_mut(node).map_or(0, |node| node.throttle_ms);
        let mut said = Said {
            throttle_ms,
            error: ErrorCode::NONE,
        };
        match api {
            api::PRODUCE => self.on_produce(node, head, body, said),
            api::METADATA => {
                said.error = self
                    .injected(api, None)
                    .map_or(said.error, |(error, _)| error);
                self.on_metadata(head, body, said)
            }
            api::API_VERSIONS => {
                said.error = self
                    .injected(api, None)
                    .map_or(said.error, |(error, _)| error);
                self.on_api_versions(head, body, said)
            }
            api::FIND_COORDINATOR => self.on_find_coordinator(head, body, said),
            api::INIT_PRODUCER_ID => self.on_init_producer_id(node, head, body, said),
            api::ADD_PARTITIONS_TO_TXN => self.on_add_partitions(node, head, body, said),
            api::ADD_OFFSETS_TO_TXN => self.on_add_offsets(node, head, body, said),
            api::END_TXN => self.on_end_txn(node, head, body, said),
            api::TXN_OFFSET_COMMIT => self.on_txn_offset_commit(node, head, body, said),
            other => Err(format!("api {other} is not a producer's")),
        }
    }

    /// Lets time pass: markers are written, transactions time out.
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.advance_transactions();
    }

    /// The brokers' clock, in milliseconds since 1970.
    fn wall_clock_ms(&self) -> i64 {
        let passed = i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX);
        self.options.wall_clock_ms.saturating_add(passed)
    }

    /// The log of a partition.
    ///
    /// # Panics
    ///
    /// If there is no such partition: tests ask for theirs.
    pub fn log(&self, topic: &str, partition: i32) -> &FakeLog {
        match self.topics.partition(topic, partition) {
            Some(partition) => &partition.log,
            None => panic!("there is no partition {topic}-{partition}"),
        }
    }

    /// The logs of a partition in the topics of that name that were deleted, oldest first.
    pub fn deleted_logs(&self, topic: &str, partition: i32) -> Vec<&FakeLog> {
        let deleted = self.topics.deleted.iter();
        deleted
            .filter(|(name, _)| name == topic)
            .filter_map(|(_, topic)| topic.partitions.get(partition as usize))
            .map(|partition| &partition.log)
            .collect()
    }
}
