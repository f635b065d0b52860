//! The three ways to send, and what is reported.

use crate::limits::LIMIT_MS;
use crate::opened::{Opened, Reported, index, record};
use odradek_tests_wasi::client::types::{Event, Header, HeaderIndex, ProducerRecord, RecordIndex};
use odradek_tests_wasi::sink;

#[test]
fn records_sent_in_all_three_ways_are_written_and_reported_once() {
    let sink = sink::start(6);
    let mut opened = Opened::new(sink.address(), &[]);
    let topic = opened.topic("t").expect("a name");
    let keyed = ProducerRecord {
        partition: Some(3),
        timestamp: Some(5),
        key: Some(b"key".to_vec()),
        headers: vec![Header {
            name: "h".to_owned(),
            value: None,
        }],
        ..record(topic, b"value")
    };
    let first = opened.send(&keyed);
    assert_eq!((first.accepted, first.first_ticket), (1, 0));
    let many = opened.send_many(&[keyed.clone(), record(topic, b""), record(topic, b"v")]);
    assert_eq!(many.first_ticket, 1);
    let bulk = [
        RecordIndex {
            key_length: 1,
            header_count: 1,
            ..index(topic, 2)
        },
        index(topic, -1),
    ];
    let headers = [HeaderIndex {
        name_length: 1,
        value_length: 1,
    }];
    let bulk = opened.send_bulk(&bulk, &headers, b"kvvhw");
    assert_eq!((bulk.accepted, bulk.first_ticket), (2, 4));
    assert!(bulk.refused.is_none() && bulk.free_bytes > 0);
    assert!(opened.flush(LIMIT_MS).done);
    let mut reported = Reported::default();
    let progress = opened.take(&mut reported);
    reported.tickets.sort_unstable();
    assert_eq!(reported.tickets, [0, 1, 2, 3, 4, 5]);
    assert_eq!(reported.written, 6);
    assert!(matches!(reported.others[..], [Event::Flushed(_)]));
    assert!(progress.done && progress.events == 0);
    assert_eq!(progress.free_bytes, 32 << 20, "all memory is free again");
    assert!(opened.close(LIMIT_MS).done);
    assert_eq!(sink.counts().records, 6);
}

#[test]
fn a_record_leaves_within_linger_while_the_caller_waits() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[("linger.ms", "20")]);
    let topic = opened.topic("t").expect("a name");
    let mut reported = Reported::default();
    for count in 1..=5 {
        opened.send(&record(topic, b"v"));
        opened.take_until(&mut reported, count);
    }
    assert_eq!(reported.written, 5);
}

#[test]
fn a_record_that_is_larger_than_many_writes_arrives() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[]);
    let topic = opened.topic("t").expect("a name");
    for _ in 0..20 {
        let outcome = opened.send(&record(topic, &vec![7; 900_000]));
        assert_eq!(outcome.accepted, 1, "{:?}", outcome.refused);
    }
    let mut reported = Reported::default();
    opened.take_until(&mut reported, 20);
    assert_eq!((reported.written, sink.counts().records), (20, 20));
}
