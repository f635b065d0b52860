//! The deadlines of requests, attempts and the view: the next one, and what is late.

use super::Cluster;
use super::connection::Phase;
use super::node::Link;
use crate::driver::{DisconnectReason, ResolveError, WaitReason};
use crate::ids::{BrokerId, ConnectionId};
use crate::time::{Instant, earliest};

impl Cluster {
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
        let max_idle = self.settings.connections_max_idle;
        for connection in self.connections.values() {
            match connection.phase() {
                Phase::Connecting { deadline } => fold(Some(deadline), WaitReason::ConnectionSetup),
                Phase::Negotiating | Phase::Ready => {
                    fold(connection.in_flight.deadline(), WaitReason::RequestTimeout);
                    fold(connection.muted_until(now), WaitReason::RetryBackoff);
                    fold(connection.idle_deadline(max_idle), WaitReason::Idle);
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

    /// Gives up what has taken too long. Scans the connections: call it when a deadline has passed.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        let max_idle = self.settings.connections_max_idle;
        let late: Vec<(ConnectionId, DisconnectReason)> = self
            .connections
            .iter()
            .filter_map(|(id, connection)| {
                let idle_until = connection.idle_deadline(max_idle);
                let is_idle = idle_until.is_some_and(|until| until <= now);
                let idle = is_idle.then_some(DisconnectReason::Requested);
                Some((*id, connection.overdue(now).or(idle)?))
            })
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
}
