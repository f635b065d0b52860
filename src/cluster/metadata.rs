//! The view of the cluster: brokers, topics, partitions and leaders, and when to ask for it again.

use crate::backoff::Backoff;
use crate::config::Config;
use crate::error::TopicError;
use crate::error_code::{ErrorCode, Recovery};
use crate::ids::{BrokerId, TopicHandle, TopicUuid};
use crate::random::Random;
use crate::time::Instant;
use crate::wire::ApiKey;
use crate::wire::api::metadata::{MetadataResponse, MetadataTopic};
use core::time::Duration;
use std::collections::BTreeMap;

/// Topics that one producer may know. A bound on what a caller that invents names can make the
/// machine hold.
const TOPICS_MAX: u32 = 1_000_000;

/// What the cluster last told about itself, and the schedule of asking again.
#[derive(Debug)]
pub(crate) struct Metadata {
    brokers: BTreeMap<BrokerId, BrokerAddress>,
    topics: Vec<TopicView>,
    by_name: BTreeMap<String, TopicHandle>,
    /// How many of the topics the open request names: all that were known when it was sent.
    asked: usize,
    refresh: Refresh,
}

/// Where a broker listens, as the cluster advertises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
}

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
}

/// What is known about a topic as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicState {
    /// Never seen; with what the cluster last said about it.
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
    /// -1 when the broker does not tell. Never goes back for the same topic id.
    pub(crate) leader_epoch: i32,
}

/// The schedule of metadata requests: at most one is open at a time.
#[derive(Debug)]
struct Refresh {
    backoff: Backoff,
    max_age: Duration,
    /// Somebody needs a newer view. Cleared when a request is sent, so that a wish which arrives while
    /// one is open leads to another.
    wanted: bool,
    not_before: Instant,
    /// Incomplete answers and failures in a row.
    failures: u32,
    fetched_at: Option<Instant>,
    in_flight: bool,
}

impl Metadata {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            brokers: BTreeMap::new(),
            topics: Vec::new(),
            by_name: BTreeMap::new(),
            asked: 0,
            refresh: Refresh {
                backoff: Backoff {
                    base: config.retry_backoff,
                    max: config.retry_backoff_max,
                },
                max_age: config.metadata_max_age,
                wanted: true,
                not_before: Instant::ZERO,
                failures: 0,
                fetched_at: None,
                in_flight: false,
            },
        }
    }

    /// When the last answer came that was not refused.
    pub(crate) const fn updated_at(&self) -> Option<Instant> {
        self.refresh.fetched_at
    }

    /// The handle of a topic name; a name not seen before makes the view incomplete.
    pub(crate) fn intern(&mut self, name: &str) -> Result<TopicHandle, TopicError> {
        if let Some(handle) = self.by_name.get(name) {
            return Ok(*handle);
        }
        check_topic_name(name)?;
        let index = u32::try_from(self.topics.len()).unwrap_or(u32::MAX);
        if index >= TOPICS_MAX {
            return Err(TopicError::TooMany { limit: TOPICS_MAX });
        }
        let handle = TopicHandle(index);
        self.topics.push(TopicView {
            name: name.to_owned(),
            uuid: TopicUuid::ZERO,
            state: TopicState::Unknown(None),
            partitions: Vec::new(),
        });
        self.by_name.insert(name.to_owned(), handle);
        self.refresh.wanted = true;
        if self.refresh.failures == 0 {
            self.refresh.not_before = Instant::ZERO;
        }
        Ok(handle)
    }

    pub(crate) fn topic(&self, handle: TopicHandle) -> Option<&TopicView> {
        self.topics.get(handle.0 as usize)
    }

    pub(crate) fn topic_names(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().map(|topic| topic.name.as_str())
    }

    pub(crate) const fn brokers(&self) -> &BTreeMap<BrokerId, BrokerAddress> {
        &self.brokers
    }

    /// Asks for a newer view, as soon as the back-off allows.
    pub(crate) const fn want_refresh(&mut self) {
        self.refresh.wanted = true;
    }

    /// When the next request is due; `None` while one is open.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let refresh = &self.refresh;
        if refresh.in_flight {
            return None;
        }
        if refresh.wanted {
            return Some(refresh.not_before);
        }
        refresh
            .fetched_at
            .map(|at| at.after(refresh.max_age).max(refresh.not_before))
    }

    pub(crate) fn on_request_sent(&mut self) {
        self.asked = self.topics.len();
        self.refresh.in_flight = true;
        self.refresh.wanted = false;
    }

    /// A request got no usable answer.
    pub(crate) fn on_request_failed(&mut self, random: &mut Random, now: Instant) {
        self.refresh.in_flight = false;
        self.ask_again(random, now);
    }

    fn ask_again(&mut self, random: &mut Random, now: Instant) {
        let refresh = &mut self.refresh;
        refresh.wanted = true;
        refresh.not_before = now.after(refresh.backoff.delay(refresh.failures, random));
        refresh.failures = refresh.failures.saturating_add(1);
    }

    /// Takes an answer over into the view. Topics that were asked for and are missing from the answer
    /// are treated as unknown to the cluster.
    pub(crate) fn on_response(
        &mut self,
        response: &MetadataResponse,
        random: &mut Random,
        now: Instant,
    ) {
        self.refresh.in_flight = false;
        if response.error != ErrorCode::NONE {
            self.ask_again(random, now);
            return;
        }
        // An empty list comes from a broker that is starting; the old one is more useful.
        if !response.brokers.is_empty() {
            self.brokers = response
                .brokers
                .iter()
                .filter_map(|broker| {
                    let port = u16::try_from(broker.port).ok()?;
                    Some((
                        broker.id,
                        BrokerAddress {
                            host: broker.host.clone(),
                            port,
                        },
                    ))
                })
                .collect();
        }
        for topic in &response.topics {
            let Some(handle) = topic
                .name
                .as_deref()
                .and_then(|name| self.by_name.get(name))
            else {
                continue;
            };
            if let Some(view) = self.topics.get_mut(handle.0 as usize) {
                view.update(topic);
            }
        }
        let left_out = TopicState::Unknown(Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        for topic in self.topics.iter_mut().take(self.asked) {
            if topic.state == TopicState::Unknown(None) {
                topic.state = left_out;
            }
        }
        self.refresh.fetched_at = Some(now);
        if self.is_incomplete() {
            self.ask_again(random, now);
        } else {
            self.refresh.failures = 0;
            // A hint that arrives right after an answer is most likely as old as the answer.
            self.refresh.not_before = now.after(self.refresh.backoff.base);
            if self
                .topics
                .iter()
                .any(|topic| topic.state == TopicState::Unknown(None))
            {
                self.refresh.not_before = now;
            }
        }
    }

    /// Whether asking again may tell more: a topic or a leader is missing that the cluster may name
    /// later. Topics never answered for are not counted: they are on their way.
    fn is_incomplete(&self) -> bool {
        self.topics.iter().any(|topic| match topic.state {
            TopicState::Unknown(last) => last.is_some(),
            TopicState::Known => topic.partitions.iter().any(|p| !self.is_led(p)),
            TopicState::Refused(_) => false,
        })
    }

    /// Whether the leader is known and is a broker that can be connected to.
    fn is_led(&self, partition: &PartitionView) -> bool {
        let leader = partition.leader.as_ref();
        leader.is_some_and(|leader| self.brokers.contains_key(leader))
    }
}

impl TopicView {
    fn update(&mut self, answer: &MetadataTopic) {
        if answer.error != ErrorCode::NONE {
            if self.state == TopicState::Known {
                return;
            }
            self.state = if is_final(answer.error) {
                TopicState::Refused(answer.error)
            } else {
                TopicState::Unknown(Some(answer.error))
            };
            return;
        }
        let is_same_topic = self.uuid == answer.uuid || self.uuid == TopicUuid::ZERO;
        if !is_same_topic {
            // The topic was created again, perhaps smaller: no record may be meant for the old rest.
            self.partitions.truncate(answer.partitions.len());
        }
        self.uuid = answer.uuid;
        for partition in &answer.partitions {
            let Ok(index) = usize::try_from(partition.index) else {
                continue;
            };
            // Indices are dense, so a list of n partitions names none beyond n.
            if index >= answer.partitions.len() {
                continue;
            }
            while self.partitions.len() <= index {
                self.partitions.push(PartitionView {
                    leader: None,
                    leader_epoch: -1,
                });
            }
            let view = &mut self.partitions[index];
            if is_same_topic && partition.leader_epoch < view.leader_epoch {
                continue;
            }
            view.leader = (partition.leader.0 >= 0).then_some(partition.leader);
            view.leader_epoch = partition.leader_epoch;
        }
        self.state = if self.partitions.is_empty() {
            // No record could be given a partition.
            TopicState::Unknown(Some(ErrorCode::LEADER_NOT_AVAILABLE))
        } else {
            TopicState::Known
        };
    }
}

/// Whether the cluster will give the same answer for a topic however often it is asked.
fn is_final(error: ErrorCode) -> bool {
    error.recovery(ApiKey::Metadata) == Recovery::FixConfiguration
}

/// Kafka's rule for topic names, checked here so that a wrong name fails at once and not after
/// `max.block.ms`.
fn check_topic_name(name: &str) -> Result<(), TopicError> {
    if name.is_empty() || name.len() > 249 {
        return Err(TopicError::Length { length: name.len() });
    }
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !name.bytes().all(is_legal) || name == "." || name == ".." {
        return Err(TopicError::Character);
    }
    Ok(())
}
