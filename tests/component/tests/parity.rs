//! One recorded session, two machines, the same answers byte for byte.

use odradek::{
    BulkError, BulkRecord, Cause, DisconnectReason, Event, Metrics, Outcome, SendError,
    TopicHandle, TopicPartitions,
};
use odradek_tests_component::cluster::{Fault, PARTITIONS};
use odradek_tests_component::records::{Dice, varied_records};
use odradek_tests_component::replay::{accepted, outcomes, record_and_replay, reported};
use odradek_tests_component::session::Session;
use odradek_tests_component::trace::{Answer, Call, Records};
use std::collections::BTreeSet;
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

/// What was told of partitions, in order.
fn told(session: &Session) -> impl Iterator<Item = &TopicPartitions> {
    session.events.iter().filter_map(|event| {
        if let Event::Partitions(told) = event {
            Some(told)
        } else {
            None
        }
    })
}

/// The snapshots that were taken, in order.
fn snapshots(session: &Session) -> impl Iterator<Item = &Metrics> {
    session.answers.iter().filter_map(|answer| {
        if let Answer::Counted(metrics) = answer {
            Some(&**metrics)
        } else {
            None
        }
    })
}

/// Whether no two numbers, and no two histograms, of a snapshot are alike: conversions that take one for
/// the other would show.
fn is_varied(metrics: &Metrics) -> bool {
    let numbers = [
        metrics.taken_at.as_nanos(),
        metrics.records_accepted,
        metrics.buffer_refusals,
        metrics.record_bytes_max,
        metrics.batch_splits,
        metrics.buffer_total_bytes,
        metrics.buffer_free_bytes,
        metrics.requests_in_flight,
        metrics.metadata_at.map_or(0, |at| at.as_nanos()),
    ];
    let histograms = [
        &metrics.batch_bytes,
        &metrics.queue_time_us,
        &metrics.records_per_request,
        &metrics.request_latency_us,
        &metrics.throttle_time_ms,
    ];
    let sums = histograms.map(|histogram| (histogram.sum(), histogram.min(), histogram.max()));
    BTreeSet::from(numbers).len() == numbers.len() && BTreeSet::from(sums).len() == sums.len()
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
            // One topic before it is known, the other one long after.
            0 => session.command(Call::Watch(topics[0])),
            200 => session.command(Call::Watch(topics[1])),
            _ => {}
        }
        if round % 10 == 0 {
            session.command(Call::Metrics);
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
        session.command(Call::Metrics);
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
    session.command(Call::Metrics);
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
    let topics: Vec<u32> = told(session).map(|told| told.topic.0).collect();
    assert_eq!(topics, [0, 1]);
    for told in told(session) {
        let leaders = told.leaders.as_ref().expect("both are there");
        assert_eq!(leaders.len(), PARTITIONS as usize);
        assert!(leaders.contains(&Some(1)) && leaders.contains(&Some(2)));
    }
    assert!(snapshots(session).any(is_varied));
    let last = snapshots(session).last().expect("snapshots were taken");
    assert_eq!(last.records.written, accepted(session));
    assert_eq!(last.topics.len(), 2);
    let brokers: Vec<i32> = last.brokers.iter().map(|it| it.broker.0).collect();
    assert!(brokers.ends_with(&[1, 2]), "{brokers:?}");
    assert!(last.records.retried > 0 && !last.errors.is_empty());
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
fn a_troubled_session_at_other_levels_gets_the_same_answers_natively_and_in_wasm() {
    for (codec, level) in [("gzip", "1"), ("gzip", "9"), ("zstd", "-7"), ("zstd", "4")] {
        let key = format!("compression.{codec}.level");
        let compression = [("compression.type", codec), (&*key, level)];
        let properties = [&COMMON[..], &compression].concat();
        let session = record_and_replay(SEED, &properties, troubled);
        assert_troubled(&session);
    }
}

#[test]
fn why_partitions_are_not_known_is_told_alike() {
    let session = record_and_replay(SEED, &COMMON, |session| {
        let topic = session.topic("alpha");
        session.command(Call::Watch(topic));
        session.command(Call::Close(Duration::ZERO));
        session.pass(millis(50));
        session.command(Call::Watch(topic));
    });
    let causes: Vec<_> = told(&session).map(|told| told.leaders.clone()).collect();
    assert_eq!(causes[0], Err(Cause::Closed), "{causes:?}");
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
