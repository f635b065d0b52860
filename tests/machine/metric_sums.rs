//! What must hold in every snapshot, whatever happened: the counters against the fake brokers.

use crate::broker::PRODUCE;
use crate::world::World;
use odradek::metrics::{BrokerCounts, RecordCounts};
use odradek::{Metrics, Outcome};

pub(crate) fn metrics(world: &mut World) -> Metrics {
    let now = world.now();
    world.producer().metrics(now)
}

/// Takes a snapshot after everything is reported and answered, and compares what holds in every story: requests and
/// batches are those that arrived, outcomes those reported, bytes those that went over the network.
pub(crate) fn judged(world: &mut World) -> Metrics {
    world.run_for(20);
    let metrics = metrics(world);
    let seen = &world.cluster.seen;
    let requests: u64 = seen.iter().map(|seen| seen.bytes as u64 + 4).sum();
    let largest = seen.iter().map(|seen| seen.bytes as u64 + 4).max();
    assert_eq!(metrics.traffic.requests, seen.len() as u64);
    assert_eq!(metrics.traffic.request_bytes, requests);
    assert_eq!(Some(metrics.traffic.request_bytes_max), largest);
    assert_eq!(metrics.traffic.outgoing_bytes, requests);
    assert_eq!(metrics.traffic.incoming_bytes, world.received_bytes);

    let attempts = &world.cluster.attempts;
    let batch_bytes: u64 = attempts.iter().map(|one| one.batch.raw.len() as u64).sum();
    let records: usize = attempts.iter().map(|one| one.batch.records.len()).sum();
    assert_eq!(metrics.records.batches_sent, attempts.len() as u64);
    assert_eq!(metrics.records.bytes_sent, batch_bytes);
    assert_eq!(metrics.records.sent, records as u64);
    assert_eq!(metrics.batch_bytes.count(), attempts.len() as u64);
    assert_eq!(metrics.batch_bytes.sum(), batch_bytes);
    assert_eq!(metrics.queue_time_us.count(), attempts.len() as u64);
    let produce = seen.iter().filter(|seen| seen.api == PRODUCE).count();
    assert_eq!(metrics.records_per_request.count(), produce as u64);
    assert_eq!(metrics.records_per_request.sum(), records as u64);

    let account = &world.account;
    let count = |outcome| account.count(outcome) as u64;
    assert_eq!(metrics.records_accepted, account.accepted.len() as u64);
    assert_eq!(metrics.records.written, count(Outcome::Written));
    assert_eq!(metrics.records.not_written, count(Outcome::NotWritten));
    let possibly = count(Outcome::PossiblyWritten);
    assert_eq!(metrics.records.possibly_written, possibly);

    assert_eq!(metrics.buffer_free_bytes, world.producer().free_bytes());
    assert_eq!(metrics.requests_in_flight, 0);
    check_sums(&metrics);
    metrics
}

/// The whole is the sum of its topics and brokers.
pub(crate) fn check_sums(metrics: &Metrics) {
    let sum = |of: fn(&RecordCounts) -> u64| {
        let topics = metrics.topics.iter();
        assert_eq!(
            topics.map(|topic| of(&topic.counts)).sum::<u64>(),
            of(&metrics.records)
        );
    };
    sum(|counts| counts.sent);
    sum(|counts| counts.batches_sent);
    sum(|counts| counts.bytes_sent);
    sum(|counts| counts.uncompressed_bytes_sent);
    sum(|counts| counts.compression_ppm_sum);
    sum(|counts| counts.retried);
    sum(|counts| counts.failed);
    sum(|counts| counts.written);
    sum(|counts| counts.not_written);
    sum(|counts| counts.possibly_written);
    let sum = |of: fn(&BrokerCounts) -> u64| {
        let brokers = metrics.brokers.iter();
        assert_eq!(
            brokers.map(|broker| of(&broker.counts)).sum::<u64>(),
            of(&metrics.traffic)
        );
    };
    sum(|counts| counts.connections_created);
    sum(|counts| counts.connections_closed);
    sum(|counts| counts.connections_failed);
    sum(|counts| counts.requests);
    sum(|counts| counts.request_bytes);
    sum(|counts| counts.responses);
    sum(|counts| counts.outgoing_bytes);
    sum(|counts| counts.incoming_bytes);
    sum(|counts| counts.latency_count);
    sum(|counts| counts.latency_us_sum);
    assert_eq!(metrics.request_latency_us.count(), {
        metrics.traffic.latency_count
    });
    assert_eq!(
        metrics.request_latency_us.sum(),
        metrics.traffic.latency_us_sum
    );
}

pub(crate) fn value(metrics: &Metrics, group: &str, name: &str) -> u64 {
    let entries = metrics.entries();
    let entry = entries
        .iter()
        .find(|entry| entry.group == group && entry.name == name);
    entry
        .unwrap_or_else(|| panic!("there is no {group} {name}"))
        .value
}
