//! What senders wait for in the host, where the machine cannot see it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counters that all senders share.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    senders: AtomicU64,
    room_nanos: AtomicU64,
    exhausted: AtomicU64,
    flush_nanos: AtomicU64,
}

/// Their values at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    /// Senders that wait for room at present.
    pub(crate) senders: u64,
    /// How long senders have waited for room, in ns.
    pub(crate) room_nanos: u64,
    /// Senders that got no room within `max.block.ms`.
    pub(crate) exhausted: u64,
    /// How long flushes have taken, in ns.
    pub(crate) flush_nanos: u64,
}

/// A sender that waits for room; its time counts when it is dropped, for whatever reason.
#[derive(Debug)]
pub(crate) struct RoomWait<'a> {
    waiting: &'a Waiting,
    since: Instant,
}

impl Waiting {
    /// A sender begins to wait for room.
    pub(crate) fn for_room(&self) -> RoomWait<'_> {
        self.senders.fetch_add(1, Ordering::Relaxed);
        RoomWait {
            waiting: self,
            since: Instant::now(),
        }
    }

    /// A sender got no room in time.
    pub(crate) fn on_exhausted(&self) {
        self.exhausted.fetch_add(1, Ordering::Relaxed);
    }

    /// A flush took so long.
    pub(crate) fn on_flushed(&self, after: Duration) {
        self.flush_nanos
            .fetch_add(after.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Waits {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Waits {
            senders: read(&self.senders),
            room_nanos: read(&self.room_nanos),
            exhausted: read(&self.exhausted),
            flush_nanos: read(&self.flush_nanos),
        }
    }
}

impl RoomWait<'_> {
    /// How long the sender has waited.
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for RoomWait<'_> {
    fn drop(&mut self) {
        self.waiting.senders.fetch_sub(1, Ordering::Relaxed);
        let nanos = self.since.elapsed().as_nanos() as u64;
        self.waiting.room_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}
