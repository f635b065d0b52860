//! What a consumer has read of a topic that grows.

use crate::progress::Progress;
use odradek_tests_interop::readback::Follower;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// How long one poll of the consumer takes at most.
const POLL: Duration = Duration::from_millis(50);

/// Where each partition has been read to.
#[derive(Debug)]
pub(crate) struct Source {
    ends: Vec<AtomicI64>,
    is_over: AtomicBool,
}

impl Source {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            ends: (0..partitions).map(|_| AtomicI64::new(0)).collect(),
            is_over: AtomicBool::new(false),
        }
    }

    /// A topic that was read to these ends, and does not grow.
    pub(crate) fn at(ends: &[i64]) -> Self {
        Self {
            ends: ends.iter().map(|&end| AtomicI64::new(end)).collect(),
            is_over: AtomicBool::new(true),
        }
    }

    /// The offset behind the last record that was read of each partition.
    pub(crate) fn ends(&self) -> Vec<i64> {
        let ends = self.ends.iter();
        ends.map(|end| end.load(Ordering::Relaxed)).collect()
    }

    /// Nobody needs more records.
    pub(crate) fn is_over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Consumes the topic until nobody needs more.
    pub(crate) fn follow(&self, bootstrap: &str, topic: &str, progress: &Progress) {
        let follower = Follower::new(bootstrap, topic, self.ends.len());
        let follower = follower.unwrap_or_else(|error| panic!("read {topic}: {error}"));
        while !self.is_over.load(Ordering::Relaxed) && !progress.is_abandoned() {
            if let Some((partition, offset)) = follower.next(POLL) {
                self.ends[partition].store(offset + 1, Ordering::Relaxed);
            }
        }
    }
}
