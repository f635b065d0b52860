//! The three ways to send, and what is reported.

use crate::limits::{LIMIT_MS, SLACK};
use crate::opened::{Opened, Reported, record};
use odradek_tests_interop::verdict::now;
use odradek_tests_wasi::client::types::{Event, Header, HeaderIndex, ProducerRecord, RecordIndex};
use odradek_tests_wasi::peers::{Cluster, LogRecord};
use odradek_tests_wasi::policy::Policy;
use odradek_tests_wasi::sink;
use std::ops::RangeInclusive;
use std::time::Instant;

/// The records of one way to send: nothing in them equals anything else, and null differs from empty.
fn varied(topic: u32, way: &str) -> Vec<ProducerRecord> {
    let bytes = |name: &str| Some(format!("{way} {name}").into_bytes());
    let header = |name: &str, value| Header {
        name: format!("{way} {name}"),
        value,
    };
    let placed = ProducerRecord {
        topic,
        partition: Some(3),
        timestamp: Some(1_600_000_000_005),
        key: bytes("key"),
        value: bytes("a longer value"),
        headers: vec![
            header("one", bytes("first")),
            header("two", None),
            header("three", Some(Vec::new())),
        ],
    };
    let bare = ProducerRecord {
        partition: Some(4),
        timestamp: Some(7),
        ..record(topic, b"")
    };
    let tombstone = ProducerRecord {
        key: Some(Vec::new()),
        value: None,
        partition: Some(5),
        headers: vec![header("only", bytes("other"))],
        ..record(topic, b"")
    };
    vec![placed, bare, tombstone]
}

/// The same in flat form.
fn flat(records: &[ProducerRecord]) -> (Vec<RecordIndex>, Vec<HeaderIndex>, Vec<u8>) {
    let (mut entries, mut headers, mut data) = (Vec::new(), Vec::new(), Vec::new());
    let mut append = |bytes: Option<&[u8]>| {
        data.extend_from_slice(bytes.unwrap_or_default());
        bytes.map_or(-1, |bytes| bytes.len() as i32)
    };
    for record in records {
        entries.push(RecordIndex {
            topic: record.topic,
            partition: record.partition.unwrap_or(-1),
            timestamp: record.timestamp.unwrap_or(-1),
            key_length: append(record.key.as_deref()),
            value_length: append(record.value.as_deref()),
            header_count: record.headers.len() as u32,
        });
        for header in &record.headers {
            headers.push(HeaderIndex {
                name_length: append(Some(header.name.as_bytes())) as u32,
                value_length: append(header.value.as_deref()),
            });
        }
    }
    (entries, headers, data)
}

/// Whether a record lies in the log as it was sent, at this offset; one that was sent without a time has
/// that of the run.
fn is_stored(
    sent: &ProducerRecord,
    offset: i64,
    stored: &LogRecord,
    run: &RangeInclusive<i64>,
) -> bool {
    let headers = sent.headers.iter();
    let headers = headers.map(|header| (header.name.clone(), header.value.clone()));
    let expected = LogRecord {
        partition: sent.partition.unwrap_or(stored.partition),
        offset,
        timestamp: sent.timestamp.unwrap_or(stored.timestamp),
        key: sent.key.clone(),
        value: sent.value.clone(),
        headers: headers.collect(),
    };
    expected == *stored && (sent.timestamp.is_some() || run.contains(&stored.timestamp))
}

#[test]
fn records_sent_in_all_three_ways_are_stored_as_they_are_and_reported_once() {
    let cluster = Cluster::start(2);
    cluster.create_topic("t", 6);
    let mut opened = Opened::within(&Policy::default(), &cluster.bootstrap(), &[]);
    let topic = opened.topic("t").expect("a name");
    let start = now();
    let one_by_one = varied(topic, "send");
    for (ticket, record) in (0..).zip(&one_by_one) {
        let outcome = opened.send(record);
        assert_eq!((outcome.accepted, outcome.first_ticket), (1, ticket));
    }
    let together = varied(topic, "send-many");
    let outcome = opened.send_many(&together);
    assert_eq!((outcome.accepted, outcome.first_ticket), (3, 3));
    let in_bulk = varied(topic, "send-bulk");
    let (entries, headers, data) = flat(&in_bulk);
    let outcome = opened.send_bulk(&entries, &headers, &data);
    assert_eq!((outcome.accepted, outcome.first_ticket), (3, 6));
    assert!(outcome.refused.is_none() && outcome.free_bytes > 0);
    assert!(opened.flush(LIMIT_MS).done);
    let run = start..=now();

    let mut reported = Reported::default();
    let progress = opened.take(&mut reported);
    reported.tickets.sort_unstable();
    assert_eq!(reported.tickets, (0..9).collect::<Vec<_>>());
    assert_eq!(reported.written, 9);
    assert!(matches!(reported.others[..], [Event::Flushed(_)]));
    assert!(progress.done && progress.events == 0);
    assert_eq!(progress.free_bytes, 32 << 20, "all memory is free again");
    assert!(opened.close(LIMIT_MS).done);

    let stored = cluster.log("t");
    assert_eq!(stored.len(), 9);
    // One record of each way goes to each partition.
    for (offset, records) in (0..).zip([&one_by_one, &together, &in_bulk]) {
        for sent in records {
            let is_there = stored.iter().any(|it| is_stored(sent, offset, it, &run));
            assert!(is_there, "{sent:?} is not in {stored:#?}");
        }
    }
}

#[test]
fn a_record_leaves_within_linger_while_the_caller_waits() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[("linger.ms", "20")]);
    let topic = opened.topic("t").expect("a name");
    let mut reported = Reported::default();
    for count in 1..=5 {
        opened.send(&record(topic, b"v"));
        let sent = Instant::now();
        // One call, which nothing but the report can end.
        assert!(opened.wait(LIMIT_MS).done);
        let took = sent.elapsed();
        assert!(took < SLACK, "{took:?}");
        opened.take(&mut reported);
        assert_eq!(reported.written, count, "{reported:?}");
    }
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
