//! A record batch as it arrives at a broker: decoded with the `kafka-protocol` crate, and checked for
//! everything that a correct producer never writes.

use super::payload::decompress;
use bytes::Bytes;
use kafka_protocol::records::{Compression, RecordBatchDecoder};
use odradek::ErrorCode;

/// The header of a batch of format 2.
const HEADER_BYTES: usize = 61;

/// The bits of the attributes that a producer may set: compression and "transactional".
const PRODUCER_ATTRIBUTES: i16 = 0b1_0111;

/// A header of a record: its key, and its value if it is not null.
pub type Header = (String, Option<Bytes>);

/// A record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BatchRecord {
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Vec<Header>,
    pub(crate) timestamp: i64,
}

/// A batch with a right checksum, decoded.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) bytes: usize,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) is_transactional: bool,
    pub(crate) max_timestamp: i64,
    pub(crate) records: Vec<BatchRecord>,
}

/// Why a batch cannot be taken, whoever sent it.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) error: ErrorCode,
    pub(crate) what: String,
}

/// The fields of the header that the decoder keeps to itself.
struct HeaderFields {
    length: i32,
    magic: u8,
    attributes: i16,
    last_offset_delta: i32,
    first_timestamp: i64,
    max_timestamp: i64,
}

impl HeaderFields {
    fn read(raw: &[u8]) -> Option<Self> {
        Some(Self {
            length: i32::from_be_bytes(*raw.get(8..)?.first_chunk()?),
            magic: *raw.get(16)?,
            attributes: i16::from_be_bytes(*raw.get(21..)?.first_chunk()?),
            last_offset_delta: i32::from_be_bytes(*raw.get(23..)?.first_chunk()?),
            first_timestamp: i64::from_be_bytes(*raw.get(27..)?.first_chunk()?),
            max_timestamp: i64::from_be_bytes(*raw.get(35..)?.first_chunk()?),
        })
    }
}

fn corrupt(what: impl Into<String>) -> Malformed {
    Malformed {
        error: ErrorCode::CORRUPT_MESSAGE,
        what: what.into(),
    }
}

fn invalid(what: impl Into<String>) -> Malformed {
    Malformed {
        error: ErrorCode::INVALID_RECORD,
        what: what.into(),
    }
}

/// The sequence that is `steps` behind another: after 2^31 - 1 comes 0.
pub(crate) fn sequence_after(sequence: i32, steps: usize) -> i32 {
    let sum = i64::from(sequence) + steps as i64;
    (sum & 0x7fff_ffff) as i32
}

impl Batch {
    /// Decodes the only batch of a partition's data.
    pub(crate) fn decode(raw: &Bytes, version: i16) -> Result<Self, Malformed> {
        let fields = HeaderFields::read(raw)
            .filter(|_| raw.len() >= HEADER_BYTES)
            .ok_or_else(|| corrupt(format!("a batch of {} bytes", raw.len())))?;
        if fields.length as usize + 12 != raw.len() {
            return Err(invalid("not exactly one batch for a partition"));
        }
        if fields.magic != 2 {
            return Err(invalid(format!("magic {}", fields.magic)));
        }
        let info = RecordBatchDecoder::decode_batch_info(&mut raw.clone())
            .map_err(|error| corrupt(error.to_string()))?;
        let [info] = &info[..] else {
            return Err(invalid("not exactly one batch for a partition"));
        };
        if info.record_count as usize > raw.len() && info.compression == Compression::None {
            return Err(corrupt(format!("{} records", info.record_count)));
        }
        if info.compression == Compression::Zstd && version < 7 {
            return Err(Malformed {
                error: ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
                what: format!("zstd in Produce v{version}"),
            });
        }
        let decompress = |bytes: &mut Bytes, compression| {
            let plain = decompress(bytes, compression).map_err(std::io::Error::other)?;
            Ok(Bytes::from(plain))
        };
        let set =
            RecordBatchDecoder::decode_with_custom_compression(&mut raw.clone(), Some(decompress))
                .map_err(|error| corrupt(error.to_string()))?;
        let records: Vec<BatchRecord> = set
            .records
            .iter()
            .map(|record| BatchRecord {
                key: record.key.clone(),
                value: record.value.clone(),
                headers: record
                    .headers
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.clone()))
                    .collect(),
                timestamp: record.timestamp,
            })
            .collect();
        let offsets = set.records.iter().map(|record| record.offset);
        let batch = Self {
            bytes: raw.len(),
            producer_id: info.producer_id,
            producer_epoch: info.producer_epoch,
            base_sequence: info.base_sequence,
            is_transactional: info.transactional,
            max_timestamp: fields.max_timestamp,
            records,
        };
        batch.check(&fields, info.min_offset, offsets)?;
        Ok(batch)
    }

    fn check(
        &self,
        fields: &HeaderFields,
        base_offset: i64,
        offsets: impl Iterator<Item = i64>,
    ) -> Result<(), Malformed> {
        let (Some(first), Some(max)) = (
            self.records.first().map(|record| record.timestamp),
            self.records.iter().map(|record| record.timestamp).max(),
        ) else {
            return Err(invalid("a batch without records"));
        };
        if base_offset != 0 {
            return Err(invalid(format!("base offset {base_offset}")));
        }
        if !offsets.eq(0..self.records.len() as i64)
            || fields.last_offset_delta as usize + 1 != self.records.len()
        {
            return Err(invalid("offsets that are not 0, 1, 2 …"));
        }
        if (fields.first_timestamp, fields.max_timestamp) != (first, max) {
            return Err(invalid("timestamps of the header are not the records'"));
        }
        if fields.attributes & !PRODUCER_ATTRIBUTES != 0 {
            return Err(invalid(format!("attributes {:#b}", fields.attributes)));
        }
        if self.producer_id >= 0 && self.base_sequence < 0 {
            return Err(invalid("a producer id without a sequence"));
        }
        Ok(())
    }

    pub(crate) fn last_sequence(&self) -> i32 {
        sequence_after(self.base_sequence, self.records.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::sequence_after;

    #[test]
    fn after_the_last_sequence_comes_0() {
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 1, 3), 1);
        assert_eq!(sequence_after(7, 0), 7);
    }
}
