//! Records read back out of a batch that this producer encoded, to be put into other batches.

use super::{Header, Record};
use crate::ids::TopicHandle;

/// Reads the records of a batch, in order. What it is given was encoded here, so that nothing is
/// expected to be wrong with it; bytes that are no records end it all the same.
#[derive(Clone, Debug)]
pub(crate) struct RecordReader<'a> {
    rest: &'a [u8],
    topic: TopicHandle,
    base_timestamp: i64,
}

impl<'a> RecordReader<'a> {
    /// A reader of records that are not compressed.
    pub(crate) const fn new(records: &'a [u8], topic: TopicHandle, base_timestamp: i64) -> Self {
        Self {
            rest: records,
            topic,
            base_timestamp,
        }
    }

    /// The next record and the bytes that it takes; `scratch` holds its headers. `None` at the end.
    pub(crate) fn next<'s>(
        &mut self,
        scratch: &'s mut Vec<Header<'a>>,
    ) -> Option<(Record<'s>, usize)>
    where
        'a: 's,
    {
        let before = self.rest.len();
        let mut rest = self.rest;
        let mut body = take_nullable(&mut rest)??;
        // Attributes have no meaning; the offset follows from the position.
        take(&mut body, 1)?;
        let timestamp_delta = take_signed(&mut body)?;
        take_signed(&mut body)?;
        let key = take_nullable(&mut body)?;
        let value = take_nullable(&mut body)?;
        scratch.clear();
        for _ in 0..take_signed(&mut body)? {
            let name = core::str::from_utf8(take_nullable(&mut body)??).ok()?;
            let value = take_nullable(&mut body)?;
            scratch.push(Header { name, value });
        }
        self.rest = rest;
        let record = Record {
            topic: self.topic,
            partition: None,
            timestamp: self.base_timestamp.wrapping_add(timestamp_delta),
            key,
            value,
            headers: scratch,
        };
        Some((record, before - rest.len()))
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

/// A length and so many bytes; -1 is null.
fn take_nullable<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let len = take_signed(bytes)?;
    if len == -1 {
        return Some(None);
    }
    let len = usize::try_from(len).ok()?;
    take(bytes, len).map(Some)
}

fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BatchBuilder, Codec, Compressor};

    #[test]
    fn records_come_back_as_they_went_in() {
        let headers = [
            Header {
                name: "n",
                value: Some(b"v"),
            },
            Header {
                name: "n",
                value: None,
            },
            Header {
                name: "",
                value: Some(b""),
            },
        ];
        let record = |timestamp, key, value, headers| Record {
            topic: TopicHandle(3),
            partition: None,
            timestamp,
            key,
            value,
            headers,
        };
        let long = [7; 3000];
        let records = [
            record(1000, Some(&b"key"[..]), Some(&b"value"[..]), &headers[..]),
            record(0, None, None, &[]),
            record(i64::MAX, Some(b""), Some(b""), &headers[1..2]),
            record(1001, None, Some(&long), &[]),
        ];
        for codec in [
            Codec::None,
            Codec::Gzip,
            Codec::Snappy,
            Codec::Lz4,
            Codec::Zstd,
        ] {
            let mut batch = BatchBuilder::with_capacity(0);
            let mut sizes = Vec::new();
            for record in &records {
                let before = batch.len();
                batch.append(record);
                sizes.push(batch.len() - before);
            }
            let sealed = batch.seal(&mut Compressor::new(codec));
            let bytes = sealed.decompressed().expect("own records");
            let mut reader = RecordReader::new(&bytes, TopicHandle(3), sealed.base_timestamp());
            for (expected, size) in records.iter().zip(sizes) {
                let mut scratch = Vec::new();
                let (record, taken) = reader.next(&mut scratch).expect("a record");
                assert_eq!(format!("{record:?}"), format!("{expected:?}"));
                assert_eq!(taken, size);
            }
            assert!(reader.next(&mut Vec::new()).is_none());
        }
    }

    #[test]
    fn records_that_are_cut_off_end_the_reading() {
        let mut batch = BatchBuilder::with_capacity(0);
        batch.append(&Record {
            topic: TopicHandle(0),
            partition: None,
            timestamp: 5,
            key: Some(b"key"),
            value: Some(b"value"),
            headers: &[],
        });
        let sealed = batch.seal(&mut Compressor::new(Codec::None));
        for cut in 0..sealed.records().len() {
            let mut reader = RecordReader::new(&sealed.records()[..cut], TopicHandle(0), 5);
            assert!(reader.next(&mut Vec::new()).is_none(), "cut at {cut}");
        }
    }
}
