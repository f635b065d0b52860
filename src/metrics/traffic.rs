//! Counted where connections are opened and closed, and where bytes go out and come in.

use super::sending::micros;
use super::{BrokerCounts, BrokerMetrics, Histogram};
use crate::ids::BrokerId;
use core::time::Duration;
use std::collections::BTreeMap;

/// How many brokers are told apart, bootstrap addresses included. A peer that makes up brokers is not to
/// fill the memory with them.
const BROKERS_MAX: usize = 1024;

/// What went over the connections to each broker.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    brokers: BTreeMap<BrokerId, BrokerCounts>,
    /// Brokers beyond those that are told apart.
    others: BrokerCounts,
    pub(crate) request_latency_us: Histogram,
    pub(crate) throttle_time_ms: Histogram,
}

impl Traffic {
    fn of(&mut self, broker: BrokerId) -> &mut BrokerCounts {
        if self.brokers.len() >= BROKERS_MAX && !self.brokers.contains_key(&broker) {
            return &mut self.others;
        }
        self.brokers.entry(broker).or_default()
    }

    /// A connection was made.
    pub(crate) fn on_connected(&mut self, broker: BrokerId) {
        self.of(broker).connections_created += 1;
    }

    /// A connection ended, or the attempt to make one.
    pub(crate) fn on_disconnected(&mut self, broker: BrokerId, was_connected: bool) {
        let counts = self.of(broker);
        if was_connected {
            counts.connections_closed += 1;
        } else {
            counts.connections_failed += 1;
        }
    }

    /// A request of so many bytes, its length included, was handed out.
    pub(crate) fn on_request(&mut self, broker: BrokerId, bytes: u64) {
        let counts = self.of(broker);
        counts.requests += 1;
        counts.request_bytes += bytes;
        counts.request_bytes_max = counts.request_bytes_max.max(bytes);
    }

    /// The transport took bytes.
    pub(crate) fn on_transmitted(&mut self, broker: BrokerId, bytes: usize) {
        let counts = self.of(broker);
        counts.outgoing_bytes = counts.outgoing_bytes.saturating_add(bytes as u64);
    }

    /// The transport gave bytes.
    pub(crate) fn on_received(&mut self, broker: BrokerId, bytes: usize) {
        self.of(broker).incoming_bytes += bytes as u64;
    }

    /// A whole answer came.
    pub(crate) fn on_response(&mut self, broker: BrokerId) {
        self.of(broker).responses += 1;
    }

    /// The answer was one to Produce, so long after its request was handed out.
    pub(crate) fn on_produce_response(&mut self, broker: BrokerId, latency: Duration) {
        let latency = micros(latency);
        self.request_latency_us.record(latency);
        let counts = self.of(broker);
        counts.latency_count += 1;
        counts.latency_us_sum = counts.latency_us_sum.saturating_add(latency);
        counts.latency_us_max = counts.latency_us_max.max(latency);
    }

    /// An answer told for how long its broker throttles, which is mostly 0.
    pub(crate) fn on_throttle(&mut self, throttle_ms: i32) {
        self.throttle_time_ms
            .record(u64::try_from(throttle_ms).unwrap_or(0));
    }

    /// All brokers together.
    pub(crate) fn total(&self) -> BrokerCounts {
        let mut total = self.others;
        for counts in self.brokers.values() {
            total.add(counts);
        }
        total
    }

    pub(crate) fn brokers(&self) -> Vec<BrokerMetrics> {
        let brokers = self.brokers.iter();
        brokers
            .map(|(broker, counts)| BrokerMetrics {
                broker: *broker,
                counts: *counts,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_a_peer_makes_up_take_bounded_memory() {
        let mut traffic = Traffic::default();
        for id in 0..5_000 {
            traffic.on_received(BrokerId(id), 10);
        }
        traffic.on_received(BrokerId(0), 10);
        assert_eq!(traffic.brokers().len(), BROKERS_MAX);
        assert_eq!(traffic.brokers()[0].counts.incoming_bytes, 20);
        assert_eq!(traffic.total().incoming_bytes, 50_010);
    }
}
