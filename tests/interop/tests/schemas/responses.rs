//! Responses written by the schemas: our decoder gives the same value for every field that it keeps, and
//! the default of the schema for those that a version lacks. What it does not keep is listed here.

use odradek::wire::api::api_versions::ApiVersionsResponse;
use odradek::wire::api::init_producer_id::InitProducerIdResponse;
use odradek::wire::api::metadata::{MetadataPartition, MetadataResponse, MetadataTopic};
use odradek::wire::api::produce::{CurrentLeader, PartitionResponse, ProduceResponse, TopicRef};
use odradek::wire::{ApiKey, Reader, read_response_header};
use odradek::{BrokerId, TopicUuid};

use crate::codec::{Layout, encode};
use crate::dice::Dice;
use crate::generate::Generator;
use crate::value::{Comparison, Record, Value, int, nullable_text, structs, text};
use crate::{CASES, Schemas, versions};

/// The number of the request that every response answers.
const CORRELATION_ID: i32 = 0x0102_0304;

/// What is compared of one API.
pub(crate) struct Subject<'a> {
    pub(crate) key: ApiKey,
    /// Fields that our decoder skips.
    pub(crate) unkept: &'a [&'a str],
    pub(crate) favourites: &'a [(&'a str, &'a [Value])],
    /// Brings a generated message to the form in which ours is compared.
    pub(crate) reshape: fn(&mut Record),
    /// Decodes a body of a version with our decoder and gives what it kept.
    pub(crate) decode: fn(Reader<'_>, i16) -> Record,
}

pub(crate) fn check(test: &str, subject: &Subject<'_>) {
    let Some(schemas) = Schemas::load(test) else {
        return;
    };
    let key = subject.key;
    let (_, response) = schemas.api(key);
    let mut dice = Dice::new(1000 + u64::from(key.code().cast_unsigned()));
    let mut comparison = Comparison::new(subject.unkept);
    for version in versions(key) {
        let generator = Generator {
            layout: Layout::new(version, response.flexible),
            favourites: subject.favourites,
        };
        for _ in 0..CASES {
            let mut theirs = generator.record(&mut dice, &response.fields);
            let mut frame = header_of(schemas, key, version, &mut dice);
            encode(
                &mut frame,
                generator.layout,
                &response.fields,
                &theirs,
                &mut dice,
            );
            let body = read_response_header(&frame, key, version, CORRELATION_ID);
            let ours = (subject.decode)(body.expect("the header is valid"), version);
            (subject.reshape)(&mut theirs);
            comparison.records("", &theirs, &ours);
            let differences = &comparison.differences;
            assert!(differences.is_empty(), "{key} v{version}:\n{differences}");
        }
    }
    let listed = subject.unkept.iter().copied().collect();
    assert_eq!(comparison.met, listed, "fields that {key} does not keep");
}

fn header_of(schemas: &Schemas, key: ApiKey, version: i16, dice: &mut Dice) -> Vec<u8> {
    let generator = Generator {
        layout: schemas.response_header_layout(key, version),
        favourites: &[],
    };
    let fields = &schemas.response_header.fields;
    let mut header = generator.record(dice, fields);
    header.set("CorrelationId", int(CORRELATION_ID));
    let mut frame = Vec::new();
    encode(&mut frame, generator.layout, fields, &header, dice);
    frame
}

/// Keeps the last entry of each of our APIs, in the order of their keys, and the last
/// `transaction.version` if its level is not 0.
fn reshape_api_versions(theirs: &mut Record) {
    let apis = theirs.take_structs("ApiKeys");
    let last = |key: ApiKey| {
        let mut apis = apis.iter().rev();
        apis.find(|api| api.int("ApiKey") == i64::from(key.code()))
            .cloned()
    };
    theirs.set("ApiKeys", structs(ApiKey::ALL.into_iter().filter_map(last)));
    let features = theirs.take_structs("FinalizedFeatures");
    let mut features = features.into_iter().rev();
    let level = features.find(|feature| *feature.get("Name") == text("transaction.version"));
    let level = level.filter(|feature| feature.int("MaxVersionLevel") != 0);
    theirs.set("FinalizedFeatures", structs(level.into_iter()));
}

#[test]
fn api_versions_responses_decode_to_what_was_written() {
    let ours = ApiKey::ALL.map(|key| int(key.code()));
    let subject = Subject {
        key: ApiKey::ApiVersions,
        unkept: &[
            "FinalizedFeatures.MinVersionLevel",
            "SupportedFeatures",
            "ZkMigrationReady",
        ],
        favourites: &[("ApiKey", &ours), ("Name", &[text("transaction.version")])],
        reshape: reshape_api_versions,
        decode: |body, version| {
            let ours = ApiVersionsResponse::decode(body, version).expect("it is a response");
            let api = |key: ApiKey| {
                let range = ours.range(key)?;
                Some(Record::of([
                    ("ApiKey", int(key.code())),
                    ("MinVersion", int(range.min)),
                    ("MaxVersion", int(range.max)),
                ]))
            };
            let level = (ours.transaction_version != 0).then(|| {
                Record::of([
                    ("Name", text("transaction.version")),
                    ("MaxVersionLevel", int(ours.transaction_version)),
                ])
            });
            Record::of([
                ("ErrorCode", int(ours.error.0)),
                ("ApiKeys", structs(ApiKey::ALL.into_iter().filter_map(api))),
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("FinalizedFeatures", structs(level.into_iter())),
                ("FinalizedFeaturesEpoch", int(ours.finalized_features_epoch)),
            ])
        },
    };
    check(
        "api_versions_responses_decode_to_what_was_written",
        &subject,
    );
}

#[test]
fn init_producer_id_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::InitProducerId,
        unkept: &[],
        favourites: &[],
        reshape: |_| (),
        decode: |body, version| {
            let ours = InitProducerIdResponse::decode(body, version).expect("it is a response");
            Record::of([
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("ErrorCode", int(ours.error.0)),
                ("ProducerId", int(ours.producer_id)),
                ("ProducerEpoch", int(ours.producer_epoch)),
                ("OngoingTxnProducerId", int(ours.ongoing_txn_producer_id)),
                (
                    "OngoingTxnProducerEpoch",
                    int(ours.ongoing_txn_producer_epoch),
                ),
            ])
        },
    };
    check(
        "init_producer_id_responses_decode_to_what_was_written",
        &subject,
    );
}

fn metadata_topic(ours: &MetadataTopic) -> Record {
    let partition = |ours: &MetadataPartition| {
        Record::of([
            ("ErrorCode", int(ours.error.0)),
            ("PartitionIndex", int(ours.index)),
            ("LeaderId", int(ours.leader.0)),
            ("LeaderEpoch", int(ours.leader_epoch)),
        ])
    };
    Record::of([
        ("ErrorCode", int(ours.error.0)),
        ("Name", nullable_text(ours.name.as_deref())),
        ("TopicId", Value::Uuid(ours.uuid.0)),
        ("Partitions", structs(ours.partitions.iter().map(partition))),
    ])
}

#[test]
fn metadata_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::Metadata,
        unkept: &[
            "ClusterAuthorizedOperations",
            "Topics.IsInternal",
            "Topics.Partitions.IsrNodes",
            "Topics.Partitions.OfflineReplicas",
            "Topics.Partitions.ReplicaNodes",
            "Topics.TopicAuthorizedOperations",
        ],
        favourites: &[],
        reshape: |_| (),
        decode: |body, version| {
            let ours = MetadataResponse::decode(body, version).expect("it is a response");
            let brokers = ours.brokers.iter().map(|ours| {
                Record::of([
                    ("NodeId", int(ours.id.0)),
                    ("Host", text(&ours.host)),
                    ("Port", int(ours.port)),
                    ("Rack", nullable_text(ours.rack.as_deref())),
                ])
            });
            Record::of([
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("Brokers", structs(brokers)),
                ("ClusterId", nullable_text(ours.cluster_id.as_deref())),
                ("ControllerId", int(ours.controller.0)),
                ("Topics", structs(ours.topics.iter().map(metadata_topic))),
                ("ErrorCode", int(ours.error.0)),
            ])
        },
    };
    check("metadata_responses_decode_to_what_was_written", &subject);
}

/// Makes one list of the partitions of all topics, each with the name and the id of its topic.
fn reshape_produce(theirs: &mut Record) {
    let mut partitions = Vec::new();
    for mut topic in theirs.take_structs("Responses") {
        for mut partition in topic.take_structs("PartitionResponses") {
            for field in ["Name", "TopicId"] {
                partition.set(field, topic.get(field).clone());
            }
            partitions.push(partition);
        }
    }
    theirs.set("Responses", structs(partitions.into_iter()));
}

fn produce_partition(ours: &PartitionResponse<'_>) -> Record {
    let (name, uuid) = match ours.topic {
        TopicRef::Name(name) => (name, TopicUuid::ZERO),
        TopicRef::Uuid(uuid) => ("", uuid),
    };
    let record_errors = ours.record_errors.iter().map(|ours| {
        Record::of([
            ("BatchIndex", int(ours.batch_index)),
            ("BatchIndexErrorMessage", nullable_text(ours.message)),
        ])
    });
    // A leader that is not told is the default: none.
    let leader = ours.current_leader.unwrap_or(CurrentLeader {
        leader: BrokerId(-1),
        leader_epoch: -1,
    });
    let leader = Record::of([
        ("LeaderId", int(leader.leader.0)),
        ("LeaderEpoch", int(leader.leader_epoch)),
    ]);
    Record::of([
        ("Name", text(name)),
        ("TopicId", Value::Uuid(uuid.0)),
        ("Index", int(ours.index)),
        ("ErrorCode", int(ours.error.0)),
        ("BaseOffset", int(ours.base_offset)),
        ("LogAppendTimeMs", int(ours.log_append_time_ms)),
        ("LogStartOffset", int(ours.log_start_offset)),
        ("RecordErrors", structs(record_errors)),
        ("ErrorMessage", nullable_text(ours.error_message)),
        ("CurrentLeader", Value::Struct(leader)),
    ])
}

#[test]
fn produce_responses_decode_to_what_was_written() {
    let subject = Subject {
        key: ApiKey::Produce,
        unkept: &[],
        favourites: &[],
        reshape: reshape_produce,
        decode: |body, version| {
            let ours = ProduceResponse::decode(body, version).expect("it is a response");
            let endpoints = ours.node_endpoints.iter().map(|ours| {
                Record::of([
                    ("NodeId", int(ours.id.0)),
                    ("Host", text(ours.host)),
                    ("Port", int(ours.port)),
                    ("Rack", nullable_text(ours.rack)),
                ])
            });
            Record::of([
                (
                    "Responses",
                    structs(ours.partitions.iter().map(produce_partition)),
                ),
                ("ThrottleTimeMs", int(ours.throttle_time_ms)),
                ("NodeEndpoints", structs(endpoints)),
            ])
        },
    };
    check("produce_responses_decode_to_what_was_written", &subject);
}
