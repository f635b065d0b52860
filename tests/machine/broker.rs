//! A cluster of fake brokers: decodes requests and encodes responses with the `kafka-protocol` crate.

use crate::coordinator::{self, Coordinator};
use crate::faults::{Answer, ApiVersionsMood, Fate, Faults, error_of, throttle_of};
use crate::frames::{encode, encode_as, frame, uuid_of};
use crate::leader_hints::Hints;
use crate::partition_log::{PartitionLog, ReceivedBatch, UnknownProducer};
use crate::rules::{Refused, Rules};
use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_request::TopicProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, BrokerId, InitProducerIdRequest,
    InitProducerIdResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
    ProducerId, RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, StrBytes, decode_request_header_from_buffer};
use odradek::ErrorCode;
use std::collections::{BTreeMap, VecDeque};

pub(crate) const PRODUCE: i16 = 0;
pub(crate) const METADATA: i16 = 3;
pub(crate) const API_VERSIONS: i16 = 18;
pub(crate) const INIT_PRODUCER_ID: i16 = 22;

/// One partition: who leads it, and its log.
#[derive(Debug, Default)]
pub(crate) struct FakePartition {
    pub(crate) leader: Option<i32>,
    pub(crate) epoch: i32,
    /// The leader and epoch that Metadata tells instead, as a broker does that lags behind.
    pub(crate) stale: Option<(i32, i32)>,
    /// The log start offset that UNKNOWN_PRODUCER_ID tells, in order; then 0.
    pub(crate) log_starts: VecDeque<i64>,
    pub(crate) log: PartitionLog,
}

/// One topic.
#[derive(Debug, Default)]
pub(crate) struct FakeTopic {
    id: u32,
    pub(crate) partitions: Vec<FakePartition>,
    /// So many Metadata answers still call it unknown.
    pub(crate) unknown_for: u32,
    /// Metadata answers this error.
    pub(crate) error: Option<ErrorCode>,
    pub(crate) log_append_time: Option<i64>,
    pub(crate) rules: Rules,
}

impl FakeTopic {
    /// Makes it another topic of the same name.
    pub(crate) const fn set_id(&mut self, id: u32) {
        self.id = id;
    }
}

/// A batch that arrived, appended or not.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) at: u64,
    pub(crate) broker: i32,
    pub(crate) partition: i32,
    pub(crate) batch: ReceivedBatch,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: u64,
    pub(crate) api: i16,
    pub(crate) version: i16,
    pub(crate) bytes: usize,
    /// Of Metadata: whether missing topics may be created.
    pub(crate) may_create: bool,
    /// Of Metadata: the topics asked for.
    pub(crate) topics: Vec<String>,
}

/// All brokers, and what they share.
#[derive(Debug)]
pub(crate) struct FakeCluster {
    /// Advertised host and port by broker id.
    pub(crate) brokers: BTreeMap<i32, (String, u16)>,
    pub(crate) topics: BTreeMap<String, FakeTopic>,
    pub(crate) faults: Faults,
    pub(crate) versions: BTreeMap<i16, (i16, i16)>,
    pub(crate) api_versions: ApiVersionsMood,
    pub(crate) unknown_producer: UnknownProducer,
    /// Missing topics are created with so many partitions, when the client allows it.
    pub(crate) auto_create: Option<i32>,
    /// Errors about the leader name the new one and where it listens (KIP-951).
    pub(crate) hints: Hints,
    /// Where transactions and consumer groups are kept.
    pub(crate) coordinator: Coordinator,
    pub(crate) seen: Vec<Seen>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) identities: i64,
    /// The epoch that goes with a new producer id.
    pub(crate) first_epoch: i16,
}

/// What a broker does about a request.
#[derive(Debug)]
pub(crate) struct Reaction {
    /// The response frame, its length included; none for acks=0.
    pub(crate) response: Option<Vec<u8>>,
    pub(crate) fate: Fate,
}

impl FakeCluster {
    pub(crate) fn new() -> Self {
        Self {
            brokers: BTreeMap::new(),
            topics: BTreeMap::new(),
            faults: Faults::default(),
            versions: [
                (PRODUCE, (3, 13)),
                (METADATA, (0, 13)),
                (API_VERSIONS, (0, 4)),
                (INIT_PRODUCER_ID, (0, 6)),
            ]
            .into_iter()
            .chain(coordinator::VERSIONS)
            .collect(),
            api_versions: ApiVersionsMood::Well,
            unknown_producer: UnknownProducer::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
            auto_create: None,
            hints: Hints::None,
            coordinator: Coordinator::default(),
            seen: Vec::new(),
            attempts: Vec::new(),
            identities: 0,
            first_epoch: 0,
        }
    }

    /// Makes a topic whose partitions are led by the brokers in turn.
    pub(crate) fn create(&mut self, name: &str, partitions: i32) {
        let ids: Vec<i32> = self.brokers.keys().copied().collect();
        let leader = |p: i32| ids.get(p as usize % ids.len().max(1)).copied();
        let partitions = (0..partitions).map(|p| FakePartition {
            leader: leader(p),
            ..FakePartition::default()
        });
        let topic = FakeTopic {
            id: self.topics.len() as u32 + 1,
            partitions: partitions.collect(),
            ..FakeTopic::default()
        };
        self.topics.insert(name.to_owned(), topic);
    }

    pub(crate) fn rules(&mut self, topic: &str) -> &mut Rules {
        &mut self
            .topics
            .get_mut(topic)
            .expect("a topic of the test")
            .rules
    }

    pub(crate) fn partition(&mut self, topic: &str, partition: i32) -> &mut FakePartition {
        let topic = self.topics.get_mut(topic).expect("a topic of the test");
        &mut topic.partitions[partition as usize]
    }

    /// A request frame, without its length, arrived at a broker.
    pub(crate) fn handle(&mut self, broker: i32, frame: &[u8], at: u64) -> Reaction {
        let mut body = Bytes::copy_from_slice(frame);
        let header = decode_request_header_from_buffer(&mut body).expect("a request header");
        let (api, version) = (header.request_api_key, header.request_api_version);
        let fate = self.faults.next_fate(api);
        self.seen.push(Seen {
            at,
            api,
            version,
            bytes: frame.len(),
            may_create: false,
            topics: Vec::new(),
        });
        if fate == Fate::ResetBefore {
            let response = None;
            return Reaction { response, fate };
        }
        let response = match api {
            PRODUCE => self.on_produce(broker, &header, &mut body, &fate, at),
            METADATA => Some(self.on_metadata(&header, &mut body, &fate)),
            API_VERSIONS => Some(self.on_api_versions(&header, &mut body, &fate)),
            INIT_PRODUCER_ID if !coordinator::is_of_a_transaction(&body, version) => {
                Some(self.on_init_producer_id(&header, &mut body, &fate))
            }
            _ => Some(self.on_coordinated(broker, &header, &mut body, &fate, at)),
        };
        assert!(
            body.is_empty(),
            "bytes after a request of api {api} v{version}"
        );
        Reaction { response, fate }
    }

    fn on_produce(
        &mut self,
        broker: i32,
        header: &RequestHeader,
        body: &mut Bytes,
        fate: &Fate,
        at: u64,
    ) -> Option<Vec<u8>> {
        let version = header.request_api_version;
        let request = ProduceRequest::decode(body, version).expect("a Produce request");
        let id = request.transactional_id.as_ref().map(|id| id.as_str());
        self.coordinator.on_produce(id, broker, version, at);
        let responses = request.topic_data.iter();
        let responses: Vec<TopicProduceResponse> = responses
            .map(|topic| self.produce_to_topic(broker, topic, version, at))
            .collect();
        let mut response = ProduceResponse::default()
            .with_responses(responses)
            .with_throttle_time_ms(throttle_of(fate));
        if version >= 10 {
            response.node_endpoints = self.node_endpoints();
        }
        (request.acks != 0).then(|| encode(header, &response, fate))
    }

    fn produce_to_topic(
        &mut self,
        broker: i32,
        topic: &TopicProduceData,
        version: i16,
        at: u64,
    ) -> TopicProduceResponse {
        let name = if version >= 13 {
            let id = topic.topic_id.as_bytes().first_chunk();
            let id = u32::from_be_bytes(*id.expect("16 bytes"));
            let found = self.topics.iter().find(|(_, topic)| topic.id == id);
            found.map(|(name, _)| name.clone())
        } else {
            Some(topic.name.as_str().to_owned()).filter(|name| self.topics.contains_key(name))
        };
        let mut partitions = Vec::new();
        for data in &topic.partition_data {
            let mut response = PartitionProduceResponse::default()
                .with_index(data.index)
                .with_base_offset(-1)
                .with_log_append_time_ms(-1);
            let result = match &name {
                None if version >= 13 => Some(Err(ErrorCode::UNKNOWN_TOPIC_ID.into())),
                None => Some(Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into())),
                Some(name) => {
                    let raw = data.records.clone().expect("records");
                    self.produce_to_partition(broker, name, data.index, raw, at)
                }
            };
            match result {
                None => continue,
                Some(Ok((offset, time))) => {
                    (response.base_offset, response.log_append_time_ms) = (offset, time);
                }
                Some(Err(refused)) => refused.tell(&mut response, version),
            }
            response.log_start_offset = -1;
            if response.error_code == ErrorCode::UNKNOWN_PRODUCER_ID.0
                && version >= 5
                && let Some(name) = &name
            {
                let log_starts = &mut self.partition(name, data.index).log_starts;
                response.log_start_offset = log_starts.pop_front().unwrap_or(0);
            }
            let is_about_leader = response.error_code == ErrorCode::NOT_LEADER_OR_FOLLOWER.0;
            if let Some(name) = name.as_deref().filter(|_| is_about_leader && version >= 10) {
                response.current_leader = self.current_leader(name, data.index);
            }
            partitions.push(response);
        }
        let response = TopicProduceResponse::default().with_partition_responses(partitions);
        if version >= 13 {
            response.with_topic_id(topic.topic_id)
        } else {
            response.with_name(topic.name.clone())
        }
    }

    /// Offset and log append time; `None` when the response is to say nothing about the partition.
    fn produce_to_partition(
        &mut self,
        broker: i32,
        name: &str,
        index: i32,
        raw: Bytes,
        at: u64,
    ) -> Option<Result<(i64, i64), Refused>> {
        let batch = ReceivedBatch::decode(raw);
        self.attempts.push(Attempt {
            at,
            broker,
            partition: index,
            batch: batch.clone(),
        });
        let admitted = self.coordinator.admit(name, index, &batch);
        let answer = self.faults.next_answer(name, index);
        if let Answer::Error(error) = answer {
            return Some(Err(error.into()));
        }
        let unknown = self.unknown_producer;
        let topic = self.topics.get_mut(name)?;
        let Some(partition) = topic.partitions.get_mut(index as usize) else {
            return Some(Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into()));
        };
        if partition.leader != Some(broker) {
            return Some(Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into()));
        }
        if let Err(refused) = admitted
            .map_err(Refused::from)
            .and_then(|()| topic.rules.check(&batch))
        {
            return Some(Err(refused));
        }
        let end = partition.log.records.len() as i64;
        let own_time = topic.log_append_time;
        // A duplicate is answered with the largest time of the stored batch, whoever gave it.
        let largest = batch.records.iter().map(|record| record.timestamp).max();
        let result = partition.log.append(&batch, unknown).map(|offset| {
            let told = largest.filter(|_| offset < end);
            (offset, own_time.or(told).unwrap_or(-1))
        });
        let result = result.map_err(Refused::from);
        match answer {
            Answer::Well | Answer::Error(_) => Some(result),
            Answer::ErrorAfterAppend(error) => Some(result.and_then(|_| Err(error.into()))),
            Answer::LeaveOut => None,
        }
    }

    fn on_metadata(&mut self, header: &RequestHeader, body: &mut Bytes, fate: &Fate) -> Vec<u8> {
        let version = header.request_api_version;
        let request = MetadataRequest::decode(body, version).expect("a Metadata request");
        let asked = request
            .topics
            .clone()
            .expect("a producer asks for its topics only");
        if let Some(seen) = self.seen.last_mut() {
            let names = asked.iter().filter_map(|topic| topic.name.as_ref());
            seen.may_create = request.allow_auto_topic_creation;
            seen.topics = names.map(|name| name.as_str().to_owned()).collect();
        }
        let topics = asked.iter().map(|topic| {
            let name = topic.name.clone().expect("a producer asks by name");
            self.describe(&name, request.allow_auto_topic_creation, version)
        });
        let topics: Vec<MetadataResponseTopic> = topics.collect();
        let brokers = self.brokers.iter().map(|(id, (host, port))| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(*id))
                .with_host(StrBytes::from_string(host.clone()))
                .with_port(i32::from(*port))
        });
        let response = MetadataResponse::default()
            .with_throttle_time_ms(throttle_of(fate))
            .with_brokers(brokers.collect())
            .with_topics(topics);
        let error = error_of(fate).filter(|_| version >= 13);
        let response = response.with_error_code(error.unwrap_or(ErrorCode::NONE).0);
        encode(header, &response, fate)
    }

    fn describe(&mut self, name: &TopicName, may_create: bool, v: i16) -> MetadataResponseTopic {
        if let Some(partitions) = self.auto_create.filter(|_| may_create)
            && !self.topics.contains_key(name.as_str())
        {
            self.create(name.as_str(), partitions);
        }
        let entry = MetadataResponseTopic::default().with_name(Some(name.clone()));
        let Some(topic) = self.topics.get_mut(name.as_str()) else {
            return entry.with_error_code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
        };
        if let Some(error) = topic.error {
            return entry.with_error_code(error.0);
        }
        if topic.unknown_for > 0 {
            topic.unknown_for -= 1;
            return entry.with_error_code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
        }
        let partitions = (0..).zip(&topic.partitions).map(|(index, partition)| {
            let true_leader = (partition.leader.unwrap_or(-1), partition.epoch);
            let (leader, epoch) = partition.stale.unwrap_or(true_leader);
            let without_leader = ErrorCode::LEADER_NOT_AVAILABLE.0;
            let entry = MetadataResponsePartition::default()
                .with_partition_index(index)
                .with_leader_id(BrokerId(leader))
                .with_error_code(if leader < 0 { without_leader } else { 0 });
            if v >= 7 {
                entry.with_leader_epoch(epoch)
            } else {
                entry
            }
        });
        let entry = entry.with_partitions(partitions.collect());
        if v >= 10 {
            entry.with_topic_id(uuid_of(topic.id).topic_id)
        } else {
            entry
        }
    }

    fn on_api_versions(
        &mut self,
        header: &RequestHeader,
        body: &mut Bytes,
        fate: &Fate,
    ) -> Vec<u8> {
        let version = header.request_api_version;
        let request = ApiVersionsRequest::decode(body, version).expect("an ApiVersions request");
        assert!(version < 3 || !request.client_software_name.is_empty());
        let keys = self.versions.iter().map(|(key, (min, max))| {
            ApiVersion::default()
                .with_api_key(*key)
                .with_min_version(*min)
                .with_max_version(*max)
        });
        let response = ApiVersionsResponse::default()
            .with_api_keys(keys.collect())
            .with_finalized_features(self.coordinator.features())
            .with_finalized_features_epoch(self.coordinator.features_epoch)
            .with_throttle_time_ms(throttle_of(fate));
        let unsupported = ErrorCode::UNSUPPORTED_VERSION.0;
        match &self.api_versions {
            ApiVersionsMood::Below(max) if version > *max => {
                let key = ApiVersion::default()
                    .with_api_key(API_VERSIONS)
                    .with_max_version(*max);
                let response = ApiVersionsResponse::default()
                    .with_api_keys(vec![key])
                    .with_error_code(unsupported);
                encode_as(header, &response, 0, fate)
            }
            ApiVersionsMood::Body(body) if version > 0 => {
                frame(&[&header.correlation_id.to_be_bytes(), &body[..]].concat())
            }
            ApiVersionsMood::Error(error) => {
                encode(header, &response.with_error_code(error.0), fate)
            }
            ApiVersionsMood::Well | ApiVersionsMood::Below(_) | ApiVersionsMood::Body(_) => {
                encode(header, &response, fate)
            }
        }
    }

    fn on_init_producer_id(
        &mut self,
        header: &RequestHeader,
        body: &mut Bytes,
        fate: &Fate,
    ) -> Vec<u8> {
        let version = header.request_api_version;
        let request = InitProducerIdRequest::decode(body, version).expect("InitProducerId");
        assert_eq!(request.transactional_id, None);
        let response = InitProducerIdResponse::default().with_throttle_time_ms(throttle_of(fate));
        let response = if let Fate::Error(error) = fate {
            response
                .with_error_code(error.0)
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1)
        } else {
            self.identities += 1;
            response
                .with_producer_id(ProducerId(1000 + self.identities))
                .with_producer_epoch(self.first_epoch)
        };
        encode(header, &response, fate)
    }
}
