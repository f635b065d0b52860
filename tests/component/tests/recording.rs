//! Sessions with faults, recorded into a file and replayed from it, natively and in the component.
//!
//! `ODRADEK_STORMS=N` records N random sessions.

use odradek::config::{Config, Partitioning};
use odradek::{Event, Outcome, TopicHandle, partition_of_key};
use odradek_host::machine::Backend;
use odradek_host::recording::{
    Progress, Recording, Replay, ReplayError, Replayed, Timeline, record,
};
use odradek_tests_component::cluster::{Fault, PARTITIONS};
use odradek_tests_component::records::{Dice, varied_records};
use odradek_tests_component::replay::{accepted, reported};
use odradek_tests_component::session::Session;
use odradek_tests_component::trace::{Call, Records};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A file in memory.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const COMMON: [(&str, &str); 6] = [
    ("bootstrap.servers", "broker-1:9092,broker-2:9092"),
    ("linger.ms", "4"),
    ("batch.size", "2048"),
    ("buffer.memory", "200000"),
    ("request.timeout.ms", "1500"),
    ("delivery.timeout.ms", "20000"),
];

fn owned(properties: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    properties.iter().map(pair).collect()
}

/// How a session is recorded.
#[derive(Clone, Copy)]
struct How<'a> {
    backend: Backend,
    is_masked: bool,
    properties: &'a [(&'a str, &'a str)],
}

/// The file of a session.
fn recorded(how: How<'_>, seed: u64, script: impl Fn(&mut Session)) -> Vec<u8> {
    let file = Memory::default();
    let properties = owned(how.properties);
    let opened = record(how.backend, &properties, seed, how.is_masked, file.clone());
    let opened = opened.expect("it opens");
    let mut session = Session::new(opened.machine);
    script(&mut session);
    drop(session);
    opened
        .end
        .wait(Duration::ZERO)
        .expect("the recording is whole");
    file.0.lock().expect("no panic").clone()
}

fn replayed(file: &[u8]) -> (Progress, Result<(), ReplayError>, String) {
    let recording = Recording::open(file).expect("a recording");
    let mut text = Vec::new();
    let timeline = Timeline::new(&mut text, recording.opening());
    let mut timeline = timeline.expect("memory");
    let mut replay = Replay::new(recording, false).expect("the same version");
    let result = loop {
        let mut tell = |replayed: &Replayed<'_, '_>| timeline.tell(replayed).expect("memory");
        match replay.next(&mut tell) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let progress = replay.progress();
    (progress, result, String::from_utf8(text).expect("text"))
}

/// Lets every record with a key name the partition that its key has.
fn with_partitions(partitioning: Partitioning, mut records: Records) -> Records {
    let mut rest = records.bulk();
    let mut partitions = Vec::new();
    while let Some((one, others)) = rest.split_at(1) {
        let length = usize::try_from(one.records[0].key_length).ok();
        let key = length.map(|length| &one.data[..length]);
        partitions.push(partition_of_key(partitioning, key, PARTITIONS));
        rest = others;
    }
    for (record, partition) in records.records.iter_mut().zip(partitions) {
        if record.partition == -1 {
            record.partition = partition.unwrap_or(-1);
        }
    }
    records
}

/// What all payloads are made of in sessions that are searched for them.
const PAYLOAD: u8 = 0xf7;

/// Replaces every byte of the records but those of header names.
fn mark_payloads(records: &mut Records) {
    let mut headers = records.headers.iter();
    let mut rest = records.data.as_mut_slice();
    let mut mark = |length: i64, is_payload: bool| {
        let length = usize::try_from(length).unwrap_or(0);
        let (piece, after) = std::mem::take(&mut rest).split_at_mut(length);
        if is_payload {
            piece.fill(PAYLOAD);
        }
        rest = after;
    };
    for record in &records.records {
        mark(record.key_length.into(), true);
        mark(record.value_length.into(), true);
        for header in headers.by_ref().take(record.header_count as usize) {
            mark(header.name_length.into(), false);
            mark(header.value_length.into(), true);
        }
    }
}

const FAULTS: [Fault; 7] = [
    Fault::Code(6),
    Fault::Reset,
    Fault::AppendAndReset,
    Fault::Stall,
    Fault::Code(10),
    Fault::Code(87),
    Fault::Code(7),
];

/// Records of all kinds while connections break, brokers are silent and requests are refused: every fault
/// once, and others.
fn troubled(session: &mut Session, seed: u64, prepare: &dyn Fn(Records) -> Records) {
    let mut dice = Dice::new(seed);
    session.cluster.faults.extend(FAULTS);
    let topics = [session.topic("alpha"), session.topic("beta")];
    session.command(Call::Watch(topics[1]));
    for _ in 0..60 {
        if dice.below(6) == 0 {
            session.cluster.faults.push(FAULTS[dice.below(7) as usize]);
        }
        match dice.below(30) {
            0 => session.command(Call::Metrics),
            1 => session.command(Call::Flush),
            2 => session.command(Call::Purge),
            _ => {}
        }
        let count = 1 + dice.below(12) as u32;
        session.send(prepare(varied_records(&mut dice, &topics, count, 300)));
        session.pass(Duration::from_millis(dice.below(60)));
    }
    session.command(Call::Close(Duration::from_secs(30)));
    let closed = |session: &Session| session.events.last() == Some(&Event::Closed);
    assert!(session.run(Duration::from_secs(60), closed), "closed");
    let outcomes = [
        Outcome::Written,
        Outcome::NotWritten,
        Outcome::PossiblyWritten,
    ];
    let all: u64 = outcomes
        .map(|outcome| reported(session, outcome))
        .iter()
        .sum();
    assert_eq!(all, accepted(session));
}

fn as_they_are(records: Records) -> Records {
    records
}

#[test]
fn a_troubled_session_is_replayed_identically_whichever_machine_was_recorded() {
    let file = |backend| {
        let how = How {
            backend,
            is_masked: false,
            properties: &COMMON,
        };
        recorded(how, 3, |session| troubled(session, 3, &as_they_are))
    };
    for file in [file(Backend::Native), file(Backend::Component)] {
        let (progress, result, text) = replayed(&file);
        assert_eq!(result, Ok(()));
        assert!(progress.records > 100 && progress.calls > 200, "{progress}");
        for what in [
            "open",
            "config",
            "topic",
            "send",
            "resolve",
            "resolved",
            "connect",
            "connected",
            "request",
            "batch",
            "response",
            "answer",
            "report",
            "retry",
            "failure",
            "ended",
            "lost",
            "wait",
            "close",
            "identity",
            "event",
        ] {
            let is_kind = |line: &str| line.split_whitespace().nth(1) == Some(what);
            assert!(text.lines().any(is_kind), "no line of {what}:\n{text}");
        }
        let reasons = [
            "because NOT_LEADER_OR_FOLLOWER (6)",
            "because its answer was lost: connection reset by the peer",
            "because its answer was lost: a request took longer than request.timeout.ms",
        ];
        for reason in reasons {
            assert!(text.contains(reason), "no {reason}:\n{text}");
        }
    }
}

fn storms() -> u64 {
    let asked = std::env::var("ODRADEK_STORMS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(40)
}

#[test]
fn random_sessions_are_replayed_identically() {
    for seed in 0..storms() {
        let acks = ["all", "all", "1", "0"][seed as usize % 4];
        let codec = ["none", "gzip", "snappy", "lz4", "zstd"][seed as usize % 5];
        let own = [("acks", acks), ("compression.type", codec)];
        let properties = [&COMMON[..], &own].concat();
        let how = How {
            backend: [Backend::Native, Backend::Component][seed as usize % 2],
            is_masked: false,
            properties: &properties,
        };
        let file = recorded(how, seed, |session| troubled(session, seed, &as_they_are));
        let (progress, result, _) = replayed(&file);
        assert_eq!(result, Ok(()), "seed {seed} after {progress}");

        let cut = file.len() * (seed as usize % 19 + 1) / 20;
        let (until, result, _) = replayed(&file[..cut.max(1000)]);
        assert!(
            matches!(result, Err(ReplayError::Damaged(_))),
            "seed {seed}"
        );
        assert!(until.calls < progress.calls, "seed {seed}");
    }
}

#[test]
fn masked_sessions_are_replayed_identically_without_their_contents() {
    for seed in 0..storms() {
        let acks = ["all", "1", "0"][seed as usize % 3];
        let properties = [&COMMON[..], &[("acks", acks)]].concat();
        let how = How {
            backend: Backend::Native,
            is_masked: true,
            properties: &properties,
        };
        let (config, _) = Config::from_properties(how.properties.iter().copied()).expect("valid");
        let prepare = |mut records: Records| {
            mark_payloads(&mut records);
            with_partitions(config.partitioning, records)
        };
        let file = recorded(how, seed, |session| troubled(session, seed, &prepare));
        let (progress, result, _) = replayed(&file);
        assert_eq!(result, Ok(()), "seed {seed} after {progress}");
        let has_payload = file.windows(8).any(|window| window == [PAYLOAD; 8]);
        assert!(!has_payload, "seed {seed}");
    }
}

#[test]
fn a_masked_key_that_has_to_choose_is_found_out() {
    let how = How {
        backend: Backend::Native,
        is_masked: true,
        properties: &COMMON,
    };
    // Records with a key are not told their partition, which key_partitioner is for.
    let file = recorded(how, 5, |session| troubled(session, 5, &as_they_are));
    let (_, result, _) = replayed(&file);
    let Err(ReplayError::Different { different, .. }) = result else {
        panic!("{result:?}");
    };
    assert_ne!(different.recorded, different.replayed);
}

#[test]
fn a_masked_file_has_lengths_and_header_names_and_no_payloads() {
    let script = |session: &mut Session| {
        let topic = session.topic("alpha");
        let record = odradek::BulkRecord {
            topic: TopicHandle(topic.0),
            partition: 2,
            timestamp: 1_700_000_000_000,
            key_length: 9,
            value_length: 11,
            header_count: 1,
        };
        let header = odradek::BulkHeader {
            name_length: 7,
            value_length: 8,
        };
        let records = Records {
            records: vec![record],
            headers: vec![header],
            data: b"SecretKeySecretValuetraceidPassword".to_vec(),
            wall: 0,
        };
        session.send(records);
        session.pass(Duration::from_millis(100));
        assert_eq!(reported(session, Outcome::Written), 1);
    };
    let contains = |file: &[u8], word: &str| {
        let word = word.as_bytes();
        file.windows(word.len()).any(|window| window == word)
    };
    for is_masked in [false, true] {
        let how = How {
            backend: Backend::Component,
            is_masked,
            properties: &COMMON,
        };
        let file = recorded(how, 1, script);
        assert_eq!(replayed(&file).1, Ok(()));
        assert!(contains(&file, "traceid"));
        for word in ["SecretKey", "SecretValue", "Password"] {
            assert_eq!(contains(&file, word), !is_masked, "{word}");
        }
    }
}
