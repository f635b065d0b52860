//! What the handles, the deliveries and the driver of one producer share.

use crate::deliveries::Deliveries;
use crate::metrics::{Metrics, Waiting};
use crate::notice::Notice;
use crate::partitioner::Partitioner;
use crate::partitions::Known;
use crate::staging::{STAGED_BYTES, Staging};
use crate::stats::Counters;
use odradek::{Failures, TransactionState};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What the handles, the deliveries and the driver of one producer share.
pub(crate) struct Shared {
    staging: Mutex<Staging>,
    /// Room for staged records, in bytes. Senders take from it, first come first served; the driver
    /// adds to it what the machine has free.
    pub(crate) room: Semaphore,
    pub(crate) deliveries: Deliveries,
    pub(crate) counters: Counters,
    pub(crate) waiting: Waiting,
    failures: Mutex<Failures>,
    pub(crate) partitions: Known,
    /// The application's partitioner, if it has one.
    pub(crate) partitioner: Option<Box<dyn Partitioner>>,
    /// What the machine had counted when it was closed.
    last_metrics: Mutex<Option<Metrics>>,
    pub(crate) limits: Limits,
    /// `transactional.id`.
    pub(crate) transactional_id: Option<Arc<str>>,
    hook: Hook,
}

/// The hook of [`Builder::on_notice`](crate::Builder::on_notice).
pub(crate) struct Hook(pub(crate) Box<dyn Fn(&Notice) + Send + Sync>);

impl Default for Hook {
    fn default() -> Self {
        Self(Box::new(Notice::log))
    }
}

/// The settings that the host itself keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// `max.block.ms`.
    pub(crate) max_block: Duration,
    /// The bytes of `buffer.memory` that are free at the start.
    pub(crate) buffer: u64,
    /// How long records may wait for company between two calls of the machine.
    pub(crate) gather: Duration,
}

impl Limits {
    /// How many bytes may be staged at most.
    pub(crate) fn staged(&self) -> u64 {
        self.buffer.min(STAGED_BYTES)
    }
}

impl Shared {
    pub(crate) fn new(
        limits: Limits,
        transactional_id: Option<Arc<str>>,
        hook: Hook,
        partitioner: Option<Box<dyn Partitioner>>,
    ) -> Self {
        let mut staging = Staging::default();
        let state = TransactionState::Uninitialized;
        staging.set_transaction(transactional_id.as_ref().map(|_| state));
        Self {
            staging: Mutex::new(staging),
            // All of it is free at the start: the first sender need not wait for the driver.
            room: Semaphore::new(limits.staged() as usize),
            deliveries: Deliveries::default(),
            counters: Counters::default(),
            waiting: Waiting::default(),
            failures: Mutex::default(),
            partitions: Known::default(),
            partitioner,
            last_metrics: Mutex::default(),
            limits,
            transactional_id,
            hook,
        }
    }

    pub(crate) fn staging(&self) -> MutexGuard<'_, Staging> {
        self.staging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keep_metrics(&self, metrics: Option<Metrics>) {
        *self.last_metrics() = metrics;
    }

    /// What the machine had counted when it was closed; `None` before, and where it was lost.
    pub(crate) fn last_metrics(&self) -> MutexGuard<'_, Option<Metrics>> {
        self.last_metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the application's hook.
    pub(crate) fn notify(&self, notice: &Notice) {
        (self.hook.0)(notice);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("limits", &self.limits)
            .field("stats", &self.counters.read())
            .finish_non_exhaustive()
    }
}
