//! What every answer of a fake broker is made with.

use crate::faults::Fate;
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};

/// A value whose `topic_id` is made of this number: the UUID type is not ours to name.
pub(crate) fn uuid_of(id: u32) -> MetadataRequestTopic {
    let mut encoded = id.to_be_bytes().repeat(4);
    encoded.extend([0, 0]);
    MetadataRequestTopic::decode(&mut Bytes::from(encoded), 10).expect("it is such a topic")
}

pub(crate) fn encode<M: Encodable + HeaderVersion>(
    header: &RequestHeader,
    body: &M,
    fate: &Fate,
) -> Vec<u8> {
    encode_as(header, body, header.request_api_version, fate)
}

pub(crate) fn encode_as<M: Encodable + HeaderVersion>(
    header: &RequestHeader,
    body: &M,
    version: i16,
    fate: &Fate,
) -> Vec<u8> {
    let wrong = i32::from(*fate == Fate::WrongCorrelationId);
    let response_header =
        ResponseHeader::default().with_correlation_id(header.correlation_id + wrong);
    let mut bytes = BytesMut::new();
    response_header
        .encode(&mut bytes, M::header_version(version))
        .expect("it encodes");
    body.encode(&mut bytes, version).expect("it encodes");
    frame(&bytes)
}

pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).expect("responses are small");
    [&length.to_be_bytes(), body].concat()
}
