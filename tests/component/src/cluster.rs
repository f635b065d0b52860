//! A cluster of two brokers behind an outside codec, with faults on order.

use crate::coordinator::{APIS, Coordinated};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, InitProducerIdResponse, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse, ProducerId, RequestHeader, RequestKind,
    ResponseHeader, ResponseKind, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// How many partitions every topic has.
pub const PARTITIONS: i32 = 6;

/// The brokers' names. The address of the one with index `i` is 10.0.0.`i + 1`.
pub const HOSTS: [&str; 2] = ["broker-1", "broker-2"];

/// The port of both brokers.
pub const PORT: u16 = 9092;

/// The address of a broker's name; `None` for any other name.
pub fn resolve(host: &str) -> Option<IpAddr> {
    let index = HOSTS.iter().position(|name| *name == host)?;
    Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, index as u8 + 1)))
}

/// What goes wrong with one Produce request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is neither appended nor answered, and neither is anything after it on its connection.
    Stall,
    /// The connection is reset instead of an answer.
    Reset,
    /// It is appended, and then the connection is reset.
    AppendAndReset,
    /// Every partition answers with this error code and appends nothing.
    Code(i16),
}

/// What a broker does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It sends this frame.
    Answer(Vec<u8>),
    /// Nothing: it was not asked to answer.
    Silence,
    /// It never says anything again on this connection.
    Stall,
    /// It resets the connection.
    Reset,
}

/// The brokers' shared state.
#[derive(Debug, Default)]
pub struct Cluster {
    logs: BTreeMap<(String, i32), Log>,
    producers: i64,
    /// Transactions and groups.
    pub coordinated: Coordinated,
    /// What happens to the Produce requests that come next.
    pub faults: Vec<Fault>,
    /// How many batches came a second time.
    pub repeated_batches: u64,
    /// How many Produce requests came.
    pub produce_requests: u64,
}

impl Cluster {
    /// How many records are in the logs.
    pub fn records(&self) -> i64 {
        self.logs.values().map(|log| log.next).sum()
    }

    /// Takes one request frame, its length included, sent to the broker with this index.
    ///
    /// # Panics
    ///
    /// When an outside codec cannot read the frame.
    pub fn request(&mut self, broker: usize, frame: &[u8]) -> Reaction {
        let (length, body) = frame.split_at(4);
        assert_eq!(
            length,
            (body.len() as u32).to_be_bytes(),
            "the frame's length"
        );
        let key = i16::from_be_bytes([body[0], body[1]]);
        let version = i16::from_be_bytes([body[2], body[3]]);
        let key = ApiKey::try_from(key).expect("a known API");
        let mut rest = Bytes::copy_from_slice(body);
        let header = RequestHeader::decode(&mut rest, key.request_header_version(version))
            .expect("a request header");
        let request = RequestKind::decode(key, &mut rest, version).expect("a request");
        assert!(rest.is_empty(), "bytes after {request:?}");
        let response = if let RequestKind::Produce(request) = request {
            match self.produce(&request) {
                Ok(response) => ResponseKind::Produce(response),
                Err(reaction) => return reaction,
            }
        } else if let RequestKind::Metadata(request) = request {
            ResponseKind::Metadata(metadata(&request))
        } else if let Some(response) = self.coordinated.answer(&request) {
            response
        } else if let RequestKind::InitProducerId(_) = request {
            self.producers += 1;
            let producer = ProducerId(1000 + self.producers);
            let response = InitProducerIdResponse::default().with_producer_id(producer);
            ResponseKind::InitProducerId(response)
        } else if let RequestKind::ApiVersions(_) = request {
            ResponseKind::ApiVersions(api_versions(broker))
        } else {
            panic!("a producer has no business with {request:?}");
        };
        let mut answer = BytesMut::new();
        ResponseHeader::default()
            .with_correlation_id(header.correlation_id)
            .encode(&mut answer, key.response_header_version(version))
            .expect("a response header");
        response.encode(&mut answer, version).expect("a response");
        Reaction::Answer([&(answer.len() as u32).to_be_bytes(), &answer[..]].concat())
    }

    fn produce(&mut self, request: &ProduceRequest) -> Result<ProduceResponse, Reaction> {
        self.produce_requests += 1;
        let fault = (!self.faults.is_empty()).then(|| self.faults.remove(0));
        let code = match fault {
            Some(Fault::Stall) => return Err(Reaction::Stall),
            Some(Fault::Reset) => return Err(Reaction::Reset),
            Some(Fault::Code(code)) => Some(code),
            Some(Fault::AppendAndReset) | None => None,
        };
        let mut response = ProduceResponse::default();
        for topic in &request.topic_data {
            let mut answers = TopicProduceResponse::default().with_name(topic.name.clone());
            for partition in &topic.partition_data {
                let batch = partition.records.as_deref().expect("a batch");
                let answer = PartitionProduceResponse::default().with_index(partition.index);
                let appended = match code {
                    Some(code) => Err(code),
                    None => self.append(&topic.name.0, partition.index, batch),
                };
                answers.partition_responses.push(match appended {
                    Ok(offset) => answer.with_base_offset(offset),
                    Err(code) => answer.with_error_code(code).with_base_offset(-1),
                });
            }
            response.responses.push(answers);
        }
        match fault {
            Some(Fault::AppendAndReset) => Err(Reaction::Reset),
            _ if request.acks == 0 => Err(Reaction::Silence),
            _ => Ok(response),
        }
    }

    /// Appends a batch as a broker does: one of the last five of its producer is answered with its
    /// offset again, and sequence numbers leave no gap.
    fn append(&mut self, topic: &str, partition: i32, batch: &[u8]) -> Result<i64, i16> {
        let log = self.logs.entry((topic.to_owned(), partition)).or_default();
        let number =
            |from: usize| i32::from_be_bytes(batch[from..from + 4].try_into().expect("4 bytes"));
        let producer: [u8; 10] = batch[43..53].try_into().expect("10 bytes");
        let (sequence, count) = (number(53), number(57));
        if sequence >= 0 {
            if log.producer != producer {
                log.producer = producer;
                log.recent.clear();
            }
            let known = log.recent.iter().find(|(first, ..)| *first == sequence);
            if let Some((_, _, offset)) = known {
                self.repeated_batches += 1;
                return Ok(*offset);
            }
            let expected = log
                .recent
                .last()
                .map_or(0, |(first, count, _)| first + count);
            if sequence != expected {
                return Err(OUT_OF_ORDER_SEQUENCE_NUMBER);
            }
            if log.recent.len() == 5 {
                log.recent.remove(0);
            }
            log.recent.push((sequence, count, log.next));
        }
        let offset = log.next;
        log.next += i64::from(count);
        Ok(offset)
    }
}

/// One partition.
#[derive(Debug, Default)]
struct Log {
    /// The next offset.
    next: i64,
    /// Producer id and epoch of the last stamped batch.
    producer: [u8; 10],
    /// That producer's last batches: first sequence number, record count and base offset.
    recent: Vec<(i32, i32, i64)>,
}

const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;

/// The second broker is the older one.
fn api_versions(broker: usize) -> ApiVersionsResponse {
    let produce_max = if broker == 0 { 11 } else { 8 };
    let ranges = [
        (ApiKey::Produce, 3, produce_max),
        (ApiKey::Metadata, 4, 12),
        (ApiKey::ApiVersions, 0, 4),
        (ApiKey::InitProducerId, 0, 4),
    ];
    let ranges = ranges.into_iter().chain(APIS).map(|(key, min, max)| {
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(min)
            .with_max_version(max)
    });
    ApiVersionsResponse::default().with_api_keys(ranges.collect())
}

fn metadata(request: &MetadataRequest) -> MetadataResponse {
    let brokers = HOSTS.iter().zip(1..).map(|(host, id)| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(id))
            .with_host(StrBytes::from_static_str(host))
            .with_port(i32::from(PORT))
    });
    let names = request.topics.iter().flatten();
    let topics = names.filter_map(|topic| topic.name.clone()).map(described);
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_controller_id(BrokerId(1))
        .with_topics(topics.collect())
}

/// Every topic exists; the brokers lead its partitions in turn.
fn described(name: TopicName) -> MetadataResponseTopic {
    let partitions = (0..PARTITIONS).map(|index| {
        let leader = BrokerId(index % 2 + 1);
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(leader)
            .with_leader_epoch(1)
            .with_replica_nodes(vec![leader])
            .with_isr_nodes(vec![leader])
    });
    MetadataResponseTopic::default()
        .with_name(Some(name))
        .with_partitions(partitions.collect())
}
