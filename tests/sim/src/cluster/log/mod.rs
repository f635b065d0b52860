//! The log of one partition: what a consumer can read, and what the partition remembers of producers.

mod producers;
mod reuse;

pub(crate) use producers::Vouched;

use super::batch::{Batch, Header, sequence_after};
use bytes::Bytes;
use odradek::ErrorCode;
use producers::Producers;
use reuse::Sequences;

/// How a transaction ended, as the control batch at its end says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// What lies before it counts.
    Commit,
    /// What lies before it does not.
    Abort,
}

/// A record as it lies in the log, or a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeRecord {
    /// Its place in the log.
    pub offset: i64,
    /// Its key, if it has one.
    pub key: Option<Bytes>,
    /// Its value, if it is not null.
    pub value: Option<Bytes>,
    /// Its headers. Of headers with the same key the decoder keeps the last.
    pub headers: Vec<Header>,
    /// Milliseconds since 1970: the producer's, or the broker's with log append time.
    pub timestamp: i64,
    /// Who wrote it; -1 without idempotence.
    pub producer_id: i64,
    /// The epoch of the producer; -1 without idempotence.
    pub producer_epoch: i16,
    /// Its sequence; -1 without idempotence and for markers.
    pub sequence: i32,
    /// Whether it belongs to a transaction.
    pub is_transactional: bool,
    /// What it says about a transaction, if it is a marker and no record.
    pub control: Option<Marker>,
    /// Where the batch begins that it came in.
    pub base_offset: i64,
}

/// An aborted transaction in this log: its records lie between the two offsets.
#[derive(Clone, Copy, Debug)]
struct Aborted {
    producer_id: i64,
    first: i64,
    marker: i64,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) offset: i64,
    /// What is told as log append time.
    pub(crate) time: i64,
}

/// The log of one partition.
#[derive(Clone, Debug, Default)]
pub struct FakeLog {
    entries: Vec<FakeRecord>,
    start: i64,
    aborted: Vec<Aborted>,
    pub(crate) producers: Producers,
    sequences: Sequences,
}

impl FakeLog {
    /// Everything that was ever appended, markers and what retention deleted included.
    pub fn entries(&self) -> &[FakeRecord] {
        &self.entries
    }

    /// What a consumer with `isolation.level=read_uncommitted` reads: every record, no markers.
    pub fn all(&self) -> impl Iterator<Item = &FakeRecord> {
        let is_there = |entry: &&FakeRecord| entry.offset >= self.start && entry.control.is_none();
        self.entries.iter().filter(is_there)
    }

    /// What a consumer with `isolation.level=read_committed` reads: up to the last stable offset,
    /// without the records of aborted transactions.
    pub fn read_committed(&self) -> impl Iterator<Item = &FakeRecord> {
        let stable = self.last_stable_offset();
        self.all()
            .take_while(move |entry| entry.offset < stable)
            .filter(|entry| !self.is_aborted(entry))
    }

    /// Whether an entry belongs to a transaction that was aborted.
    pub fn is_aborted(&self, entry: &FakeRecord) -> bool {
        entry.is_transactional
            && self.aborted.iter().any(|aborted| {
                aborted.producer_id == entry.producer_id
                    && (aborted.first..aborted.marker).contains(&entry.offset)
            })
    }

    /// The offset that the next record gets.
    pub fn end(&self) -> i64 {
        self.entries.len() as i64
    }

    /// The first offset that retention left.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// Everything before this offset is decided: the first record of the first open transaction, or
    /// the end.
    pub fn last_stable_offset(&self) -> i64 {
        self.producers.first_open().unwrap_or_else(|| self.end())
    }

    /// Appends a batch, or finds it in the log, or says why not. `time` is the broker's clock, if its
    /// time counts and not the producer's.
    pub(crate) fn append(
        &mut self,
        batch: &Batch,
        vouched: Vouched,
        time: Option<i64>,
    ) -> Result<Appended, ErrorCode> {
        if batch.producer_id >= 0 {
            if let Some(old) = self.producers.duplicate(batch) {
                // The largest timestamp of the stored batch, whoever gave it.
                return Ok(Appended {
                    offset: old.offset,
                    time: old.max_timestamp,
                });
            }
            self.producers.check(batch, vouched)?;
        }
        let offset = self.end();
        for (position, record) in batch.records.iter().enumerate() {
            let sequence = match batch.base_sequence {
                ..0 => -1,
                base => sequence_after(base, position),
            };
            self.entries.push(FakeRecord {
                offset: offset + position as i64,
                key: record.key.clone(),
                value: record.value.clone(),
                headers: record.headers.clone(),
                timestamp: time.unwrap_or(record.timestamp),
                producer_id: batch.producer_id,
                producer_epoch: batch.producer_epoch,
                sequence,
                is_transactional: batch.is_transactional,
                control: None,
                base_offset: offset,
            });
        }
        if batch.producer_id >= 0 {
            let max_timestamp = time.unwrap_or(batch.max_timestamp);
            self.producers.appended(batch, offset, max_timestamp);
            self.sequences.appended(batch, offset);
        }
        let time = time.unwrap_or(-1);
        Ok(Appended { offset, time })
    }

    /// Says whether a sequence that is in the log under the same identity now carries another record: the
    /// broker would take it for a duplicate, and lose it.
    pub(crate) fn reuses_a_sequence(&self, batch: &Batch) -> bool {
        let reused = self.sequences.find(batch);
        reused.into_iter().any(|(offset, record)| {
            let stored = &self.entries[offset as usize];
            (&stored.key, &stored.value, &stored.headers)
                != (&record.key, &record.value, &record.headers)
        })
    }

    /// Writes the marker at the end of a transaction.
    pub(crate) fn mark(&mut self, producer_id: i64, epoch: i16, marker: Marker, time: i64) {
        let offset = self.end();
        let first = self.producers.marked(producer_id, epoch);
        if let (Some(first), Marker::Abort) = (first, marker) {
            self.aborted.push(Aborted {
                producer_id,
                first,
                marker: offset,
            });
        }
        self.entries.push(FakeRecord {
            offset,
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp: time,
            producer_id,
            producer_epoch: epoch,
            sequence: -1,
            is_transactional: true,
            control: Some(marker),
            base_offset: offset,
        });
    }

    /// Deletes everything before an offset, as retention does.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.start = self.start.max(offset.min(self.last_stable_offset()));
    }

    /// Makes the broker forget its idle producers.
    pub(crate) fn forget_producers(&mut self) {
        self.producers.forget();
        // Nothing will be taken for a duplicate of what is forgotten: a producer may start again at 0.
        self.sequences = Sequences::default();
    }
}
