//! Many records in one call: an index of integers plus one blob, the form in which records cross
//! the boundary of a component.
//!
//! The blob holds, record after record and back to back: the key, the value, then for each header its
//! name and its value. The index says how long each piece is; nothing else delimits them.

use crate::error::SendError;
use crate::ids::{Ticket, TopicHandle};

/// One record's entry in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkRecord {
    /// The topic, interned.
    pub topic: TopicHandle,
    /// The partition, or -1 to let the partitioner choose.
    pub partition: i32,
    /// Milliseconds since 1970, or -1 for the wall clock time of the call.
    pub timestamp: i64,
    /// Length of the key in bytes, or -1 for none.
    pub key_length: i32,
    /// Length of the value in bytes, or -1 for null.
    pub value_length: i32,
    /// How many entries of the header index belong to this record.
    pub header_count: u32,
}

/// One header's entry in the header index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkHeader {
    /// Length of the name in bytes; the name must be UTF-8.
    pub name_length: u32,
    /// Length of the value in bytes, or -1 for null.
    pub value_length: i32,
}

/// Records in bulk form.
#[derive(Clone, Copy, Debug)]
pub struct Bulk<'a> {
    /// One entry per record.
    pub records: &'a [BulkRecord],
    /// The headers of all records, in the order of the records.
    pub headers: &'a [BulkHeader],
    /// Keys, values, header names and header values, back to back.
    pub data: &'a [u8],
}

/// What became of a bulk: a prefix was accepted, perhaps all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkOutcome {
    /// How many records from the start were accepted.
    pub accepted: u32,
    /// The ticket of the first accepted record; the others follow contiguously.
    pub first_ticket: Ticket,
    /// Why the record after the accepted ones was not; `None` when all were.
    pub refused: Option<BulkError>,
    /// Bytes of `buffer.memory` that are free after the call.
    pub free_bytes: u64,
}

/// Why a record of a bulk was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkError {
    /// The record itself was refused.
    Send(SendError),
    /// The index and the blob do not fit together, or a header name is no UTF-8: the caller's bug.
    Malformed,
}
