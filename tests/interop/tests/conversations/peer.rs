//! An Apache Kafka node as one side of a conversation: one connection, one request at a time.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse, GroupId,
    JoinGroupRequest, JoinGroupResponse, MetadataRequest, MetadataResponse, RequestHeader,
    ResponseHeader, SyncGroupRequest, SyncGroupResponse, TopicName, UpdateFeaturesRequest,
    UpdateFeaturesResponse,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, StrBytes, encode_request_header_into_buffer,
};
use odradek_tests_interop::process::wait_until;
use odradek_tests_sim::conversations::{Peer, To};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const METADATA: i16 = 3;
const JOIN_GROUP: i16 = 11;
const SYNC_GROUP: i16 = 14;
const API_VERSIONS: i16 = 18;
const CREATE_TOPICS: i16 = 19;
const UPDATE_FEATURES: i16 = 57;

/// How long one answer may take: a first member waits three seconds for others.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Of a conversation's topic.
const PARTITIONS: i32 = 2;

const TRANSACTION_VERSION: StrBytes = StrBytes::from_static_str("transaction.version");

/// A node, the only one of its cluster: leader and coordinator of everything.
pub(crate) struct Node {
    bootstrap: String,
    stream: Option<TcpStream>,
}

impl Node {
    pub(crate) fn new(bootstrap: &str) -> Self {
        let (bootstrap, stream) = (bootstrap.to_owned(), None);
        Self { bootstrap, stream }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.bootstrap).expect("the node listens");
        stream.set_nodelay(true).expect("a socket");
        let limit = Some(ANSWER_LIMIT);
        stream.set_read_timeout(limit).expect("a socket");
        stream
    }

    /// Sends a frame and reads one; nothing if the node closes the connection.
    fn exchange(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut stream = self.stream.take().unwrap_or_else(|| self.connect());
        let length = u32::try_from(frame.len()).expect("a small frame");
        let sent = [&length.to_be_bytes(), frame].concat();
        stream.write_all(&sent).expect("the node reads");
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut answer).expect("a whole answer");
        self.stream = Some(stream);
        Some(answer)
    }

    fn request<Q, A>(&mut self, api: i16, version: i16, request: &Q) -> A
    where
        Q: Encodable,
        A: Decodable + HeaderVersion,
    {
        let header = RequestHeader::default()
            .with_request_api_key(api)
            .with_request_api_version(version);
        let mut frame = BytesMut::new();
        encode_request_header_into_buffer(&mut frame, &header).expect("it encodes");
        request.encode(&mut frame, version).expect("it encodes");
        let answer = self.exchange(&frame).expect("an answer");
        let mut answer = Bytes::from(answer);
        ResponseHeader::decode(&mut answer, A::header_version(version)).expect("a header");
        A::decode(&mut answer, version).expect("an answer")
    }

    /// Finalizes a level of the feature, and waits until the node says so.
    pub(crate) fn set_transaction_version(&mut self, level: i16) {
        // A downgrade that loses nothing.
        const SAFE_DOWNGRADE: i8 = 2;
        let update = FeatureUpdateKey::default()
            .with_feature(TRANSACTION_VERSION)
            .with_max_version_level(level)
            .with_upgrade_type(SAFE_DOWNGRADE);
        let request = UpdateFeaturesRequest::default()
            .with_timeout_ms(10_000)
            .with_feature_updates(vec![update]);
        let answer: UpdateFeaturesResponse = self.request(UPDATE_FEATURES, 1, &request);
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        let seen = wait_until(ANSWER_LIMIT, || self.transaction_version() == Some(level));
        assert!(seen.is_some(), "transaction.version is not {level}");
    }

    /// Makes the topic of a conversation, and waits until it has leaders.
    pub(crate) fn create(&mut self, topic: &str, config: &[(&str, &str)]) {
        let name = TopicName(text(topic));
        let config = config.iter().map(|(key, value)| {
            CreatableTopicConfig::default()
                .with_name(text(key))
                .with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(name.clone())
            .with_num_partitions(PARTITIONS)
            .with_replication_factor(1)
            .with_configs(config.collect());
        let request = CreateTopicsRequest::default()
            .with_timeout_ms(10_000)
            .with_topics(vec![topic]);
        let answer: CreateTopicsResponse = self.request(CREATE_TOPICS, 7, &request);
        let created = &answer.topics[0];
        assert_eq!(created.error_code, 0, "{:?}", created.error_message);
        let seen = wait_until(ANSWER_LIMIT, || self.has_leaders(&name));
        assert!(seen.is_some(), "{name:?} has no leaders");
    }

    fn has_leaders(&mut self, name: &TopicName) -> bool {
        let topic = MetadataRequestTopic::default().with_name(Some(name.clone()));
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        let answer: MetadataResponse = self.request(METADATA, 12, &request);
        let partitions = &answer.topics[0].partitions;
        let led = partitions.iter().filter(|one| one.leader_id.0 >= 0);
        led.count() == PARTITIONS as usize
    }

    fn transaction_version(&mut self) -> Option<i16> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("conversation"))
            .with_client_software_version(StrBytes::from_static_str("1"));
        let answer: ApiVersionsResponse = self.request(API_VERSIONS, 4, &request);
        let mut features = answer.finalized_features.into_iter();
        let feature = features.find(|feature| feature.name == TRANSACTION_VERSION)?;
        Some(feature.max_version_level)
    }
}

impl Peer for Node {
    fn ask(&mut self, _: To<'_>, _: &str, frame: &[u8]) -> Option<Vec<u8>> {
        self.exchange(frame)
    }

    fn wait(&mut self, time: Duration) {
        thread::sleep(time);
    }

    fn join(&mut self, group: &str, instance: &str) -> (i32, String) {
        let kind = StrBytes::from_static_str("consumer");
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            // Version 0, no topics, no user data.
            .with_metadata(Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff"));
        let join = JoinGroupRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_session_timeout_ms(45_000)
            .with_rebalance_timeout_ms(45_000)
            .with_group_instance_id(Some(text(instance)))
            .with_protocol_type(kind.clone())
            .with_protocols(vec![protocol]);
        let joined: JoinGroupResponse = self.request(JOIN_GROUP, 7, &join);
        assert_eq!(joined.error_code, 0, "{joined:?}");
        let sync = SyncGroupRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id.clone())
            .with_group_instance_id(Some(text(instance)))
            .with_protocol_type(Some(kind))
            .with_protocol_name(joined.protocol_name);
        let synced: SyncGroupResponse = self.request(SYNC_GROUP, 5, &sync);
        assert_eq!(synced.error_code, 0, "{synced:?}");
        (joined.generation_id, joined.member_id.to_string())
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
