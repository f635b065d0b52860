//! Our request frames equal the judge's, byte for byte.

use bytes::Bytes;
use kafka_protocol::messages as judge;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use odradek::TopicUuid;
use odradek::wire::api::api_versions::ApiVersionsRequest;
use odradek::wire::api::init_producer_id::InitProducerIdRequest;
use odradek::wire::api::metadata::MetadataRequest;
use odradek::wire::api::produce::{PartitionData, ProduceRequest, TopicData};
use odradek::wire::{ApiKey, RequestHeader};

use crate::dice::Dice;
use crate::judge::{holding_uuid, nullable_text, request_frame, text};
use crate::{CASES, UNJUDGED, versions};

/// Runs `case` for generated headers of every version of `key` that the judge knows.
pub(crate) fn for_each_case(key: ApiKey, mut case: impl FnMut(&mut Dice, RequestHeader<'_>)) {
    let mut dice = Dice::new(u64::from(key.code().cast_unsigned()));
    let is_judged = |version: &i16| !UNJUDGED.contains(&(key, *version));
    for version in versions(key).filter(is_judged) {
        for _ in 0..CASES {
            let client_id = dice.nullable_string();
            let correlation_id = dice.i32();
            let client_id = client_id.as_deref();
            case(
                &mut dice,
                RequestHeader {
                    version,
                    correlation_id,
                    client_id,
                },
            );
        }
    }
}

pub(crate) fn assert_frames_equal<M>(
    ours: &[u8],
    theirs: &M,
    key: ApiKey,
    header: &RequestHeader<'_>,
) where
    M: kafka_protocol::protocol::Encodable + kafka_protocol::protocol::HeaderVersion,
{
    let RequestHeader {
        version,
        correlation_id,
        client_id,
    } = *header;
    let theirs = request_frame(theirs, key, version, correlation_id, client_id);
    assert!(
        ours == theirs,
        "{key} v{version}:\n  ours {ours:02x?}\ntheirs {theirs:02x?}"
    );
}

#[test]
fn api_versions_requests_equal_the_judges() {
    for_each_case(ApiKey::ApiVersions, |dice, header| {
        let (name, software_version) = (dice.string(), dice.string());
        let mut ours = Vec::new();
        let request = ApiVersionsRequest {
            software_name: &name,
            software_version: &software_version,
        };
        request.encode(&mut ours, &header);
        let theirs = judge::ApiVersionsRequest::default()
            .with_client_software_name(text(&name))
            .with_client_software_version(text(&software_version));
        assert_frames_equal(&ours, &theirs, ApiKey::ApiVersions, &header);
    });
}

#[test]
fn init_producer_id_requests_equal_the_judges() {
    for_each_case(ApiKey::InitProducerId, |dice, header| {
        let transactional_id = dice.nullable_string();
        let has_identity = header.version >= 3;
        let request = InitProducerIdRequest {
            transactional_id: transactional_id.as_deref(),
            transaction_timeout_ms: dice.i32(),
            producer_id: if has_identity { dice.i64() } else { -1 },
            producer_epoch: if has_identity { dice.i16() } else { -1 },
            // Not in the versions that the judge knows.
            enable_2pc: dice.bool(),
            keep_prepared_txn: dice.bool(),
        };
        let mut ours = Vec::new();
        request.encode(&mut ours, &header);
        let theirs = judge::InitProducerIdRequest::default()
            .with_transactional_id(nullable_text(request.transactional_id).map(Into::into))
            .with_transaction_timeout_ms(request.transaction_timeout_ms)
            .with_producer_id(request.producer_id.into())
            .with_producer_epoch(request.producer_epoch);
        assert_frames_equal(&ours, &theirs, ApiKey::InitProducerId, &header);
    });
}

#[test]
fn metadata_requests_equal_the_judges() {
    for_each_case(ApiKey::Metadata, |dice, header| {
        let names = dice.list(Dice::string);
        let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
        let topics = if dice.below(5) == 0 {
            None
        } else {
            Some(borrowed.as_slice())
        };
        let request = MetadataRequest {
            topics,
            allow_auto_topic_creation: dice.bool(),
        };
        let mut ours = Vec::new();
        request.encode(&mut ours, &header);
        let topic =
            |name: &&str| MetadataRequestTopic::default().with_name(Some(text(name).into()));
        let theirs = judge::MetadataRequest::default()
            .with_topics(topics.map(|names| names.iter().map(topic).collect()))
            .with_allow_auto_topic_creation(request.allow_auto_topic_creation);
        assert_frames_equal(&ours, &theirs, ApiKey::Metadata, &header);
    });
}

/// A topic to produce to, with the records of its partitions.
struct Topic {
    name: String,
    uuid: [u8; 16],
    partitions: Vec<(i32, Vec<u8>)>,
}

impl Topic {
    fn generate(dice: &mut Dice) -> Self {
        let partitions = dice.list(|dice| (dice.i32(), dice.bytes(300)));
        Self {
            name: dice.string(),
            uuid: dice.uuid(),
            partitions,
        }
    }

    fn for_judge(&self) -> TopicProduceData {
        let partition = |(index, records): &(i32, Vec<u8>)| {
            PartitionProduceData::default()
                .with_index(*index)
                .with_records(Some(Bytes::copy_from_slice(records)))
        };
        TopicProduceData::default()
            .with_name(text(&self.name).into())
            .with_topic_id(holding_uuid(self.uuid).topic_id)
            .with_partition_data(self.partitions.iter().map(partition).collect())
    }
}

/// Our frame with the records put in at the cuts, as the transport would send it.
fn encode_with_records(
    request: &ProduceRequest<'_>,
    header: &RequestHeader<'_>,
    topics: &[Topic],
) -> Vec<u8> {
    // Something is already in the buffers: cuts are positions in the whole buffer.
    let (mut out, mut cuts) = (vec![0xee; 5], vec![99]);
    request.encode(&mut out, &mut cuts, header);
    let records: Vec<&[u8]> = topics
        .iter()
        .flat_map(|topic| &topic.partitions)
        .map(|(_, records)| &**records)
        .collect();
    assert_eq!(cuts.len(), 1 + records.len());
    let (mut frame, mut from) = (Vec::new(), 5);
    for (cut, records) in cuts[1..].iter().zip(records) {
        frame.extend_from_slice(&out[from..*cut]);
        frame.extend_from_slice(records);
        from = *cut;
    }
    frame.extend_from_slice(&out[from..]);
    frame
}

#[test]
fn produce_requests_with_records_put_in_equal_the_judges() {
    for_each_case(ApiKey::Produce, |dice, header| {
        let transactional_id = dice.nullable_string();
        let topics = dice.list(Topic::generate);
        let partitions: Vec<Vec<PartitionData>> = topics
            .iter()
            .map(|topic| {
                let partition = |(index, records): &(i32, Vec<u8>)| PartitionData {
                    index: *index,
                    records_len: records.len(),
                };
                topic.partitions.iter().map(partition).collect()
            })
            .collect();
        let topic_data: Vec<TopicData<'_>> = topics
            .iter()
            .zip(&partitions)
            .map(|(topic, partitions)| TopicData {
                name: &topic.name,
                uuid: TopicUuid(topic.uuid),
                partitions,
            })
            .collect();
        let request = ProduceRequest {
            transactional_id: transactional_id.as_deref(),
            acks: dice.pick(&[0, 1, -1]),
            timeout_ms: dice.i32(),
            topics: &topic_data,
        };
        let ours = encode_with_records(&request, &header, &topics);
        let theirs = judge::ProduceRequest::default()
            .with_transactional_id(nullable_text(request.transactional_id).map(Into::into))
            .with_acks(request.acks)
            .with_timeout_ms(request.timeout_ms)
            .with_topic_data(topics.iter().map(Topic::for_judge).collect());
        assert_frames_equal(&ours, &theirs, ApiKey::Produce, &header);
    });
}
