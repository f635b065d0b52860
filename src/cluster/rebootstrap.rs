//! Starting again from the bootstrap servers, when the known brokers lead nowhere (KIP-899, KIP-1102).

use super::Cluster;
use super::node::Link;
use crate::config::RecoveryStrategy;
use crate::driver::DisconnectReason;
use crate::ids::{BrokerId, ConnectionId};

impl Cluster {
    /// Forgets every broker and closes every connection, if `metadata.recovery.strategy` says so: what
    /// was connected may be another cluster by now. The bootstrap addresses are resolved again. Their
    /// back-off stays and so does that of metadata, which keeps this from becoming a loop. Returns
    /// whether it did.
    pub(super) fn rebootstrap(&mut self) -> bool {
        if self.settings.recovery == RecoveryStrategy::None {
            return false;
        }
        self.metadata.forget_brokers();
        let all: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in all {
            self.disconnect(id, DisconnectReason::Requested);
        }
        self.nodes
            .retain(|id, node| id.0 < 0 || matches!(node.link, Link::Connection(_)));
        for node in self.nodes.values_mut() {
            node.set_addresses(&[]);
        }
        self.search = None;
        true
    }

    /// Whether an attempt to find the cluster may start at a node: any broker; a bootstrap address as
    /// long as no broker is known, and afterwards if `metadata.recovery.strategy` allows it.
    pub(super) fn may_search_at(&self, id: BrokerId) -> bool {
        id.0 >= 0
            || self.settings.recovery == RecoveryStrategy::Rebootstrap
            || self.metadata.brokers().is_empty()
    }
}
