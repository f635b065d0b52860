//! The interface for callers that must not be blocked, and its one rule.

use crate::limits::LIMIT;
use crate::opened::{Opened, Reported, record};
use odradek_tests_wasi::client::types::Event;
use odradek_tests_wasi::sink;
use std::time::Instant;

/// Pumps until so many records are reported.
fn pump_until(opened: &mut Opened, reported: &mut Reported, count: u64) {
    let started = Instant::now();
    while reported.all() < count {
        assert!(started.elapsed() < LIMIT, "{reported:?}");
        let progress = opened.poll_and_pump();
        if progress.done {
            opened.take(reported);
        }
    }
}

#[test]
fn a_caller_that_polls_itself_gets_everything_delivered() {
    let sink = sink::start(3);
    let mut opened = Opened::new(sink.address(), &[("linger.ms", "3")]);
    let topic = opened.topic("t").expect("a name");
    let mut reported = Reported::default();
    for round in 1..=20 {
        for _ in 0..50 {
            let outcome = opened.send(&record(topic, &[9; 1000]));
            assert_eq!(outcome.accepted, 1);
        }
        pump_until(&mut opened, &mut reported, round * 50);
    }
    assert_eq!((reported.written, sink.counts().records), (1000, 1000));
    let mut is_closed = opened.begin_close(10_000).done;
    let started = Instant::now();
    while !is_closed {
        assert!(started.elapsed() < LIMIT, "it never closes");
        opened.poll_and_pump();
        opened.take(&mut reported);
        is_closed = matches!(reported.others.last(), Some(Event::Closed));
    }
}

/// What happens when the rule is broken: WASI lets no stream go while a pollable of it is alive, so the
/// call in which a connection ends traps, and with it the instance.
#[test]
fn a_pollable_that_is_kept_over_the_end_of_a_connection_is_a_trap() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[]);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    assert!(opened.flush(10_000).done);
    let kept = opened.pollables();
    assert!(!kept.is_empty());
    // Nothing ends here, so nothing happens.
    opened.wait(1);
    let (guest, store) = opened.instance.producer();
    let trap = guest.call_close(store, opened.producer, 1000);
    let trap = trap.expect_err("a child is alive");
    assert!(format!("{trap:#}").contains("children"), "{trap:#}");
    let (guest, store) = opened.instance.producer();
    let after = guest.call_wait(store, opened.producer, 0);
    assert!(after.is_err(), "a trap ends the instance");
}
