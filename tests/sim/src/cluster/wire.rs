//! Requests and responses as bytes, through the `kafka-protocol` crate.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};

/// Numbers of the APIs that a producer uses.
pub mod api {
    #![expect(missing_docs, reason = "the names are Kafka's")]
    pub const PRODUCE: i16 = 0;
    pub const METADATA: i16 = 3;
    pub const FIND_COORDINATOR: i16 = 10;
    pub const API_VERSIONS: i16 = 18;
    pub const INIT_PRODUCER_ID: i16 = 22;
    pub const ADD_PARTITIONS_TO_TXN: i16 = 24;
    pub const ADD_OFFSETS_TO_TXN: i16 = 25;
    pub const END_TXN: i16 = 26;
    pub const TXN_OFFSET_COMMIT: i16 = 28;
}

/// What a broker does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It answers with these bytes, the length in front included.
    Answer(Vec<u8>),
    /// It is silent, as for `acks=0`.
    Nothing,
    /// It closes the connection, as it does on nonsense.
    Close,
}

/// What the header of a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) api: i16,
    pub(super) version: i16,
    pub(super) correlation_id: i32,
}

impl Head {
    /// Reads the header; what is left is the body.
    pub(super) fn read(frame: &mut Bytes) -> Result<Self, String> {
        let [a, b, c, d, ..] = frame[..] else {
            return Err(format!("a request of {} bytes", frame.len()));
        };
        let (api, version) = (i16::from_be_bytes([a, b]), i16::from_be_bytes([c, d]));
        let header = RequestHeader::decode(frame, header_version(api, version)?)
            .map_err(|error| format!("header of api {api} v{version}: {error}"))?;
        Ok(Self {
            api,
            version,
            correlation_id: header.correlation_id,
        })
    }
}

/// From which version on a request is flexible: with compact lengths and tags (KIP-482).
fn header_version(api: i16, version: i16) -> Result<i16, String> {
    let flexible = match api {
        api::PRODUCE | api::METADATA => 9,
        api::INIT_PRODUCER_ID => 2,
        api::FIND_COORDINATOR
        | api::API_VERSIONS
        | api::ADD_PARTITIONS_TO_TXN
        | api::ADD_OFFSETS_TO_TXN
        | api::END_TXN
        | api::TXN_OFFSET_COMMIT => 3,
        other => return Err(format!("api {other} is not a producer's")),
    };
    Ok(if version >= flexible { 2 } else { 1 })
}

/// Decodes a whole body.
pub(super) fn decode<M: Decodable>(head: Head, body: &mut Bytes) -> Result<M, String> {
    let Head { api, version, .. } = head;
    let request = M::decode(body, version)
        .map_err(|error| format!("api {api} v{version} does not decode: {error}"))?;
    if body.is_empty() {
        Ok(request)
    } else {
        let bytes = body.len();
        Err(format!("{bytes} bytes behind api {api} v{version}"))
    }
}

/// The answer to a request.
pub(super) fn answer<M: Encodable + HeaderVersion>(head: Head, body: &M) -> Result<Reply, String> {
    answer_as(head, body, head.version)
}

/// The answer to a request, in another version of the response.
pub(super) fn answer_as<M: Encodable + HeaderVersion>(
    head: Head,
    body: &M,
    version: i16,
) -> Result<Reply, String> {
    let header = ResponseHeader::default().with_correlation_id(head.correlation_id);
    let mut bytes = BytesMut::new();
    let encoded = header
        .encode(&mut bytes, M::header_version(version))
        .and_then(|()| body.encode(&mut bytes, version));
    encoded.map_err(|error| format!("the answer to {head:?} does not encode: {error}"))?;
    let length = bytes.len() as u32;
    Ok(Reply::Answer([&length.to_be_bytes(), &bytes[..]].concat()))
}

/// A value whose `topic_id` is this number: the type of ids is not ours to name.
pub(crate) fn topic_with_id(id: u128) -> MetadataRequestTopic {
    let mut encoded = id.to_be_bytes().to_vec();
    encoded.extend([0, 0]);
    let decoded = MetadataRequestTopic::decode(&mut Bytes::from(encoded), 10);
    decoded.unwrap_or_default()
}
