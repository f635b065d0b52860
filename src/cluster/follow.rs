//! Keeps the nodes in line with the brokers of the view.

use super::Cluster;
use super::node::{Link, Node};
use crate::driver::DisconnectReason;
use crate::ids::{BrokerId, ConnectionId};
use crate::time::Instant;

impl Cluster {
    /// Brings the nodes in line with the brokers of the view. A connection to a bootstrap address that
    /// turns out to be a broker's becomes that broker's connection.
    pub(super) fn follow_brokers(&mut self) {
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

    /// Drops a broker that the view does not have any more, when its connection is gone.
    pub(super) fn drop_departed(&mut self, id: BrokerId) {
        if id.0 >= 0 && !self.metadata.brokers().contains_key(&id) {
            self.nodes.remove(&id);
        }
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
}
