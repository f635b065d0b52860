//! How far a scenario is: the producers go on until the faults are over, the faults until the producers
//! have sent what they were to send.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often somebody who waits looks again.
const LOOK: Duration = Duration::from_millis(20);

/// Shared by all threads of a scenario.
#[derive(Debug)]
pub(crate) struct Progress {
    /// How many producers have not sent yet what they were to send.
    busy: AtomicU32,
    is_over: AtomicBool,
    is_abandoned: AtomicBool,
}

impl Progress {
    pub(crate) fn of(producers: u32) -> Self {
        Self {
            busy: AtomicU32::new(producers),
            is_over: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
        }
    }

    /// A producer has sent what it was to send, and goes on.
    pub(crate) fn is_done(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether some producer has not sent yet what it was to send.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0 && !self.is_abandoned()
    }

    /// No fault comes any more.
    pub(crate) fn faults_are_over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn are_faults_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Waits until all have sent what they were to send.
    ///
    /// # Panics
    ///
    /// If that takes longer than `limit`.
    pub(crate) fn await_done(&self, limit: Duration) {
        let start = Instant::now();
        while self.is_busy() {
            assert!(start.elapsed() < limit, "{self:?}");
            thread::sleep(LOOK);
        }
    }

    /// Ends all producers if the thread that holds the result panics.
    pub(crate) fn guard(&self) -> Guard<'_> {
        Guard(self)
    }
}

/// Abandons the scenario when it is dropped in a panic.
#[derive(Debug)]
pub(crate) struct Guard<'a>(&'a Progress);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.is_abandoned.store(true, Ordering::Relaxed);
        }
    }
}
