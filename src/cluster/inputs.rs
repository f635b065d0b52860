//! What the driver says about names and connections, and what follows from it.

use super::connection::Answer;
use super::node::{Link, Node};
use super::{Cluster, ClusterEvent, RequestTag};
use crate::driver::{DisconnectReason, Input, Output, ResolveError};
use crate::event::{ConnectionFailure, Event};
use crate::ids::{BrokerId, ConnectionId, QueryId};
use crate::time::Instant;
use core::net::IpAddr;

impl Cluster {
    pub(crate) fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Resolved { query, result } => self.on_resolved(query, result, now),
            Input::Connected { connection } => self.on_connected(connection, now),
            Input::Transmitted { connection, bytes } => {
                self.on_transmitted(connection, bytes, now);
            }
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

    fn on_connected(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if let Some(version) = connection.on_connected() {
            self.traffic.on_connected(connection.node);
            self.send_api_versions(id, version, now);
        }
    }

    fn on_transmitted(&mut self, id: ConnectionId, bytes: usize, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.active_at = now;
        self.traffic.on_transmitted(connection.node, bytes);
        connection.in_flight.on_transmitted(bytes as u64);
        while let Some(tag) = connection.in_flight.pop_transmitted() {
            self.events.push_back(ClusterEvent::Sent { tag });
        }
    }

    fn on_received(&mut self, id: ConnectionId, bytes: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.active_at = now;
        let node = connection.node;
        self.traffic.on_received(node, bytes.len());
        connection.push_received(bytes);
        loop {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            match connection.next_answer() {
                Ok(None) => return,
                Ok(Some(answer)) => {
                    self.count_answer(node, &answer, now);
                    if let Err(reason) = self.on_answer(id, answer, now) {
                        return self.disconnect(id, reason);
                    }
                }
                Err(error) => return self.disconnect(id, DisconnectReason::Malformed(error)),
            }
        }
    }

    fn count_answer(&mut self, node: BrokerId, answer: &Answer, now: Instant) {
        self.traffic.on_response(node);
        if matches!(answer.tag, RequestTag::Produce(_)) {
            let latency = now.since(answer.sent_at);
            self.traffic.on_produce_response(node, latency);
        }
    }

    fn on_disconnected(&mut self, id: ConnectionId, reason: DisconnectReason, now: Instant) {
        let Some(mut connection) = self.connections.remove(&id) else {
            return;
        };
        let reason = connection.closing_reason().unwrap_or(reason);
        self.traffic
            .on_disconnected(connection.node, connection.was_connected());
        for tag in connection.in_flight.drain() {
            match tag {
                RequestTag::ApiVersions => {}
                RequestTag::Metadata => self.metadata.on_request_failed(&mut self.random, now),
                RequestTag::InitProducerId | RequestTag::Transaction | RequestTag::Produce(_) => {
                    self.events.push_back(ClusterEvent::Lost { tag });
                }
            }
        }
        let was_ready = connection.is_ready_or_was();
        let Some(node) = self.nodes.get_mut(&connection.node) else {
            return;
        };
        node.link = Link::Idle;
        if was_ready {
            // Its name may stand for other addresses by now.
            node.set_addresses(&[]);
        }
        if reason == DisconnectReason::Requested {
            return self.drop_departed(connection.node);
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
        if !self
            .nodes
            .get(&connection.node)
            .is_some_and(Node::has_untried_address)
        {
            self.back_off(connection.node, now);
        }
        self.drop_departed(connection.node);
    }
}
