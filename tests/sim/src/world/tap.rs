//! What goes over the wire, read with an outside codec: the world's own knowledge of every attempt.

use crate::cluster::decompress;
use bytes::Bytes;
use kafka_protocol::messages::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse,
    FindCoordinatorResponse, InitProducerIdResponse, ProduceRequest, ProduceResponse,
    ResponseHeader, TxnOffsetCommitResponse,
};
use kafka_protocol::protocol::{Decodable, HeaderVersion, decode_request_header_from_buffer};
use kafka_protocol::records::{Compression, RecordBatchDecoder};

pub(crate) const PRODUCE: i16 = 0;
pub(crate) const METADATA: i16 = 3;
pub(crate) const FIND_COORDINATOR: i16 = 10;
pub(crate) const API_VERSIONS: i16 = 18;
pub(crate) const INIT_PRODUCER_ID: i16 = 22;
pub(crate) const ADD_PARTITIONS_TO_TXN: i16 = 24;
pub(crate) const ADD_OFFSETS_TO_TXN: i16 = 25;
pub(crate) const END_TXN: i16 = 26;
pub(crate) const TXN_OFFSET_COMMIT: i16 = 28;

/// The header that carries a record's number through the cluster.
pub(crate) const NUMBER_HEADER: &str = "number";

/// A topic as a request names it (its name, or its id in hexadecimal), and a partition.
pub(crate) type Place = (String, i32);

/// A request that was handed to the transport.
#[derive(Clone, Debug)]
pub(crate) struct RequestSeen {
    pub(crate) api: i16,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    /// Of Produce.
    pub(crate) acks: i16,
    pub(crate) batches: Vec<BatchSeen>,
    /// Of EndTxn: whether it commits.
    pub(crate) commits: Option<bool>,
}

/// A batch in a Produce request.
#[derive(Clone, Debug)]
pub(crate) struct BatchSeen {
    pub(crate) place: Place,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
    pub(crate) numbers: Vec<u64>,
}

/// What a response says.
#[derive(Clone, Debug)]
pub(crate) struct AnswerSeen {
    pub(crate) throttle_ms: i32,
    /// Of Produce: error code and offset of each batch.
    pub(crate) batches: Vec<(Place, i16, i64)>,
    /// Of the others: the error codes in it.
    pub(crate) errors: Vec<i16>,
}

/// The API key of a request frame, its length included.
pub(crate) fn api_of(frame: &[u8]) -> (i16, i16, i32) {
    let short = |at: usize| i16::from_be_bytes([frame[at], frame[at + 1]]);
    let correlation = i32::from_be_bytes([frame[8], frame[9], frame[10], frame[11]]);
    (short(4), short(6), correlation)
}

/// Reads a request frame, its length included.
///
/// # Panics
///
/// If it is no request.
pub(crate) fn read_request(frame: &[u8]) -> RequestSeen {
    let (api, version, correlation) = api_of(frame);
    let mut seen = RequestSeen {
        api,
        version,
        correlation,
        acks: -1,
        batches: Vec::new(),
        commits: None,
    };
    if api != PRODUCE && api != END_TXN {
        return seen;
    }
    let mut body = Bytes::copy_from_slice(&frame[4..]);
    decode_request_header_from_buffer(&mut body).expect("a request header");
    if api == END_TXN {
        let request = EndTxnRequest::decode(&mut body, version).expect("an EndTxn request");
        seen.commits = Some(request.committed);
        return seen;
    }
    let request = ProduceRequest::decode(&mut body, version).expect("a Produce request");
    seen.acks = request.acks;
    for topic in request.topic_data {
        let name = if version >= 13 {
            topic.topic_id.as_simple().to_string()
        } else {
            topic.name.to_string()
        };
        for data in topic.partition_data {
            let raw = data.records.expect("records");
            seen.batches
                .push(read_batch((name.clone(), data.index), raw));
        }
    }
    seen
}

fn read_batch(place: Place, raw: Bytes) -> BatchSeen {
    let decompress = |records: &mut Bytes, compression: Compression| {
        Ok(Bytes::from(
            decompress(records, compression).expect("records"),
        ))
    };
    let mut rest = raw;
    let set = RecordBatchDecoder::decode_with_custom_compression(&mut rest, Some(decompress))
        .expect("a batch with a right checksum");
    let numbers = set.records.iter().map(|record| {
        let header = record.headers.get(NUMBER_HEADER.as_bytes());
        let header = header.and_then(Option::as_ref).expect("a number");
        u64::from_be_bytes(header[..].try_into().expect("8 bytes"))
    });
    let first = &set.records[0];
    BatchSeen {
        place,
        producer_id: first.producer_id,
        epoch: first.producer_epoch,
        sequence: first.sequence,
        numbers: numbers.collect(),
    }
}

/// Reads a response frame, its length included.
///
/// # Panics
///
/// If the broker did not answer with what it should.
pub(crate) fn read_response(frame: &[u8], api: i16, version: i16) -> AnswerSeen {
    let mut body = Bytes::copy_from_slice(&frame[4..]);
    let mut seen = AnswerSeen {
        throttle_ms: 0,
        batches: Vec::new(),
        errors: Vec::new(),
    };
    match api {
        PRODUCE => {
            let response: ProduceResponse = decode(&mut body, version);
            seen.throttle_ms = response.throttle_time_ms;
            for topic in response.responses {
                let name = if version >= 13 {
                    topic.topic_id.as_simple().to_string()
                } else {
                    topic.name.to_string()
                };
                for partition in topic.partition_responses {
                    let place = (name.clone(), partition.index);
                    let answer = (place, partition.error_code, partition.base_offset);
                    seen.batches.push(answer);
                }
            }
        }
        // Version 6 (KIP-939) is not known to the outside codec.
        INIT_PRODUCER_ID if version < 6 => {
            let response: InitProducerIdResponse = decode(&mut body, version);
            seen.throttle_ms = response.throttle_time_ms;
            seen.errors.push(response.error_code);
        }
        END_TXN => {
            let response: EndTxnResponse = decode(&mut body, version);
            seen.throttle_ms = response.throttle_time_ms;
            seen.errors.push(response.error_code);
        }
        ADD_OFFSETS_TO_TXN => {
            let response: AddOffsetsToTxnResponse = decode(&mut body, version);
            seen.errors.push(response.error_code);
        }
        FIND_COORDINATOR => {
            let response: FindCoordinatorResponse = decode(&mut body, version);
            seen.errors.push(response.error_code);
            let named = response.coordinators.iter();
            seen.errors.extend(named.map(|one| one.error_code));
        }
        ADD_PARTITIONS_TO_TXN => {
            let response: AddPartitionsToTxnResponse = decode(&mut body, version);
            let topics = response.results_by_topic_v3_and_below.iter();
            let partitions = topics.flat_map(|topic| &topic.results_by_partition);
            let errors = partitions.map(|one| one.partition_error_code);
            seen.errors.extend(errors);
        }
        TXN_OFFSET_COMMIT => {
            let response: TxnOffsetCommitResponse = decode(&mut body, version);
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            seen.errors.extend(partitions.map(|one| one.error_code));
        }
        _ => {}
    }
    seen.errors.retain(|code| *code != 0);
    seen
}

fn decode<T: Decodable + HeaderVersion>(body: &mut Bytes, version: i16) -> T {
    ResponseHeader::decode(body, T::header_version(version)).expect("a response header");
    T::decode(body, version).expect("a response")
}

/// The name of an API.
pub(crate) fn api_name(api: i16) -> &'static str {
    match api {
        PRODUCE => "Produce",
        METADATA => "Metadata",
        FIND_COORDINATOR => "FindCoordinator",
        API_VERSIONS => "ApiVersions",
        INIT_PRODUCER_ID => "InitProducerId",
        ADD_PARTITIONS_TO_TXN => "AddPartitionsToTxn",
        ADD_OFFSETS_TO_TXN => "AddOffsetsToTxn",
        END_TXN => "EndTxn",
        TXN_OFFSET_COMMIT => "TxnOffsetCommit",
        _ => "another API",
    }
}
