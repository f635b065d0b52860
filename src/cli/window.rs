//! The bound on what is kept between the input and the reports, counted in permits.

use crate::cli::input::InputRecord;
use crate::cli::kept::Keep;

/// How many permits there are: as much memory again as the machine may take.
pub fn window_size(buffer_memory: u64) -> u32 {
    let permits = u32::try_from(buffer_memory / PERMIT_BYTES).unwrap_or(u32::MAX);
    permits.clamp(1, u32::MAX / 2)
}

/// What records on their way take.
pub fn permits(keep: Keep, records: &[InputRecord]) -> u32 {
    let bytes: u64 = match keep {
        Keep::Nothing => ENTRY_BYTES + RECORD_BYTES * records.len() as u64,
        Keep::Line => {
            let topics = records.iter().flat_map(|record| &record.topic);
            let topics: u64 = topics.map(|topic| topic.len() as u64).sum();
            ENTRY_BYTES + RECORD_BYTES * records.len() as u64 + topics
        }
        Keep::Record => ENTRY_BYTES + records.iter().map(InputRecord::held_bytes).sum::<u64>(),
    };
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX)
}

/// What a record takes that was not taken, or a line without one: so many bytes are held of it.
pub fn permits_of_bytes(bytes: u64) -> u32 {
    let permits = (ENTRY_BYTES + RECORD_BYTES).div_ceil(PERMIT_BYTES) + bytes / PERMIT_BYTES;
    u32::try_from(permits).unwrap_or(u32::MAX)
}

/// How many bytes one permit of the window stands for.
const PERMIT_BYTES: u64 = 1024;
/// What an entry takes whatever it holds.
const ENTRY_BYTES: u64 = 512;
/// What a record's verdict takes at most when nothing of the record is kept.
const RECORD_BYTES: u64 = 72;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_paid_for() {
        let record = InputRecord {
            topic: Some("t".repeat(2048)),
            value: Some(vec![b'x'; 10 * 1024]),
            ..InputRecord::default()
        };
        let records = [record];
        assert_eq!(permits(Keep::Nothing, &records), 1);
        assert_eq!(permits(Keep::Line, &records), 3);
        assert_eq!(permits(Keep::Record, &records), 13);
        assert_eq!(permits_of_bytes(0), 1);
        assert_eq!(permits_of_bytes(10 * 1024), 11);
    }

    #[test]
    fn the_window_has_at_least_one_permit() {
        assert_eq!(window_size(0), 1);
        assert_eq!(window_size(32 * 1024 * 1024), 32 * 1024);
        assert_eq!(window_size(u64::MAX), u32::MAX / 2);
    }
}
