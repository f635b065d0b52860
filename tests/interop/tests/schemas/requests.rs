//! Our requests, read by the schemas: every field has the value meant, and no byte is left.

use odradek::TopicUuid;
use odradek::wire::api::api_versions::ApiVersionsRequest;
use odradek::wire::api::init_producer_id::InitProducerIdRequest;
use odradek::wire::api::metadata::MetadataRequest;
use odradek::wire::api::produce::{PartitionData, ProduceRequest, TopicData};
use odradek::wire::{ApiKey, RequestHeader};

use crate::codec::{Layout, Source, decode};
use crate::dice::Dice;
use crate::value::{Comparison, Record, Value, int, nullable_text, structs, text};
use crate::{CASES, Schemas, versions};

/// Has `case` encode requests of every version of `key`, and reads the frames. `case` gives the frame
/// with its length, and the fields of the body as meant; those that a version lacks are left aside.
pub(crate) fn check(
    test: &str,
    key: ApiKey,
    case: impl Fn(&mut Dice, &RequestHeader<'_>) -> (Vec<u8>, Record),
) {
    let Some(schemas) = Schemas::load(test) else {
        return;
    };
    let mut dice = Dice::new(u64::from(key.code().cast_unsigned()));
    for version in versions(key) {
        for _ in 0..CASES {
            let client_id = dice.nullable_string();
            let header = RequestHeader {
                version,
                correlation_id: dice.i32(),
                client_id: client_id.as_deref(),
            };
            let (frame, meant) = case(&mut dice, &header);
            check_frame(schemas, key, &header, &frame, meant);
        }
    }
}

fn check_frame(
    schemas: &Schemas,
    key: ApiKey,
    header: &RequestHeader<'_>,
    frame: &[u8],
    mut meant: Record,
) {
    let version = header.version;
    let (request, _) = schemas.api(key);
    let (length, frame) = frame.split_first_chunk().expect("a frame has a length");
    assert_eq!(i32::from_be_bytes(*length) as usize, frame.len());
    let mut source = Source(frame);
    let layout = schemas.request_header_layout(key, version);
    let head = decode(&mut source, layout, &schemas.request_header.fields);
    let layout = Layout::new(version, request.flexible);
    let body = decode(&mut source, layout, &request.fields);
    assert!(source.0.is_empty(), "{key} v{version}: bytes are left");
    let head_meant = Record::of([
        ("RequestApiKey", int(key.code())),
        ("RequestApiVersion", int(version)),
        ("CorrelationId", int(header.correlation_id)),
        ("ClientId", nullable_text(header.client_id)),
    ]);
    meant.restrict(&request.fields, version);
    let mut comparison = Comparison::new(&[]);
    comparison.records("header", &head, &head_meant);
    comparison.records("", &body, &meant);
    let differences = comparison.differences;
    assert!(differences.is_empty(), "{key} v{version}:\n{differences}");
}

#[test]
fn api_versions_requests_read_as_meant() {
    let test = "api_versions_requests_read_as_meant";
    check(test, ApiKey::ApiVersions, |dice, header| {
        let (name, version) = (dice.string(), dice.string());
        let request = ApiVersionsRequest {
            software_name: &name,
            software_version: &version,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let meant = Record::of([
            ("ClientSoftwareName", text(&name)),
            ("ClientSoftwareVersion", text(&version)),
        ]);
        (frame, meant)
    });
}

#[test]
fn init_producer_id_requests_read_as_meant() {
    let test = "init_producer_id_requests_read_as_meant";
    check(test, ApiKey::InitProducerId, |dice, header| {
        let transactional_id = dice.nullable_string();
        let request = InitProducerIdRequest {
            transactional_id: transactional_id.as_deref(),
            transaction_timeout_ms: dice.i32(),
            producer_id: dice.i64(),
            producer_epoch: dice.i16(),
            enable_2pc: dice.bool(),
            keep_prepared_txn: dice.bool(),
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let meant = Record::of([
            ("TransactionalId", nullable_text(request.transactional_id)),
            ("TransactionTimeoutMs", int(request.transaction_timeout_ms)),
            ("ProducerId", int(request.producer_id)),
            ("ProducerEpoch", int(request.producer_epoch)),
            ("Enable2Pc", Value::Bool(request.enable_2pc)),
            ("KeepPreparedTxn", Value::Bool(request.keep_prepared_txn)),
        ]);
        (frame, meant)
    });
}

#[test]
fn metadata_requests_read_as_meant() {
    let test = "metadata_requests_read_as_meant";
    check(test, ApiKey::Metadata, |dice, header| {
        let names = dice.list(Dice::string);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let topics = (dice.below(5) != 0).then_some(names.as_slice());
        let request = MetadataRequest {
            topics,
            allow_auto_topic_creation: dice.bool(),
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, header);
        let topic =
            |name: &&str| Record::of([("TopicId", Value::Uuid([0; 16])), ("Name", text(name))]);
        let topics = topics.map(|names| structs(names.iter().map(topic)));
        let create = Value::Bool(request.allow_auto_topic_creation);
        let meant = Record::of([
            ("Topics", topics.unwrap_or(Value::Array(None))),
            ("AllowAutoTopicCreation", create),
            ("IncludeClusterAuthorizedOperations", Value::Bool(false)),
            ("IncludeTopicAuthorizedOperations", Value::Bool(false)),
        ]);
        (frame, meant)
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
        Self {
            name: dice.string(),
            uuid: dice.uuid(),
            partitions: dice.list(|dice| (dice.i32(), dice.bytes(300))),
        }
    }

    fn meant(&self) -> Record {
        let partition = |(index, records): &(i32, Vec<u8>)| {
            Record::of([
                ("Index", int(*index)),
                ("Records", Value::Bytes(Some(records.clone()))),
            ])
        };
        Record::of([
            ("Name", text(&self.name)),
            ("TopicId", Value::Uuid(self.uuid)),
            (
                "PartitionData",
                structs(self.partitions.iter().map(partition)),
            ),
        ])
    }
}

/// The frame with the records put in at the cuts, as the transport sends it.
fn with_records(
    request: &ProduceRequest<'_>,
    header: &RequestHeader<'_>,
    topics: &[Topic],
) -> Vec<u8> {
    let (mut out, mut cuts) = (Vec::new(), Vec::new());
    request.encode(&mut out, &mut cuts, header);
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    let (mut frame, mut from) = (Vec::new(), 0);
    for (cut, (_, records)) in cuts.into_iter().zip(partitions) {
        frame.extend_from_slice(&out[from..cut]);
        frame.extend_from_slice(records);
        from = cut;
    }
    frame.extend_from_slice(&out[from..]);
    frame
}

#[test]
fn produce_requests_read_as_meant() {
    check(
        "produce_requests_read_as_meant",
        ApiKey::Produce,
        |dice, header| {
            let transactional_id = dice.nullable_string();
            let topics = dice.list(Topic::generate);
            let data = |(index, records): &(i32, Vec<u8>)| PartitionData {
                index: *index,
                records_len: records.len(),
            };
            let partitions: Vec<Vec<PartitionData>> = topics
                .iter()
                .map(|topic| topic.partitions.iter().map(data).collect())
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
            let meant = Record::of([
                ("TransactionalId", nullable_text(request.transactional_id)),
                ("Acks", int(request.acks)),
                ("TimeoutMs", int(request.timeout_ms)),
                ("TopicData", structs(topics.iter().map(Topic::meant))),
            ]);
            (with_records(&request, header, &topics), meant)
        },
    );
}
