//! A broker that stops reading: no call hangs, closing included, and streams are parked.

use crate::limits::{LIMIT, within};
use crate::opened::{Opened, Reported, index, open, record};
use odradek_tests_wasi::client::types::{ConnectionFailure, DisconnectReason, Event};
use odradek_tests_wasi::sink;
use std::time::{Duration, Instant};

/// What stalling 16 connections one after the other may take, with about a second for each.
const PARKING_LIMIT: Duration = Duration::from_secs(180);

/// With these the requests that may be in flight are more than the kernel's buffers take.
const STALLING: [(&str, &str); 3] = [
    ("buffer.memory", "33554432"),
    ("max.request.size", "4194304"),
    ("max.block.ms", "60000"),
];

/// Fills a connection until nothing moves any more; how many records that took.
fn stall(opened: &mut Opened, topic: u32) -> u64 {
    let mut accepted = 0;
    let (started, mut still) = (Instant::now(), 0);
    while still < 5 {
        assert!(started.elapsed() < LIMIT, "{accepted} and no end");
        let outcome = opened.send(&record(topic, &[3; 4_000_000]));
        accepted += u64::from(outcome.accepted);
        still = if outcome.accepted == 0 { still + 1 } else { 0 };
        if outcome.accepted == 0 {
            opened.wait(50);
            opened.take(&mut Reported::default());
        }
    }
    accepted
}

/// A producer with an open connection to a broker that has just stopped reading, and its topic.
fn connected() -> (Opened, u32) {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &STALLING);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    assert!(opened.flush(10_000).done);
    sink.set_reading(false);
    (opened, topic)
}

#[test]
fn every_call_returns_within_its_deadline_and_the_rest_is_reported() {
    let (mut opened, topic) = connected();
    let mut reported = Reported::default();
    opened.take(&mut reported);
    assert_eq!(reported.all(), 1);
    let accepted = stall(&mut opened, topic);
    assert!(accepted > 4, "{accepted}");
    assert!(!opened.flush(200).done);
    opened.wait(200);
    assert!(opened.close(300).done);
    opened.take(&mut reported);
    assert_eq!(reported.all(), accepted + 1);
    assert!(reported.possibly_written > 0, "{reported:?}");
    assert!(matches!(reported.others.last(), Some(Event::Closed)));
}

/// Everything but `wait`, `flush` and `close`, whatever the state of the connections.
#[test]
fn no_other_call_waits_for_a_broker_that_does_not_read() {
    let (mut opened, topic) = connected();
    let accepted = stall(&mut opened, topic);
    let mut reported = Reported::default();
    assert!(!opened.flush(200).done, "nothing is stalled");
    // Calls that never block have no deadline but the slack.
    for _ in 0..3 {
        opened.pump();
        let pollables = opened.pollables();
        assert!(!pollables.is_empty());
        let dropped = opened.instance.drop_pollables(pollables);
        dropped.expect("nothing has ended meanwhile");
        opened.send(&record(topic, b"v"));
        opened.send_many(&[record(topic, b"v"), record(topic, &[1; 100_000])]);
        opened.send_bulk(&[index(topic, 1)], &[], b"v");
        opened.take(&mut reported);
    }
    opened.topic("u").expect("a name");
    opened.purge();
    opened.take(&mut reported);
    assert!(reported.not_written > 0, "{reported:?}");
    assert!(!opened.begin_close(60_000).done, "{accepted} are stalled");
    opened.pump();
    opened.purge();
    opened.begin_close(0);
    // The time is over: the rest is reported without the broker.
    assert!(opened.close(0).done);
}

#[test]
fn dropping_a_producer_never_waits() {
    let (mut opened, topic) = connected();
    stall(&mut opened, topic);
    let Opened {
        mut instance,
        producer,
    } = opened;
    within(0, || instance.drop_producer(producer).expect("no trap"));
    // The instance is as good as before: another producer works beside the parked stream.
    let other = sink::start(1);
    let servers = other.address().to_string();
    let producer = open(&mut instance, &servers, &[]);
    let mut opened = Opened { instance, producer };
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    assert!(opened.flush(10_000).done);
    // And it goes with everything parked in it.
    within(0, || drop(opened));
}

#[test]
fn parked_streams_count_until_their_peers_read_again() {
    let mut sinks = vec![sink::start(1)];
    let mut opened = Opened::new(sinks[0].address(), &STALLING);
    let started = Instant::now();
    let refused = loop {
        assert!(
            started.elapsed() < PARKING_LIMIT,
            "{} are parked",
            sinks.len()
        );
        let topic = opened.topic("t").expect("a name");
        opened.send(&record(topic, b"v"));
        let mut reported = Reported::default();
        while reported.all() == 0 && exhausted(&reported).is_none() {
            assert!(
                started.elapsed() < PARKING_LIMIT,
                "neither open nor refused"
            );
            opened.wait(1000);
            opened.take(&mut reported);
        }
        if let Some(failure) = exhausted(&reported) {
            break failure.port;
        }
        sinks.last().expect("there is one").set_reading(false);
        stall(&mut opened, topic);
        opened.close(0);
        sinks.push(sink::start(1));
        let address = sinks.last().expect("just added").address();
        opened.replace(address, &STALLING);
    };
    let last = sinks.last().expect("there is one").address();
    assert_eq!(refused, last.port());
    assert_eq!(sinks.len(), 17, "16 may be parked");
    for sink in &sinks {
        sink.set_reading(true);
    }
    assert!(opened.flush(20_000).done, "there is room again");
}

fn exhausted(reported: &Reported) -> Option<&ConnectionFailure> {
    let mut failures = reported.failures();
    failures.find(|failure| matches!(failure.reason, DisconnectReason::Exhausted))
}
