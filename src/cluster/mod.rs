//! Brokers and the connections to them: who leads what, what is in flight, when to try again.
//!
//! This file holds the state and what the rooms above ask of it; what happens to it is in `inputs`,
//! `answers` and `deadlines`, what it does in `attempts` and `requests`.

mod answers;
mod attempts;
mod connection;
mod deadlines;
mod features;
mod follow;
mod in_flight;
mod inputs;
mod metadata;
mod node;
mod rebootstrap;
mod requests;

use crate::backoff::Backoff;
use crate::config::{Config, RecoveryStrategy};
use crate::driver::{DisconnectReason, Output};
use crate::ids::{BrokerId, ConnectionId, TopicHandle};
use crate::metrics::Traffic;
use crate::random::Random;
use crate::time::Instant;
use crate::wire::{ApiKey, WireError};
use bytes::Bytes;
use connection::Connection;
use core::time::Duration;
use features::Features;
use node::{Link, Node};
use std::collections::{BTreeMap, VecDeque};

pub(crate) use in_flight::RequestTag;
pub(crate) use metadata::{LeaderHint, Metadata, TopicState, TopicView};
pub(crate) use requests::RequestSlot;

/// The brokers, the connections, and the view of the cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) metadata: Metadata,
    settings: Settings,
    random: Random,
    /// Brokers by their id; bootstrap addresses by negative ids, -1 for the first.
    nodes: BTreeMap<BrokerId, Node>,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u32,
    next_query: u32,
    outputs: VecDeque<Output>,
    events: VecDeque<ClusterEvent>,
    /// The node at which the last attempt to find the cluster started.
    search: Option<BrokerId>,
    is_shutting_down: bool,
    pub(crate) traffic: Traffic,
    features: Features,
}

/// What the rooms above have to hear.
#[derive(Debug)]
pub(crate) enum ClusterEvent {
    /// A request was answered; the body is not decoded yet.
    Answered {
        connection: ConnectionId,
        tag: RequestTag,
        version: i16,
        body: Bytes,
    },
    /// A frame that nobody answers was taken by the transport.
    Sent { tag: RequestTag },
    /// The connection ended before the answer came.
    Lost { tag: RequestTag },
    /// The view of the cluster changed.
    MetadataChanged,
}

/// The part of the configuration that concerns connections.
#[derive(Debug)]
struct Settings {
    client_id: String,
    allow_auto_topic_creation: bool,
    request_timeout: Duration,
    setup_timeout: Backoff,
    reconnect: Backoff,
    max_in_flight: usize,
    receive_max_bytes: usize,
    needs_producer_id: bool,
    /// `connections.max.idle.ms`; `None` is never.
    connections_max_idle: Option<Duration>,
    recovery: RecoveryStrategy,
}

impl Cluster {
    pub(crate) fn new(config: &Config, random: Random) -> Self {
        let nodes = (1..)
            .zip(&config.bootstrap_servers)
            .map(|(index, server)| {
                (
                    BrokerId(-index),
                    Node::new(server.host.clone(), server.port),
                )
            })
            .collect();
        Self {
            metadata: Metadata::new(config),
            settings: Settings {
                client_id: config.client_id.clone(),
                allow_auto_topic_creation: config.allow_auto_create_topics,
                request_timeout: config.request_timeout,
                setup_timeout: Backoff {
                    base: config.connection_setup_timeout,
                    max: config.connection_setup_timeout_max,
                },
                reconnect: Backoff {
                    base: config.reconnect_backoff,
                    max: config.reconnect_backoff_max,
                },
                max_in_flight: config.max_in_flight as usize,
                receive_max_bytes: config.receive_message_max_bytes as usize,
                needs_producer_id: config.idempotence,
                connections_max_idle: config.connections_max_idle,
                recovery: config.metadata_recovery_strategy,
            },
            random,
            nodes,
            connections: BTreeMap::new(),
            next_connection: 0,
            next_query: 0,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            search: None,
            is_shutting_down: false,
            traffic: Traffic::default(),
            features: Features::default(),
        }
    }

    pub(crate) fn take_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn take_event(&mut self) -> Option<ClusterEvent> {
        self.events.pop_front()
    }

    /// Whether a Produce request may be handed to this broker.
    pub(crate) fn may_produce(&self, broker: BrokerId, now: Instant) -> bool {
        self.connection_of(broker).is_some_and(|connection| {
            connection.is_usable(now)
                && connection.in_flight.produce_count() < self.settings.max_in_flight
        })
    }

    /// The version of Produce that is spoken with a connected broker.
    pub(crate) fn produce_version(&self, broker: BrokerId) -> Option<i16> {
        self.connection_of(broker)?.version(ApiKey::Produce)
    }

    /// The usable connection's node with the fewest requests in flight.
    pub(crate) fn least_loaded(&self, now: Instant) -> Option<BrokerId> {
        self.connections
            .values()
            .filter(|connection| connection.is_usable(now))
            .min_by_key(|connection| connection.in_flight.len())
            .map(|connection| connection.node)
    }

    fn connection_of(&self, node: BrokerId) -> Option<&Connection> {
        match self.nodes.get(&node)?.link {
            Link::Connection(id) => self.connections.get(&id),
            Link::Idle | Link::Resolving { .. } => None,
        }
    }

    /// Honours a broker's wish for silence in an answer of `api` in `version` (KIP-219).
    pub(crate) fn throttle(
        &mut self,
        id: ConnectionId,
        (api, version): (ApiKey, i16),
        throttle_ms: i32,
        now: Instant,
    ) {
        self.traffic.on_throttle(throttle_ms);
        if let Some(connection) = self.connections.get_mut(&id)
            && version >= api.first_throttled_by_client()
        {
            connection.throttle(throttle_ms, now);
        }
    }

    /// Requests that are out, on all connections.
    pub(crate) fn requests_in_flight(&self) -> usize {
        let connections = self.connections.values();
        connections
            .map(|connection| connection.in_flight.len())
            .sum()
    }

    /// The finalized level of `transaction.version` by the newest that any broker told, 0 before any
    /// did: from 2 on, transactions are of the second kind (KIP-890).
    pub(crate) const fn transaction_version(&self) -> i16 {
        self.features.transaction_version()
    }

    /// Takes over where a broker listens that was named as a coordinator; false for one that cannot be
    /// connected to. What the view says about a known broker is believed more.
    pub(crate) fn learn(&mut self, id: BrokerId, host: &str, port: i32) -> bool {
        let is_usable = self.metadata.learn(id, host, port);
        if is_usable {
            self.follow_brokers();
        }
        is_usable
    }

    /// How many rounds of attempts at a broker have failed since it last answered; `None` for one that
    /// is not known.
    pub(crate) fn failures_of(&self, id: BrokerId) -> Option<u32> {
        self.nodes.get(&id).map(|node| node.failures)
    }

    /// Whether a request may be handed to this broker.
    pub(crate) fn is_usable(&self, id: BrokerId, now: Instant) -> bool {
        self.connection_of(id)
            .is_some_and(|connection| connection.is_usable(now))
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    /// Follows a hint about the leader of a partition if it is newer than the view (KIP-951).
    pub(crate) fn take_hint(&mut self, hint: &LeaderHint) {
        if self.metadata.take_hint(hint) {
            self.follow_brokers();
        }
    }

    /// Who leads a partition by the view, if that broker can be connected to.
    pub(crate) fn leader_of(&self, topic: TopicHandle, partition: i32) -> Option<BrokerId> {
        let leader = self.metadata.topic(topic)?.leader(partition)?;
        self.nodes.contains_key(&leader).then_some(leader)
    }

    /// Closes a connection whose answer could not be understood.
    pub(crate) fn reject(&mut self, id: ConnectionId, error: WireError) {
        self.disconnect(id, DisconnectReason::Malformed(error));
    }

    fn disconnect(&mut self, id: ConnectionId, reason: DisconnectReason) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.close(reason) {
            self.outputs
                .push_back(Output::Disconnect { connection: id });
        }
    }

    /// Closes every connection; nothing is opened afterwards.
    pub(crate) fn shut_down(&mut self) {
        self.is_shutting_down = true;
        let all: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in all {
            self.disconnect(id, DisconnectReason::Requested);
        }
        for node in self.nodes.values_mut() {
            if matches!(node.link, Link::Resolving { .. }) {
                node.link = Link::Idle;
            }
        }
    }

    /// Whether every connection is gone and the rooms above have taken what that means for them.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_shutting_down && self.connections.is_empty() && self.events.is_empty()
    }
}
