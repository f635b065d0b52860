//! Answers one request frame: the broker's side of the four APIs that a producer needs without
//! transactions.

use super::topics::Topics;
use odradek::TopicUuid;
use odradek::wire::{ApiKey, Reader, VersionRange, WireError, Writer};
use std::net::SocketAddr;

/// The APIs that are answered.
const SERVED: [ApiKey; 4] = [
    ApiKey::Produce,
    ApiKey::Metadata,
    ApiKey::ApiVersions,
    ApiKey::InitProducerId,
];

/// What a frame led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answered {
    /// Batches that were taken.
    pub(super) batches: u64,
    /// Records that their headers count.
    pub(super) records: u64,
}

/// Why a frame was not answered and its connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The bytes are no request.
    Malformed(WireError),
    /// No such API is served.
    UnknownApi(i16),
    /// The version of the API is not served.
    UnknownVersion(ApiKey, i16),
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

/// Reads a request without its length and appends the answer, with its length, to `out`. A Produce
/// request with `acks=0` gets none.
pub(super) fn answer(
    frame: &[u8],
    address: SocketAddr,
    topics: &mut Topics,
    out: &mut Vec<u8>,
) -> Result<Answered, Refusal> {
    let mut reader = Reader::new(frame);
    let (api, version, correlation_id) = (reader.i16()?, reader.i16()?, reader.i32()?);
    let key = ApiKey::from_code(api).ok_or(Refusal::UnknownApi(api))?;
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&correlation_id.to_be_bytes());
    let mut answered = Answered::default();
    if key == ApiKey::ApiVersions {
        api_versions(version, out);
    } else if !key.supported().contains(version) {
        return Err(Refusal::UnknownVersion(key, version));
    } else {
        let flexible = key.is_flexible(version);
        reader.nullable_string()?;
        let mut reader = reader.flexible(flexible);
        reader.skip_tagged_fields()?;
        let mut writer = Writer::new(out, flexible);
        writer.no_tagged_fields();
        match key {
            ApiKey::Metadata => metadata(version, reader, writer, address, topics)?,
            ApiKey::InitProducerId => init_producer_id(writer, topics),
            ApiKey::Produce => {
                let acks;
                (answered, acks) = produce(version, reader, writer, topics)?;
                if acks == 0 {
                    out.truncate(start);
                    return Ok(answered);
                }
            }
            // Answered above, because its answer has a header of its own.
            ApiKey::ApiVersions => {}
            ApiKey::FindCoordinator
            | ApiKey::AddPartitionsToTxn
            | ApiKey::AddOffsetsToTxn
            | ApiKey::EndTxn
            | ApiKey::TxnOffsetCommit => return Err(Refusal::UnknownApi(api)),
        }
    }
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(answered)
}

const UNSUPPORTED_VERSION: i16 = 35;
const UNKNOWN_TOPIC_ID: i16 = 100;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;

/// The only broker's id.
const NODE_ID: i32 = 1;

fn api_versions(version: i16, out: &mut Vec<u8>) {
    let is_supported = ApiKey::ApiVersions.supported().contains(version);
    // A version that is not known is answered in version 0, with the ranges all the same.
    let version = if is_supported { version } else { 0 };
    let mut writer = Writer::new(out, ApiKey::ApiVersions.is_flexible(version));
    writer.i16(if is_supported { 0 } else { UNSUPPORTED_VERSION });
    writer.array_len(SERVED.len());
    for key in SERVED {
        let VersionRange { min, max } = key.supported();
        writer.i16(key.code());
        writer.i16(min);
        writer.i16(max);
        writer.no_tagged_fields();
    }
    if version >= 1 {
        writer.i32(0);
    }
    writer.no_tagged_fields();
}

fn metadata(
    version: i16,
    mut reader: Reader<'_>,
    mut writer: Writer<'_>,
    address: SocketAddr,
    topics: &mut Topics,
) -> Result<(), WireError> {
    writer.i32(0);
    writer.array_len(1);
    writer.i32(NODE_ID);
    writer.string(&address.ip().to_string());
    writer.i32(i32::from(address.port()));
    writer.nullable_string(None);
    writer.no_tagged_fields();
    writer.nullable_string(Some("odradek-sink"));
    writer.i32(NODE_ID);
    let count = reader.nullable_array_len()?.unwrap_or(0);
    writer.array_len(count);
    for _ in 0..count {
        let uuid = if version >= 10 {
            reader.uuid()?
        } else {
            TopicUuid::ZERO
        };
        let name = reader.nullable_string()?;
        reader.skip_tagged_fields()?;
        let topic = match name {
            Some(name) => Some(topics.get_or_create(name)),
            None => topics.by_uuid(uuid),
        };
        writer.i16(if topic.is_some() { 0 } else { UNKNOWN_TOPIC_ID });
        writer.nullable_string(name.or_else(|| topic.as_ref().map(|topic| topic.name())));
        if version >= 10 {
            writer.uuid(topic.as_ref().map_or(uuid, |topic| topic.uuid()));
        }
        writer.bool(false);
        let partitions = topic.map_or(0, |topic| topic.partition_count());
        writer.array_len(partitions as usize);
        for index in 0..partitions {
            metadata_partition(version, index, &mut writer);
        }
        if version >= 8 {
            writer.i32(i32::MIN);
        }
        writer.no_tagged_fields();
    }
    if (8..=10).contains(&version) {
        writer.i32(i32::MIN);
    }
    if version >= 13 {
        writer.i16(0);
    }
    writer.no_tagged_fields();
    Ok(())
}

fn metadata_partition(version: i16, index: i32, writer: &mut Writer<'_>) {
    writer.i16(0);
    writer.i32(index);
    writer.i32(NODE_ID);
    if version >= 7 {
        writer.i32(0);
    }
    for _ in ["replicas", "in-sync replicas"] {
        writer.array_len(1);
        writer.i32(NODE_ID);
    }
    if version >= 5 {
        writer.array_len(0);
    }
    writer.no_tagged_fields();
}

fn init_producer_id(mut writer: Writer<'_>, topics: &mut Topics) {
    writer.i32(0);
    writer.i16(0);
    writer.i64(topics.next_producer_id());
    writer.i16(0);
    writer.no_tagged_fields();
}

/// Answers partition by partition as it reads them, and gives `acks`.
fn produce(
    version: i16,
    mut reader: Reader<'_>,
    mut writer: Writer<'_>,
    topics: &mut Topics,
) -> Result<(Answered, i16), WireError> {
    let mut answered = Answered::default();
    reader.nullable_string()?;
    let acks = reader.i16()?;
    reader.i32()?;
    let topic_count = reader.array_len()?;
    writer.array_len(topic_count);
    for _ in 0..topic_count {
        let mut topic = if version >= 13 {
            let uuid = reader.uuid()?;
            writer.uuid(uuid);
            topics.by_uuid(uuid)
        } else {
            let name = reader.string()?;
            writer.string(name);
            Some(topics.get_or_create(name))
        };
        let partition_count = reader.array_len()?;
        writer.array_len(partition_count);
        for _ in 0..partition_count {
            let index = reader.i32()?;
            let taken = count_records(reader.nullable_bytes()?.unwrap_or_default());
            reader.skip_tagged_fields()?;
            let base_offset = topic
                .as_mut()
                .and_then(|topic| topic.append(index, taken.records));
            answered.batches += taken.batches;
            answered.records += taken.records;
            writer.i32(index);
            writer.i16(if base_offset.is_some() {
                0
            } else {
                UNKNOWN_TOPIC_OR_PARTITION
            });
            writer.i64(base_offset.unwrap_or(-1));
            writer.i64(-1);
            if version >= 5 {
                writer.i64(0);
            }
            if version >= 8 {
                writer.array_len(0);
                writer.nullable_string(None);
            }
            writer.no_tagged_fields();
        }
        reader.skip_tagged_fields()?;
        writer.no_tagged_fields();
    }
    writer.i32(0);
    writer.no_tagged_fields();
    Ok((answered, acks))
}

/// Counts what the headers of record batches say, without a look at the records.
fn count_records(mut batches: &[u8]) -> Answered {
    /// Base offset (8 bytes) and batch length (4 bytes), which counts what follows itself.
    const PREFIX: usize = 12;
    /// Where the record count stands in a batch of format 2.
    const COUNT_AT: usize = 57;
    let field = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        u32::try_from(i32::from_be_bytes(bytes)).ok()
    };
    let mut counted = Answered::default();
    while let Some(count) = field(batches, COUNT_AT) {
        counted.batches += 1;
        counted.records += u64::from(count);
        let length = field(batches, 8).map_or(usize::MAX, |length| PREFIX + length as usize);
        batches = batches.get(length..).unwrap_or_default();
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(count: i32, records: usize) -> Vec<u8> {
        let mut bytes = vec![0; 61 + records];
        let length = (bytes.len() - 12) as i32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        bytes
    }

    #[test]
    fn the_headers_of_all_batches_are_counted() {
        let mut bytes = batch(3, 40);
        bytes.extend(batch(5, 0));
        let expected = Answered {
            batches: 2,
            records: 8,
        };
        assert_eq!(count_records(&bytes), expected);
        assert_eq!(count_records(&bytes[..60]), Answered::default());
        assert_eq!(count_records(&batch(-1, 9)), Answered::default());
    }

    #[test]
    fn garbage_is_refused_whatever_its_length() {
        let mut topics = Topics::new(6);
        let address = SocketAddr::from(([127, 0, 0, 1], 9092));
        let frame: Vec<u8> = [0i16, 13]
            .iter()
            .flat_map(|field| field.to_be_bytes())
            .collect();
        for length in 0..200 {
            let mut bytes = frame.clone();
            bytes.resize(length, 0xff);
            let refused = answer(&bytes, address, &mut topics, &mut Vec::new());
            assert!(refused.is_err(), "{length}");
        }
    }
}
