//! What the fake brokers tell in Produce answers about leaders that moved.

use crate::broker::FakeCluster;
use kafka_protocol::messages::BrokerId;
use kafka_protocol::messages::produce_response::{LeaderIdAndEpoch, NodeEndpoint};
use kafka_protocol::protocol::StrBytes;

/// What a Produce answer tells about a leader that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hints {
    /// Nothing.
    None,
    /// The leader and its epoch, and where it listens.
    Told,
    /// The same without where it listens.
    WithoutEndpoint,
    /// This leader and epoch, whatever is true.
    Wrong(i32, i32),
}

impl FakeCluster {
    pub(crate) fn current_leader(&self, topic: &str, index: i32) -> LeaderIdAndEpoch {
        let partition = &self.topics[topic].partitions[index as usize];
        let (leader, epoch) = match self.hints {
            Hints::None => return LeaderIdAndEpoch::default(),
            Hints::Told | Hints::WithoutEndpoint => {
                (partition.leader.unwrap_or(-1), partition.epoch)
            }
            Hints::Wrong(leader, epoch) => (leader, epoch),
        };
        LeaderIdAndEpoch::default()
            .with_leader_id(BrokerId(leader))
            .with_leader_epoch(epoch)
    }

    pub(crate) fn node_endpoints(&self) -> Vec<NodeEndpoint> {
        let is_told = matches!(self.hints, Hints::Told | Hints::Wrong(..));
        let told = self.brokers.iter().filter(|_| is_told);
        let endpoint = |(id, (host, port)): (&i32, &(String, u16))| {
            NodeEndpoint::default()
                .with_node_id(BrokerId(*id))
                .with_host(StrBytes::from_string(host.clone()))
                .with_port(i32::from(*port))
        };
        told.map(endpoint).collect()
    }
}
