//! One recorded session, two machines, the same answers byte for byte.

use odradek::{
    BulkError, BulkRecord, Cause, DisconnectReason, Event, Outcome, SendError, TopicHandle,
};
use odradek_tests_component::cluster::Fault;
use odradek_tests_component::records::{Dice, varied_records};
use odradek_tests_component::replay::{accepted, outcomes, record_and_replay, reported};
use odradek_tests_component::session::Session;
use odradek_tests_component::trace::{Call, Records};
use std::time::Duration;

const SEED: u64 = 0x0d_7ade_0003;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn ended_with(session: &Session, reason: DisconnectReason) -> bool {
    session
        .events
        .iter()
        .any(|event| matches!(event, Event::ConnectionFailed(failure) if failure.reason == reason))
}

/// A steady flow with every kind of trouble in it.
fn troubled(session: &mut Session) {
    let mut dice = Dice::new(SEED);
    let topics: Vec<TopicHandle> = ["alpha", "beta"].map(|name| session.topic(name)).to_vec();
    for round in 0..300 {
        match round {
            40 => session.cluster.faults.push(Fault::Code(6)),
            80 => session.cluster.faults.push(Fault::Reset),
            120 => session.cluster.faults.push(Fault::AppendAndReset),
            160 => session.cluster.faults.push(Fault::Stall),
            _ => {}
        }
        let count = 1 + dice.below(12) as u32;
        session.send(varied_records(&mut dice, &topics, count, 300));
        session.pass(millis(dice.below(9)));
    }
    // More than the buffer holds, offered again whenever there is room.
    let mut rest = varied_records(&mut dice, &topics, 3000, 400);
    loop {
        let outcome = session.send(rest.clone());
        let Some(error) = outcome.refused else {
            break;
        };
        assert!(
            matches!(error, BulkError::Send(SendError::BufferFull { .. })),
            "{error:?}"
        );
        let bulk = rest.bulk();
        let (_, left) = bulk.split_at(outcome.accepted as usize).expect("a prefix");
        rest = Records {
            records: left.records.to_vec(),
            headers: left.headers.to_vec(),
            data: left.data.to_vec(),
            wall: rest.wall,
        };
        let heard = session.events.len();
        assert!(session.run(millis(60_000), |session| {
            let news = &session.events[heard..];
            news.iter()
                .any(|event| matches!(event, Event::BufferAvailable { .. }))
        }));
    }
    session.command(Call::Flush);
    let flushed = |session: &Session| {
        session
            .events
            .iter()
            .any(|event| matches!(event, Event::Flushed { .. }))
    };
    assert!(session.run(millis(60_000), flushed), "flushed");
    session.send(varied_records(&mut dice, &topics, 20, 50));
    session.command(Call::Close(millis(5000)));
    let closed = |session: &Session| session.events.last() == Some(&Event::Closed);
    assert!(session.run(millis(10_000), closed), "closed");
}

fn assert_troubled(session: &Session) {
    assert!(session.trace.inputs() >= 1000);
    assert!(session.cluster.faults.is_empty());
    assert!(ended_with(session, DisconnectReason::Reset));
    assert!(ended_with(session, DisconnectReason::RequestTimedOut));
    assert!(outcomes(session).any(|outcome| outcome.refused.is_some()));
    assert_eq!(reported(session, Outcome::Written), accepted(session));
    assert_eq!(session.cluster.records() as u64, accepted(session));
    // What was in flight when connections broke, and nothing else.
    let repeated = session.cluster.repeated_batches;
    assert!((1..=30).contains(&repeated), "{repeated} repeated batches");
}

const COMMON: [(&str, &str); 5] = [
    ("bootstrap.servers", "broker-1:9092,broker-2:9092"),
    ("linger.ms", "4"),
    ("batch.size", "2048"),
    ("buffer.memory", "200000"),
    ("request.timeout.ms", "1500"),
];

#[test]
fn a_troubled_session_gets_the_same_answers_natively_and_in_wasm() {
    let session = record_and_replay(SEED, &COMMON, troubled);
    assert_troubled(&session);
}

#[test]
fn a_troubled_session_with_each_codec_gets_the_same_answers_natively_and_in_wasm() {
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let properties = [&COMMON[..], &[("compression.type", codec)]].concat();
        let session = record_and_replay(SEED, &properties, troubled);
        assert_troubled(&session);
    }
}

#[test]
fn without_acknowledgements_both_machines_give_the_same_reports() {
    let properties = [&COMMON[..], &[("acks", "0")]].concat();
    let session = record_and_replay(SEED, &properties, |session| {
        let topics = [session.topic("alpha")];
        let mut dice = Dice::new(7);
        for _ in 0..20 {
            session.send(varied_records(&mut dice, &topics, 5, 100));
            session.pass(millis(5));
        }
        session.pass(millis(100));
    });
    assert_eq!(reported(&session, Outcome::PossiblyWritten), 100);
    let all_say_so = session.events.iter().all(
        |event| !matches!(event, Event::Delivered(report) if report.cause != Some(Cause::AcksZero)),
    );
    assert!(all_say_so);
}

#[test]
fn what_is_purged_or_closed_is_reported_alike() {
    let session = record_and_replay(SEED, &COMMON, |session| {
        let topics = [session.topic("alpha"), session.topic("beta")];
        let mut dice = Dice::new(11);
        session.send(varied_records(&mut dice, &topics, 50, 100));
        session.command(Call::Purge);
        session.send(varied_records(&mut dice, &topics, 50, 100));
        session.cluster.faults = vec![Fault::Stall; 64];
        session.pass(millis(200));
        session.command(Call::Close(millis(30)));
        session.run(millis(5000), |session| {
            session.events.last() == Some(&Event::Closed)
        });
        session.send(varied_records(&mut dice, &topics, 1, 100));
    });
    assert_eq!(reported(&session, Outcome::NotWritten), 50);
    assert_eq!(reported(&session, Outcome::PossiblyWritten), 50);
}

#[test]
fn records_that_are_larger_than_what_is_free_are_refused_alike() {
    let one = |topic, value_bytes: usize| Records {
        records: vec![BulkRecord {
            topic,
            partition: -1,
            timestamp: -1,
            key_length: -1,
            value_length: value_bytes as i32,
            header_count: 0,
        }],
        data: vec![b'x'; value_bytes],
        ..Records::default()
    };
    let properties = [&COMMON[..], &[("max.request.size", "3000000")]].concat();
    let session = record_and_replay(SEED, &properties, |session| {
        let topic = session.topic("alpha");
        for value_bytes in [150_000, 150_000, 250_000, 2_000_000, 50_000_000] {
            session.send(one(topic, value_bytes));
        }
        session.pass(millis(50));
        session.send(one(topic, 150_000));
        session.pass(millis(50));
    });
    let refusals: Vec<Option<BulkError>> =
        outcomes(&session).map(|outcome| outcome.refused).collect();
    let too_large = |refused: &Option<BulkError>| {
        if let Some(BulkError::Send(SendError::RecordTooLarge { key, .. })) = refused {
            Some(*key)
        } else {
            None
        }
    };
    let limits: Vec<Option<&str>> = refusals.iter().map(too_large).collect();
    let buffer = Some("buffer.memory");
    assert_eq!(
        limits,
        [None, None, buffer, buffer, Some("max.request.size"), None]
    );
    assert_eq!(refusals[0], None);
    assert!(matches!(
        refusals[1],
        Some(BulkError::Send(SendError::BufferFull { .. }))
    ));
    assert_eq!(refusals[5], None);
}
