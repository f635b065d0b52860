//! The addresses that failed, each once: what a driver tells about connections when it is asked.

use crate::event::ConnectionFailure;
use std::collections::VecDeque;

/// How many addresses are remembered as failing.
const REMEMBERED: usize = 64;

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
pub struct Failures(VecDeque<FailedAddress>);

impl Failures {
    /// Counts a failure.
    pub fn add(&mut self, failure: ConnectionFailure) {
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

    /// The addresses.
    pub fn list(&self) -> Vec<FailedAddress> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::DisconnectReason;
    use core::time::Duration;

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
