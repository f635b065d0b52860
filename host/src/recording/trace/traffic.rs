//! Requests and their answers, connection by connection.

use super::Line;
use super::batches::{BatchKey, Batches, topic_name};
use super::coordinators;
use super::words::{code, throttled};
use crate::recording::request::{Head, LENGTH_BYTES, read_produce};
use odradek::wire::api::api_versions::ApiVersionsAnswer;
use odradek::wire::api::metadata::MetadataResponse;
use odradek::wire::api::produce::{PartitionResponse, ProduceResponse, TopicRef};
use odradek::wire::{ApiKey, Deframer, Reader, WireError, read_response_header};
use odradek::{ConnectionId, DisconnectReason, ErrorCode};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// All connections of the machine.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    conversations: BTreeMap<ConnectionId, Conversation>,
    /// Batches whose answers were lost in this step, with the peer.
    lost: Vec<(SocketAddr, BatchKey)>,
}

#[derive(Debug)]
struct Conversation {
    peer: String,
    address: SocketAddr,
    answers: Deframer,
    /// Requests without an answer.
    open: VecDeque<Open>,
}

/// A request without an answer.
#[derive(Debug)]
struct Open {
    head: Head,
    batches: Vec<BatchKey>,
}

/// What a request asks for.
pub(in crate::recording) fn asked(head: Head) -> String {
    let Head {
        api,
        version,
        correlation,
    } = head;
    match head.key() {
        Some(key) => format!("{key} v{version}, correlation {correlation}"),
        None => format!("API {api} v{version}, correlation {correlation}"),
    }
}

impl Traffic {
    /// A connection is being opened.
    pub(super) fn begin(&mut self, connection: ConnectionId, host: &str, address: SocketAddr) {
        let conversation = Conversation {
            peer: format!("{host} at {address}"),
            address,
            answers: Deframer::new(i32::MAX as usize),
            open: VecDeque::new(),
        };
        self.conversations.insert(connection, conversation);
    }

    /// A connection and its peer.
    pub(super) fn named(&self, connection: ConnectionId) -> String {
        match self.conversations.get(&connection) {
            Some(conversation) => format!("{connection} to {}", conversation.peer),
            None => connection.to_string(),
        }
    }

    /// A request goes out; `frame` is all of it.
    pub(super) fn sent(
        &mut self,
        connection: ConnectionId,
        frame: &[u8],
        batches: &mut Batches,
        lines: &mut Vec<Line>,
    ) {
        let head = Head::read(frame);
        let (asked, bytes) = (asked(head), frame.len());
        let produce = (head.key() == Some(ApiKey::Produce)).then(|| read_produce(frame));
        let mut open = Open {
            head,
            batches: Vec::new(),
        };
        let mut is_answered = true;
        match produce {
            Some(Ok(produce)) => {
                is_answered = produce.acks != 0;
                let (acks, count) = (produce.acks, produce.batches.len());
                let transaction = produce
                    .transactional_id
                    .map_or_else(String::new, |id| format!(", transactional.id {id}"));
                lines.push((
                    "request",
                    format!(
                        "{connection}: {asked}, {bytes} bytes, acks {acks}, {count} batches{transaction}"
                    ),
                ));
                for placed in &produce.batches {
                    open.batches.extend(batches.sent(placed, frame, lines));
                }
            }
            Some(Err(error)) => {
                lines.push((
                    "request",
                    format!("{connection}: {asked}, unreadable: {error}"),
                ));
            }
            None => {
                let mut said = format!("{connection}: {asked}, {bytes} bytes");
                let key = head.key();
                match key.map(|key| coordinators::asked(key, head.version, frame)) {
                    Some(Ok(Some(more))) => said.push_str(&format!(", {more}")),
                    Some(Err(error)) => said.push_str(&format!(", unreadable: {error}")),
                    Some(Ok(None)) | None => {}
                }
                lines.push(("request", said));
            }
        }
        if is_answered && let Some(conversation) = self.conversations.get_mut(&connection) {
            conversation.open.push_back(open);
        }
    }

    /// Bytes arrived.
    pub(super) fn received(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        batches: &mut Batches,
        lines: &mut Vec<Line>,
    ) {
        let Some(conversation) = self.conversations.get_mut(&connection) else {
            return;
        };
        conversation.answers.push(bytes);
        while let Ok(Some(frame)) = conversation.answers.next_frame() {
            let Some(open) = conversation.open.pop_front() else {
                let bytes = frame.len() + LENGTH_BYTES;
                lines.push((
                    "response",
                    format!("{connection}: {bytes} bytes unasked for"),
                ));
                continue;
            };
            let asked = asked(open.head);
            let first = lines.len();
            let said = match answered(&open, &frame, batches, lines) {
                Ok(said) => said,
                Err(error) => error.to_string(),
            };
            lines.insert(
                first,
                ("response", format!("{connection}: {asked}: {said}")),
            );
        }
    }

    /// A connection ended.
    pub(super) fn ended(
        &mut self,
        connection: ConnectionId,
        reason: DisconnectReason,
        batches: &mut Batches,
        lines: &mut Vec<Line>,
    ) {
        let named = self.named(connection);
        lines.push(("ended", format!("{named}: {reason}")));
        let Some(conversation) = self.conversations.remove(&connection) else {
            return;
        };
        for open in conversation.open {
            let asked = asked(open.head);
            lines.push(("lost", format!("{connection}: the answer to {asked}")));
            for key in open.batches {
                batches.failed(&key, &lost_because(reason));
                self.lost.push((conversation.address, key));
            }
        }
    }

    /// A step begins.
    pub(super) fn on_step(&mut self) {
        self.lost.clear();
    }

    /// The machine says why it lost a connection. It knows more than the driver where it hung up itself.
    pub(super) fn explain(
        &mut self,
        address: SocketAddr,
        reason: DisconnectReason,
        batches: &mut Batches,
    ) {
        for (_, key) in self.lost.iter().filter(|(lost, _)| *lost == address) {
            batches.failed(key, &lost_because(reason));
        }
    }
}

fn lost_because(reason: DisconnectReason) -> String {
    format!("its answer was lost: {reason}")
}

/// What an answer says in a word; what it says about batches goes to `lines`.
fn answered(
    open: &Open,
    frame: &[u8],
    batches: &mut Batches,
    lines: &mut Vec<Line>,
) -> Result<String, WireError> {
    let Head {
        version,
        correlation,
        ..
    } = open.head;
    let Some(key) = open.head.key() else {
        return Ok(format!("{} bytes", frame.len() + LENGTH_BYTES));
    };
    let body = read_response_header(frame, key, version, correlation)?;
    // An `if` for each: an API that is not told about here is told in bytes.
    if key == ApiKey::Produce {
        return produced(open, body, batches, lines);
    }
    if key == ApiKey::Metadata {
        return described(body, version, batches);
    }
    if key == ApiKey::ApiVersions {
        return Ok(match ApiVersionsAnswer::decode(body, version)? {
            ApiVersionsAnswer::Response(response) => format!(
                "{}, transaction.version {}{}",
                code(response.error),
                response.transaction_version,
                throttled(response.throttle_time_ms)
            ),
            ApiVersionsAnswer::Downgrade(version) => format!("ask again with version {version}"),
        });
    }
    if let Some(said) = coordinators::answered(key, body, version)? {
        return Ok(said);
    }
    Ok(format!("{} bytes", frame.len() + LENGTH_BYTES))
}

fn produced(
    open: &Open,
    body: Reader<'_>,
    batches: &mut Batches,
    lines: &mut Vec<Line>,
) -> Result<String, WireError> {
    let response = ProduceResponse::decode(body, open.head.version)?;
    for answer in &response.partitions {
        let topic = match answer.topic {
            TopicRef::Name(name) => name.to_owned(),
            TopicRef::Uuid(uuid) => batches.topic_of(uuid),
        };
        let place = format!("{topic}-{}", answer.index);
        lines.push(("answer", format!("{place}: {}", about(answer))));
        let mut keys = open.batches.iter();
        if let Some(key) = keys.find(|key| key.is_of(&topic, answer.index)) {
            if answer.error == ErrorCode(0) {
                batches.written(key);
            } else {
                batches.failed(key, &code(answer.error));
            }
        }
    }
    let count = response.partitions.len();
    Ok(format!(
        "{count} partitions{}",
        throttled(response.throttle_time_ms)
    ))
}

fn about(answer: &PartitionResponse<'_>) -> String {
    if answer.error == ErrorCode(0) {
        return format!("written from offset {} on", answer.base_offset);
    }
    let mut said = answer.error.to_string();
    if let Some(leader) = answer.current_leader {
        said.push_str(&format!(
            "; the leader is broker {} with epoch {}",
            leader.leader.0, leader.leader_epoch
        ));
    }
    if !answer.record_errors.is_empty() {
        let places = answer.record_errors.iter().map(|error| error.batch_index);
        let places: Vec<i32> = places.collect();
        said.push_str(&format!("; records {places:?} of the batch"));
    }
    if let Some(message) = answer.error_message {
        said.push_str(&format!(" ({message})"));
    }
    said
}

fn described(body: Reader<'_>, version: i16, batches: &mut Batches) -> Result<String, WireError> {
    let response = MetadataResponse::decode(body, version)?;
    let mut said = format!("{} brokers", response.brokers.len());
    for topic in response.topics {
        let name = topic.name.unwrap_or_else(|| topic_name(topic.uuid));
        if topic.error == ErrorCode(0) {
            let count = topic.partitions.len();
            let led = |partition: &&_| leads(partition);
            let led = topic.partitions.iter().filter(led).count();
            said.push_str(&format!(
                ", {name} {count} partitions ({led} with a leader)"
            ));
        } else {
            said.push_str(&format!(", {name} {}", code(topic.error)));
        }
        batches.learn(topic.uuid, name);
    }
    if response.error != ErrorCode(0) {
        said.push_str(&format!(", {}", code(response.error)));
    }
    said.push_str(&throttled(response.throttle_time_ms));
    Ok(said)
}

const fn leads(partition: &odradek::wire::api::metadata::MetadataPartition) -> bool {
    partition.leader.0 >= 0
}
