//! What is to be sent at which pace, and how far that is.

use odradek::ErrorCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How often records are sent.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// How long a producer may take to settle everything once the cluster is whole: more than the default
/// `delivery.timeout.ms`.
pub(crate) const SETTLE_LIMIT: Duration = Duration::from_secs(180);

/// How long an eighth of the records may take to be sent.
const PROGRESS_LIMIT: Duration = Duration::from_secs(120);

/// What one producer does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) topic: String,
    /// Kafka's properties, `bootstrap.servers` among them.
    pub(crate) properties: Vec<(String, String)>,
    /// How many records are sent.
    pub(crate) count: u64,
    /// How long that takes at a steady pace.
    pub(crate) lasting: Duration,
    /// Partitions are asked for below this number.
    pub(crate) partitions: i32,
    /// Why connections failed or were lost.
    pub(crate) failures: Arc<Mutex<Vec<String>>>,
    /// What the producer counted, told at its end.
    pub(crate) counted: OnceLock<Counted>,
}

/// What a producer counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// Batches that were split.
    pub(crate) splits: u64,
    /// Errors that brokers answered, and how often.
    pub(crate) errors: Vec<(ErrorCode, u64)>,
}

/// How far a producer is. A quarter of the records is kept back until the fault is over, so that the
/// recovery is seen under load.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: AtomicU64,
    is_over: AtomicBool,
    is_abandoned: AtomicBool,
}

impl Progress {
    /// Waits until so many eighths of the records have been sent.
    ///
    /// # Panics
    ///
    /// If they are not in time.
    pub(crate) fn await_eighths(&self, plan: &Plan, eighths: u64) {
        let start = Instant::now();
        while self.sent.load(Ordering::Relaxed) < plan.count * eighths / 8 {
            assert!(start.elapsed() < PROGRESS_LIMIT, "{self:?}");
            thread::sleep(TICK);
        }
    }

    /// Lets the rest of the records go.
    pub(crate) fn fault_is_over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Ends the producer: the scenario has failed.
    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }
}

/// Says when the next records are due.
#[derive(Debug)]
pub(crate) struct Pacer<'a> {
    plan: &'a Plan,
    progress: &'a Progress,
    sent: u64,
    started: Instant,
    /// How many records were sent when the pace began.
    from: u64,
}

impl<'a> Pacer<'a> {
    pub(crate) fn new(plan: &'a Plan, progress: &'a Progress) -> Self {
        Self {
            plan,
            progress,
            sent: 0,
            started: Instant::now(),
            from: 0,
        }
    }

    /// The numbers of the records that are due; none once all are sent.
    pub(crate) fn due(&mut self) -> Option<std::ops::Range<u64>> {
        self.progress.sent.store(self.sent, Ordering::Relaxed);
        let Plan { count, lasting, .. } = *self.plan;
        if self.sent == count || self.progress.is_abandoned() {
            return None;
        }
        let kept = count * 3 / 4;
        if self.sent == kept && !self.progress.is_over.load(Ordering::Relaxed) {
            (self.started, self.from) = (Instant::now(), kept);
            return Some(kept..kept);
        }
        let limit = if self.sent < kept { kept } else { count };
        let passed = self.started.elapsed().as_millis() as u64 * count / lasting.as_millis() as u64;
        let first = self.sent;
        self.sent = (self.from + passed).clamp(first, limit);
        Some(first..self.sent)
    }
}
