//! One side of a conversation: requests built with the `kafka-protocol` crate, and what is noted of the
//! answers.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    MetadataRequest, MetadataResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, StrBytes, encode_request_header_into_buffer,
};
use odradek::ErrorCode;
use std::time::Duration;

/// Who of a cluster is asked.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// Any broker.
    Any,
    /// The leader of this partition of the conversation's topic.
    Leader(i32),
    /// The coordinator of a transactional id.
    Transaction(&'a str),
    /// The coordinator of a group.
    Group(&'a str),
}

/// A cluster that can be talked to.
pub trait Peer {
    /// Sends a request, without its length, and waits for the answer, without its length. `None` if the
    /// connection was closed instead.
    fn ask(&mut self, to: To<'_>, topic: &str, frame: &[u8]) -> Option<Vec<u8>>;

    /// Lets time pass.
    fn wait(&mut self, time: Duration);

    /// Gives a group one static member, of this instance id; answers the generation and the member id.
    fn join(&mut self, group: &str, instance: &str) -> (i32, String);
}

/// Errors that go away by themselves, and whose number depends on the machine.
const PASSING: [ErrorCode; 7] = [
    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ErrorCode::NOT_COORDINATOR,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::CONCURRENT_TRANSACTIONS,
    ErrorCode::LEADER_NOT_AVAILABLE,
    // A node tells of a new topic before it leads it.
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
];

const PAUSE: Duration = Duration::from_millis(20);
const PAUSES_MAX: u32 = 500;

/// A producer's words for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The producer id.
    pub(super) id: i64,
    /// The epoch.
    pub(super) epoch: i16,
}

impl Identity {
    /// The same producer id under another epoch.
    #[must_use]
    pub(super) const fn epoch(self, epoch: i16) -> Self {
        Self { epoch, ..self }
    }
}

/// A conversation that is going on.
pub(super) struct Talk<'a> {
    peer: &'a mut dyn Peer,
    /// The topic that is this conversation's own, with two partitions.
    pub(super) topic: String,
    ids: Vec<i64>,
    lines: Vec<String>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(peer: &'a mut dyn Peer, topic: &str) -> Self {
        Self {
            peer,
            topic: topic.to_owned(),
            ids: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }

    /// Notes what was asked and what was answered.
    pub(super) fn note(&mut self, asked: &str, answered: &str) {
        self.lines.push(format!("{asked}: {answered}"));
    }

    /// How many notes there are.
    pub(super) fn notes(&self) -> usize {
        self.lines.len()
    }

    /// Forgets all notes but so many.
    pub(super) fn forget_notes_after(&mut self, notes: usize) {
        self.lines.truncate(notes);
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, ms: u64) {
        self.peer.wait(Duration::from_millis(ms));
    }

    /// Gives a group one static member.
    pub(super) fn join(&mut self, group: &str, instance: &str) -> (i32, String) {
        self.peer.join(group, instance)
    }

    /// A name that no other conversation uses.
    pub(super) fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.topic)
    }

    /// What a producer id is called here: ids are another on every cluster.
    pub(super) fn call(&mut self, id: i64) -> String {
        if id < 0 {
            return "nobody".to_owned();
        }
        let known = self.ids.iter().position(|known| *known == id);
        let at = known.unwrap_or_else(|| {
            self.ids.push(id);
            self.ids.len() - 1
        });
        format!("p{at}")
    }

    /// Asks until the answer is none of those that pass by themselves.
    pub(super) fn settle<T>(
        &mut self,
        mut ask: impl FnMut(&mut Self) -> T,
        error: impl Fn(&T) -> i16,
    ) -> T {
        let mut answer = ask(self);
        for _ in 0..PAUSES_MAX {
            if !PASSING.contains(&ErrorCode(error(&answer))) {
                break;
            }
            self.peer.wait(PAUSE);
            answer = ask(self);
        }
        answer
    }

    /// Sends a request and decodes the answer; `None` if the connection was closed instead.
    pub(super) fn ask<Q, A>(&mut self, to: To<'_>, api: i16, version: i16, request: &Q) -> Option<A>
    where
        Q: Encodable,
        A: Decodable + HeaderVersion,
    {
        let header = RequestHeader::default()
            .with_request_api_key(api)
            .with_request_api_version(version)
            .with_correlation_id(7)
            .with_client_id(Some(StrBytes::from_static_str("conversation")));
        let mut frame = BytesMut::new();
        encode_request_header_into_buffer(&mut frame, &header).expect("a header encodes");
        request
            .encode(&mut frame, version)
            .expect("a request encodes");
        let answer = self.peer.ask(to, &self.topic, &frame)?;
        let mut answer = Bytes::from(answer);
        let header = ResponseHeader::decode(&mut answer, A::header_version(version));
        assert_eq!(header.expect("a header").correlation_id, 7);
        let decoded = A::decode(&mut answer, version).expect("an answer");
        assert!(answer.is_empty(), "bytes behind the answer of api {api}");
        Some(decoded)
    }

    /// The topic with its id, for requests that name topics by ids.
    pub(super) fn metadata(&mut self) -> MetadataResponse {
        let topic = TopicName(StrBytes::from_string(self.topic.clone()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![
                MetadataRequestTopic::default().with_name(Some(topic)),
            ]))
            .with_allow_auto_topic_creation(false);
        self.ask(To::Any, 3, 12, &request).expect("metadata")
    }
}

/// What an error is called.
pub(super) fn error_name(code: i16) -> String {
    let name = ErrorCode(code).name();
    name.map_or_else(|| format!("error {code}"), ToOwned::to_owned)
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
