//! Attempts at a node: which one, when it may start, and after a failure when to try again.

use super::Cluster;
use super::connection::{Connection, Phase};
use super::node::{Link, Node};
use crate::driver::{DisconnectReason, Output, ResolveError};
use crate::event::{ConnectionFailure, Event};
use crate::ids::{BrokerId, ConnectionId, QueryId};
use crate::time::Instant;
use core::net::{IpAddr, SocketAddr};

impl Cluster {
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

    /// Starts an attempt at some node: brokers first, then bootstrap addresses, from a random one on.
    pub(super) fn connect_anywhere(&mut self, now: Instant) -> bool {
        let mut candidates: Vec<BrokerId> = self
            .alternatives()
            .filter(|(_, node)| node.may_start(now))
            .map(|(id, _)| *id)
            .collect();
        // Once every broker has failed, the brokers may all be others by now: the bootstrap addresses
        // are as good as any.
        let has_not_failed =
            |id: &BrokerId| id.0 >= 0 && self.nodes.get(id).is_some_and(|node| node.failures == 0);
        if candidates.iter().any(has_not_failed) {
            candidates.retain(|id| id.0 >= 0);
        }
        let index = self.random.below(candidates.len() as u64) as usize;
        let Some(id) = candidates.get(index).copied() else {
            return false;
        };
        self.search = Some(id);
        self.connect(id, now)
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

    pub(super) fn fail_resolution(
        &mut self,
        id: BrokerId,
        error: ResolveError,
        since: Instant,
        now: Instant,
    ) {
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

    pub(super) fn back_off(&mut self, id: BrokerId, now: Instant) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.retry_at = now.after(
            self.settings
                .reconnect
                .delay(node.failures, &mut self.random),
        );
        node.failures = node.failures.saturating_add(1);
        self.metadata.on_attempt_failed();
        // One broker less is no trouble while another one answers.
        if self.least_loaded(now).is_none() {
            self.metadata.note_trouble(now);
        }
    }

    pub(super) fn retry_at(&self, broker: BrokerId) -> Option<Instant> {
        let node = self.nodes.get(&broker)?;
        (node.link == Link::Idle).then_some(node.retry_at)
    }

    /// Whether some way to the cluster exists or is being looked for: a connection that the broker
    /// wants to be silent is no reason to look for a way around. Attempts at leaders do not count, or
    /// leaders that hang would keep everybody from being asked who leads instead.
    pub(super) fn is_linked(&self) -> bool {
        let is_open = |one: &Connection| matches!(one.phase(), Phase::Negotiating | Phase::Ready);
        let search = self.search.and_then(|id| self.nodes.get(&id));
        let is_searching = search.is_some_and(|node| match node.link {
            Link::Idle => false,
            Link::Resolving { .. } => true,
            Link::Connection(id) => self
                .connections
                .get(&id)
                .is_some_and(|one| !one.is_closing()),
        });
        is_searching || self.connections.values().any(is_open)
    }

    /// Nodes that an attempt to find the cluster may start at. A bootstrap address that is a known
    /// broker's is left out: that broker is tried as itself, with one back-off and one connection.
    pub(super) fn alternatives(&self) -> impl Iterator<Item = (&BrokerId, &Node)> {
        let is_brokers = |seed: &Node| {
            let mut brokers = self.nodes.range(BrokerId(0)..);
            brokers.any(|(_, node)| node.host == seed.host && node.port == seed.port)
        };
        self.nodes
            .iter()
            .filter(|(id, _)| self.may_search_at(**id))
            .filter(move |(id, node)| node.link == Link::Idle && (id.0 >= 0 || !is_brokers(node)))
    }
}
