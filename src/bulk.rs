//! Many records in one call: an index of integers plus one blob, the form in which records cross
//! the boundary of a component.
//!
//! The blob holds, record after record and back to back: the key, the value, then for each header its
//! name and its value. The index says how long each piece is; nothing else delimits them.

use crate::error::SendError;
use crate::ids::{Ticket, TopicHandle};
use crate::record::{Header, Record};

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
///
/// The blob may end early: a record whose bytes are missing is refused, by its size if that does not
/// fit, otherwise as malformed. So whoever has to copy the bytes first can ask about a large record
/// without them.
#[derive(Clone, Copy, Debug)]
pub struct Bulk<'a> {
    /// One entry per record.
    pub records: &'a [BulkRecord],
    /// The headers of all records, in the order of the records.
    pub headers: &'a [BulkHeader],
    /// Keys, values, header names and header values, back to back.
    pub data: &'a [u8],
}

impl<'a> Bulk<'a> {
    /// The first `records` records and the rest, each with its headers and bytes; `None` if there
    /// are not so many, or if the index asks for more than there is.
    pub fn split_at(&self, records: usize) -> Option<(Self, Self)> {
        let (front, back) = self.records.split_at_checked(records)?;
        let (mut headers, mut bytes) = (0usize, 0u64);
        for record in front {
            let (count, size) = record.extent(self.headers.get(headers..)?)?;
            headers = headers.checked_add(count)?;
            bytes = bytes.checked_add(size)?;
        }
        let bytes = usize::try_from(bytes).ok()?;
        let (front_headers, back_headers) = self.headers.split_at_checked(headers)?;
        let (front_data, back_data) = self.data.split_at_checked(bytes)?;
        let part = |records, headers, data| Self {
            records,
            headers,
            data,
        };
        Some((
            part(front, front_headers, front_data),
            part(back, back_headers, back_data),
        ))
    }
}

impl BulkRecord {
    /// How many headers the record has and how many bytes of the blob it takes with them, where
    /// `headers` begins with its own; `None` if there are fewer, or if a length is below -1.
    pub fn extent(&self, headers: &[BulkHeader]) -> Option<(usize, u64)> {
        let count = usize::try_from(self.header_count).ok()?;
        let mut size = piece(self.key_length)? + piece(self.value_length)?;
        for header in headers.get(..count)? {
            size = size.checked_add(u64::from(header.name_length) + piece(header.value_length)?)?;
        }
        Some((count, size))
    }
}

/// The bytes behind a length in the index: -1 stands for null, which takes none.
fn piece(length: i32) -> Option<u64> {
    if length == -1 {
        Some(0)
    } else {
        u64::try_from(length).ok()
    }
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

impl BulkRecord {
    /// The index entry of a record.
    pub(crate) fn describe(record: &Record<'_>) -> Self {
        Self {
            topic: record.topic,
            partition: record.partition.unwrap_or(-1),
            timestamp: record.timestamp,
            key_length: length_or_null(record.key),
            value_length: length_or_null(record.value),
            header_count: u32::try_from(record.headers.len()).unwrap_or(u32::MAX),
        }
    }
}

impl BulkHeader {
    /// The header index entry of a header.
    pub(crate) fn describe(header: &Header<'_>) -> Self {
        Self {
            name_length: u32::try_from(header.name.len()).unwrap_or(u32::MAX),
            value_length: length_or_null(header.value),
        }
    }
}

fn length_or_null(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))
}

/// Cuts records out of a bulk, one after the other.
#[derive(Debug)]
pub(crate) struct BulkReader<'a> {
    headers: &'a [BulkHeader],
    data: &'a [u8],
}

impl<'a> BulkReader<'a> {
    pub(crate) const fn new(headers: &'a [BulkHeader], data: &'a [u8]) -> Self {
        Self { headers, data }
    }

    /// The headers that no record has taken yet.
    pub(crate) const fn headers(&self) -> &'a [BulkHeader] {
        self.headers
    }

    /// The record that an index entry describes. Its headers are collected in `scratch`, which is
    /// reused from record to record. `None` if the index and the blob do not fit together.
    pub(crate) fn next<'s>(
        &mut self,
        entry: &BulkRecord,
        scratch: &'s mut Vec<Header<'a>>,
    ) -> Option<Record<'s>>
    where
        'a: 's,
    {
        let key = self.take_nullable(entry.key_length)?;
        let value = self.take_nullable(entry.value_length)?;
        scratch.clear();
        if entry.header_count > 0 {
            let count = entry.header_count as usize;
            let (headers, rest) = self.headers.split_at_checked(count)?;
            self.headers = rest;
            for header in headers {
                let name = self.take(header.name_length as usize)?;
                let name = core::str::from_utf8(name).ok()?;
                let value = self.take_nullable(header.value_length)?;
                scratch.push(Header { name, value });
            }
        }
        Some(Record {
            topic: entry.topic,
            partition: (entry.partition != -1).then_some(entry.partition),
            timestamp: entry.timestamp,
            key,
            value,
            headers: scratch,
        })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.data.split_at_checked(length)?;
        self.data = rest;
        Some(taken)
    }

    /// The outer `None` means that the blob is too short or the length is senseless.
    #[expect(
        clippy::option_option,
        reason = "null and missing are different things here"
    )]
    fn take_nullable(&mut self, length: i32) -> Option<Option<&'a [u8]>> {
        if length == -1 {
            return Some(None);
        }
        self.take(usize::try_from(length).ok()?).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn record(key_length: i32, value_length: i32, header_count: u32) -> BulkRecord {
        BulkRecord {
            topic: TopicHandle(0),
            partition: -1,
            timestamp: -1,
            key_length,
            value_length,
            header_count,
        }
    }

    #[test]
    fn a_bulk_is_split_with_its_headers_and_bytes() {
        let headers = [
            BulkHeader {
                name_length: 2,
                value_length: -1,
            },
            BulkHeader {
                name_length: 1,
                value_length: 3,
            },
        ];
        let records = [record(1, 2, 1), record(-1, 0, 0), record(-1, 4, 1)];
        let bulk = Bulk {
            records: &records,
            headers: &headers,
            data: b"kvvhhVVVVnxyz",
        };
        let (front, back) = bulk.split_at(2).expect("the index fits");
        assert_eq!((front.headers, front.data), (&headers[..1], &b"kvvhh"[..]));
        assert_eq!((back.records, back.data), (&records[2..], &b"VVVVnxyz"[..]));
        assert!(bulk.split_at(4).is_none());
    }

    #[test]
    fn an_index_that_asks_for_more_than_there_is_cannot_be_split() {
        for records in [[record(-2, 0, 0)], [record(0, 9, 0)], [record(0, 0, 1)]] {
            let bulk = Bulk {
                records: &records,
                headers: &[],
                data: b"12345678",
            };
            assert!(bulk.split_at(1).is_none());
        }
    }
}
