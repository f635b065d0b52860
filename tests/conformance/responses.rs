//! Responses that the judge encodes decode here to the same values.

use kafka_protocol::messages as judge;
use kafka_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint as JudgeNodeEndpoint,
    PartitionProduceResponse, TopicProduceResponse,
};
use odradek::wire::api::api_versions::{ApiVersionsAnswer, ApiVersionsResponse};
use odradek::wire::api::init_producer_id::InitProducerIdResponse;
use odradek::wire::api::metadata::{
    MetadataBroker, MetadataPartition, MetadataResponse, MetadataTopic,
};
use odradek::wire::api::produce::{
    CurrentLeader, NodeEndpoint, PartitionResponse, ProduceResponse, RecordError, TopicRef,
};
use odradek::wire::{ApiKey, Reader, VersionRange, read_response_header};
use odradek::{BrokerId, ErrorCode, TopicUuid};

use crate::dice::Dice;
use crate::judge::{
    CORRELATION_ID, holding_uuid, nullable_text, response_frame, text, unknown_tags,
};
use crate::{CASES, versions};

/// Runs `case` often enough for every version of `key`.
pub(crate) fn for_each_case(key: ApiKey, mut case: impl FnMut(&mut Dice, i16)) {
    let mut dice = Dice::new(1000 + u64::from(key.code().cast_unsigned()));
    for version in versions(key) {
        for _ in 0..CASES {
            case(&mut dice, version);
        }
    }
}

pub(crate) fn body(frame: &[u8], key: ApiKey, version: i16) -> Reader<'_> {
    read_response_header(frame, key, version, CORRELATION_ID).expect("the header is valid")
}

pub(crate) fn api_versions(dice: &mut Dice, version: i16) -> judge::ApiVersionsResponse {
    let is_flexible = version >= 3;
    let api = |dice: &mut Dice| {
        let ours = dice.pick(&ApiKey::ALL).code();
        let any = dice.i16();
        ApiVersion::default()
            .with_api_key(dice.pick(&[ours, any]))
            .with_min_version(dice.i16())
            .with_max_version(dice.i16())
            .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
    };
    let mut response = judge::ApiVersionsResponse::default()
        .with_error_code(dice.pick(&[0, 42, -1]))
        .with_throttle_time_ms(dice.i32())
        .with_api_keys(dice.list(api));
    if !is_flexible {
        return response;
    }
    response = response
        .with_supported_features(dice.list(|dice| {
            SupportedFeatureKey::default()
                .with_name(text(&dice.string()))
                .with_max_version(dice.i16())
                .with_unknown_tagged_fields(unknown_tags(dice, 0, true))
        }))
        .with_finalized_features_epoch(dice.i64())
        .with_finalized_features(dice.list(|dice| {
            let other = dice.string();
            FinalizedFeatureKey::default()
                .with_name(text(dice.pick(&["transaction.version", &other])))
                .with_max_version_level(dice.i16())
                .with_min_version_level(dice.i16())
                .with_unknown_tagged_fields(unknown_tags(dice, 0, true))
        }))
        .with_zk_migration_ready(dice.bool());
    response.with_unknown_tagged_fields(unknown_tags(dice, 4, true))
}

#[test]
fn api_versions_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::ApiVersions, |dice, version| {
        let theirs = api_versions(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let body = body(&frame, ApiKey::ApiVersions, version);
        let ours = ApiVersionsResponse::decode(body.clone(), version).unwrap();
        assert_eq!(ours.error, ErrorCode(theirs.error_code));
        let throttle_time_ms = if version >= 1 {
            theirs.throttle_time_ms
        } else {
            0
        };
        assert_eq!(ours.throttle_time_ms, throttle_time_ms);
        for key in ApiKey::ALL {
            let range = theirs
                .api_keys
                .iter()
                .rfind(|api| api.api_key == key.code());
            let range = range.map(|api| VersionRange {
                min: api.min_version,
                max: api.max_version,
            });
            assert_eq!(ours.range(key), range, "{key}");
        }
        let features = &theirs.finalized_features;
        let level = features
            .iter()
            .rfind(|feature| &*feature.name == "transaction.version");
        let level = level.map_or(0, |feature| feature.max_version_level);
        assert_eq!(ours.transaction_version, level);
        // Versions that tell no features have the default, which is none.
        let epoch = theirs.finalized_features_epoch;
        assert_eq!(ours.finalized_features_epoch, epoch);
        let answer = ApiVersionsAnswer::decode(body, version);
        assert_eq!(answer, Ok(ApiVersionsAnswer::Response(ours)));
    });
}

#[test]
fn unsupported_api_versions_answers_tell_what_to_ask_next() {
    for highest in 0..=6 {
        let apis = ApiKey::ALL.map(|key| {
            ApiVersion::default()
                .with_api_key(key.code())
                .with_max_version(highest)
        });
        let theirs = judge::ApiVersionsResponse::default()
            .with_error_code(35)
            .with_api_keys(apis.to_vec());
        let frame = response_frame(&mut Dice::new(1), &theirs, 0);
        for asked in 1..=4 {
            let answer = ApiVersionsAnswer::decode(body(&frame, ApiKey::ApiVersions, asked), asked);
            let next = highest.min(asked - 1);
            assert_eq!(
                answer,
                Ok(ApiVersionsAnswer::Downgrade(next)),
                "{highest} {asked}"
            );
        }
    }
}

pub(crate) fn init_producer_id(dice: &mut Dice, version: i16) -> judge::InitProducerIdResponse {
    let mut response = judge::InitProducerIdResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_error_code(dice.i16())
        .with_producer_id(dice.i64().into())
        .with_producer_epoch(dice.i16())
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 2));
    if version >= 6 {
        response = response
            .with_ongoing_txn_producer_id(dice.i64().into())
            .with_ongoing_txn_producer_epoch(dice.i16());
    }
    response
}

#[test]
fn init_producer_id_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::InitProducerId, |dice, version| {
        let theirs = init_producer_id(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let body = body(&frame, ApiKey::InitProducerId, version);
        let expected = InitProducerIdResponse {
            throttle_time_ms: theirs.throttle_time_ms,
            error: ErrorCode(theirs.error_code),
            producer_id: theirs.producer_id.0,
            producer_epoch: theirs.producer_epoch,
            ongoing_txn_producer_id: theirs.ongoing_txn_producer_id.0,
            ongoing_txn_producer_epoch: theirs.ongoing_txn_producer_epoch,
        };
        assert_eq!(InitProducerIdResponse::decode(body, version), Ok(expected));
    });
}

fn metadata_broker(dice: &mut Dice, version: i16) -> MetadataResponseBroker {
    MetadataResponseBroker::default()
        .with_node_id(dice.i32().into())
        .with_host(text(&dice.string()))
        .with_port(dice.i32())
        .with_rack(nullable_text(dice.nullable_string().as_deref()))
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 9))
}

fn metadata_partition(dice: &mut Dice, version: i16) -> MetadataResponsePartition {
    let brokers = |dice: &mut Dice| dice.list(|dice| dice.i32().into());
    MetadataResponsePartition::default()
        .with_error_code(dice.i16())
        .with_partition_index(dice.i32())
        .with_leader_id(dice.i32().into())
        .with_leader_epoch(dice.i32())
        .with_replica_nodes(brokers(dice))
        .with_isr_nodes(brokers(dice))
        .with_offline_replicas(brokers(dice))
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 9))
}

fn metadata_topic(dice: &mut Dice, version: i16) -> MetadataResponseTopic {
    let name = if version >= 12 {
        dice.nullable_string()
    } else {
        Some(dice.string())
    };
    let mut topic = MetadataResponseTopic::default()
        .with_error_code(dice.i16())
        .with_name(nullable_text(name.as_deref()).map(Into::into))
        .with_topic_id(holding_uuid(dice.uuid()).topic_id)
        .with_is_internal(dice.bool())
        .with_partitions(dice.list(|dice| metadata_partition(dice, version)))
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 9));
    if version >= 8 {
        topic = topic.with_topic_authorized_operations(dice.i32());
    }
    topic
}

pub(crate) fn metadata(dice: &mut Dice, version: i16) -> judge::MetadataResponse {
    let mut response = judge::MetadataResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_brokers(dice.list(|dice| metadata_broker(dice, version)))
        .with_cluster_id(nullable_text(dice.nullable_string().as_deref()))
        .with_controller_id(dice.i32().into())
        .with_topics(dice.list(|dice| metadata_topic(dice, version)))
        .with_error_code(dice.i16())
        .with_unknown_tagged_fields(unknown_tags(dice, 0, version >= 9));
    if (8..=10).contains(&version) {
        response = response.with_cluster_authorized_operations(dice.i32());
    }
    response
}

fn expected_metadata(theirs: &judge::MetadataResponse, version: i16) -> MetadataResponse {
    let partition = |partition: &MetadataResponsePartition| MetadataPartition {
        error: ErrorCode(partition.error_code),
        index: partition.partition_index,
        leader: BrokerId(partition.leader_id.0),
        leader_epoch: if version >= 7 {
            partition.leader_epoch
        } else {
            -1
        },
    };
    let topic = |topic: &MetadataResponseTopic| MetadataTopic {
        error: ErrorCode(topic.error_code),
        name: topic.name.as_ref().map(|name| name.to_string()),
        uuid: if version >= 10 {
            TopicUuid(*topic.topic_id.as_bytes())
        } else {
            TopicUuid::ZERO
        },
        partitions: topic.partitions.iter().map(partition).collect(),
    };
    let broker = |broker: &MetadataResponseBroker| MetadataBroker {
        id: BrokerId(broker.node_id.0),
        host: broker.host.to_string(),
        port: broker.port,
        rack: broker.rack.as_ref().map(|rack| rack.to_string()),
    };
    MetadataResponse {
        throttle_time_ms: theirs.throttle_time_ms,
        brokers: theirs.brokers.iter().map(broker).collect(),
        cluster_id: theirs.cluster_id.as_ref().map(|id| id.to_string()),
        controller: BrokerId(theirs.controller_id.0),
        topics: theirs.topics.iter().map(topic).collect(),
        error: ErrorCode(if version >= 13 { theirs.error_code } else { 0 }),
    }
}

#[test]
fn metadata_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::Metadata, |dice, version| {
        let theirs = metadata(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let ours = MetadataResponse::decode(body(&frame, ApiKey::Metadata, version), version);
        assert!(
            ours == Ok(expected_metadata(&theirs, version)),
            "v{version}: {theirs:?}"
        );
    });
}

fn produce_partition(dice: &mut Dice, version: i16) -> PartitionProduceResponse {
    let is_flexible = version >= 9;
    let mut partition = PartitionProduceResponse::default()
        .with_index(dice.i32())
        .with_error_code(dice.i16())
        .with_base_offset(dice.i64())
        .with_log_append_time_ms(dice.i64())
        .with_log_start_offset(dice.i64())
        .with_error_message(nullable_text(dice.nullable_string().as_deref()));
    if version >= 8 {
        partition = partition.with_record_errors(dice.list(|dice| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(dice.i32())
                .with_batch_index_error_message(nullable_text(dice.nullable_string().as_deref()))
                .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
        }));
    }
    if version >= 10 && dice.bool() {
        partition = partition.with_current_leader(
            LeaderIdAndEpoch::default()
                .with_leader_id(dice.i32().into())
                .with_leader_epoch(dice.i32())
                .with_unknown_tagged_fields(unknown_tags(dice, 0, true)),
        );
    }
    partition.with_unknown_tagged_fields(unknown_tags(dice, 1, is_flexible))
}

pub(crate) fn produce(dice: &mut Dice, version: i16) -> judge::ProduceResponse {
    let is_flexible = version >= 9;
    let mut response = judge::ProduceResponse::default()
        .with_throttle_time_ms(dice.i32())
        .with_responses(dice.list(|dice| {
            TopicProduceResponse::default()
                .with_name(text(&dice.string()).into())
                .with_topic_id(holding_uuid(dice.uuid()).topic_id)
                .with_partition_responses(dice.list(|dice| produce_partition(dice, version)))
                .with_unknown_tagged_fields(unknown_tags(dice, 0, is_flexible))
        }))
        .with_unknown_tagged_fields(unknown_tags(dice, 1, is_flexible));
    if version >= 10 {
        response = response.with_node_endpoints(dice.list(|dice| {
            JudgeNodeEndpoint::default()
                .with_node_id(dice.i32().into())
                .with_host(text(&dice.string()))
                .with_port(dice.i32())
                .with_rack(nullable_text(dice.nullable_string().as_deref()))
                .with_unknown_tagged_fields(unknown_tags(dice, 0, true))
        }));
    }
    response
}

fn expected_partition<'a>(
    topic: &'a TopicProduceResponse,
    partition: &'a PartitionProduceResponse,
    version: i16,
) -> PartitionResponse<'a> {
    let record_error = |error: &'a BatchIndexAndErrorMessage| RecordError {
        batch_index: error.batch_index,
        message: error.batch_index_error_message.as_deref(),
    };
    // The judge sends the tag only for what differs from its default.
    let leader = &partition.current_leader;
    let is_told = *leader != LeaderIdAndEpoch::default();
    PartitionResponse {
        topic: if version >= 13 {
            TopicRef::Uuid(TopicUuid(*topic.topic_id.as_bytes()))
        } else {
            TopicRef::Name(&topic.name)
        },
        index: partition.index,
        error: ErrorCode(partition.error_code),
        base_offset: partition.base_offset,
        log_append_time_ms: partition.log_append_time_ms,
        log_start_offset: if version >= 5 {
            partition.log_start_offset
        } else {
            -1
        },
        record_errors: partition.record_errors.iter().map(record_error).collect(),
        error_message: partition.error_message.as_deref().filter(|_| version >= 8),
        current_leader: is_told.then_some(CurrentLeader {
            leader: BrokerId(leader.leader_id.0),
            leader_epoch: leader.leader_epoch,
        }),
    }
}

#[test]
fn produce_responses_decode_to_the_same_values() {
    for_each_case(ApiKey::Produce, |dice, version| {
        let theirs = produce(dice, version);
        let frame = response_frame(dice, &theirs, version);
        let ours = ProduceResponse::decode(body(&frame, ApiKey::Produce, version), version);
        let topics = theirs.responses.iter();
        let partitions = topics.flat_map(|topic| {
            let partitions = topic.partition_responses.iter();
            partitions.map(move |partition| expected_partition(topic, partition, version))
        });
        let endpoints = theirs.node_endpoints.iter().map(|endpoint| NodeEndpoint {
            id: BrokerId(endpoint.node_id.0),
            host: &endpoint.host,
            port: endpoint.port,
            rack: endpoint.rack.as_deref(),
        });
        let expected = ProduceResponse {
            partitions: partitions.collect(),
            throttle_time_ms: theirs.throttle_time_ms,
            node_endpoints: endpoints.collect(),
        };
        assert!(
            ours.as_ref() == Ok(&expected),
            "v{version}: {theirs:?}\n{ours:?}"
        );
    });
}
