//! Brokers that answer nonsense: the connection is given up, and everything is asked again.

use crate::stage::Stage;
use odradek::DisconnectReason;
use odradek_tests_component::records::Dice;
use odradek_tests_wasi::peers::{Cluster, Conduct, Spoil};

/// How many responses of a session are spoiled, one session each: those that set the connection up,
/// and some to Produce.
const RESPONSES: u64 = 7;

/// Spoils each response of a session in turn, from byte `at` of its frame on.
fn spoil_each(stage: &Stage, at: usize, bytes: impl Fn(u64) -> Vec<u8>) {
    let cluster = Cluster::start(1);
    for response in 0..RESPONSES {
        let topic = format!("spoiled-{response}");
        cluster.create_topic(&topic, 2);
        let bytes = bytes(response);
        cluster.proxy(0).behave(Conduct {
            spoils: vec![Spoil {
                response,
                at,
                bytes,
            }],
            ..Conduct::default()
        });
        // A length may also be one that just never comes.
        let mut session = stage.open_at(&cluster, &[("request.timeout.ms", "1000")]);
        for _ in 0..RESPONSES {
            session.send_small(&topic, 2, 6);
            session.until_reported();
        }
        assert_eq!(cluster.proxy(0).counts().left, 0, "it was spoiled");
        let failures = session.failures();
        let is_known = failures.first().is_some_and(|failure| {
            matches!(
                failure.reason,
                DisconnectReason::Malformed(_) | DisconnectReason::RequestTimedOut
            )
        });
        assert!(is_known, "response {response}: {session:?}");
        session.finish(&cluster);
    }
}

pub(crate) fn random_bytes_are_no_answer(stage: &Stage) {
    spoil_each(stage, 0, |seed| {
        let mut dice = Dice::new(seed);
        (0..64).map(|_| dice.below(256) as u8).collect()
    });
}

pub(crate) fn a_huge_length_is_no_answer(stage: &Stage) {
    spoil_each(stage, 0, |_| vec![0x7f, 0xff, 0xff, 0xff]);
}

pub(crate) fn a_negative_length_is_no_answer(stage: &Stage) {
    spoil_each(stage, 0, |_| vec![0xff; 4]);
}

pub(crate) fn a_truncated_answer_is_none(stage: &Stage) {
    spoil_each(stage, 0, |_| vec![0, 0, 0, 6]);
}

pub(crate) fn another_correlation_id_is_no_answer(stage: &Stage) {
    spoil_each(stage, 4, |_| vec![0x55; 4]);
}
