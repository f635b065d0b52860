//! What a Metadata answer changes in the view, and whether to ask again.

use super::refresh::Scope;
use super::topics::{PartitionView, TopicState, TopicView};
use super::{BrokerAddress, Metadata};
use crate::error_code::ErrorCode;
use crate::ids::BrokerId;
use crate::random::Random;
use crate::time::Instant;
use crate::wire::api::metadata::MetadataResponse;
use std::collections::BTreeMap;

/// The first version of Metadata whose leader epochs can be relied on: brokers that speak lower ones
/// may tell an epoch and a leader that do not belong together (KAFKA-9212).
const FIRST_WITH_RELIABLE_EPOCHS: i16 = 9;

/// What an answer was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The view is as new as the answer.
    News,
    /// Nothing that could be used.
    Nothing,
    /// The client has to start again from the bootstrap servers (KIP-1102).
    Rebootstrap,
}

impl Metadata {
    /// Takes an answer of `version` over into the view. Topics that were asked for and are missing from
    /// the answer are treated as unknown to the cluster.
    pub(crate) fn on_response(
        &mut self,
        response: &MetadataResponse,
        version: i16,
        random: &mut Random,
        now: Instant,
    ) -> Told {
        let asked = self.refresh.end();
        if response.error != ErrorCode::NONE {
            self.refresh.repeat(Scope::Everything, random, now);
            return if response.error == ErrorCode::REBOOTSTRAP_REQUIRED {
                Told::Rebootstrap
            } else {
                Told::Nothing
            };
        }
        let brokers = response.brokers.iter().filter_map(|broker| {
            let address = BrokerAddress::checked(broker.id, &broker.host, broker.port)?;
            Some((broker.id, address))
        });
        let brokers: BTreeMap<BrokerId, BrokerAddress> = brokers.collect();
        if brokers.is_empty() {
            // A broker that is starting knows no brokers, and nothing else that is worth having.
            self.leave_unanswered(ErrorCode::BROKER_NOT_AVAILABLE);
            self.refresh.repeat(Scope::Everything, random, now);
            return Told::Nothing;
        }
        self.brokers = brokers;
        let has_epochs = version >= FIRST_WITH_RELIABLE_EPOCHS;
        for topic in &response.topics {
            let handle = topic
                .name
                .as_deref()
                .and_then(|name| self.by_name.get(name));
            let view = handle.and_then(|handle| self.topics.get_mut(handle.0 as usize));
            // What nobody asked for is no news: a topic that was forgotten stays so.
            if let Some(view) = view.filter(|view| view.is_asked) {
                view.update(topic, has_epochs);
            }
        }
        self.leave_unanswered(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        self.refresh.on_answered(asked, now);
        match self.find_missing() {
            Scope::Nothing => {
                let is_unasked = |topic: &TopicView| {
                    topic.is_followed && topic.state == TopicState::Unknown(None)
                };
                let has_unasked = self.topics.iter().any(is_unasked);
                self.refresh.on_complete(has_unasked, now);
            }
            scope @ (Scope::Missing | Scope::Everything) => {
                self.refresh.repeat(scope, random, now);
            }
        }
        Told::News
    }

    /// What is said about topics that were asked for and never answered for.
    fn leave_unanswered(&mut self, error: ErrorCode) {
        for topic in self.topics.iter_mut().filter(|topic| topic.is_asked) {
            if topic.state == TopicState::Unknown(None) {
                topic.state = TopicState::Unknown(Some(error));
            }
        }
    }

    /// What to ask for again: a topic or a leader is missing that the cluster may name later. It counts
    /// only while somebody needs it, which is to say that its topic was touched since the last
    /// request. Topics never answered for are not counted: they are on their way.
    fn find_missing(&mut self) -> Scope {
        let mut needed = Scope::Nothing;
        for topic in &mut self.topics {
            let brokers = &self.brokers;
            let is_led = |partition: &PartitionView| {
                let leader = partition.leader.as_ref();
                leader.is_some_and(|leader| brokers.contains_key(leader))
            };
            topic.missing = match topic.state {
                TopicState::Unknown(Some(_)) => Scope::Missing,
                TopicState::Known if !topic.partitions.iter().all(is_led) => Scope::Everything,
                TopicState::Unknown(None) | TopicState::Known | TopicState::Refused(_) => {
                    Scope::Nothing
                }
            };
            if self.refresh.is_after_request(topic.needed_at) {
                needed = needed.max(topic.missing);
            }
        }
        needed
    }
}
