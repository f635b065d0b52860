//! What an application may ask the client: the partitions of a topic, and what was counted.

use crate::limits::{LIMIT, LIMIT_MS, within};
use crate::opened::{Opened, Reported, record};
use odradek_tests_wasi::client::types::{Cause, Event, Metrics, TopicPartitions};
use odradek_tests_wasi::peers::Cluster;
use odradek_tests_wasi::policy::Policy;
use std::time::Instant;

const RECORDS: u64 = 20;

fn watch(opened: &mut Opened, topic: u32) {
    let (guest, store) = opened.instance.producer();
    let watched = within(0, || guest.call_watch(store, opened.producer, topic));
    watched.expect("no trap");
}

fn metrics(opened: &mut Opened) -> Metrics {
    let (guest, store) = opened.instance.producer();
    let counted = within(0, || guest.call_metrics(store, opened.producer));
    counted.expect("no trap")
}

/// Waits until something is told of partitions.
fn told(opened: &mut Opened) -> TopicPartitions {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < LIMIT, "nothing was told");
        let mut reported = Reported::default();
        opened.wait(1000);
        opened.take(&mut reported);
        for event in reported.others {
            if let Event::Partitions(told) = event {
                return told;
            }
        }
    }
}

#[test]
fn the_leaders_of_a_watched_topic_are_told_or_why_not() {
    let cluster = Cluster::start(2);
    cluster.create_topic("t", 5);
    let settings = [
        ("allow.auto.create.topics", "false"),
        ("max.block.ms", "3000"),
    ];
    let mut opened = Opened::within(&Policy::default(), &cluster.bootstrap(), &settings);
    let topic = opened.topic("t").expect("a name");
    watch(&mut opened, topic);
    let there = told(&mut opened);
    assert_eq!(there.topic, topic);
    let leaders = there.leaders.expect("it exists");
    assert_eq!(leaders, [0, 1, 0, 1, 0].map(Some));
    let missing = opened.topic("missing").expect("a name");
    watch(&mut opened, missing);
    let missed = told(&mut opened);
    assert_eq!(missed.topic, missing);
    assert!(
        matches!(missed.leaders, Err(Cause::NoMetadata(_))),
        "{missed:?}"
    );
}

#[test]
fn what_is_sent_is_counted() {
    let cluster = Cluster::start(2);
    cluster.create_topic("t", 2);
    cluster.create_topic("u", 2);
    let mut opened = Opened::within(&Policy::default(), &cluster.bootstrap(), &[]);
    let fresh = metrics(&mut opened);
    assert_eq!((fresh.records_accepted, fresh.records.sent), (0, 0));
    assert_eq!(fresh.metadata_at, None);
    let [t, u] = ["t", "u"].map(|name| opened.topic(name).expect("a name"));
    for _ in 0..RECORDS {
        assert_eq!(opened.send(&record(t, b"value")).accepted, 1);
    }
    assert_eq!(opened.send(&record(u, b"value")).accepted, 1);
    assert!(opened.flush(LIMIT_MS).done);
    opened.take(&mut Reported::default());

    let counted = metrics(&mut opened);
    assert_eq!(counted.records_accepted, RECORDS + 1);
    assert_eq!(counted.records.sent, RECORDS + 1);
    assert_eq!(counted.records.written, RECORDS + 1);
    assert_eq!((counted.records.retried, counted.records.failed), (0, 0));
    let topics = counted.topics.iter();
    let topics: Vec<_> = topics
        .map(|topic| (topic.topic, topic.name.as_str(), topic.counts.written))
        .collect();
    assert_eq!(topics, [(t, "t", RECORDS), (u, "u", 1)]);
    // The value, and between 6 and 9 bytes of framing.
    assert!((11..=14).contains(&counted.record_bytes_max));
    assert_eq!(counted.buffer_free_bytes, counted.buffer_total_bytes);
    assert_eq!(counted.requests_in_flight, 0);
    let answers: u64 = counted.brokers.iter().map(|it| it.counts.responses).sum();
    assert!(answers > 0 && answers == counted.traffic.responses);
    assert_eq!(counted.traffic.requests, counted.traffic.responses);
    let metadata_at = counted.metadata_at.expect("it was told");
    assert!((fresh.taken_at..=counted.taken_at).contains(&metadata_at));
}
