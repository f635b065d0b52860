//! Topics whose partitions the application wants to know: what it was told, and what it is owed.

use super::{Life, Producer};
use crate::cluster::{Metadata, TopicState, TopicView};
use crate::error::Cause;
use crate::event::TopicPartitions;
use crate::ids::TopicHandle;
use crate::time::Instant;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// The watched topics.
#[derive(Debug)]
pub(super) struct Watches {
    max_block: Duration,
    topics: BTreeMap<TopicHandle, Watch>,
    /// When topics that are not known count as unknown; one entry per watch with a deadline.
    deadlines: BTreeSet<(Instant, TopicHandle)>,
    /// Topics that the next events are about. Their partitions are looked up when the event is taken, so
    /// that changes nobody has heard of yet are one event.
    due: BTreeMap<TopicHandle, Option<Cause>>,
}

/// One watched topic.
#[derive(Debug, Default)]
struct Watch {
    /// The leaders as they were last told; empty before that.
    told: Vec<Option<i32>>,
    deadline: Option<Instant>,
}

impl Producer {
    /// Asks for a topic's partitions, and to hear when they change.
    /// [`Event::Partitions`](crate::Event::Partitions) follows within `max.block.ms`: with the leaders
    /// as soon as the cluster told them, or with why they are not known:
    /// [`Cause::NoMetadata`] after that time, [`Cause::Broker`] when the cluster refuses the topic,
    /// [`Cause::Closed`] and [`Cause::Failed`] at the producer's end. From then on another event comes
    /// after every change of a leader or of the number of partitions.
    ///
    /// A second call gives the event again, at once if the partitions are known; while they are not it
    /// starts the time anew. A handle of another producer, and a producer that has closed, give none.
    /// A watched topic counts as in use for the rest of the producer's life.
    pub fn watch(&mut self, topic: TopicHandle, now: Instant) {
        let now = self.advance(now);
        if self.life == Life::Closed {
            return;
        }
        self.cluster.metadata.touch(topic, now);
        let Some(view) = self.cluster.metadata.topic(topic) else {
            return;
        };
        self.watches.add(topic, view, now);
        match (self.failure, self.life) {
            (Some(error), _) => self.watches.end(Cause::Failed(error)),
            (None, Life::Disconnecting | Life::Closed) => self.watches.end(Cause::Closed),
            (None, Life::Open | Life::Closing { .. }) => {}
        }
    }
}

impl Watches {
    pub(super) const fn new(max_block: Duration) -> Self {
        Self {
            max_block,
            topics: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            due: BTreeMap::new(),
        }
    }

    /// The watched topics, each with whether somebody still waits to hear of it for the first time.
    pub(super) fn topics(&self) -> impl Iterator<Item = (TopicHandle, bool)> + '_ {
        let topics = self.topics.iter();
        topics.map(|(topic, watch)| (*topic, watch.deadline.is_some()))
    }

    fn add(&mut self, topic: TopicHandle, view: &TopicView, now: Instant) {
        let watch = self.topics.entry(topic).or_default();
        watch.told.clear();
        let deadline = now.after(self.max_block);
        if let Some(old) = watch.deadline.replace(deadline) {
            self.deadlines.remove(&(old, topic));
        }
        self.deadlines.insert((deadline, topic));
        self.look(topic, view);
    }

    /// The view of the cluster changed.
    pub(super) fn on_view(&mut self, metadata: &Metadata) {
        let topics: Vec<TopicHandle> = self.topics.keys().copied().collect();
        for topic in topics {
            if let Some(view) = metadata.topic(topic) {
                self.look(topic, view);
            }
        }
    }

    /// Makes a topic due if there is something to tell about it.
    fn look(&mut self, topic: TopicHandle, view: &TopicView) {
        let Some(watch) = self.topics.get_mut(&topic) else {
            return;
        };
        let cause = match view.state {
            TopicState::Known if leaders(view).eq(watch.told.iter().copied()) => return,
            TopicState::Known => None,
            // Told once per call: whoever waits hears it, nobody else has to.
            TopicState::Refused(code) if watch.deadline.is_some() => Some(Cause::Broker(code)),
            TopicState::Refused(_) | TopicState::Unknown(_) => return,
        };
        if let Some(deadline) = watch.deadline.take() {
            self.deadlines.remove(&(deadline, topic));
        }
        self.due.insert(topic, cause);
    }

    /// The next event.
    pub(super) fn take(&mut self, metadata: &Metadata) -> Option<TopicPartitions> {
        let (topic, cause) = self.due.pop_first()?;
        let leaders = match (cause, metadata.topic(topic)) {
            (None, Some(view)) => {
                let leaders: Vec<Option<i32>> = leaders(view).collect();
                if let Some(watch) = self.topics.get_mut(&topic) {
                    watch.told.clone_from(&leaders);
                }
                Ok(leaders)
            }
            (None, None) => Err(Cause::NoMetadata { last: None }),
            (Some(Cause::NoMetadata { .. }), Some(view)) => {
                let last = match view.state {
                    TopicState::Unknown(last) => last,
                    TopicState::Known | TopicState::Refused(_) => None,
                };
                Err(Cause::NoMetadata { last })
            }
            (Some(cause), _) => Err(cause),
        };
        Some(TopicPartitions { topic, leaders })
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Gives up one topic that is not known in time; false if there was none.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let Some((at, topic)) = self.deadlines.first().copied() else {
            return false;
        };
        if at > now {
            return false;
        }
        self.give_up(topic, Cause::NoMetadata { last: None });
        true
    }

    /// The producer ends: whoever still waits hears why.
    pub(super) fn end(&mut self, cause: Cause) {
        while let Some((_, topic)) = self.deadlines.first().copied() {
            self.give_up(topic, cause);
        }
    }

    fn give_up(&mut self, topic: TopicHandle, cause: Cause) {
        if let Some(watch) = self.topics.get_mut(&topic)
            && let Some(deadline) = watch.deadline.take()
        {
            self.deadlines.remove(&(deadline, topic));
        }
        self.due.insert(topic, Some(cause));
    }
}

fn leaders(view: &TopicView) -> impl Iterator<Item = Option<i32>> + '_ {
    let views = view.partitions.iter();
    views.map(|partition| partition.leader.map(|leader| leader.0))
}
