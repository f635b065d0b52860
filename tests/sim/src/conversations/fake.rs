//! The fake cluster as one side of a conversation.

use super::talk::{Peer, To};
use crate::cluster::{ClusterOptions, FakeCluster, KeyType, Member, Reply, TopicOptions};
use std::time::Duration;

/// Whatever follows from something else follows in a later step.
const STEP: Duration = Duration::from_millis(20);

/// A fake cluster, and its time.
pub struct FakePeer {
    /// The cluster.
    pub cluster: FakeCluster,
    now: Duration,
}

impl FakePeer {
    /// A cluster whose topics are as those of the real one.
    pub fn new(options: ClusterOptions) -> Self {
        Self {
            cluster: FakeCluster::new(options, 1),
            now: Duration::ZERO,
        }
    }

    /// Makes the topic of a conversation.
    ///
    /// # Panics
    ///
    /// If the fake cluster does not know a property.
    pub fn create(&mut self, topic: &str, config: &[(&str, &str)]) {
        let mut options = TopicOptions::default();
        for (key, value) in config {
            match *key {
                "message.timestamp.type" => options.log_append_time = *value == "LogAppendTime",
                "cleanup.policy" => options.needs_keys = *value == "compact",
                "max.message.bytes" => options.max_message_bytes = value.parse().ok(),
                other => panic!("the fake cluster knows no topic property {other}"),
            }
        }
        self.cluster.create_topic(topic, 2, options);
    }
}

impl Peer for FakePeer {
    fn ask(&mut self, to: To<'_>, topic: &str, frame: &[u8]) -> Option<Vec<u8>> {
        // As long as a request takes that a real broker answers.
        self.now += Duration::from_millis(1);
        let cluster = &mut self.cluster;
        let node = match to {
            To::Any => None,
            To::Leader(partition) => cluster.leader(topic, partition),
            To::Transaction(id) => cluster.coordinator(KeyType::Transaction, id),
            To::Group(group) => cluster.coordinator(KeyType::Group, group),
        };
        match cluster.handle(node.unwrap_or(1), 1, frame, self.now) {
            Reply::Answer(bytes) => Some(bytes[4..].to_vec()),
            Reply::Nothing | Reply::Close => None,
        }
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = end.min(self.now + STEP);
            self.cluster.advance(self.now);
        }
    }

    fn join(&mut self, group: &str, instance: &str) -> (i32, String) {
        let member_id = format!("{instance}-1");
        let member = Member {
            member_id: member_id.clone(),
            group_instance_id: Some(instance.to_owned()),
        };
        self.cluster.set_group(group, 1, vec![member]);
        (1, member_id)
    }
}
