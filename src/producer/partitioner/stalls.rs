//! Which brokers take nothing (`partitioner.availability.timeout.ms`).

use crate::ids::BrokerId;
use crate::time::Instant;
use core::time::Duration;
use std::collections::BTreeMap;

/// Since when brokers could not be given what was ready for them. Keeps no account when the timeout
/// is 0, which means that no broker is ever avoided.
#[derive(Debug)]
pub(super) struct Stalls {
    timeout: Duration,
    since: BTreeMap<BrokerId, Instant>,
}

impl Stalls {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            since: BTreeMap::new(),
        }
    }

    /// Something is ready for a broker; `takes` says whether it could be handed out now.
    pub(super) fn observe(&mut self, broker: BrokerId, takes: bool, now: Instant) {
        if self.timeout.is_zero() {
            return;
        }
        if takes {
            self.since.remove(&broker);
        } else {
            self.since.entry(broker).or_insert(now);
        }
    }

    /// Whether a broker has taken nothing for longer than the timeout.
    pub(super) fn is_stalled(&self, broker: BrokerId, now: Instant) -> bool {
        let since = self.since.get(&broker);
        since.is_some_and(|since| now.since(*since) > self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Instant = Instant::from_millis;

    #[test]
    fn a_broker_is_stalled_from_the_timeout_on_until_it_takes_something() {
        let mut stalls = Stalls::new(Duration::from_millis(10));
        let (one, two) = (BrokerId(1), BrokerId(2));
        stalls.observe(one, false, AT(5));
        stalls.observe(one, false, AT(14));
        assert!(!stalls.is_stalled(one, AT(15)));
        assert!(stalls.is_stalled(one, AT(16)));
        assert!(!stalls.is_stalled(two, AT(16)));
        stalls.observe(one, true, AT(20));
        assert!(!stalls.is_stalled(one, AT(40)));
    }

    #[test]
    fn without_a_timeout_no_broker_is_avoided() {
        let mut stalls = Stalls::new(Duration::ZERO);
        stalls.observe(BrokerId(1), false, AT(0));
        assert!(!stalls.is_stalled(BrokerId(1), AT(1_000_000)));
        assert!(stalls.since.is_empty());
    }
}
