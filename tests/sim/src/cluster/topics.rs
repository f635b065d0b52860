//! Topics and partitions: who leads them, and what is told about it.

use super::log::FakeLog;
use super::options::{TooFewReplicas, TopicOptions};
use std::collections::BTreeMap;
use std::time::Duration;

/// A leader and its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    /// None while nobody can lead.
    pub(super) node: Option<i32>,
    pub(super) epoch: i32,
}

/// One partition.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) leader: Leader,
    /// The leader before, and since when it is not.
    before: Option<(Leader, Duration)>,
    pub(super) log: FakeLog,
    pub(super) too_few_replicas: Option<TooFewReplicas>,
}

impl Partition {
    fn new(node: Option<i32>) -> Self {
        Self {
            leader: Leader { node, epoch: 0 },
            before: None,
            log: FakeLog::default(),
            too_few_replicas: None,
        }
    }

    pub(super) fn lead(&mut self, node: Option<i32>, now: Duration) {
        if self.leader.node == node {
            return;
        }
        self.before = Some((self.leader, now));
        let epoch = self.leader.epoch + 1;
        self.leader = Leader { node, epoch };
    }

    /// What Metadata tells, which lags behind.
    pub(super) fn told(&self, now: Duration, lag: Duration) -> Leader {
        match self.before {
            Some((before, since)) if now < since + lag => before,
            Some(_) | None => self.leader,
        }
    }
}

/// One topic.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) id: u128,
    pub(super) partitions: Vec<Partition>,
    pub(super) options: TopicOptions,
}

/// All topics, and those that were.
#[derive(Clone, Debug, Default)]
pub(super) struct Topics {
    pub(super) by_name: BTreeMap<String, Topic>,
    /// Topics that were deleted, in order.
    pub(super) deleted: Vec<(String, Topic)>,
    made: u128,
}

impl Topics {
    pub(super) fn create(
        &mut self,
        name: &str,
        leaders: impl Iterator<Item = Option<i32>>,
        options: TopicOptions,
    ) {
        self.made += 1;
        let topic = Topic {
            // Nothing else in a request looks like it.
            id: 0x0d0d_0000_0000_4000_8000_0000_0000_0000 | self.made,
            partitions: leaders.map(Partition::new).collect(),
            options,
        };
        self.by_name.insert(name.to_owned(), topic);
    }

    pub(super) fn delete(&mut self, name: &str) -> Option<Topic> {
        let topic = self.by_name.remove(name)?;
        self.deleted.push((name.to_owned(), topic.clone()));
        Some(topic)
    }

    pub(super) fn name_of(&self, id: u128) -> Option<&str> {
        let mut topics = self.by_name.iter();
        let (name, _) = topics.find(|(_, topic)| topic.id == id)?;
        Some(name)
    }

    pub(super) fn partition(&self, name: &str, index: i32) -> Option<&Partition> {
        self.by_name.get(name)?.partitions.get(index as usize)
    }

    pub(super) fn partition_mut(&mut self, name: &str, index: i32) -> Option<&mut Partition> {
        let topic = self.by_name.get_mut(name)?;
        topic.partitions.get_mut(index as usize)
    }

    pub(super) fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        let topics = self.by_name.values_mut();
        topics.flat_map(|topic| topic.partitions.iter_mut())
    }
}
