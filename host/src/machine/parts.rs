//! How a bulk is cut into calls, so that no call carries more than the component has room for.

use odradek::{Bulk, BulkHeader};

/// How many bytes of records one call carries at most, which bounds its time and its copy. A larger
/// record travels alone, if that much is free.
const PART_BYTES_MAX: u64 = 1 << 20;

/// How many bytes of records one call may carry although less is free, or one record of up to
/// [`PART_BYTES_MAX`]: the sandbox has that room to spare, and the machine decides better about a
/// record that it sees.
const PART_BYTES_MIN: u64 = 64 << 10;

/// What the next call carries.
pub(super) enum Part<'a> {
    /// The records at the front with all their bytes, and the rest of the bulk.
    Front(Bulk<'a>, Bulk<'a>),
    /// The first record without its bytes: it is larger than what is free, or its bytes are not there.
    SizeOnly(Bulk<'a>),
}

/// Cuts the front off a bulk, given how many bytes of `buffer.memory` are free.
pub(super) fn next_part<'a>(bulk: &Bulk<'a>, free_bytes: u64) -> Part<'a> {
    let room = free_bytes.clamp(PART_BYTES_MIN, PART_BYTES_MAX);
    let (mut count, mut headers) = (0, 0);
    let (mut data, mut weight) = (0u64, 0u64);
    for record in bulk.records {
        let Some((own, size)) = record.extent(&bulk.headers[headers..]) else {
            break;
        };
        // The index is copied, too.
        let index = size_of_val(record) + own * size_of::<BulkHeader>();
        data = data.saturating_add(size);
        weight = weight.saturating_add(size).saturating_add(index as u64);
        let alone = count == 0 && weight <= free_bytes.max(PART_BYTES_MAX);
        if data > bulk.data.len() as u64 || (weight > room && !alone) {
            break;
        }
        count += 1;
        headers += own;
    }
    match bulk.split_at(count) {
        Some((front, rest)) if count > 0 || bulk.records.is_empty() => Part::Front(front, rest),
        Some(_) | None => Part::SizeOnly(size_only(bulk)),
    }
}

/// The first record's entries of both indexes and no bytes.
fn size_only<'a>(bulk: &Bulk<'a>) -> Bulk<'a> {
    let records = &bulk.records[..bulk.records.len().min(1)];
    let own = records.first().map_or(0, |record| record.header_count);
    let own = usize::try_from(own).unwrap_or(usize::MAX);
    Bulk {
        records,
        headers: &bulk.headers[..bulk.headers.len().min(own)],
        data: &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odradek::{BulkRecord, TopicHandle};

    const PLENTY: u64 = 32 << 20;

    fn records(value_lengths: &[i32]) -> Vec<BulkRecord> {
        let entry = |&value_length| BulkRecord {
            topic: TopicHandle(0),
            partition: -1,
            timestamp: -1,
            key_length: -1,
            value_length,
            header_count: 0,
        };
        value_lengths.iter().map(entry).collect()
    }

    /// How many records the next call carries with their bytes; `None` for a size alone.
    fn front(value_lengths: &[i32], data: usize, free_bytes: u64) -> Option<usize> {
        let records = records(value_lengths);
        let data = vec![0; data];
        let bulk = Bulk {
            records: &records,
            headers: &[],
            data: &data,
        };
        match next_part(&bulk, free_bytes) {
            Part::Front(front, rest) => {
                assert_eq!(front.records.len() + rest.records.len(), records.len());
                assert_eq!(front.data.len() + rest.data.len(), data.len());
                Some(front.records.len())
            }
            Part::SizeOnly(bulk) => {
                assert_eq!((bulk.records.len(), bulk.data.len()), (1, 0));
                None
            }
        }
    }

    #[test]
    fn a_call_carries_at_most_a_mebibyte_or_one_larger_record() {
        assert_eq!(front(&[500_000; 4], 2_000_000, PLENTY), Some(2));
        assert_eq!(front(&[3_000_000, 1], 3_000_001, PLENTY), Some(1));
        assert_eq!(front(&[0; 100_000], 0, PLENTY), Some(32_768));
        assert_eq!(front(&[], 0, PLENTY), Some(0));
    }

    #[test]
    fn a_call_carries_no_more_than_is_free() {
        assert_eq!(front(&[100_000; 4], 400_000, 250_000), Some(2));
        assert_eq!(front(&[100_000; 2], 200_000, 99_999), Some(1));
        assert_eq!(front(&[2_000_000], 2_000_000, 1_999_999), None);
        assert_eq!(front(&[100; 2], 200, 0), Some(2));
    }

    #[test]
    fn records_before_one_without_its_bytes_are_carried() {
        assert_eq!(front(&[10, 10, 10], 25, PLENTY), Some(2));
        assert_eq!(front(&[10], 5, PLENTY), None);
        assert_eq!(front(&[5, -2], 5, PLENTY), Some(1));
        assert_eq!(front(&[-2], 5, PLENTY), None);
    }
}
