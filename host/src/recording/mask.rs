//! What a masked recording leaves out, and what it keeps.
//!
//! Left out are keys, values and header values: their lengths stay, their bytes are zero. Kept are topics,
//! names of headers, timestamps, partitions, and what goes with the offsets of a consumer group.
//!
//! - **In bulks** the bytes are not written ([`header_names`] says which ones are).
//! - **In requests** they are not written anyway: of a frame the recording has a checksum. It is computed
//!   over the frame as it is with payloads and batches' checksums zero ([`clear_payloads`]), so that the
//!   replay, whose payloads *are* zero, can be compared. That is why compression has to be off: the length
//!   of a compressed batch depends on its content.
//! - **In answers** of brokers nothing of ours comes back, with one exception: brokers may say in their own
//!   words why they refuse a batch (KIP-467), and a broker's plug-in may quote the record there. Letters of
//!   these messages are replaced on their way in ([`ResponseMask`]) and in reports ([`hide_text`]), by the
//!   same rule.
//! - **The partition of a key** follows from its hash, which a masked key does not have any more. To keep the
//!   hash would give short keys away altogether and let others be guessed. So the key's partition is chosen
//!   before the machine sees the record, by the machine's own function ([`key_partitioner`]), and the record
//!   names it: that is what the machine was really asked, and what the recording has. A masked session
//!   differs from any other in this alone: records with a key wait for their topic's metadata before they
//!   reach the machine, not inside.

use super::request::{LENGTH_BYTES, read_produce};
use crate::partitioner::Partitioner;
use crate::partitions::Partitions;
use crate::record::Record;
use odradek::config::Partitioning;
use odradek::{BulkHeader, BulkRecord, partition_of_key};
use std::ops::Range;

/// Chooses for records with a key as the machine would.
pub(super) fn key_partitioner(partitioning: Partitioning) -> impl Partitioner + 'static {
    move |record: &Record<'_>, partitions: &Partitions| {
        partition_of_key(partitioning, record.key, partitions.count())
    }
}

/// Where in the bytes of a bulk the names of headers are, as far as `length` bytes go.
pub(super) fn header_names(
    records: &[BulkRecord],
    headers: &[BulkHeader],
    length: usize,
) -> Vec<Range<usize>> {
    let (mut names, mut headers) = (Vec::new(), headers.iter());
    let mut at = 0u64;
    let size = |length: i32| u64::try_from(length).unwrap_or(0);
    for record in records {
        at += size(record.key_length) + size(record.value_length);
        for header in headers.by_ref().take(record.header_count as usize) {
            let end = at + u64::from(header.name_length);
            if end > length as u64 {
                return names;
            }
            names.push(at as usize..end as usize);
            at = end + size(header.value_length);
        }
    }
    names
}

/// The bytes of a batch's header, and where in it the checksum is.
const BATCH_HEADER_BYTES: usize = odradek::record::BATCH_HEADER_BYTES;
const BATCH_CHECKSUM: Range<usize> = 17..21;

/// Sets keys, values, header values and the checksums of batches in a request frame to zero. Frames of
/// other APIs than Produce stay as they are, and so does whatever cannot be read.
pub(super) fn clear_payloads(frame: &mut [u8]) {
    if super::request::Head::read(frame).api != 0 {
        return;
    }
    let Ok(produce) = read_produce(frame) else {
        return;
    };
    let ranges: Vec<Range<usize>> = produce.batches.into_iter().map(|it| it.range).collect();
    for range in ranges {
        let Some((header, records)) = frame[range].split_at_mut_checked(BATCH_HEADER_BYTES) else {
            continue;
        };
        header[BATCH_CHECKSUM].fill(0);
        let mut cursor = Records {
            bytes: records,
            at: 0,
        };
        while cursor.clear_record().is_some() {}
    }
}

/// The records of a batch that is not compressed.
struct Records<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Records<'_> {
    /// Clears the next record; `None` at the end, or where there is none.
    fn clear_record(&mut self) -> Option<()> {
        self.varint()?;
        // The attributes.
        self.skip(1)?;
        // The differences of timestamp and offset.
        self.varint()?;
        self.varint()?;
        self.clear_nullable()?;
        self.clear_nullable()?;
        for _ in 0..self.varint()? {
            let name = self.varint()?;
            self.skip(usize::try_from(name).ok()?)?;
            self.clear_nullable()?;
        }
        Some(())
    }

    fn varint(&mut self) -> Option<i64> {
        let mut fields = super::fields::Fields::new(self.bytes.get(self.at..)?);
        let value = fields.signed()?;
        self.at = self.bytes.len() - fields.rest().len();
        Some(value)
    }

    fn skip(&mut self, count: usize) -> Option<Range<usize>> {
        let end = self.at.checked_add(count)?;
        if end > self.bytes.len() {
            return None;
        }
        let start = std::mem::replace(&mut self.at, end);
        Some(start..end)
    }

    fn clear_nullable(&mut self) -> Option<()> {
        let length = self.varint()?;
        if length >= 0 {
            let range = self.skip(usize::try_from(length).ok()?)?;
            self.bytes[range].fill(0);
        }
        Some(())
    }
}

/// Replaces every character of a text, so that it takes as many bytes as before, one by one: whether the
/// text is UTF-8, and where it may be cut, does not change. (Forms that are too long for their character
/// are no UTF-8 and become some; no broker sends them.)
pub(super) fn hide_text(text: &mut [u8]) {
    for byte in text {
        *byte = match *byte {
            0..=0x7f => b'x',
            0x80..=0xbf => 0x80,
            0xc2..=0xdf => 0xc3,
            0xe0..=0xef => 0xe3,
            0xf0..=0xf4 => 0xf1,
            // Never part of UTF-8.
            0xc0 | 0xc1 | 0xf5..=0xff => *byte,
        };
    }
}

/// The same for a string.
pub(super) fn hidden(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    hide_text(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where in a piece of a frame of a Produce response, its length included, the broker's own words are.
/// The frame may end anywhere: a range may reach beyond its end.
pub(super) fn messages(frame: &[u8], version: i16) -> Vec<Range<usize>> {
    let mut walk = Walk {
        frame,
        at: LENGTH_BYTES,
        is_flexible: version >= 9,
        found: Vec::new(),
    };
    // Where the frame ends early, what was found until then is all there is.
    let _ = walk.response(version);
    walk.found
}

/// Goes through a response whose end may not have arrived.
struct Walk<'a> {
    frame: &'a [u8],
    at: usize,
    is_flexible: bool,
    found: Vec<Range<usize>>,
}

impl Walk<'_> {
    fn response(&mut self, version: i16) -> Option<()> {
        self.skip(4)?;
        self.tagged_fields()?;
        for _ in 0..self.length(4)?.unwrap_or(0) {
            if version >= 13 {
                self.skip(16)?;
            } else {
                let name = self.length(2)?.unwrap_or(0);
                self.skip(name)?;
            }
            for _ in 0..self.length(4)?.unwrap_or(0) {
                // Index, error code, base offset, append time, log start offset.
                self.skip(4 + 2 + 8 + 8 + 8)?;
                for _ in 0..self.length(4)?.unwrap_or(0) {
                    self.skip(4)?;
                    self.message()?;
                    self.tagged_fields()?;
                }
                self.message()?;
                self.tagged_fields()?;
            }
            self.tagged_fields()?;
        }
        Some(())
    }

    fn message(&mut self) -> Option<()> {
        let length = self.length(2)?.unwrap_or(0);
        let end = self.at.checked_add(length)?;
        self.found.push(self.at..end);
        self.skip(length)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= self.frame.len()).then_some(())
    }

    /// A length of `width` bytes, or in compact form; the inner `None` is null.
    #[expect(
        clippy::option_option,
        reason = "null and missing are different things"
    )]
    fn length(&mut self, width: usize) -> Option<Option<usize>> {
        if self.is_flexible {
            return Some(usize::try_from(self.varint()?).ok()?.checked_sub(1));
        }
        let start = self.at;
        self.skip(width)?;
        let bytes = &self.frame[start..self.at];
        let is_null = bytes[0] & 0x80 != 0;
        let fold = |value: usize, byte: &u8| value << 8 | usize::from(*byte);
        Some((!is_null).then(|| bytes.iter().fold(0, fold)))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut fields = super::fields::Fields::new(self.frame.get(self.at..)?);
        let value = fields.number()?;
        self.at = self.frame.len() - fields.rest().len();
        Some(value)
    }

    fn tagged_fields(&mut self) -> Option<()> {
        if !self.is_flexible {
            return Some(());
        }
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = usize::try_from(self.varint()?).ok()?;
            self.skip(length)?;
        }
        Some(())
    }
}
