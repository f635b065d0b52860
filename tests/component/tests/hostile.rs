//! Peers that send anything, before both machines: they answer alike, the component does not trap, the
//! connection is dropped with the reason, and the producer goes on as soon as the brokers behave.
//!
//! `ODRADEK_STORMS=N` asks for N sessions of each kind.

#[path = "../../machine/hostility.rs"]
mod hostility;

use hostility::{Hostility, Mangled};
use odradek::wire::WireErrorKind;
use odradek::{DisconnectReason, Event, Outcome, Output};
use odradek_tests_component::records::{Dice, varied_records};
use odradek_tests_component::replay::{accepted, record_and_replay, reported};
use odradek_tests_component::session::{Session, Spoken, Then};
use odradek_tests_component::trace::Answer;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const SERVERS: (&str, &str) = ("bootstrap.servers", "broker-1:9092,broker-2:9092");

const LIMITS: [(&str, &str); 6] = [
    ("buffer.memory", "100000"),
    ("receive.message.max.bytes", "10000"),
    ("request.timeout.ms", "1000"),
    ("delivery.timeout.ms", "8000"),
    ("max.block.ms", "8000"),
    ("linger.ms", "4"),
];

fn sessions() -> u64 {
    let asked = std::env::var("ODRADEK_STORMS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(1000)
}

fn spoken(mangled: Mangled) -> Spoken {
    let (bytes, then) = match mangled {
        Mangled::Bytes(bytes) => (bytes, Then::Continue),
        Mangled::ThenClosed(bytes) => (bytes, Then::Close),
        Mangled::ThenSilent(bytes) => (bytes, Then::Silence),
    };
    Spoken { bytes, then }
}

fn all_reported(session: &Session) -> bool {
    let outcomes = [
        Outcome::Written,
        Outcome::NotWritten,
        Outcome::PossiblyWritten,
    ];
    let count: u64 = outcomes
        .iter()
        .map(|outcome| reported(session, *outcome))
        .sum();
    count == accepted(session)
}

fn reasons(session: &Session) -> Vec<DisconnectReason> {
    let reason = |event: &Event| match event {
        Event::ConnectionFailed(failure) => Some(failure.reason),
        Event::Delivered(_)
        | Event::BufferAvailable { .. }
        | Event::Flushed { .. }
        | Event::OperationEnded(_)
        | Event::Partitions(_)
        | Event::Failed(_)
        | Event::Closed => None,
    };
    session.events.iter().filter_map(reason).collect()
}

/// Some seconds with brokers that mangle answers, then one record with brokers that behave. With how
/// many answers were mangled.
fn hostile_session(seed: u64, lies: bool) -> (Session, usize) {
    let acks = ["all", "all", "1", "0"][seed as usize % 4];
    let codec = ["none", "gzip", "snappy", "lz4", "zstd"][seed as usize % 5];
    let own = [SERVERS, ("acks", acks), ("compression.type", codec)];
    let properties = [&own[..], &LIMITS].concat();
    let hostility = Rc::new(RefCell::new(Hostility::new(seed, 300, lies)));
    let session = record_and_replay(seed, &properties, |session| {
        let dice = Rc::clone(&hostility);
        session.mangle = Some(Box::new(move |frame| {
            spoken(dice.borrow_mut().mangle(frame))
        }));
        let mut dice = Dice::new(seed);
        let topics = [session.topic("alpha"), session.topic("beta")];
        for _ in 0..12 {
            let count = 1 + dice.below(5) as u32;
            session.send(varied_records(&mut dice, &topics, count, 300));
            session.pass(Duration::from_millis(dice.below(120)));
        }
        session.mangle = None;
        assert!(
            session.run(Duration::from_secs(20), all_reported),
            "seed {seed}"
        );
        let delivered = |session: &Session| {
            reported(session, Outcome::Written) + reported(session, Outcome::PossiblyWritten)
        };
        let before = delivered(session);
        // A lie about a topic or a broker is believed until the metadata are asked for again.
        let outcome = session.send(varied_records(&mut dice, &topics, 1, 300));
        assert!(
            session.run(Duration::from_secs(20), all_reported),
            "seed {seed}"
        );
        let after = before + u64::from(outcome.accepted);
        assert!(
            lies || (outcome.accepted == 1 && delivered(session) == after),
            "seed {seed}"
        );
    });
    let mangled = hostility.borrow().mangled;
    (session, mangled)
}

#[test]
fn malformed_answers_cost_a_connection_and_nothing_else_in_both_machines() {
    let (mut mangled, mut malformed) = (0, 0);
    for seed in 0..sessions() {
        let (session, count) = hostile_session(seed, false);
        mangled += count;
        let is_malformed =
            |reason: &DisconnectReason| matches!(reason, DisconnectReason::Malformed(_));
        malformed += reasons(&session).into_iter().filter(is_malformed).count();
    }
    let sessions = sessions() as usize;
    assert!(mangled > sessions, "{mangled} mangled answers");
    assert!(
        malformed > mangled / 4,
        "{malformed} of {mangled} malformed"
    );
}

#[test]
fn answers_that_lie_leave_both_machines_alike() {
    let mangled: usize = (0..sessions())
        .map(|seed| hostile_session(10_000 + seed, true).1)
        .sum();
    assert!(mangled > sessions() as usize, "{mangled} mangled answers");
}

/// One record, while one answer is replaced. The record is written in the end, and the broker is tried
/// again after a pause, if it is needed; with why its connection ended.
fn replaced(answer: usize, replace: fn(&[u8]) -> Mangled) -> DisconnectReason {
    let properties = [&[("bootstrap.servers", "broker-1:9092")][..], &LIMITS].concat();
    let session = record_and_replay(1, &properties, |session| {
        let mut count = 0;
        session.mangle = Some(Box::new(move |frame| {
            count += 1;
            spoken(if count == answer + 1 {
                replace(&frame)
            } else {
                Mangled::Bytes(frame)
            })
        }));
        let topics = [session.topic("alpha")];
        session.send(varied_records(&mut Dice::new(2), &topics, 1, 10));
        assert!(session.run(Duration::from_secs(20), all_reported));
    });
    assert_eq!(reported(&session, Outcome::Written), 1);
    // The default of reconnect.backoff.ms is 50, give or take a fifth.
    let pause = pause_before_the_next_connection(&session);
    let is_long = |pause| pause >= Duration::from_millis(40);
    assert!(pause.is_none_or(is_long), "{pause:?}");
    // No other broker is known before Metadata.
    assert!(pause.is_some() || answer > 0);
    let reasons = reasons(&session);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons[0]
}

fn pause_before_the_next_connection(session: &Session) -> Option<Duration> {
    let mut failed = None;
    for ((now, _), answer) in session.trace.calls.iter().zip(&session.answers) {
        let Answer::Step(outputs, _) = answer else {
            continue;
        };
        for output in outputs {
            if let Output::Event(Event::ConnectionFailed(failure)) = output {
                failed = failed.or_else(|| Some((*now, failure.host.clone())));
            }
            if let (Output::Connect { host, .. }, Some((at, failed))) = (output, &failed)
                && host == failed
            {
                return Some(now.since(*at));
            }
        }
    }
    None
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

const fn kind(reason: DisconnectReason) -> Option<WireErrorKind> {
    if let DisconnectReason::Malformed(error) = reason {
        Some(error.kind)
    } else {
        None
    }
}

/// ApiVersions, the next answer, and Metadata.
const ANSWERS: [usize; 3] = [0, 1, 2];

#[test]
fn bytes_that_are_no_answer_end_the_connection_with_their_reason() {
    for answer in ANSWERS {
        let kind_of = |replace: fn(&[u8]) -> Mangled| kind(replaced(answer, replace));
        let kinds = [
            kind_of(|_| Mangled::Bytes(b"HTTP/1.1 400 Bad Request\r\n".to_vec())),
            kind_of(|frame| Mangled::Bytes([&[0x7f, 0xff, 0xff, 0xff], &frame[4..]].concat())),
            kind_of(|frame| Mangled::Bytes([&[0xff; 4], &frame[4..]].concat())),
            kind_of(|frame| Mangled::Bytes(framed(&[&[9; 4], &frame[8..]].concat()))),
            kind_of(|frame| Mangled::Bytes(framed(&frame[4..7]))),
            kind_of(|frame| Mangled::Bytes(framed(&frame[4..frame.len() - 1]))),
        ];
        let expected = [
            WireErrorKind::BadLength,
            WireErrorKind::BadLength,
            WireErrorKind::BadLength,
            WireErrorKind::WrongCorrelationId,
            WireErrorKind::UnexpectedEnd,
            WireErrorKind::UnexpectedEnd,
        ];
        assert_eq!(kinds, expected.map(Some), "answer {answer}");
    }
}

#[test]
fn an_answer_that_never_ends_is_given_up() {
    for answer in ANSWERS {
        let closed = replaced(answer, |frame| Mangled::ThenClosed(frame[..9].to_vec()));
        assert_eq!(closed, DisconnectReason::Closed);
        let silent = replaced(answer, |frame| Mangled::ThenSilent(frame[..9].to_vec()));
        assert_eq!(silent, DisconnectReason::RequestTimedOut);
    }
}

/// The counts of ApiVersions and Metadata, in their compact form: 0 stands for -1.
#[test]
fn counts_that_are_negative_or_beyond_the_frame_end_the_connection() {
    fn count(frame: &[u8], at: usize, count: &[u8]) -> Mangled {
        Mangled::Bytes(framed(&[&frame[4..at], count, &frame[at + 1..]].concat()))
    }
    const HUGE: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0x0f];
    let kinds = [
        kind(replaced(0, |frame| count(frame, 10, &[0]))),
        kind(replaced(0, |frame| count(frame, 10, HUGE))),
        kind(replaced(2, |frame| count(frame, 13, &[0]))),
        kind(replaced(2, |frame| count(frame, 13, HUGE))),
    ];
    let expected = [
        WireErrorKind::UnexpectedNull,
        WireErrorKind::BadLength,
        WireErrorKind::UnexpectedNull,
        WireErrorKind::BadLength,
    ];
    assert_eq!(kinds, expected.map(Some));
}
