//! What the producer has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the producer has done so far. The numbers are read one after the other while the driver goes
/// on, so they may be a step apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls of the machine: through the component, each crosses its boundary.
    pub machine_calls: u64,
    /// The calls among them that offered records.
    pub send_calls: u64,
    /// Records that the machine accepted.
    pub records_accepted: u64,
    /// Records that the machine refused for good.
    pub records_refused: u64,
    /// Accepted records that have been reported.
    pub records_reported: u64,
    /// Reports: each stands for one batch, or for records that never reached one.
    pub reports: u64,
    /// Bytes that were offered to the machine: blob and index.
    pub bytes_offered: u64,
    /// Bytes that the transports have taken.
    pub bytes_transmitted: u64,
    /// Bytes that have arrived.
    pub bytes_received: u64,
    /// Connections that were opened or tried.
    pub connections: u64,
    /// Bytes of `buffer.memory` that were free after the latest call.
    pub free_bytes: u64,
    /// Bytes of the component's linear memory after the latest call: the peak, for it never shrinks.
    /// 0 natively.
    pub linear_memory_bytes: u64,
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// The numbers of [`Stats`], written by the driver alone.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters!(
    machine_calls,
    send_calls,
    records_accepted,
    records_refused,
    records_reported,
    reports,
    bytes_offered,
    bytes_transmitted,
    bytes_received,
    connections,
    free_bytes,
    linear_memory_bytes
);

/// A number with one writer.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}
