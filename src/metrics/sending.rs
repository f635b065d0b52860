//! Counted where batches are handed out and answered.

use super::by_topic::ByTopic;
use super::{Histogram, RecordCounts};
use crate::error_code::ErrorCode;
use crate::ids::TopicHandle;
use core::time::Duration;
use std::collections::BTreeMap;

/// How many different error codes are told apart. Kafka has about 130; a peer that makes up others is
/// not to fill the memory with them.
const ERROR_CODES_MAX: usize = 256;

/// A batch that is handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandedOut {
    pub(crate) topic: TopicHandle,
    pub(crate) records: u32,
    /// On the wire, with the batch header.
    pub(crate) bytes: usize,
    /// Its records as they are sent, and as they were before compression.
    pub(crate) compressed: usize,
    pub(crate) uncompressed: usize,
    /// Since its first record was accepted.
    pub(crate) queued: Duration,
}

/// What was handed out, and how often it had to be.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    topics: ByTopic,
    pub(crate) batch_bytes: Histogram,
    pub(crate) queue_time_us: Histogram,
    pub(crate) records_per_request: Histogram,
    /// Records of the request that is being put together.
    in_request: u64,
    pub(crate) record_bytes_max: u64,
    pub(crate) batch_splits: u64,
    pub(crate) refusals: u64,
    errors: BTreeMap<i16, u64>,
}

impl Sending {
    /// A record was put into a batch, where it takes so many bytes.
    pub(crate) const fn on_appended(&mut self, bytes: u64) {
        if bytes > self.record_bytes_max {
            self.record_bytes_max = bytes;
        }
    }

    /// A record was refused because the buffer is full.
    pub(crate) const fn on_refused(&mut self) {
        self.refusals += 1;
    }

    /// A batch goes into the request that is being put together; a retry is counted like a first attempt.
    pub(crate) fn on_batch(&mut self, batch: HandedOut) {
        let HandedOut {
            topic,
            records,
            bytes,
            compressed,
            uncompressed,
            queued,
        } = batch;
        let records = u64::from(records);
        let (bytes, compressed) = (bytes as u64, compressed as u64);
        let counts = self.topics.of(topic);
        counts.sent += records;
        counts.batches_sent += 1;
        counts.bytes_sent += bytes;
        counts.uncompressed_bytes_sent += uncompressed as u64;
        counts.compression_ppm_sum += compressed * 1_000_000 / (uncompressed as u64).max(1);
        self.batch_bytes.record(bytes);
        self.queue_time_us.record(micros(queued));
        self.in_request += records;
    }

    /// The request is complete.
    pub(crate) fn on_request(&mut self) {
        self.records_per_request.record(self.in_request);
        self.in_request = 0;
    }

    /// So many records will be sent again.
    pub(crate) fn on_retry(&mut self, topic: TopicHandle, records: u32) {
        self.topics.of(topic).retried += u64::from(records);
    }

    /// A batch was split because it was too large.
    pub(crate) const fn on_split(&mut self) {
        self.batch_splits += 1;
    }

    /// An answer carries an error code, for one batch or for all of it.
    pub(crate) fn on_error(&mut self, error: ErrorCode) {
        let is_new = !self.errors.contains_key(&error.0);
        let code = if is_new && self.errors.len() >= ERROR_CODES_MAX {
            ErrorCode::UNKNOWN_SERVER_ERROR.0
        } else {
            error.0
        };
        *self.errors.entry(code).or_default() += 1;
    }

    pub(crate) fn of(&self, topic: TopicHandle) -> RecordCounts {
        self.topics.get(topic)
    }

    pub(crate) fn errors(&self) -> Vec<(ErrorCode, u64)> {
        let errors = self.errors.iter();
        errors
            .map(|(code, count)| (ErrorCode(*code), *count))
            .collect()
    }
}

/// Whole microseconds, rounded down.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_a_peer_makes_up_take_bounded_memory() {
        let mut sending = Sending::default();
        for code in 1..=10_000 {
            sending.on_error(ErrorCode(code));
        }
        sending.on_error(ErrorCode(1));
        let errors = sending.errors();
        assert!(errors.len() <= ERROR_CODES_MAX + 1);
        assert_eq!(errors.iter().map(|(_, count)| count).sum::<u64>(), 10_001);
        assert_eq!(errors[0].0, ErrorCode::UNKNOWN_SERVER_ERROR);
        assert_eq!(errors[1], (ErrorCode(1), 2));
    }

    #[test]
    fn splits_are_counted() {
        let mut sending = Sending::default();
        sending.on_split();
        assert_eq!(sending.batch_splits, 1);
    }
}
