//! The judge's side: our plain values as its types, its messages as frames.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use odradek::wire::ApiKey;

use crate::dice::Dice;

pub(crate) const CORRELATION_ID: i32 = 0x0102_0304;

pub(crate) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

pub(crate) fn nullable_text(value: Option<&str>) -> Option<StrBytes> {
    value.map(text)
}

/// A value of the judge whose `topic_id` is this UUID: its UUID type is not ours to name.
pub(crate) fn holding_uuid(bytes: [u8; 16]) -> MetadataRequestTopic {
    // The id, a null name, no tagged fields.
    let encoded = [&bytes[..], &[0, 0]].concat();
    MetadataRequestTopic::decode(&mut Bytes::from(encoded), 10).expect("it is such a topic")
}

/// Tagged fields that nobody knows, from `first` on; none in versions without tagged fields.
pub(crate) fn unknown_tags(dice: &mut Dice, first: i32, is_flexible: bool) -> BTreeMap<i32, Bytes> {
    let mut tags = BTreeMap::new();
    if is_flexible && dice.below(3) == 0 {
        for _ in 0..dice.below(3) {
            let tag = first + dice.pick(&[0, 1, 7, 130, 20_000]);
            tags.insert(tag, Bytes::from(dice.bytes(200)));
        }
    }
    tags
}

/// A whole request frame, its length included.
pub(crate) fn request_frame<M: Encodable + HeaderVersion>(
    message: &M,
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Vec<u8> {
    let header = RequestHeader::default()
        .with_request_api_key(key.code())
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(nullable_text(client_id));
    let mut body = BytesMut::new();
    header
        .encode(&mut body, M::header_version(version))
        .expect("the judge encodes what was generated");
    message
        .encode(&mut body, version)
        .expect("the judge encodes what was generated");
    let length = i32::try_from(body.len()).expect("frames are small");
    [&length.to_be_bytes(), body.as_ref()].concat()
}

/// A response frame without its length, with [`CORRELATION_ID`].
pub(crate) fn response_frame<M: Encodable + HeaderVersion>(
    dice: &mut Dice,
    message: &M,
    version: i16,
) -> Vec<u8> {
    let header_version = M::header_version(version);
    let header = ResponseHeader::default()
        .with_correlation_id(CORRELATION_ID)
        .with_unknown_tagged_fields(unknown_tags(dice, 0, header_version >= 1));
    let mut frame = BytesMut::new();
    header
        .encode(&mut frame, header_version)
        .expect("the judge encodes what was generated");
    message
        .encode(&mut frame, version)
        .expect("the judge encodes what was generated");
    frame.to_vec()
}
