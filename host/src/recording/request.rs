//! Request frames read back: as much as a mask and a timeline need. The core encodes requests and has no
//! reader of them.

use odradek::TopicUuid;
use odradek::wire::{ApiKey, Reader, WireError};
use std::ops::Range;

/// The first version of Produce whose topics go by id.
const FIRST_WITH_TOPIC_UUID: i16 = 13;

/// The length before a frame, in bytes.
pub(super) const LENGTH_BYTES: usize = 4;

/// The head of a request frame: what it asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The api key.
    pub(super) api: i16,
    /// The version of the API.
    pub(super) version: i16,
    /// What the answer repeats.
    pub(super) correlation: i32,
}

impl Head {
    /// Reads the head of a frame, its length included; all zero where the frame is too short for one.
    pub(super) fn read(frame: &[u8]) -> Self {
        match frame {
            [_, _, _, _, a, b, c, d, e, f, g, h, ..] => Self {
                api: i16::from_be_bytes([*a, *b]),
                version: i16::from_be_bytes([*c, *d]),
                correlation: i32::from_be_bytes([*e, *f, *g, *h]),
            },
            _ => Self::default(),
        }
    }

    /// The API, if it is one that the core knows.
    pub(super) fn key(self) -> Option<ApiKey> {
        ApiKey::from_code(self.api)
    }
}

/// A Produce request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Produce<'a> {
    pub(super) transactional_id: Option<&'a str>,
    pub(super) acks: i16,
    pub(super) batches: Vec<PlacedBatch<'a>>,
}

/// A record batch in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlacedBatch<'a> {
    pub(super) topic: TopicOf<'a>,
    pub(super) partition: i32,
    /// Where in the frame its bytes are.
    pub(super) range: Range<usize>,
}

/// How a request names a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopicOf<'a> {
    Name(&'a str),
    Uuid(TopicUuid),
}

/// A reader behind the header of a request frame, its length included.
pub(super) fn body(frame: &[u8]) -> Result<Reader<'_>, WireError> {
    let mut reader = Reader::new(frame);
    // The length, and the first two fields of the head.
    reader.i32()?;
    let (api, version) = (reader.i16()?, reader.i16()?);
    reader.i32()?;
    // The client id is never compact.
    reader.nullable_string()?;
    let is_flexible = ApiKey::from_code(api).is_some_and(|key| key.is_flexible(version));
    let mut reader = reader.flexible(is_flexible);
    reader.skip_tagged_fields()?;
    Ok(reader)
}

/// Reads a Produce request, given its whole frame.
pub(super) fn read_produce(frame: &[u8]) -> Result<Produce<'_>, WireError> {
    let version = Head::read(frame).version;
    let mut reader = body(frame)?;
    let transactional_id = reader.nullable_string()?;
    let acks = reader.i16()?;
    // The timeout.
    reader.i32()?;
    let mut batches = Vec::new();
    for _ in 0..reader.array_len()? {
        let topic = if version >= FIRST_WITH_TOPIC_UUID {
            TopicOf::Uuid(reader.uuid()?)
        } else {
            TopicOf::Name(reader.string()?)
        };
        for _ in 0..reader.array_len()? {
            let partition = reader.i32()?;
            let length = reader.bytes()?.len();
            batches.push(PlacedBatch {
                topic,
                partition,
                range: reader.at() - length..reader.at(),
            });
            reader.skip_tagged_fields()?;
        }
        reader.skip_tagged_fields()?;
    }
    reader.skip_tagged_fields()?;
    reader.finish()?;
    Ok(Produce {
        transactional_id,
        acks,
        batches,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use odradek::record::{BatchBuilder, Codec, Compressor, ProducerStamp};
    use odradek::wire::RequestHeader;
    use odradek::wire::api::produce::{PartitionData, ProduceRequest, TopicData};
    use odradek::{Header, Record, TopicHandle};

    /// A Produce request of one batch for partition 5 of topic `t`, as the core encodes it.
    pub(in crate::recording) fn produce_frame(version: i16, record: &Record<'_>) -> Vec<u8> {
        let mut builder = BatchBuilder::with_capacity(0);
        builder.append(record);
        let sealed = builder.seal(&mut Compressor::new(Codec::None));
        let stamp = ProducerStamp {
            producer_id: 4000,
            producer_epoch: 2,
            base_sequence: 17,
            transactional: false,
        };
        let header = sealed.header(stamp);
        let partition = PartitionData {
            index: 5,
            records_len: header.len() + sealed.records().len(),
        };
        let topic = TopicData {
            name: "t",
            uuid: TopicUuid([9; 16]),
            partitions: &[partition],
        };
        let request = ProduceRequest {
            transactional_id: None,
            acks: -1,
            timeout_ms: 1000,
            topics: &[topic],
        };
        let (mut frame, mut cuts) = (Vec::new(), Vec::new());
        let header_of_request = RequestHeader {
            version,
            correlation_id: 3,
            client_id: Some("client"),
        };
        request.encode(&mut frame, &mut cuts, &header_of_request);
        let rest = frame.split_off(cuts[0]);
        [frame, header.to_vec(), sealed.records().to_vec(), rest].concat()
    }

    pub(in crate::recording) fn record<'a>(
        key: &'a [u8],
        value: &'a [u8],
        headers: &'a [Header<'a>],
    ) -> Record<'a> {
        Record {
            topic: TopicHandle(0),
            partition: None,
            timestamp: 1_700_000_000_000,
            key: Some(key),
            value: Some(value),
            headers,
        }
    }

    #[test]
    fn every_version_of_produce_is_read() {
        for version in 3..=13 {
            let frame = produce_frame(version, &record(b"key", b"value", &[]));
            let head = Head::read(&frame);
            let expected = Head {
                api: 0,
                version,
                correlation: 3,
            };
            assert_eq!(head, expected);
            let produce = read_produce(&frame).expect("the core's own frame");
            let batch = &produce.batches[0];
            assert_eq!((produce.acks, batch.partition), (-1, 5));
            assert!(frame[batch.range.clone()].ends_with(b"key\nvalue\0"));
            let topic = match version {
                13 => TopicOf::Uuid(TopicUuid([9; 16])),
                _ => TopicOf::Name("t"),
            };
            assert_eq!(batch.topic, topic);
            for cut in 0..frame.len() {
                assert!(read_produce(&frame[..cut]).is_err(), "cut at {cut}");
            }
        }
    }
}
