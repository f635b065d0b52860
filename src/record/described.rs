//! The size of a record of which only the lengths are known.

use super::BATCH_HEADER_BYTES;
use super::encode::full_size;
use crate::bulk::{BulkHeader, BulkRecord};
use crate::wire::varint::signed_size;

/// What [`first_record_size`](super::first_record_size) says of a record in bulk form, told from its
/// index entries alone, where `headers` begins with its own; `None` if there are fewer, or if a length
/// is senseless.
pub(crate) fn first_described_size(record: &BulkRecord, headers: &[BulkHeader]) -> Option<u64> {
    let (count, bytes) = record.extent(headers)?;
    let prefix = |length: i64| signed_size(length) as u64;
    // Attributes and two deltas of zero take a byte each.
    let mut body = bytes + 3 + prefix(i64::from(record.header_count));
    body += prefix(i64::from(record.key_length)) + prefix(i64::from(record.value_length));
    for header in &headers[..count] {
        body += prefix(i64::from(header.name_length)) + prefix(i64::from(header.value_length));
    }
    Some(BATCH_HEADER_BYTES as u64 + full_size(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TopicHandle;
    use crate::record::{Header, Record, first_record_size};

    #[test]
    fn a_size_told_from_lengths_is_the_size_told_from_bytes() {
        for length in [0, 1, 63, 64, 8191, 8192, 1_048_576] {
            let bytes = vec![b'x'; length];
            let name = core::str::from_utf8(&bytes).expect("ASCII");
            let headers = [
                Header { name, value: None },
                Header {
                    name: "n",
                    value: Some(&bytes),
                },
            ];
            let record = Record {
                topic: TopicHandle(0),
                partition: None,
                timestamp: 7,
                key: (length > 1).then_some(&bytes[..]),
                value: (length > 0).then_some(&bytes[..]),
                headers: &headers,
            };
            let described = headers.each_ref().map(BulkHeader::describe);
            assert_eq!(
                first_described_size(&BulkRecord::describe(&record), &described),
                Some(first_record_size(&record))
            );
        }
    }
}
