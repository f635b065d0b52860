//! How the queues follow the view of the cluster, and what keeps a topic in it.

use super::Producer;
use super::accumulator::Slot;
use super::sender::Hint;
use crate::cluster::TopicState;
use crate::error_code::ErrorCode;
use crate::ids::TopicHandle;
use crate::time::Instant;

/// How often a batch is sent to yet another leader without back-off. Brokers that name each other must
/// not have it go round at the speed of the network.
const MOVES_WITHOUT_BACKOFF: u32 = 3;

impl Producer {
    /// Brings the queues in line with the leaders of the view.
    pub(super) fn follow_leaders(&mut self, now: Instant) {
        for slot in self.accumulator.slots() {
            self.follow_leader(slot, now);
        }
        let waiting: Vec<TopicHandle> = self.waiting.topics().collect();
        for topic in waiting {
            self.call_up(topic);
        }
    }

    /// Brings one queue in line with the view. A partition whose leader moved is tried again without
    /// back-off (KIP-951).
    pub(super) fn follow_leader(&mut self, slot: Slot, now: Instant) {
        let partition = self.accumulator.partition_mut(slot);
        let Some(view) = self.cluster.metadata.topic(partition.topic) else {
            return;
        };
        partition.enter_log(view.uuid);
        let leader = view.leader(partition.index);
        if partition.leader == leader {
            return;
        }
        partition.leader = leader;
        let attempts = partition.batches().front().map_or(0, |one| one.attempts);
        if attempts <= MOVES_WITHOUT_BACKOFF {
            partition.retry_at = Instant::ZERO;
        }
        self.accumulator.list(slot, now);
        self.accumulator.retime(slot, now);
    }

    /// Takes over what an answer says about leaders that moved, so that the verdicts about its batches
    /// see who leads now.
    pub(super) fn take_hints(&mut self, hints: &[Hint]) {
        for hint in hints {
            self.cluster.take_hint(&hint.leader);
        }
    }

    /// Sends what the answer refused to the leaders that it named.
    pub(super) fn follow_hints(&mut self, hints: &[Hint], now: Instant) {
        for hint in hints {
            self.follow_leader(hint.slot, now);
        }
        if !hints.is_empty() {
            self.watches.on_view(&self.cluster.metadata);
        }
    }

    /// Whether a batch of which `failures` attempts failed before the last one goes to another leader
    /// next, one that is known already: then there is nothing to wait for and nothing to ask.
    pub(super) fn is_led_elsewhere(&self, slot: Slot, failures: u32) -> bool {
        let partition = self.accumulator.partition(slot);
        let leader = self.cluster.leader_of(partition.topic, partition.index);
        failures < MOVES_WITHOUT_BACKOFF && leader.is_some() && leader != partition.tried_at
    }

    /// What keeps the batches of a partition from being sent at all, as far as the view tells.
    pub(super) fn why_not_sent(&self, slot: Slot) -> Option<ErrorCode> {
        let partition = self.accumulator.partition(slot);
        let leader = self.cluster.leader_of(partition.topic, partition.index);
        leader.is_none().then_some(ErrorCode::LEADER_NOT_AVAILABLE)
    }

    /// Lets the waiting records of a topic go on if its fate is known.
    pub(super) fn call_up(&mut self, topic: TopicHandle) {
        let state = self.cluster.metadata.topic(topic).map(|view| view.state);
        match state {
            Some(TopicState::Known | TopicState::Refused(_)) => self.waiting.call_up(topic),
            Some(TopicState::Unknown(_)) | None => {}
        }
    }

    /// Asks for a newer view if that is due. What waits, is queued or is out keeps its topic in use.
    pub(super) fn refresh_metadata(&mut self, now: Instant) -> bool {
        if self.cluster.may_ask_for_metadata(now) {
            for slot in self.accumulator.slots() {
                let partition = self.accumulator.partition(slot);
                if !partition.is_empty() || partition.in_flight > 0 {
                    self.cluster.metadata.touch(partition.topic, now);
                }
            }
            for topic in self.waiting.topics() {
                self.cluster.metadata.touch(topic, now);
            }
            for (topic, is_awaited) in self.watches.topics() {
                if is_awaited {
                    self.cluster.metadata.touch(topic, now);
                } else {
                    self.cluster.metadata.keep(topic, now);
                }
            }
        }
        self.cluster.refresh_metadata(now)
    }
}
