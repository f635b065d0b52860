//! Calls in the wrong order, with too much, or after the end: defined results, no trap.

use crate::limits::{LIMIT, LIMIT_MS};
use crate::opened::{Opened, Reported, index, open, record};
use odradek_tests_wasi::client::Instance;
use odradek_tests_wasi::client::types::{
    Event, ProducerRecord, Refusal, SendError, SendOutcome, TopicError,
};
use odradek_tests_wasi::policy::Policy;
use odradek_tests_wasi::sink;
use std::time::Instant;

#[test]
fn a_wrong_configuration_names_the_key_and_the_nearest_one() {
    let mut instance = Instance::new(&Policy::default());
    let properties = [("bootstrap.servers", "h:1"), ("linger.msec", "1")];
    let refused = instance.open(&properties).expect("no trap");
    let error = refused.expect_err("there is no such key");
    assert_eq!(error.key, "linger.msec");
    assert!(error.message.contains("linger.ms"), "{}", error.message);
}

#[test]
fn a_record_that_makes_no_sense_is_refused_and_the_next_one_is_not() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[]);
    let topic = opened.topic("t").expect("a name");
    assert!(matches!(opened.topic(""), Err(TopicError::Length(0))));
    let refused = |opened: &mut Opened, record: &ProducerRecord| {
        let outcome = opened.send(record);
        assert_eq!(outcome.accepted, 0);
        match outcome.refused {
            Some(Refusal::Send(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let unknown = refused(&mut opened, &record(topic + 1, b""));
    assert!(matches!(unknown, SendError::UnknownTopic));
    let timed = ProducerRecord {
        timestamp: Some(-1),
        ..record(topic, b"")
    };
    let error = refused(&mut opened, &timed);
    assert!(matches!(error, SendError::InvalidTimestamp(-1)));
    let placed = ProducerRecord {
        partition: Some(-1),
        ..record(topic, b"")
    };
    let error = refused(&mut opened, &placed);
    assert!(matches!(error, SendError::UnknownPartition(_)));
    let error = refused(&mut opened, &record(topic, &vec![0; 1 << 20]));
    assert!(matches!(error, SendError::RecordTooLarge(_)));
    let bulk = opened.send_bulk(&[index(topic, 9)], &[], b"short");
    assert!(matches!(bulk.refused, Some(Refusal::Malformed)));
    assert_eq!(opened.send(&record(topic, b"")).accepted, 1);
    assert!(opened.flush(LIMIT_MS).done);
}

#[test]
fn a_closed_producer_refuses_and_keeps_its_reports() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[]);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    assert!(opened.close(LIMIT_MS).done);
    let refused = opened.send(&record(topic, b"v")).refused;
    assert!(matches!(refused, Some(Refusal::Send(SendError::Closed))));
    assert!(opened.flush(LIMIT_MS).done);
    assert!(opened.close(LIMIT_MS).done);
    assert!(opened.topic("u").is_ok());
    opened.purge();
    opened.pump();
    let mut reported = Reported::default();
    assert!(opened.take(&mut reported).done);
    assert_eq!(reported.written, 1);
    assert!(matches!(reported.others.last(), Some(Event::Closed)));
    assert!(!opened.wait(50).done, "nothing can happen any more");
}

#[test]
fn reports_that_nobody_takes_fill_the_buffer_and_nothing_is_lost() {
    let sink = sink::start(3);
    let settings = [("buffer.memory", "65536"), ("batch.size", "512")];
    let mut opened = Opened::new(sink.address(), &settings);
    let topic = opened.topic("t").expect("a name");
    let (started, mut sent) = (Instant::now(), 0);
    let error = loop {
        assert!(started.elapsed() < LIMIT, "{sent} records were accepted");
        let outcome = opened.send(&record(topic, &[7; 100]));
        sent += u64::from(outcome.accepted);
        match outcome.refused {
            None => {}
            // Full for good: everything is reported, and no report was taken.
            Some(Refusal::Send(error)) if opened.flush(LIMIT_MS).done => {
                if opened.send(&record(topic, &[7; 100])).accepted == 0 {
                    break error;
                }
                sent += 1;
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(error, SendError::BufferFull(_)));
    assert!(sent > 100, "{sent}");
    let mut reported = Reported::default();
    let progress = opened.take(&mut reported);
    assert_eq!(reported.written, sent);
    assert_eq!(progress.free_bytes, 65536);
    assert!(opened.wait(LIMIT_MS).done, "there is room again");
    opened.take(&mut reported);
    assert!(
        matches!(reported.others.last(), Some(Event::BufferAvailable(_))),
        "{:?}",
        reported.others
    );
    assert_eq!(opened.send(&record(topic, b"v")).accepted, 1);
}

/// The bound that users are told: what is offered at once may be larger than what is free by as much as the
/// host's memory limit leaves beyond `buffer.memory`.
#[test]
fn more_than_is_free_is_accepted_in_part() {
    let sink = sink::start(1);
    sink.set_reading(false);
    let settings = [("buffer.memory", "1048576"), ("linger.ms", "1000")];
    let mut opened = Opened::new(sink.address(), &settings);
    let topic = opened.topic("t").expect("a name");
    let records: Vec<_> = (0..200).map(|_| record(topic, &[1; 60_000])).collect();
    // 12 MB are within what the host grants.
    let outcome = opened.send_many(&records);
    assert!((1..=17).contains(&outcome.accepted), "{outcome:?}");
    assert!(matches!(
        outcome.refused,
        Some(Refusal::Send(SendError::BufferFull(_)))
    ));
    let data = vec![1; 12_000_000];
    let index: Vec<_> = (0..200).map(|_| index(topic, 60_000)).collect();
    let outcome = opened.send_bulk(&index, &[], &data);
    assert!(outcome.refused.is_some());
    sink.set_reading(true);
    assert!(opened.flush(LIMIT_MS).done);
}

/// Where the buffer is full, and the host grants no more than [`BEYOND`] on top of it.
#[test]
fn a_list_that_fits_beside_a_full_buffer_is_refused_and_a_larger_one_is_a_trap() {
    const BUFFER: usize = 16 << 20;
    const BEYOND: usize = 16 << 20;
    // Less 3 MB for the component's own memory and the index.
    const LIST: usize = 13_000_000;
    let sink = sink::start(1);
    sink.set_reading(false);
    let (servers, buffer) = (sink.address().to_string(), BUFFER.to_string());
    let settings = [("buffer.memory", buffer.as_str())];
    let mut instance = Instance::with_memory(&Policy::default(), BUFFER + BEYOND);
    let producer = open(&mut instance, &servers, &settings);
    let mut opened = Opened { instance, producer };
    let topic = opened.topic("t").expect("a name");
    let filling = record(topic, &[1; 10_000]);
    while opened.send(&filling).accepted == 1 {}
    let data = vec![1; LIST];
    let entries = [index(topic, 1000); LIST / 1000];
    for _ in 0..3 {
        let outcome = opened.send_bulk(&entries, &[], &data);
        assert!(is_full(&outcome), "{outcome:?}");
        let records = vec![record(topic, &[1; 100_000]); LIST / 100_000];
        let outcome = opened.send_many(&records);
        assert!(is_full(&outcome), "{outcome:?}");
    }
    let (guest, store) = opened.instance.producer();
    let data = vec![1; BUFFER + BEYOND];
    let trapped = guest.call_send_bulk(store, opened.producer, &entries, &[], &data);
    assert!(trapped.is_err(), "the host has no such memory");
}

/// Whether records were refused for want of room alone.
fn is_full(outcome: &SendOutcome) -> bool {
    matches!(
        outcome.refused,
        Some(Refusal::Send(SendError::BufferFull(_)))
    )
}

#[test]
fn producers_of_one_instance_do_not_know_each_other() {
    let (one, other) = (sink::start(1), sink::start(1));
    let mut opened = Opened::new(one.address(), &[]);
    let servers = other.address().to_string();
    let second = open(&mut opened.instance, &servers, &[]);
    let first = opened.producer;
    // Both are at work, and each has a ticket 0.
    for producer in [first, second] {
        opened.producer = producer;
        let topic = opened.topic("t").expect("a name");
        let outcome = opened.send(&record(topic, b"v"));
        assert_eq!((outcome.accepted, outcome.first_ticket), (1, 0));
    }
    for producer in [first, second] {
        opened.producer = producer;
        assert!(opened.flush(LIMIT_MS).done);
        let mut reported = Reported::default();
        opened.take(&mut reported);
        assert_eq!((reported.written, &reported.tickets[..]), (1, &[0][..]));
    }
    opened.instance.drop_producer(second).expect("no trap");
    opened.producer = first;
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    assert!(opened.flush(LIMIT_MS).done);
    assert_eq!((one.counts().records, other.counts().records), (2, 1));
}
