//! The view of the cluster: brokers, topics, partitions and leaders, and when to ask for it again.
//!
//! `topics` is what is known of one topic and how news change it, `response` takes an answer over
//! into the view, `refresh` is the schedule of asking.

mod refresh;
mod response;
mod topics;

use crate::config::Config;
use crate::error::TopicError;
use crate::ids::{BrokerId, TopicHandle};
use crate::random::Random;
use crate::time::Instant;
use core::time::Duration;
use refresh::{Refresh, Scope};
use std::collections::BTreeMap;
use topics::check_topic_name;

pub(crate) use response::Told;
pub(crate) use topics::{LeaderHint, TopicState, TopicView};

/// Topics that one producer may know. A bound on what a caller that invents names can make the
/// machine hold.
const TOPICS_MAX: u32 = 1_000_000;

/// What the cluster last told about itself, and the schedule of asking again.
#[derive(Debug)]
pub(crate) struct Metadata {
    brokers: BTreeMap<BrokerId, BrokerAddress>,
    topics: Vec<TopicView>,
    by_name: BTreeMap<String, TopicHandle>,
    /// `metadata.max.idle.ms`.
    max_idle: Duration,
    refresh: Refresh,
}

/// Where a broker listens, as the cluster advertises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl BrokerAddress {
    /// What a peer advertises, if it is a broker that can be connected to: negative ids stand for
    /// bootstrap addresses here.
    fn checked(id: BrokerId, host: &str, port: i32) -> Option<Self> {
        let port = u16::try_from(port).ok().filter(|_| id.0 >= 0)?;
        let host = host.to_owned();
        Some(Self { host, port })
    }
}

impl Metadata {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            brokers: BTreeMap::new(),
            topics: Vec::new(),
            by_name: BTreeMap::new(),
            max_idle: config.metadata_max_idle,
            refresh: Refresh::new(config),
        }
    }

    /// When the last answer came that was not refused.
    pub(crate) const fn updated_at(&self) -> Option<Instant> {
        self.refresh.answered_at()
    }

    /// The handle of a topic name; a name not seen before makes the view incomplete.
    pub(crate) fn intern(&mut self, name: &str, now: Instant) -> Result<TopicHandle, TopicError> {
        if let Some(handle) = self.by_name.get(name) {
            return Ok(*handle);
        }
        check_topic_name(name)?;
        let index = u32::try_from(self.topics.len()).unwrap_or(u32::MAX);
        if index >= TOPICS_MAX {
            return Err(TopicError::TooMany { limit: TOPICS_MAX });
        }
        let handle = TopicHandle(index);
        self.topics.push(TopicView::new(name.to_owned()));
        self.by_name.insert(name.to_owned(), handle);
        self.touch(handle, now);
        Ok(handle)
    }

    pub(crate) fn topic(&self, handle: TopicHandle) -> Option<&TopicView> {
        self.topics.get(handle.0 as usize)
    }

    pub(crate) const fn brokers(&self) -> &BTreeMap<BrokerId, BrokerAddress> {
        &self.brokers
    }

    /// A topic is needed: somebody sends to it or asks for it, or something for it is waiting or queued.
    /// This is the one place that has a topic asked for when the view does not have it.
    pub(crate) fn touch(&mut self, handle: TopicHandle, now: Instant) {
        let Some(topic) = self.topics.get_mut(handle.0 as usize) else {
            return;
        };
        topic.used_at = now;
        topic.needed_at = now;
        if !topic.is_followed {
            topic.is_followed = true;
            self.refresh.want_at_once(Scope::Missing);
        } else {
            self.refresh.want(topic.missing);
        }
    }

    /// A topic is in use, though nobody waits for it: it stays in the requests.
    pub(crate) fn keep(&mut self, handle: TopicHandle, now: Instant) {
        if let Some(topic) = self.topics.get_mut(handle.0 as usize) {
            topic.used_at = now;
        }
    }

    /// Asks for a newer view, as soon as the back-off allows.
    pub(crate) fn want_refresh(&mut self) {
        self.refresh.want(Scope::Everything);
    }

    /// When the next request is due; `None` while one is open.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.refresh.due_at()
    }

    /// Notes which topics the next request names and returns their names. Topics that nobody has used
    /// for `metadata.max.idle.ms` are forgotten: what is known of them is kept, for their leader
    /// epochs, but counts for nothing until they are used and answered for again.
    pub(crate) fn begin_request(&mut self, now: Instant) -> Vec<&str> {
        let scope = self.refresh.begin(now);
        let max_idle = self.max_idle;
        for topic in self.topics.iter_mut().filter(|topic| topic.is_followed) {
            if topic.used_at.after(max_idle) <= now {
                topic.forget();
            }
        }
        for topic in &mut self.topics {
            let is_missing = matches!(topic.state, TopicState::Unknown(_));
            topic.is_asked = topic.is_followed && (scope == Scope::Everything || is_missing);
        }
        let asked = self.topics.iter().filter(|topic| topic.is_asked);
        asked.map(|topic| topic.name.as_str()).collect()
    }

    /// A request got no usable answer.
    pub(crate) fn on_request_failed(&mut self, random: &mut Random, now: Instant) {
        self.refresh.end();
        self.refresh.repeat(Scope::Everything, random, now);
    }

    /// An attempt to connect to a node failed: somebody else may lead by now what it led.
    pub(crate) fn on_attempt_failed(&mut self) {
        self.refresh.want(Scope::Everything);
    }

    /// Nobody is there who could be asked.
    pub(crate) fn note_trouble(&mut self, now: Instant) {
        self.refresh.note_trouble(now);
    }

    /// Whether the cluster has been asked in vain for
    /// `metadata.recovery.rebootstrap.trigger.ms` (KIP-1102).
    pub(crate) fn is_in_trouble(&self, now: Instant) -> bool {
        self.refresh.is_in_trouble(now)
    }

    /// Starts again: no broker is known, and the whole view is wanted. Topics keep their partitions
    /// and epochs, and records their places in them.
    pub(crate) fn forget_brokers(&mut self) {
        self.brokers.clear();
        self.refresh.restart();
    }

    /// Takes over where a broker listens, if the view does not say; false for one that cannot be
    /// connected to.
    pub(crate) fn learn(&mut self, id: BrokerId, host: &str, port: i32) -> bool {
        let address = BrokerAddress::checked(id, host, port);
        if let (Some(address), false) = (&address, self.brokers.contains_key(&id)) {
            self.brokers.insert(id, address.clone());
        }
        address.is_some()
    }

    /// Takes over who leads a partition now, if that is newer than the view and the leader is a broker
    /// that can be connected to (KIP-951). Returns whether it was.
    pub(crate) fn take_hint(&mut self, hint: &LeaderHint) -> bool {
        let is_known = self.brokers.contains_key(&hint.leader);
        let address = hint.address.as_ref().and_then(|(host, port)| {
            let port = i32::from(*port);
            BrokerAddress::checked(hint.leader, host, port)
        });
        let Some(topic) = self.topics.get_mut(hint.topic.0 as usize) else {
            return false;
        };
        if !(is_known || address.is_some()) || !topic.take_hint(hint) {
            return false;
        }
        if let Some(address) = address.filter(|_| !is_known) {
            self.brokers.insert(hint.leader, address);
        }
        true
    }
}
