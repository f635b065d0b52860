//! Records in the flat form in which the machine takes them, and who waits for each.

use crate::batch::Batch;
use crate::record::Record;
use odradek::{BulkHeader, BulkRecord, TopicHandle};
use std::sync::Arc;

/// What a record costs besides its bytes: its entry in the index, as in wasm's memory.
pub(crate) const RECORD_BYTES: u64 = 32;
/// What a header costs besides its bytes.
pub(crate) const HEADER_BYTES: u64 = 8;
/// How many staged bytes wake a driver that waits for more records to come.
const FULL_BYTES: usize = 64 << 10;
/// The same in records, for tiny ones.
pub(super) const FULL_RECORDS: usize = 1024;
/// Buffers that grew beyond this for a large record are given back.
const KEPT_BYTES: usize = 4 << 20;

/// Records in flat form, and who waits for them.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) records: Vec<BulkRecord>,
    pub(crate) headers: Vec<BulkHeader>,
    pub(crate) data: Vec<u8>,
    /// Who waits, in the order of the records.
    pub(crate) owners: Vec<Run>,
    /// The delivery slots of the records that were sent one by one, in order.
    pub(crate) slots: Vec<u32>,
    /// How much room the records have taken from the semaphore.
    pub(crate) credits: u64,
}

/// Neighbouring records with the same owner.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) count: usize,
    pub(crate) owner: Owner,
}

/// Who waits for records.
#[derive(Debug)]
pub(crate) enum Owner {
    /// One delivery each.
    Singles,
    /// One delivery for all.
    Batch {
        /// The batch of [`Producer::send_batch`](crate::Producer::send_batch).
        batch: Arc<Batch>,
        /// The position in the batch of the run's first record.
        first: u32,
    },
}

impl Staged {
    /// Forgets the records and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.headers.clear();
        self.data.clear();
        self.data.shrink_to(KEPT_BYTES);
        self.owners.clear();
        self.slots.clear();
        self.credits = 0;
    }

    pub(super) fn is_full(&self) -> bool {
        self.data.len() >= FULL_BYTES || self.records.len() >= FULL_RECORDS
    }

    pub(super) fn append(&mut self, topic: u32, staged: &ToStage<'_, '_>) {
        let record = staged.record;
        self.records.push(BulkRecord {
            topic: TopicHandle(topic),
            partition: staged.partition.unwrap_or(-1),
            timestamp: record.timestamp.unwrap_or(staged.wall),
            key_length: length(record.key),
            value_length: length(record.value),
            header_count: record.headers.len() as u32,
        });
        for piece in [record.key, record.value].into_iter().flatten() {
            self.data.extend_from_slice(piece);
        }
        for header in record.headers.iter() {
            self.headers.push(BulkHeader {
                name_length: header.name.len() as u32,
                value_length: length(header.value),
            });
            self.data.extend_from_slice(header.name.as_bytes());
            self.data.extend_from_slice(header.value.unwrap_or(&[]));
        }
    }
}

/// A record, and what is not its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToStage<'a, 'r> {
    pub(super) record: &'a Record<'r>,
    /// The partition that the record names or was given; `None` leaves it to the machine.
    partition: Option<i32>,
    /// Its timestamp in ms since 1970 if it has none.
    wall: i64,
    /// How much room it has taken from the semaphore.
    pub(super) credits: u64,
}

impl<'a, 'r> ToStage<'a, 'r> {
    pub(crate) const fn new(
        record: &'a Record<'r>,
        partition: Option<i32>,
        wall: i64,
        credits: u64,
    ) -> Self {
        Self {
            record,
            partition,
            wall,
            credits,
        }
    }
}

/// A length as the index has it. The caller has checked that the record is smaller than 2 GiB.
fn length(piece: Option<&[u8]>) -> i32 {
    piece.map_or(-1, |bytes| bytes.len() as i32)
}

/// What a record takes of the room in the buffer while it is staged.
pub(crate) fn cost(record: &Record<'_>) -> u64 {
    record.bytes() as u64 + RECORD_BYTES + HEADER_BYTES * record.headers.len() as u64
}
