//! Records in bulk form on their way to the machine.

use odradek::{Bulk, BulkHeader, BulkRecord, TopicHandle};

/// Records that follow one another, and how many of them have been passed on.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    records: Vec<BulkRecord>,
    headers: Vec<BulkHeader>,
    data: Vec<u8>,
    /// What has been passed on: records, headers, bytes.
    passed: (usize, usize, usize),
}

/// A record as it is staged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) topic: TopicHandle,
    pub(crate) partition: Option<i32>,
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

impl Staged {
    /// Adds a record with its headers.
    pub(crate) fn push<'a>(
        &mut self,
        entry: Entry<'a>,
        headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
    ) {
        let Self {
            records,
            headers: index,
            data,
            ..
        } = self;
        let (key_length, value_length) = (length(entry.key), length(entry.value));
        data.extend_from_slice(entry.key.unwrap_or_default());
        data.extend_from_slice(entry.value.unwrap_or_default());
        let before = index.len();
        for (name, value) in headers {
            index.push(BulkHeader {
                name_length: u32::try_from(name.len()).unwrap_or(u32::MAX),
                value_length: length(value),
            });
            data.extend_from_slice(name.as_bytes());
            data.extend_from_slice(value.unwrap_or_default());
        }
        records.push(BulkRecord {
            topic: entry.topic,
            partition: entry.partition.unwrap_or(-1),
            timestamp: entry.timestamp,
            key_length,
            value_length,
            header_count: (index.len() - before) as u32,
        });
    }

    /// The next record that was not passed on.
    pub(crate) fn first(&self) -> Option<&BulkRecord> {
        self.records.get(self.passed.0)
    }

    /// Up to `limit` records that were not passed on.
    pub(crate) fn rest(&self, limit: usize) -> Bulk<'_> {
        let (record, header, byte) = self.passed;
        let records = &self.records[record..];
        Bulk {
            records: &records[..records.len().min(limit)],
            headers: &self.headers[header..],
            data: &self.data[byte..],
        }
    }

    /// Passes on the next `count` records.
    pub(crate) fn advance(&mut self, count: usize) {
        for _ in 0..count {
            let (record, header, byte) = self.passed;
            let Some(entry) = self.records.get(record) else {
                break;
            };
            let extent = entry.extent(&self.headers[header..]);
            // The index was written here, so it fits.
            let (headers, bytes) = extent.unwrap_or_default();
            self.passed = (record + 1, header + headers, byte + bytes as usize);
        }
        if self.first().is_none() {
            self.records.clear();
            self.headers.clear();
            self.data.clear();
            self.passed = (0, 0, 0);
        }
    }
}

/// What the index says of a piece. The longest is limited by the longest line.
fn length(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))
}
