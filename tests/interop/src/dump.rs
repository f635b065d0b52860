//! The headers of stored batches, as Kafka's own DumpLogSegments prints them.

use crate::kafka::KafkaNode;
use crate::process::Scratch;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// The header of a record batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BatchHeader {
    /// The offset of the first record.
    pub base_offset: i64,
    /// The offset of the last record.
    pub last_offset: i64,
    /// How many records there are.
    pub count: i64,
    /// The sequence number of the first record; -1 without idempotence.
    pub base_sequence: i64,
    /// The sequence number of the last record; -1 without idempotence.
    pub last_sequence: i64,
    /// Who produced it; -1 without idempotence.
    pub producer_id: i64,
    /// The epoch of the producer; -1 without idempotence.
    pub producer_epoch: i64,
    /// Whether it belongs to a transaction.
    pub is_transactional: bool,
    /// Whether it is a marker that a broker wrote.
    pub is_control: bool,
    /// The codec: `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    pub codec: String,
    /// The version of the format.
    pub magic: i64,
    /// The CRC-32C in the header.
    pub crc: i64,
    /// Whether the CRC is that of the contents.
    pub is_valid: bool,
}

/// The batches of each partition in the order of the log.
///
/// # Panics
///
/// If the node lacks a partition or the tool prints what is not understood here.
#[must_use]
pub fn batches(node: &KafkaNode, topic: &str, partitions: i32) -> Vec<Vec<BatchHeader>> {
    let mut owners = BTreeMap::new();
    for (index, partition) in (0..partitions).enumerate() {
        for segment in node.segments(topic, partition) {
            let name = segment
                .to_str()
                .expect("the target folder's name is UTF-8")
                .to_owned();
            owners.insert(name, index);
        }
    }
    let files: Vec<&str> = owners.keys().map(String::as_str).collect();
    let arguments = [node.release().dump_class(), "--files", &files.join(",")];
    let scratch = Scratch::new("dump");
    let finished = node.release().java(&arguments, None, &scratch);

    let mut batches: Vec<Vec<BatchHeader>> = (0..partitions).map(|_| Vec::new()).collect();
    let mut owner = None;
    let output = File::open(&finished.stdout).expect("standard output was captured");
    for line in BufReader::new(output).lines() {
        let line = line.expect("Kafka's tools print text");
        if let Some(file) = line.strip_prefix("Dumping ") {
            owner = owners.get(file).copied();
        } else if line.starts_with("baseOffset: ") {
            let owner = owner.expect("the tool names a file before its batches");
            let header = BatchHeader::parse(&line)
                .unwrap_or_else(|field| panic!("DumpLogSegments printed no {field}: {line}"));
            batches[owner].push(header);
        } else {
            let known = line.is_empty() || line.starts_with("Log starting offset: ");
            assert!(known, "DumpLogSegments printed: {line}");
        }
    }
    batches
}

impl BatchHeader {
    /// Reads a line of `name: value` pairs.
    ///
    /// # Errors
    ///
    /// The name of a field that is missing or has no value of its kind.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let mut fields = BTreeMap::new();
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if let (Some(name), Some(value)) = (word.strip_suffix(':'), words.peek()) {
                fields.insert(name, *value);
            }
        }
        let number = |name| {
            fields
                .get(name)
                .and_then(|value| value.parse().ok())
                .ok_or(name)
        };
        let truth = |name| {
            fields
                .get(name)
                .and_then(|value| value.parse().ok())
                .ok_or(name)
        };
        Ok(Self {
            base_offset: number("baseOffset")?,
            last_offset: number("lastOffset")?,
            count: number("count")?,
            base_sequence: number("baseSequence")?,
            last_sequence: number("lastSequence")?,
            producer_id: number("producerId")?,
            producer_epoch: number("producerEpoch")?,
            is_transactional: truth("isTransactional")?,
            is_control: truth("isControl")?,
            codec: (*fields.get("compresscodec").ok_or("compresscodec")?).to_owned(),
            magic: number("magic")?,
            crc: number("crc")?,
            is_valid: truth("isvalid")?,
        })
    }

    /// Whether this batch follows `before` without a gap or overlap, in offsets and, with a
    /// producer id, in sequence numbers, which count from 2^31 - 1 on to 0.
    #[must_use]
    pub fn follows(&self, before: &Self) -> bool {
        let offsets = self.base_offset == before.last_offset + 1;
        let sequences = self.producer_id < 0
            || self.base_sequence == (before.last_sequence + 1) % (i64::from(i32::MAX) + 1);
        offsets && sequences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "baseOffset: 10 lastOffset: 14 count: 5 baseSequence: 10 \
        lastSequence: 14 producerId: 3 producerEpoch: 0 partitionLeaderEpoch: 0 \
        isTransactional: false isControl: false deleteHorizonMs: OptionalLong.empty \
        position: 0 CreateTime: 1700000000000 size: 99 magic: 2 compresscodec: lz4 \
        crc: 2950592386 isvalid: true";

    #[test]
    fn a_line_of_the_tool_is_understood() {
        let header = BatchHeader::parse(LINE).unwrap();
        assert_eq!(
            (header.base_offset, header.last_offset, header.count),
            (10, 14, 5)
        );
        assert_eq!((header.base_sequence, header.last_sequence), (10, 14));
        assert_eq!(
            (header.producer_id, header.producer_epoch, header.magic),
            (3, 0, 2)
        );
        assert_eq!((header.is_transactional, header.is_control), (false, false));
        assert_eq!((header.codec.as_str(), header.crc), ("lz4", 2_950_592_386));
        assert!(header.is_valid);
    }

    #[test]
    fn a_missing_field_is_named() {
        let line = LINE.replace("producerId", "producer");
        assert_eq!(BatchHeader::parse(&line), Err("producerId"));
    }

    #[test]
    fn gaps_in_offsets_and_sequences_are_seen_and_the_wrap_is_none() {
        let before = BatchHeader::parse(LINE).unwrap();
        let next = |base_offset, base_sequence| BatchHeader {
            base_offset,
            base_sequence,
            ..BatchHeader::parse(LINE).unwrap()
        };
        assert!(next(15, 15).follows(&before));
        assert!(!next(16, 15).follows(&before) && !next(15, 16).follows(&before));
        let last = BatchHeader {
            last_sequence: i64::from(i32::MAX),
            ..before
        };
        assert!(next(15, 0).follows(&last));
    }
}
