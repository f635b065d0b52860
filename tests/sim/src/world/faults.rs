//! What goes wrong, and when it is over.

use super::coverage::Situation;
use super::network::{Happening, Repair, Road};
use super::plan::MS;
use super::tap::{INIT_PRODUCER_ID, METADATA, PRODUCE};
use super::{Loss, World};
use crate::cluster::{Injection, TooFewReplicas};
use odradek::{ConnectionId, DisconnectReason, ErrorCode, Input};

/// A kind of fault. Each world has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The connections to a broker are reset.
    Cut,
    /// Responses are lost on the way.
    LoseResponses,
    /// A broker is down for a while.
    Stop,
    /// A broker's address refuses connections, or nothing answers there, for a while.
    Block,
    /// A broker is slow for a while.
    Slow,
    /// A broker asks for pauses for a while.
    Throttle,
    /// Transports take nothing for a while.
    HoldTransports,
    /// Another broker leads a partition.
    MoveLeader,
    /// A partition does not replicate for a while.
    TooFewReplicas,
    /// A partition forgets its producers.
    LoseProducerState,
    /// Brokers answer an error that passes.
    Retriable,
    /// Brokers answer an error although they did what was asked.
    ErrorAfterAppend,
    /// Brokers answer an error that does not pass.
    Final,
    /// Batches are too large.
    TooLarge,
    /// A topic is deleted and created again.
    Recreate,
    /// Time jumps, or stands still.
    Clock,
    /// The coordinator of the transactional id or of the group moves.
    MoveCoordinator,
    /// Coordinators answer errors that pass.
    CoordinatorErrors,
    /// Coordinators or leaders answer errors after which the transaction has to be aborted.
    AbortableErrors,
    /// Another producer takes the transactional id over.
    TakeOver,
    /// `transaction.version` changes.
    ChangeVersion,
    /// Markers take long.
    SlowMarkers,
}

impl FaultKind {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Cut,
        Self::LoseResponses,
        Self::Stop,
        Self::Block,
        Self::Slow,
        Self::Throttle,
        Self::HoldTransports,
        Self::MoveLeader,
        Self::TooFewReplicas,
        Self::LoseProducerState,
        Self::Retriable,
        Self::ErrorAfterAppend,
        Self::Final,
        Self::TooLarge,
        Self::Recreate,
        Self::Clock,
    ];

    /// What only concerns transactions.
    pub(crate) const TRANSACTIONAL: &'static [Self] = &[
        Self::MoveCoordinator,
        Self::MoveCoordinator,
        Self::CoordinatorErrors,
        Self::AbortableErrors,
        Self::TakeOver,
        Self::ChangeVersion,
        Self::SlowMarkers,
    ];
}

const RETRIABLE: [ErrorCode; 8] = [
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::LEADER_NOT_AVAILABLE,
    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
];

const AFTER_APPEND: [ErrorCode; 5] = [
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::UNKNOWN_SERVER_ERROR,
    ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
];

const FINAL: [ErrorCode; 4] = [
    ErrorCode::INVALID_RECORD,
    ErrorCode::INVALID_TIMESTAMP,
    ErrorCode::TOPIC_AUTHORIZATION_FAILED,
    ErrorCode::UNKNOWN_PRODUCER_ID,
];

impl World {
    /// Something goes wrong, until faults stop.
    pub(super) fn fault(&mut self) {
        if self.is_calm {
            return;
        }
        let pause = self.plan.weather.pause;
        let at = self.now + self.dice.below(2 * pause) + 1;
        self.network.schedule(at, Happening::Fault);
        if self.plan.weather.kinds.is_empty() {
            return;
        }
        let kind = self.dice.pick(&self.plan.weather.kinds);
        self.strike(kind);
        self.drain();
    }

    pub(super) fn any_node(&mut self) -> i32 {
        let brokers = u64::from(self.plan.cluster.brokers);
        1 + self.dice.below(brokers) as i32
    }

    fn any_partition(&mut self) -> (String, i32) {
        let (topic, partitions, _) = self.dice.pick(&self.plan.topics);
        let partition = self.dice.below(partitions as u64) as i32;
        (topic, partition)
    }

    fn later(&mut self, limit_ms: u64) -> u64 {
        self.now + self.dice.between(1, limit_ms * MS)
    }

    fn strike(&mut self, kind: FaultKind) {
        let node = self.any_node();
        match kind {
            FaultKind::Cut => self.reset_all(node),
            FaultKind::LoseResponses => {
                self.network.losing = self.dice.between(1, 3);
                self.note(|_| "~~ responses are lost".to_owned());
            }
            FaultKind::Stop => self.stop(node),
            FaultKind::Block => {
                let road = self.dice.pick(&[Road::Refuses, Road::Hole]);
                self.network.roads.insert(node, road);
                let at = self.later(3000);
                self.network
                    .schedule(at, Happening::Repair(Repair::Listen(node)));
                self.note(|_| format!("~~ the road to b{node}: {road:?}"));
            }
            FaultKind::Slow => {
                let limit = 3 * self.plan.request_timeout * MS;
                let slowness = (self.dice.below(limit), self.dice.below(limit));
                let slowness = self
                    .dice
                    .pick(&[slowness, (slowness.0, 0), (0, slowness.1)]);
                self.network.slowness.insert(node, slowness);
                let at = self.later(2000);
                self.network
                    .schedule(at, Happening::Repair(Repair::Hurry(node)));
                self.note(|_| format!("~~ b{node} is slow: {slowness:?} ns"));
            }
            FaultKind::Throttle => {
                let ms = self.dice.between(1, 800) as i32;
                self.cluster.set_throttle(node, ms);
                let at = self.later(1000);
                self.network
                    .schedule(at, Happening::Repair(Repair::Unthrottle(node)));
            }
            FaultKind::HoldTransports => {
                self.network.holds_transmitted = true;
                let at = self.later(1500);
                self.network
                    .schedule(at, Happening::Repair(Repair::Transports));
                self.note(|_| "~~ transports take nothing".to_owned());
            }
            FaultKind::MoveLeader => self.move_leader(),
            FaultKind::LoseProducerState => self.lose_producer_state(),
            FaultKind::TooFewReplicas => {
                let (topic, partition) = self.any_partition();
                let how = [TooFewReplicas::BeforeAppend, TooFewReplicas::AfterAppend];
                let how = self.dice.pick(&how);
                self.note(|_| format!("~~ {topic}/{partition} has too few replicas: {how:?}"));
                self.cluster
                    .set_too_few_replicas(&topic, partition, Some(how));
                let at = self.later(1500);
                let repair = Repair::Replicas(topic, partition);
                self.network.schedule(at, Happening::Repair(repair));
            }
            FaultKind::Retriable
            | FaultKind::ErrorAfterAppend
            | FaultKind::Final
            | FaultKind::TooLarge => self.inject(kind),
            FaultKind::Recreate => self.recreate(),
            FaultKind::Clock => self.jump(),
            FaultKind::MoveCoordinator
            | FaultKind::CoordinatorErrors
            | FaultKind::AbortableErrors
            | FaultKind::TakeOver
            | FaultKind::ChangeVersion
            | FaultKind::SlowMarkers => self.strike_transactions(kind),
        }
    }

    fn inject(&mut self, kind: FaultKind) {
        let error = if kind == FaultKind::Retriable {
            self.dice.pick(&RETRIABLE)
        } else if kind == FaultKind::ErrorAfterAppend {
            self.dice.pick(&AFTER_APPEND)
        } else if kind == FaultKind::TooLarge {
            ErrorCode::MESSAGE_TOO_LARGE
        } else if self.is_exactly_once() {
            self.dice.pick(&FINAL)
        } else {
            // Without idempotence no broker answers the last one.
            self.dice.pick(&FINAL[..3])
        };
        let api = if kind == FaultKind::Retriable {
            self.dice
                .pick(&[PRODUCE, PRODUCE, PRODUCE, METADATA, INIT_PRODUCER_ID])
        } else {
            PRODUCE
        };
        let times = self.dice.between(1, 4) as u32;
        let before_append = kind != FaultKind::ErrorAfterAppend;
        self.note(|_| format!("~~ {times} times {error} to api {api}"));
        self.cluster.inject(Injection {
            api,
            error,
            times,
            before_append,
            partition: None,
        });
    }

    fn reset_all(&mut self, node: i32) {
        self.note(|_| format!("~~ connections to b{node} are reset"));
        for id in self.network.connections_to(node) {
            self.reset(id);
        }
    }

    fn reset(&mut self, id: ConnectionId) {
        let is_heard = self.dice.chance(self.plan.weather.ghosts_per_mille);
        if let Some(stream) = self.network.streams.get_mut(&id) {
            // What the broker had received before the reset it still carries out.
            stream.is_deaf |= !is_heard;
            stream.is_mute = true;
        }
        let at = self.now + self.dice.below(MS);
        self.network.end(id, at, DisconnectReason::Reset);
    }

    fn stop(&mut self, node: i32) {
        if !self.stopped.insert(node) {
            return;
        }
        let is_out = self.ledger.requests_out(None) > 0;
        self.coverage.hit_if(is_out, Situation::LeaderStopped);
        let is_all = self.stopped.len() == self.plan.cluster.brokers as usize;
        self.coverage.hit_if(is_all, Situation::AllStopped);
        self.cluster.stop(node);
        for id in self.network.connections_to(node) {
            self.reset(id);
            if let Some(stream) = self.network.streams.get_mut(&id) {
                stream.is_deaf = true;
            }
        }
        self.network.roads.insert(node, Road::Refuses);
        let at = self.later(4000);
        self.network
            .schedule(at, Happening::Repair(Repair::Start(node)));
        self.note(|_| format!("~~ b{node} stops"));
    }

    fn move_leader(&mut self) {
        let (topic, partition) = self.any_partition();
        let node = self.any_node();
        if self.stopped.contains(&node) {
            return;
        }
        let is_out = self.ledger.requests_out(None) > 0;
        self.coverage.hit_if(is_out, Situation::LeaderMoved);
        self.cluster.set_leader(&topic, partition, Some(node));
        self.note(|_| format!("~~ b{node} leads {topic}/{partition}"));
    }

    fn recreate(&mut self) {
        // Rarely: it costs what was written. Without topic ids nobody can tell the new topic from the old
        // one, and its leader epochs, which start anew, look out of date (KIP-516 was made for that).
        if !self.dice.chance(300) || !self.plan.cluster.topic_ids {
            return;
        }
        let (topic, _) = self.any_partition();
        let is_out = self.ledger.requests_out(None) > 0;
        self.coverage.hit_if(is_out, Situation::TopicReplaced);
        self.cluster.recreate_topic(&topic);
        self.note(|_| format!("~~ {topic} is created again"));
    }

    /// A partition forgets its producers, as after their expiry; sometimes because retention deleted all
    /// that they wrote.
    fn lose_producer_state(&mut self) {
        let (topic, partition) = self.any_partition();
        let is_out = self.ledger.requests_out(None) > 0;
        self.coverage.hit_if(is_out, Situation::ProducerStateLost);
        let end = self.cluster.log(&topic, partition).end();
        self.cluster.lose_producer_state(&topic, partition);
        if self.dice.chance(500) {
            self.cluster.delete_records(&topic, partition, end);
        }
        self.note(|_| format!("~~ {topic}/{partition} forgets its producers at {end}"));
        self.losses.push(Loss {
            incarnation: self.cluster.deleted_logs(&topic, partition).len(),
            topic,
            partition,
            end,
        });
    }

    fn jump(&mut self) {
        let is_out = self.ledger.requests_out(None) > 0;
        if self.dice.chance(500) {
            let jump = self.dice.between(1, 6000) * MS;
            self.now += jump;
            self.coverage.hit_if(is_out, Situation::ClockJumped);
            self.note(|_| format!("~~ the clock jumps by {} ms", jump / MS));
            // As a host does that was suspended: whatever comes first.
            if self.dice.chance(500) {
                self.input(Input::Timeout);
            }
        } else {
            // Time that runs backwards stands still: the machine sees an earlier clock for one call.
            self.behind = self.dice.between(1, 2000) * MS;
            self.coverage.hit(Situation::ClockWentBack);
            self.input(Input::Timeout);
            self.behind = 0;
            self.drain();
        }
    }

    pub(super) fn repair(&mut self, repair: Repair) {
        match repair {
            Repair::Start(node) => {
                if self.stopped.remove(&node) {
                    self.cluster.start(node);
                    self.network.roads.insert(node, Road::Open);
                    self.note(|_| format!("~~ b{node} starts"));
                }
            }
            Repair::Hurry(node) => {
                self.network.slowness.remove(&node);
            }
            Repair::Unthrottle(node) => self.cluster.set_throttle(node, 0),
            Repair::Transports => self.release_transports(),
            Repair::Replicas(topic, partition) => {
                self.cluster.set_too_few_replicas(&topic, partition, None);
            }
            Repair::Listen(node) => {
                if !self.stopped.contains(&node) {
                    self.network.roads.insert(node, Road::Open);
                }
            }
        }
    }

    fn release_transports(&mut self) {
        self.network.holds_transmitted = false;
        let mut taken = Vec::new();
        for (id, stream) in &mut self.network.streams {
            if stream.held_back > 0 && !stream.is_over {
                taken.push((*id, core::mem::take(&mut stream.held_back)));
            }
        }
        for (id, bytes) in taken {
            self.network
                .schedule(self.now, Happening::Transmitted(id, bytes));
        }
    }

    /// Faults stop: brokers start, roads open, nothing is lost any more.
    pub(super) fn calm(&mut self) {
        self.note(|_| "~~ calm".to_owned());
        self.is_calm = true;
        for node in 1..=self.plan.cluster.brokers as i32 {
            self.repair(Repair::Start(node));
            self.repair(Repair::Hurry(node));
            self.repair(Repair::Unthrottle(node));
            self.repair(Repair::Listen(node));
        }
        for (topic, partitions, _) in self.plan.topics.clone() {
            for partition in 0..partitions {
                self.repair(Repair::Replicas(topic.clone(), partition));
            }
        }
        self.release_transports();
        self.network.losing = 0;
        self.network.cut_per_mille = 0;
        self.cluster.clear_injections();
        // Connections that hang stay so: the machine has to notice by itself.
        for stream in self.network.streams.values_mut() {
            stream.cut_request = None;
            stream.cut_response = None;
        }
        self.drain();
    }
}
