//! What a test does to the cluster: topics, leaders, brokers, features.

use super::{FakeCluster, FakeLog, TooFewReplicas, TopicOptions};
use std::time::Duration;

impl FakeCluster {
    /// Makes a topic whose partitions are led by the running brokers in turn.
    pub fn create_topic(&mut self, name: &str, partitions: i32, options: TopicOptions) {
        let running: Vec<i32> = self.nodes().filter(|node| self.is_running(*node)).collect();
        let leaders = (0..partitions as usize).map(|index| {
            let turn = index % running.len().max(1);
            running.get(turn).copied()
        });
        self.topics.create(name, leaders, options);
    }

    /// Deletes a topic; its logs can still be looked at. Open transactions go on without it.
    pub fn delete_topic(&mut self, name: &str) {
        self.topics.delete(name);
    }

    /// Deletes a topic and makes another of the same name and form: another id, empty logs, and no
    /// knowledge of producers.
    pub fn recreate_topic(&mut self, name: &str) {
        if let Some(old) = self.topics.delete(name) {
            let leaders = old.partitions.iter().map(|partition| partition.leader.node);
            let leaders: Vec<Option<i32>> = leaders.collect();
            self.topics.create(name, leaders.into_iter(), old.options);
        }
    }

    /// How many partitions a topic has.
    pub fn partitions(&self, name: &str) -> i32 {
        let topic = self.topics.by_name.get(name);
        topic.map_or(0, |topic| topic.partitions.len() as i32)
    }

    /// The leader of a partition.
    pub fn leader(&self, name: &str, index: i32) -> Option<i32> {
        self.topics.partition(name, index)?.leader.node
    }

    /// Makes a broker the leader of a partition; its log is as complete as the old leader's.
    pub fn set_leader(&mut self, name: &str, index: i32, node: Option<i32>) {
        let now = self.now;
        if let Some(partition) = self.topics.partition_mut(name, index) {
            partition.lead(node, now);
        }
    }

    /// Elects another running broker as the leader of a partition, if there is one.
    pub fn elect(&mut self, name: &str, index: i32) {
        let Some(old) = self.leader(name, index) else {
            return;
        };
        let next = self.next_running(old);
        self.set_leader(name, index, next.or(Some(old)));
    }

    /// The running broker that follows another in turn.
    fn next_running(&self, node: i32) -> Option<i32> {
        let count = self.nodes.len() as i32;
        let others = (1..count).map(|step| (node - 1 + step) % count + 1);
        others.into_iter().find(|other| self.is_running(*other))
    }

    /// Stops a broker: others lead its partitions and take over its coordinators, where there are others.
    pub fn stop(&mut self, node: i32) {
        if let Some(node) = self.node_mut(node) {
            node.is_running = false;
        }
        let (now, next) = (self.now, self.next_running(node));
        for partition in self.topics.partitions_mut() {
            if partition.leader.node == Some(node) {
                partition.lead(next, now);
            }
        }
        self.leave_coordinators(node);
    }

    /// Starts a broker again. It leads and coordinates what nobody did.
    pub fn start(&mut self, node: i32) {
        if let Some(node) = self.node_mut(node) {
            node.is_running = true;
        }
        let now = self.now;
        for partition in self.topics.partitions_mut() {
            if partition.leader.node.is_none() {
                partition.lead(Some(node), now);
            }
        }
        self.take_coordinators(node);
    }

    /// Makes a partition forget its producers, those with open transactions excepted.
    pub fn lose_producer_state(&mut self, name: &str, index: i32) {
        if let Some(partition) = self.topics.partition_mut(name, index) {
            partition.log.forget_producers();
        }
    }

    /// Deletes a partition's records before an offset, as retention does.
    pub fn delete_records(&mut self, name: &str, index: i32, before: i64) {
        if let Some(partition) = self.topics.partition_mut(name, index) {
            partition.log.delete_before(before);
        }
    }

    /// Makes a partition fail to replicate, or end that.
    pub fn set_too_few_replicas(&mut self, name: &str, index: i32, how: Option<TooFewReplicas>) {
        if let Some(partition) = self.topics.partition_mut(name, index) {
            partition.too_few_replicas = how;
        }
    }

    /// Makes a broker ask its clients to be silent for so long.
    pub fn set_throttle(&mut self, node: i32, ms: i32) {
        if let Some(node) = self.node_mut(node) {
            node.throttle_ms = ms;
        }
    }

    /// Finalizes another level of `transaction.version`.
    pub fn set_transaction_version(&mut self, level: i16) {
        self.transaction_version = level;
        self.features_epoch += 1;
    }

    /// The markers of transactions that end from now on take so long; CONCURRENT_TRANSACTIONS meanwhile.
    pub fn delay_markers(&mut self, delay: Duration) {
        self.options.marker_delay = delay;
    }

    /// All topics that exist, with the logs of their partitions.
    pub fn topics(&self) -> impl Iterator<Item = (&str, Vec<&FakeLog>)> {
        self.topics.by_name.iter().map(|(name, topic)| {
            let logs = topic.partitions.iter().map(|partition| &partition.log);
            (name.as_str(), logs.collect())
        })
    }
}
