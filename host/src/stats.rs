//! What the producer has done so far, in numbers, and which connections failed.

use crate::machine::MachineLost;
use odradek::ConnectionFailure;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many addresses are remembered as failing.
const REMEMBERED: usize = 64;

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

/// An address, or a name without one, that failed: its latest failure and how often it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAddress {
    /// The latest failure.
    pub latest: ConnectionFailure,
    /// How many times connections to it failed or were lost.
    pub failures: u64,
}

/// The addresses that failed, each once, in order of their first failure; the oldest are forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(VecDeque<FailedAddress>);

impl Failures {
    pub(crate) fn add(&mut self, failure: ConnectionFailure) {
        let same = |known: &&mut FailedAddress| {
            let known = &known.latest;
            known.address == failure.address
                && known.port == failure.port
                && known.host == failure.host
        };
        if let Some(known) = self.0.iter_mut().find(same) {
            known.latest = failure;
            known.failures += 1;
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(FailedAddress {
            latest: failure,
            failures: 1,
        });
    }

    pub(crate) fn list(&self) -> Vec<FailedAddress> {
        self.0.iter().cloned().collect()
    }
}

/// Something worth a line in a log, told to the hook of
/// [`Builder::on_notice`](crate::Builder::on_notice).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A connection could not be made, or was lost. The producer tries again by itself.
    ConnectionFailed(ConnectionFailure),
    /// The producer has failed for good.
    Failed(odradek::FatalError),
    /// The machine is gone; with what is known of it. [`Failed`](Self::Failed) follows.
    MachineLost(MachineLost),
    /// The last handle was dropped without [`Producer::close`](crate::Producer::close). The producer
    /// closes in the background; what it has not sent when the process ends is lost.
    DroppedUnclosed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use odradek::DisconnectReason;
    use std::time::Duration;

    #[test]
    fn each_address_is_listed_once_with_its_latest_failure() {
        let failure = |port, reason| ConnectionFailure {
            host: "kafka".to_owned(),
            port,
            address: None,
            reason,
            after: Duration::ZERO,
            was_ready: false,
        };
        let mut failures = Failures::default();
        failures.add(failure(1, DisconnectReason::Refused));
        failures.add(failure(2, DisconnectReason::Refused));
        failures.add(failure(1, DisconnectReason::Reset));
        let list = failures.list();
        let seen: Vec<_> = list
            .iter()
            .map(|entry| (entry.latest.port, entry.latest.reason, entry.failures))
            .collect();
        assert_eq!(
            seen,
            [
                (1, DisconnectReason::Reset, 2),
                (2, DisconnectReason::Refused, 1)
            ]
        );
        for port in 3..200 {
            failures.add(failure(port, DisconnectReason::Refused));
        }
        assert_eq!(failures.list().len(), REMEMBERED);
    }
}
