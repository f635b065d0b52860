//! The batch while it is open, and the batch once its records are sealed.

use super::Record;
use super::codec::{Codec, Compressor};
use super::crc;
use super::encode::{body_size, full_size, put_record};
use super::header::{BATCH_HEADER_BYTES, CRC_COVERS_FROM, ProducerStamp, render};
use bytes::Bytes;

/// Exact size in bytes of a batch that holds this record alone, uncompressed, its header included.
///
/// What `max.request.size` is compared with: as the first of a batch a record has deltas of zero.
/// Appended later to a batch, it can be up to 14 bytes larger, for longer deltas.
pub fn first_record_size(record: &Record<'_>) -> u64 {
    BATCH_HEADER_BYTES as u64 + full_size(body_size(record, 0, 0))
}

/// An open batch: records encoded back to back, nothing else.
///
/// The caller keeps a batch below 2 GiB, the largest that the format can express, by asking for
/// [`encoded_size`](Self::encoded_size) first.
#[derive(Debug)]
pub struct BatchBuilder {
    records: Vec<u8>,
    /// Asked for by the caller; the capacity that the allocator gave may differ by platform and is
    /// therefore no basis for accounting.
    capacity: usize,
    count: u32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl BatchBuilder {
    /// An empty batch with room for `bytes` bytes of records (the batch header needs none of it).
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            records: Vec::with_capacity(bytes),
            capacity: bytes,
            count: 0,
            base_timestamp: 0,
            max_timestamp: 0,
        }
    }

    /// Exact number of bytes by which [`append`](Self::append) of this record would make the batch
    /// longer.
    pub fn encoded_size(&self, record: &Record<'_>) -> u64 {
        full_size(body_size(
            record,
            self.timestamp_delta(record),
            i64::from(self.count),
        ))
    }

    /// Adds a record at the end. Its topic and partition are not part of the format.
    ///
    /// Allocates only if the room asked for is used up.
    pub fn append(&mut self, record: &Record<'_>) {
        // A batch is never that long.
        let _ = self.append_within(record, usize::MAX);
    }

    /// Adds a record at the end, if all records then take at most `limit` bytes, and says whether it
    /// did. Spares the second sizing of [`encoded_size`](Self::encoded_size) and then
    /// [`append`](Self::append).
    #[must_use = "a record that did not fit is not in the batch"]
    pub fn append_within(&mut self, record: &Record<'_>, limit: usize) -> bool {
        let timestamp_delta = self.timestamp_delta(record);
        let offset_delta = i64::from(self.count);
        let body = body_size(record, timestamp_delta, offset_delta);
        if self.records.len() as u64 + full_size(body) > limit as u64 {
            return false;
        }
        put_record(
            &mut self.records,
            record,
            body,
            timestamp_delta,
            offset_delta,
        );
        if self.count == 0 {
            self.base_timestamp = record.timestamp;
            self.max_timestamp = record.timestamp;
        }
        // Records may be out of order, so the last timestamp need not be the largest.
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        self.count += 1;
        true
    }

    /// Makes room for `bytes` bytes of records in all; never less than before.
    pub fn grow(&mut self, bytes: usize) {
        if bytes > self.capacity {
            self.records
                .reserve_exact(bytes.saturating_sub(self.records.len()));
            self.capacity = bytes;
        }
    }

    /// Number of records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of encoded records, without the batch header.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the batch holds no record.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of room that [`with_capacity`](Self::with_capacity) and [`grow`](Self::grow) asked for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Ends the batch: its records are compressed, unless that would not make them smaller, and never
    /// change again.
    pub fn seal(self, compressor: &mut Compressor) -> SealedBatch {
        let uncompressed_len = self.records.len();
        let (codec, records, held_bytes) = match compressor.compress(&self.records) {
            Some(compressed) => {
                let len = compressed.len();
                (compressor.codec(), compressed, len)
            }
            None => {
                let (records, held_bytes) = Self::trim(self.records, self.capacity);
                (Codec::None, records, held_bytes)
            }
        };
        SealedBatch {
            records: Bytes::from(records),
            codec,
            count: self.count,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            uncompressed_len,
            held_bytes,
        }
    }

    /// Gives unused room back where it is worth a copy: a batch that left early may be far below the
    /// room it was given, and it may stay in memory for minutes. Returns the room that is left.
    fn trim(mut records: Vec<u8>, capacity: usize) -> (Vec<u8>, usize) {
        let len = records.len();
        if len > capacity / 2 {
            return (records, capacity);
        }
        records.shrink_to_fit();
        (records, len)
    }

    /// Of the first record in a batch the delta is zero. Records may be out of order, so it may be
    /// negative.
    fn timestamp_delta(&self, record: &Record<'_>) -> i64 {
        if self.count == 0 {
            0
        } else {
            record.timestamp.wrapping_sub(self.base_timestamp)
        }
    }
}

/// A batch whose records are final.
///
/// The records are shared memory that is never written again: a retry, or another producer identity,
/// only renders another header in front of them, so the transport may still be reading an earlier
/// attempt (KAFKA-19012).
#[derive(Clone, Debug)]
pub struct SealedBatch {
    records: Bytes,
    codec: Codec,
    count: u32,
    base_timestamp: i64,
    max_timestamp: i64,
    uncompressed_len: usize,
    held_bytes: usize,
}

impl SealedBatch {
    /// Bytes of the batch on the wire: header and records.
    pub fn encoded_len(&self) -> usize {
        BATCH_HEADER_BYTES + self.records.len()
    }

    /// Everything after the header, compressed or not.
    pub fn records(&self) -> &Bytes {
        &self.records
    }

    /// The records as they were before compression, to be put into other batches; `None` if they
    /// cannot be read back, which own ones always can.
    pub(crate) fn decompressed(&self) -> Option<Bytes> {
        if self.codec == Codec::None {
            return Some(self.records.clone());
        }
        let records = self
            .codec
            .decompress(&self.records, self.uncompressed_len)?;
        Some(Bytes::from(records))
    }

    /// Number of records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How the records are compressed. `Codec::None` where compression did not pay.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Bytes of the records before compression, without the header.
    pub fn uncompressed_len(&self) -> usize {
        self.uncompressed_len
    }

    /// Bytes of memory that the records hold, by the machine's own count: their length, or the room
    /// that was asked for where they nearly fill it.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Timestamp of the first record, in ms since 1970.
    pub fn base_timestamp(&self) -> i64 {
        self.base_timestamp
    }

    /// Largest timestamp of any record, in ms since 1970.
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// The batch header for one producer identity, to be sent right before
    /// [`records`](Self::records).
    pub fn header(&self, stamp: ProducerStamp) -> [u8; BATCH_HEADER_BYTES] {
        let mut header = render(self, stamp);
        let crc = crc::append(crc::append(0, &header[CRC_COVERS_FROM..]), &self.records);
        header[17..21].copy_from_slice(&crc.to_be_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::{BatchBuilder, Record};
    use crate::ids::TopicHandle;

    fn record(timestamp: i64) -> Record<'static> {
        Record {
            topic: TopicHandle(0),
            partition: None,
            timestamp,
            key: Some(b"key"),
            value: Some(b"a value of some length"),
            headers: &[],
        }
    }

    #[test]
    fn records_within_the_room_asked_for_do_not_move_the_batch() {
        let mut batch = BatchBuilder::with_capacity(10);
        batch.grow(4_096);
        batch.grow(5);
        assert_eq!(batch.capacity(), 4_096);
        assert!(batch.is_empty());
        let (memory, capacity) = (batch.records.as_ptr(), batch.records.capacity());
        while batch.append_within(&record(9), 4_096) {}
        assert!(batch.count() > 100);
        assert!(batch.len() as u64 + batch.encoded_size(&record(9)) > 4_096);
        assert_eq!(
            (batch.records.as_ptr(), batch.records.capacity()),
            (memory, capacity)
        );
    }

    #[test]
    fn a_record_fits_up_to_the_limit_and_not_beyond() {
        let mut batch = BatchBuilder::with_capacity(64);
        batch.append(&record(9));
        let limit = batch.len() + batch.encoded_size(&record(7)) as usize;
        let before = batch.records.clone();
        assert!(!batch.append_within(&record(7), limit - 1));
        assert_eq!((batch.count(), &batch.records), (1, &before));
        assert!(batch.append_within(&record(7), limit));
        assert_eq!((batch.count(), batch.len()), (2, limit));
    }

    #[test]
    fn growing_keeps_the_records() {
        let mut batch = BatchBuilder::with_capacity(64);
        batch.append(&record(9));
        let before = batch.records.clone();
        batch.grow(4_096);
        assert_eq!(batch.records, before);
        assert!(batch.records.capacity() >= 4_096);
    }

    /// No clock gives such timestamps; the arithmetic survives them all the same.
    #[test]
    fn extreme_timestamps_keep_sizes_exact() {
        let mut batch = BatchBuilder::with_capacity(0);
        for timestamp in [i64::MIN, i64::MAX, 0, -1, i64::MIN + 1] {
            let (before, announced) = (batch.len(), batch.encoded_size(&record(timestamp)));
            batch.append(&record(timestamp));
            assert_eq!((batch.len() - before) as u64, announced);
        }
    }
}
