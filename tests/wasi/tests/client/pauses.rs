//! Callers that look at their producer rarely, or never wait: nothing is mistaken for a time-out.

use crate::limits::{LIMIT, LIMIT_MS};
use crate::opened::{Opened, Reported, record};
use odradek_tests_wasi::client::types::Event;
use odradek_tests_wasi::sink;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn a_caller_that_never_waits_gets_everything_delivered() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[]);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    let mut reported = Reported::default();
    let started = Instant::now();
    while reported.all() == 0 {
        assert!(started.elapsed() < LIMIT, "nothing moves");
        opened.wait(0);
        opened.take(&mut reported);
        sleep(Duration::from_millis(2));
    }
    assert_eq!(reported.written, 1);
}

#[test]
fn an_answer_that_came_during_a_pause_is_no_time_out() {
    let sink = sink::start(1);
    let settings = [("request.timeout.ms", "1500"), ("linger.ms", "0")];
    let mut opened = Opened::new(sink.address(), &settings);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    assert!(opened.flush(LIMIT_MS).done);
    let mut reported = Reported::default();
    opened.take(&mut reported);
    let before = sink.counts().batches;
    opened.send(&record(topic, b"v"));
    let started = Instant::now();
    while sink.counts().batches == before {
        assert!(started.elapsed() < LIMIT, "the request does not leave");
        // A look every millisecond, but none after the answer.
        opened.send(&record(topic, b""));
        sleep(Duration::from_millis(2));
    }
    sleep(Duration::from_millis(2000));
    assert!(opened.flush(LIMIT_MS).done);
    opened.take(&mut reported);
    let failures = reported
        .others
        .iter()
        .filter(|event| matches!(event, Event::ConnectionFailed(_)));
    assert_eq!(failures.count(), 0, "{reported:?}");
    assert_eq!(sink.counts().connections, 1);
}

#[test]
fn a_closed_producer_is_not_waited_for() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[]);
    assert!(opened.close(LIMIT_MS).done);
    opened.take(&mut Reported::default());
    let started = Instant::now();
    assert!(!opened.wait(u64::MAX).done);
    assert!(started.elapsed() < LIMIT);
}
