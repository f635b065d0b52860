//! The log of one partition, with a real broker's rules about sequences; batches are decoded with an
//! outside codec.

use crate::decoders::decompress;
use bytes::Bytes;
use kafka_protocol::records::{Compression, RecordBatchDecoder};
use odradek::ErrorCode;
use std::collections::{BTreeMap, VecDeque};

/// How many batches of a producer a broker remembers.
const REMEMBERED_BATCHES: usize = 5;

/// The header that carries a record's number through the cluster.
pub(crate) const NUMBER_HEADER: &str = "number";

/// A record as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogRecord {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) timestamp: i64,
    /// What the world numbered it with.
    pub(crate) number: Option<u64>,
}

/// A batch as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedBatch {
    pub(crate) raw: Bytes,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) is_compressed: bool,
    pub(crate) is_transactional: bool,
    pub(crate) records: Vec<LogRecord>,
}

/// What a broker does with a producer id that it knows nothing of and a sequence that is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownProducer {
    /// Takes it, as brokers before KIP-890 do.
    Accept,
    /// Answers this error.
    Refuse(ErrorCode),
}

#[derive(Clone, Debug, Default)]
struct ProducerState {
    epoch: i16,
    /// First sequence, last sequence and base offset of the last batches.
    batches: VecDeque<(i32, i32, i64)>,
}

/// The log of one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionLog {
    pub(crate) records: Vec<LogRecord>,
    pub(crate) batches: Vec<ReceivedBatch>,
    producers: BTreeMap<i64, ProducerState>,
}

impl ReceivedBatch {
    /// Checks the checksum and decodes every record.
    pub(crate) fn decode(raw: Bytes) -> Self {
        let info = RecordBatchDecoder::decode_batch_info(&mut raw.clone()).expect("a batch header");
        assert_eq!(info.len(), 1, "one batch per partition and request");
        let info = &info[0];
        let decompress = |records: &mut Bytes, compression: Compression| {
            Ok(Bytes::from(decompress(records, compression)))
        };
        let mut rest = raw.clone();
        let set = RecordBatchDecoder::decode_with_custom_compression(&mut rest, Some(decompress))
            .expect("a batch with a right checksum");
        assert!(rest.is_empty() && !set.records.is_empty());
        let records = set.records.iter().map(|record| {
            let number = record
                .headers
                .get(NUMBER_HEADER.as_bytes())
                .and_then(Option::as_ref);
            LogRecord {
                key: record.key.as_ref().map(|key| key.to_vec()),
                value: record.value.as_ref().map(|value| value.to_vec()),
                timestamp: record.timestamp,
                number: number.map(|b| u64::from_be_bytes(b[..].try_into().expect("8 bytes"))),
            }
        });
        Self {
            records: records.collect(),
            producer_id: info.producer_id,
            producer_epoch: info.producer_epoch,
            base_sequence: info.base_sequence,
            is_compressed: info.compression != Compression::None,
            is_transactional: info.transactional,
            raw,
        }
    }

    fn last_sequence(&self) -> i32 {
        let last = i64::from(self.base_sequence) + self.records.len() as i64 - 1;
        (last & 0x7fff_ffff) as i32
    }
}

impl PartitionLog {
    /// The numbers of all records, in the order of the log.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.records.iter().filter_map(|r| r.number).collect()
    }

    /// Appends a batch or says why not. A duplicate of a remembered batch gets its old offset.
    pub(crate) fn append(
        &mut self,
        batch: &ReceivedBatch,
        unknown: UnknownProducer,
    ) -> Result<i64, ErrorCode> {
        let offset = self.records.len() as i64;
        if batch.producer_id >= 0 {
            assert!(batch.base_sequence >= 0, "brokers refuse the batch");
            if let Some(old) = self.check_sequence(batch, unknown)? {
                return Ok(old);
            }
            let state = self.producers.entry(batch.producer_id).or_default();
            if state.epoch != batch.producer_epoch {
                state.epoch = batch.producer_epoch;
                state.batches.clear();
            }
            state
                .batches
                .push_back((batch.base_sequence, batch.last_sequence(), offset));
            if state.batches.len() > REMEMBERED_BATCHES {
                state.batches.pop_front();
            }
        }
        self.records.extend(batch.records.iter().cloned());
        self.batches.push(batch.clone());
        Ok(offset)
    }

    /// `Some` with the offset when the batch is in the log already.
    fn check_sequence(
        &self,
        batch: &ReceivedBatch,
        unknown: UnknownProducer,
    ) -> Result<Option<i64>, ErrorCode> {
        let Some(state) = self.producers.get(&batch.producer_id) else {
            return match unknown {
                UnknownProducer::Refuse(error) if batch.base_sequence != 0 => Err(error),
                UnknownProducer::Accept | UnknownProducer::Refuse(_) => Ok(None),
            };
        };
        if batch.producer_epoch < state.epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        if batch.producer_epoch > state.epoch {
            return if batch.base_sequence == 0 {
                Ok(None)
            } else {
                Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
            };
        }
        let same =
            |old: &&(i32, i32, i64)| (old.0, old.1) == (batch.base_sequence, batch.last_sequence());
        if let Some(old) = state.batches.iter().find(same) {
            return Ok(Some(old.2));
        }
        let last = state.batches.back().map_or(-1, |(_, last, _)| *last);
        if batch.base_sequence == (last.wrapping_add(1) & 0x7fff_ffff) {
            Ok(None)
        } else {
            Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
        }
    }

    /// Forgets what producers wrote, as a broker does after a truncation or an expiry.
    pub(crate) fn forget_producers(&mut self) {
        self.producers.clear();
    }
}
