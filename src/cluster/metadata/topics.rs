//! One topic as last seen, and how news about it are weighed: by topic id, then by leader epoch.

use super::refresh::Scope;
use crate::error::TopicError;
use crate::error_code::{ErrorCode, Recovery};
use crate::ids::{BrokerId, TopicHandle, TopicUuid};
use crate::time::Instant;
use crate::wire::ApiKey;
use crate::wire::api::metadata::{MetadataTopic, NO_LEADER_EPOCH};

/// One topic as last seen.
#[derive(Debug)]
pub(crate) struct TopicView {
    pub(crate) name: String,
    /// All zero when the brokers tell no ids (Metadata below 10).
    pub(crate) uuid: TopicUuid,
    pub(crate) state: TopicState,
    /// Indexed by partition. Kept when a later answer has an error for the topic: a topic that is
    /// missing from one answer and back in the next must not lose its sequences.
    pub(crate) partitions: Vec<PartitionView>,
    /// When it was last in use.
    pub(super) used_at: Instant,
    /// When somebody last needed what the view says about it.
    pub(super) needed_at: Instant,
    /// Requests name it. Set by use, cleared when it is forgotten.
    pub(super) is_followed: bool,
    /// The open request names it, or the last one did.
    pub(super) is_asked: bool,
    /// What has to be asked for to learn more about it than the last answer told.
    pub(super) missing: Scope,
}

/// What is known about a topic as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicState {
    /// Not seen, or forgotten; with what the cluster last said about it.
    Unknown(Option<ErrorCode>),
    /// Its partitions are known.
    Known,
    /// The cluster will not serve it, and asking again does not help.
    Refused(ErrorCode),
}

/// One partition as last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartitionView {
    pub(crate) leader: Option<BrokerId>,
    /// -1 when no broker told it. Never goes back for the same topic id.
    pub(crate) leader_epoch: i32,
}

impl PartitionView {
    const UNSEEN: Self = Self {
        leader: None,
        leader_epoch: NO_LEADER_EPOCH,
    };
}

/// What a Produce answer says about the leader of a partition (KIP-951).
#[derive(Clone, Debug)]
pub(crate) struct LeaderHint {
    pub(crate) topic: TopicHandle,
    /// The topic id that the refused request named.
    pub(crate) uuid: TopicUuid,
    pub(crate) partition: i32,
    pub(crate) leader: BrokerId,
    pub(crate) leader_epoch: i32,
    /// Where the leader listens, where the answer says so.
    pub(crate) address: Option<(String, u16)>,
}

impl TopicView {
    /// The broker that leads a partition; `None` if there is none, or no such partition.
    pub(crate) fn leader(&self, partition: i32) -> Option<BrokerId> {
        let index = usize::try_from(partition).ok()?;
        self.partitions.get(index)?.leader
    }

    pub(super) const fn new(name: String) -> Self {
        Self {
            name,
            uuid: TopicUuid::ZERO,
            state: TopicState::Unknown(None),
            partitions: Vec::new(),
            used_at: Instant::ZERO,
            needed_at: Instant::ZERO,
            is_followed: false,
            is_asked: false,
            missing: Scope::Nothing,
        }
    }

    /// Requests name it no more. A refusal is forgotten as well: it may have been lifted.
    pub(super) const fn forget(&mut self) {
        self.is_followed = false;
        self.missing = Scope::Nothing;
        self.state = TopicState::Unknown(None);
    }

    /// Takes over what a Metadata answer says. `has_epochs` is false when the broker's version makes
    /// its leader epochs unreliable.
    pub(super) fn update(&mut self, answer: &MetadataTopic, has_epochs: bool) {
        if answer.error != ErrorCode::NONE {
            self.refuse(answer.error);
            return;
        }
        let is_same_topic = self.uuid == answer.uuid
            || self.uuid == TopicUuid::ZERO
            || answer.uuid == TopicUuid::ZERO;
        if !is_same_topic {
            // The topic was created again, perhaps smaller: no record may be meant for the old rest,
            // and the epochs start anew.
            self.partitions.clear();
        }
        if answer.uuid != TopicUuid::ZERO {
            self.uuid = answer.uuid;
        }
        for partition in &answer.partitions {
            let Ok(index) = usize::try_from(partition.index) else {
                continue;
            };
            // Indices are dense, so a list of n partitions names none beyond n.
            if index >= answer.partitions.len() {
                continue;
            }
            while self.partitions.len() <= index {
                self.partitions.push(PartitionView::UNSEEN);
            }
            let leader = (partition.leader.0 >= 0).then_some(partition.leader);
            let epoch = if has_epochs {
                partition.leader_epoch
            } else {
                NO_LEADER_EPOCH
            };
            self.partitions[index].update(leader, epoch);
        }
        self.state = if self.partitions.is_empty() {
            // No record could be given a partition.
            TopicState::Unknown(Some(ErrorCode::LEADER_NOT_AVAILABLE))
        } else {
            TopicState::Known
        };
    }

    fn refuse(&mut self, error: ErrorCode) {
        if error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION && self.uuid == TopicUuid::ZERO {
            // Without topic ids nothing else tells that the next topic of this name is another one,
            // whose epochs start anew.
            for partition in &mut self.partitions {
                partition.leader_epoch = NO_LEADER_EPOCH;
            }
        }
        if self.state == TopicState::Known {
            return;
        }
        self.state = if is_final(error) {
            TopicState::Refused(error)
        } else {
            TopicState::Unknown(Some(error))
        };
    }

    /// Takes over a leader that is newer than the one known.
    pub(super) fn take_hint(&mut self, hint: &LeaderHint) -> bool {
        let index = usize::try_from(hint.partition).unwrap_or(usize::MAX);
        let Some(partition) = self.partitions.get_mut(index) else {
            return false;
        };
        if self.uuid != hint.uuid || hint.leader_epoch <= partition.leader_epoch {
            return false;
        }
        partition.leader = Some(hint.leader);
        partition.leader_epoch = hint.leader_epoch;
        true
    }
}

impl PartitionView {
    /// A leader of an older epoch is not believed. One without an epoch is, for want of anything to
    /// weigh it by; the epoch stays, so that what lags behind is still found out.
    fn update(&mut self, leader: Option<BrokerId>, leader_epoch: i32) {
        if leader_epoch < 0 {
            self.leader = leader;
        } else if leader_epoch >= self.leader_epoch {
            self.leader = leader;
            self.leader_epoch = leader_epoch;
        }
    }
}

/// Whether the cluster will give the same answer for a topic however often it is asked.
fn is_final(error: ErrorCode) -> bool {
    error.recovery(ApiKey::Metadata) == Recovery::FixConfiguration
}

/// Kafka's rule for topic names, checked here so that a wrong name fails at once and not after
/// `max.block.ms`.
pub(super) fn check_topic_name(name: &str) -> Result<(), TopicError> {
    if name.is_empty() || name.len() > 249 {
        return Err(TopicError::Length { length: name.len() });
    }
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !name.bytes().all(is_legal) || name == "." || name == ".." {
        return Err(TopicError::Character);
    }
    Ok(())
}
