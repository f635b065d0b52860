//! Brokers and the connections to them: who leads what, what is in flight, when to try again.

mod connection;
mod in_flight;
mod metadata;
mod node;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::driver::{DisconnectReason, Input, Output, ResolveError, WaitReason};
use crate::event::{ConnectionFailure, Event};
use crate::ids::{BrokerId, ConnectionId, QueryId};
use crate::random::Random;
use crate::time::{Instant, earliest};
use crate::wire::api::api_versions::ApiVersionsRequest;
use crate::wire::api::metadata::{MetadataRequest, MetadataResponse};
use crate::wire::{ApiKey, Reader, RequestHeader, WireError};
use bytes::Bytes;
use connection::{Answer, Connection, Phase};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use node::{Link, Node};
use std::collections::{BTreeMap, VecDeque};

pub(crate) use in_flight::RequestTag;
pub(crate) use metadata::{Metadata, TopicState};

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
    is_shutting_down: bool,
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
}

/// A request about to be encoded: where it goes and the numbers that its header needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestSlot {
    connection: ConnectionId,
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
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
            },
            random,
            nodes,
            connections: BTreeMap::new(),
            next_connection: 0,
            next_query: 0,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            is_shutting_down: false,
        }
    }

    // --- inputs ---

    pub(crate) fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Resolved { query, result } => self.on_resolved(query, result, now),
            Input::Connected { connection } => self.on_connected(connection, now),
            Input::Transmitted { connection, bytes } => self.on_transmitted(connection, bytes),
            Input::Received { connection, bytes } => self.on_received(connection, bytes, now),
            Input::Disconnected { connection, reason } => {
                self.on_disconnected(connection, reason, now);
            }
            Input::Timeout => {}
        }
    }

    fn on_resolved(
        &mut self,
        query: QueryId,
        result: Result<&[IpAddr], ResolveError>,
        now: Instant,
    ) {
        let asked = self
            .nodes
            .iter_mut()
            .find_map(|(id, node)| match node.link {
                Link::Resolving {
                    query: q, since, ..
                } if q == query => Some((*id, node, since)),
                Link::Resolving { .. } | Link::Idle | Link::Connection(_) => None,
            });
        let Some((id, node, since)) = asked else {
            return;
        };
        node.link = Link::Idle;
        match result {
            Ok(addresses) if !addresses.is_empty() => {
                node.set_addresses(addresses);
                self.connect(id, now);
            }
            Ok(_) => self.fail_resolution(id, ResolveError::NotFound, since, now),
            Err(error) => self.fail_resolution(id, error, since, now),
        }
    }

    fn fail_resolution(&mut self, id: BrokerId, error: ResolveError, since: Instant, now: Instant) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.link = Link::Idle;
        let failure = ConnectionFailure {
            host: node.host.clone(),
            port: node.port,
            address: None,
            reason: DisconnectReason::Unresolved(error),
            after: now.since(since),
            was_ready: false,
        };
        self.outputs
            .push_back(Output::Event(Event::ConnectionFailed(failure)));
        self.back_off(id, now);
    }

    fn on_connected(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if let Some(version) = connection.on_connected() {
            self.send_api_versions(id, version, now);
        }
    }

    fn on_transmitted(&mut self, id: ConnectionId, bytes: usize) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.in_flight.on_transmitted(bytes as u64);
        while let Some(tag) = connection.in_flight.pop_transmitted() {
            self.events.push_back(ClusterEvent::Sent { tag });
        }
    }

    fn on_received(&mut self, id: ConnectionId, bytes: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.push_received(bytes);
        loop {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            match connection.next_answer() {
                Ok(None) => return,
                Ok(Some(answer)) => {
                    if let Err(reason) = self.on_answer(id, answer, now) {
                        return self.disconnect(id, reason);
                    }
                }
                Err(error) => return self.disconnect(id, DisconnectReason::Malformed(error)),
            }
        }
    }

    fn on_answer(
        &mut self,
        id: ConnectionId,
        answer: Answer,
        now: Instant,
    ) -> Result<(), DisconnectReason> {
        match answer.tag {
            RequestTag::ApiVersions => self.on_api_versions(id, &answer, now),
            RequestTag::Metadata => self.on_metadata(id, &answer, now).map_err(|error| {
                self.metadata.on_request_failed(&mut self.random, now);
                DisconnectReason::Malformed(error)
            }),
            RequestTag::InitProducerId | RequestTag::Produce(_) => {
                let Answer { tag, version, body } = answer;
                self.events.push_back(ClusterEvent::Answered {
                    connection: id,
                    tag,
                    version,
                    body,
                });
                Ok(())
            }
        }
    }

    fn on_api_versions(
        &mut self,
        id: ConnectionId,
        answer: &Answer,
        now: Instant,
    ) -> Result<(), DisconnectReason> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Ok(());
        };
        let needs_producer_id = self.settings.needs_producer_id;
        if let Some(version) = connection.on_api_versions(answer, needs_producer_id, now)? {
            self.send_api_versions(id, version, now);
        } else if let Some(node) = self.nodes.get_mut(&connection.node) {
            node.failures = 0;
        }
        Ok(())
    }

    fn on_metadata(
        &mut self,
        id: ConnectionId,
        answer: &Answer,
        now: Instant,
    ) -> Result<(), WireError> {
        let response = MetadataResponse::decode(Reader::new(&answer.body), answer.version)?;
        self.throttle(id, response.throttle_time_ms, now);
        self.metadata.on_response(&response, &mut self.random, now);
        self.follow_brokers();
        self.events.push_back(ClusterEvent::MetadataChanged);
        Ok(())
    }

    /// Brings the nodes in line with the brokers of the view. A connection to a bootstrap address that
    /// turns out to be a broker's becomes that broker's connection.
    fn follow_brokers(&mut self) {
        let brokers = self.metadata.brokers();
        let mut moved = Vec::new();
        for (id, address) in brokers {
            let node = self
                .nodes
                .entry(*id)
                .or_insert_with(|| Node::new(address.host.clone(), address.port));
            if node.host != address.host || node.port != address.port {
                match node.link {
                    Link::Connection(connection) => moved.push(connection),
                    // The answer would be about the old name.
                    Link::Resolving { .. } => node.link = Link::Idle,
                    Link::Idle => {}
                }
                node.host.clone_from(&address.host);
                node.port = address.port;
                node.set_addresses(&[]);
                node.retry_at = Instant::ZERO;
            }
        }
        self.nodes.retain(|id, node| {
            id.0 < 0 || brokers.contains_key(id) || matches!(node.link, Link::Connection(_))
        });
        for connection in moved {
            self.disconnect(connection, DisconnectReason::Requested);
        }
        self.adopt_bootstrap_connections();
    }

    fn adopt_bootstrap_connections(&mut self) {
        let ready: Vec<(BrokerId, ConnectionId)> = self
            .nodes
            .range(..BrokerId(0))
            .filter_map(|(id, node)| match node.link {
                Link::Connection(connection) => Some((*id, connection)),
                Link::Idle | Link::Resolving { .. } => None,
            })
            .collect();
        for (bootstrap, connection) in ready {
            let Some(seed) = self.nodes.get(&bootstrap) else {
                continue;
            };
            let (host, port) = (seed.host.clone(), seed.port);
            let broker = self.nodes.range_mut(BrokerId(0)..).find(|(_, node)| {
                node.link == Link::Idle && node.host == host && node.port == port
            });
            let Some((broker_id, broker)) = broker else {
                continue;
            };
            let Some(state) = self.connections.get_mut(&connection) else {
                continue;
            };
            if state.is_closing() {
                continue;
            }
            broker.link = Link::Connection(connection);
            state.node = *broker_id;
            if let Some(seed) = self.nodes.get_mut(&bootstrap) {
                seed.link = Link::Idle;
            }
        }
    }

    fn on_disconnected(&mut self, id: ConnectionId, reason: DisconnectReason, now: Instant) {
        let Some(mut connection) = self.connections.remove(&id) else {
            return;
        };
        let reason = connection.closing_reason().unwrap_or(reason);
        for tag in connection.in_flight.drain() {
            match tag {
                RequestTag::ApiVersions => {}
                RequestTag::Metadata => self.metadata.on_request_failed(&mut self.random, now),
                RequestTag::InitProducerId | RequestTag::Produce(_) => {
                    self.events.push_back(ClusterEvent::Lost { tag });
                }
            }
        }
        let was_ready = connection.is_ready_or_was();
        let Some(node) = self.nodes.get_mut(&connection.node) else {
            return;
        };
        node.link = Link::Idle;
        if reason == DisconnectReason::Requested {
            return;
        }
        let failure = ConnectionFailure {
            host: node.host.clone(),
            port: node.port,
            address: Some(connection.address),
            reason,
            after: now.since(connection.opened_at),
            was_ready,
        };
        self.outputs
            .push_back(Output::Event(Event::ConnectionFailed(failure)));
        if was_ready {
            node.set_addresses(&[]);
        }
        if !self
            .nodes
            .get(&connection.node)
            .is_some_and(Node::has_untried_address)
        {
            self.back_off(connection.node, now);
        }
    }

    fn back_off(&mut self, id: BrokerId, now: Instant) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.retry_at = now.after(
            self.settings
                .reconnect
                .delay(node.failures, &mut self.random),
        );
        node.failures = node.failures.saturating_add(1);
        // Somebody else may lead by now what this broker led.
        self.metadata.want_refresh();
    }

    // --- what the cluster does by itself ---

    pub(crate) fn take_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn take_event(&mut self) -> Option<ClusterEvent> {
        self.events.pop_front()
    }

    /// Gives up what has taken too long. Scans the connections: call it when a deadline has passed.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        let late: Vec<(ConnectionId, DisconnectReason)> = self
            .connections
            .iter()
            .filter_map(|(id, connection)| Some((*id, connection.overdue(now)?)))
            .collect();
        for (id, reason) in late {
            self.disconnect(id, reason);
        }
        let unresolved: Vec<(BrokerId, Instant)> = self
            .nodes
            .iter()
            .filter_map(|(id, node)| match node.link {
                Link::Resolving {
                    since, deadline, ..
                } if deadline <= now => Some((*id, since)),
                Link::Resolving { .. } | Link::Idle | Link::Connection(_) => None,
            })
            .collect();
        for (id, since) in unresolved {
            self.fail_resolution(id, ResolveError::Unavailable, since, now);
        }
    }

    /// Sends a metadata request if one is due, or works towards a connection that can carry it.
    /// Returns whether anything was done.
    pub(crate) fn refresh_metadata(&mut self, now: Instant) -> bool {
        if self.is_shutting_down || self.metadata.due_at().is_none_or(|due| due > now) {
            return false;
        }
        if let Some(node) = self.least_loaded(now) {
            return self.send_metadata_request(node, now);
        }
        !self.is_linked() && self.connect_anywhere(now)
    }

    fn send_metadata_request(&mut self, node: BrokerId, now: Instant) -> bool {
        let Some(slot) = self.begin(node, ApiKey::Metadata) else {
            return false;
        };
        let names: Vec<&str> = self.metadata.topic_names().collect();
        let request = MetadataRequest {
            topics: Some(&names),
            allow_auto_topic_creation: self.settings.allow_auto_topic_creation,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, &self.request_header(&slot));
        self.metadata.on_request_sent();
        self.submit(slot, RequestTag::Metadata, vec![Bytes::from(frame)], now);
        true
    }

    fn send_api_versions(&mut self, id: ConnectionId, version: i16, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let slot = RequestSlot {
            connection: id,
            api: ApiKey::ApiVersions,
            version,
            correlation_id: connection.next_correlation_id(),
        };
        let request = ApiVersionsRequest {
            software_name: "odradek",
            software_version: env!("CARGO_PKG_VERSION"),
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, &self.request_header(&slot));
        self.submit(slot, RequestTag::ApiVersions, vec![Bytes::from(frame)], now);
    }

    /// Starts an attempt at some node: brokers first, then bootstrap addresses, from a random one on.
    fn connect_anywhere(&mut self, now: Instant) -> bool {
        let mut candidates: Vec<BrokerId> = self
            .alternatives()
            .filter(|(_, node)| node.may_start(now))
            .map(|(id, _)| *id)
            .collect();
        let brokers = candidates.iter().filter(|id| id.0 >= 0).count();
        if brokers > 0 {
            candidates.retain(|id| id.0 >= 0);
        }
        let index = self.random.below(candidates.len() as u64) as usize;
        candidates
            .get(index)
            .is_some_and(|id| self.connect(*id, now))
    }

    /// Starts an attempt at a node unless one is under way or the back-off forbids it. Returns whether
    /// one was started.
    pub(crate) fn connect(&mut self, id: BrokerId, now: Instant) -> bool {
        if self.is_shutting_down {
            return false;
        }
        let Some(node) = self.nodes.get_mut(&id) else {
            return false;
        };
        if !node.may_start(now) {
            return false;
        }
        let failures = node.failures;
        let deadline = now.after(
            self.settings
                .setup_timeout
                .delay(failures, &mut self.random),
        );
        if let Some(address) = node.next_address() {
            self.open(id, address, deadline, now);
        } else if let Ok(address) = node.host.parse::<IpAddr>() {
            let address = SocketAddr::new(address, node.port);
            self.open(id, address, deadline, now);
        } else {
            let query = QueryId(self.next_query);
            self.next_query = self.next_query.wrapping_add(1);
            node.link = Link::Resolving {
                query,
                since: now,
                deadline,
            };
            let (host, port) = (node.host.clone(), node.port);
            self.outputs
                .push_back(Output::Resolve { query, host, port });
        }
        true
    }

    fn open(&mut self, node_id: BrokerId, address: SocketAddr, deadline: Instant, now: Instant) {
        let Some(node) = self.nodes.get_mut(&node_id) else {
            return;
        };
        let id = ConnectionId(self.next_connection);
        self.next_connection = self.next_connection.wrapping_add(1);
        node.link = Link::Connection(id);
        let host = node.host.clone();
        let limit = self.settings.receive_max_bytes;
        self.connections
            .insert(id, Connection::new(node_id, address, deadline, limit, now));
        self.outputs.push_back(Output::Connect {
            connection: id,
            address,
            host,
        });
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

    // --- for the rooms above ---

    /// Whether a Produce request may be handed to this broker.
    pub(crate) fn may_produce(&self, broker: BrokerId, now: Instant) -> bool {
        self.connection_of(broker).is_some_and(|connection| {
            connection.is_usable(now)
                && connection.in_flight.produce_count() < self.settings.max_in_flight
        })
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

    /// Whether some way to the cluster exists or is being made: a connection that the broker wants to
    /// be silent is no reason to look for a way around.
    fn is_linked(&self) -> bool {
        let is_resolving = |node: &Node| matches!(node.link, Link::Resolving { .. });
        self.nodes.values().any(is_resolving)
            || self.connections.values().any(|one| !one.is_closing())
    }

    /// Nodes that an attempt to find the cluster may start at. A bootstrap address that is a known
    /// broker's is left out: that broker is tried as itself, with one back-off and one connection.
    fn alternatives(&self) -> impl Iterator<Item = (&BrokerId, &Node)> {
        let is_brokers = |seed: &Node| {
            let mut brokers = self.nodes.range(BrokerId(0)..);
            brokers.any(|(_, node)| node.host == seed.host && node.port == seed.port)
        };
        self.nodes
            .iter()
            .filter(move |(id, node)| node.link == Link::Idle && (id.0 >= 0 || !is_brokers(node)))
    }

    /// The header of a request that goes into a slot.
    pub(crate) fn request_header(&self, slot: &RequestSlot) -> RequestHeader<'_> {
        RequestHeader {
            version: slot.version,
            correlation_id: slot.correlation_id,
            client_id: Some(&self.settings.client_id),
        }
    }

    /// Reserves the next correlation id of a usable connection; [`submit`](Self::submit) must follow.
    pub(crate) fn begin(&mut self, node: BrokerId, api: ApiKey) -> Option<RequestSlot> {
        let Link::Connection(id) = self.nodes.get(&node)?.link else {
            return None;
        };
        let connection = self.connections.get_mut(&id)?;
        let version = connection.version(api)?;
        let correlation_id = connection.next_correlation_id();
        Some(RequestSlot {
            connection: id,
            api,
            version,
            correlation_id,
        })
    }

    /// Hands out a request whose answer goes to `tag`.
    pub(crate) fn submit(
        &mut self,
        slot: RequestSlot,
        tag: RequestTag,
        slices: Vec<Bytes>,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&slot.connection) else {
            return;
        };
        connection.in_flight.push(
            in_flight::InFlightRequest {
                correlation_id: slot.correlation_id,
                api: slot.api,
                version: slot.version,
                tag,
                deadline: now.after(self.settings.request_timeout),
            },
            frame_bytes(&slices),
        );
        self.outputs.push_back(Output::Transmit {
            connection: slot.connection,
            slices,
        });
    }

    /// Hands out a request that nobody answers (`acks=0`).
    pub(crate) fn submit_unanswered(
        &mut self,
        slot: RequestSlot,
        tag: RequestTag,
        slices: Vec<Bytes>,
    ) {
        let Some(connection) = self.connections.get_mut(&slot.connection) else {
            return;
        };
        connection
            .in_flight
            .push_unanswered(tag, frame_bytes(&slices));
        self.outputs.push_back(Output::Transmit {
            connection: slot.connection,
            slices,
        });
    }

    /// Honours a broker's wish for silence (KIP-219).
    pub(crate) fn throttle(&mut self, id: ConnectionId, throttle_ms: i32, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.throttle(throttle_ms, now);
        }
    }

    /// Closes a connection whose answer could not be understood.
    pub(crate) fn reject(&mut self, id: ConnectionId, error: WireError) {
        self.disconnect(id, DisconnectReason::Malformed(error));
    }

    /// The earliest deadline of a connection, an attempt or the view; attempts at the brokers in
    /// `wanted` count as well.
    pub(crate) fn next_deadline(
        &self,
        wanted: impl Iterator<Item = BrokerId>,
        now: Instant,
    ) -> (Option<Instant>, WaitReason) {
        let mut first = (None, WaitReason::Idle);
        let mut fold = |deadline: Option<Instant>, reason: WaitReason| {
            if deadline.is_some() && earliest(first.0, deadline) != first.0 {
                first = (deadline, reason);
            }
        };
        for connection in self.connections.values() {
            match connection.phase() {
                Phase::Connecting { deadline } => fold(Some(deadline), WaitReason::ConnectionSetup),
                Phase::Negotiating | Phase::Ready => {
                    fold(connection.in_flight.deadline(), WaitReason::RequestTimeout);
                    fold(connection.muted_until(now), WaitReason::RetryBackoff);
                }
                Phase::Closing { .. } => {}
            }
        }
        for node in self.nodes.values() {
            if let Link::Resolving { deadline, .. } = node.link {
                fold(Some(deadline), WaitReason::ConnectionSetup);
            }
        }
        for broker in wanted {
            fold(self.retry_at(broker), WaitReason::ReconnectBackoff);
        }
        match self.metadata.due_at() {
            Some(due) if self.is_shutting_down || due <= now => {
                if !self.is_shutting_down && !self.is_linked() {
                    let retries = self.alternatives().map(|(_, node)| node.retry_at);
                    fold(retries.min(), WaitReason::ReconnectBackoff);
                }
            }
            due => fold(due, WaitReason::MetadataAge),
        }
        first
    }

    fn retry_at(&self, broker: BrokerId) -> Option<Instant> {
        let node = self.nodes.get(&broker)?;
        (node.link == Link::Idle).then_some(node.retry_at)
    }
}

fn frame_bytes(slices: &[Bytes]) -> u64 {
    slices.iter().map(|slice| slice.len() as u64).sum()
}
