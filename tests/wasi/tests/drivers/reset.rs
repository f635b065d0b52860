//! Connections that end after any number of bytes, in either direction.

use crate::session::Session;
use crate::stage::{Stage, is_full};
use odradek_tests_wasi::peers::{Cluster, Conduct, Fault, FaultKind};

/// How many places of a session are tried in CI size; in full size it is every byte.
const PLACES: u64 = 40;

const PARTITIONS: i32 = 2;

/// A short session: three requests to each of two partitions, one after the other.
fn play(session: &mut Session, topic: &str) {
    for _ in 0..3 {
        session.send_small(topic, PARTITIONS, 4);
        session.until_reported();
    }
}

/// The places between the first byte and the last of `total` at which a connection is cut.
fn places(total: u64) -> impl Iterator<Item = u64> {
    let step = if is_full() {
        1
    } else {
        (total / PLACES).max(1)
    };
    (1..=total).step_by(step as usize)
}

/// Cuts a session at every place, and sees that it is as if nothing had happened.
fn cut_everywhere(
    stage: &Stage,
    length: fn(&Cluster) -> u64,
    conduct: fn(Vec<Fault>) -> Conduct,
    kind: FaultKind,
) {
    let cluster = Cluster::start(1);
    cluster.create_topic("whole", PARTITIONS);
    let mut session = stage.open_at(&cluster, &[]);
    play(&mut session, "whole");
    let total = length(&cluster);
    assert!(total > 300, "a session of {total} bytes");
    session.finish(&cluster);
    for after in places(total) {
        let topic = format!("cut-{after}");
        cluster.create_topic(&topic, PARTITIONS);
        cluster
            .proxy(0)
            .behave(conduct(vec![Fault { after, kind }]));
        let mut session = stage.open_at(&cluster, &[]);
        play(&mut session, &topic);
        // Batches may have been cut otherwise this time, so that the place was not reached.
        for round in 0.. {
            assert!(round < 20, "no cut after {after} of {total} bytes");
            if cluster.proxy(0).counts().left == 0 {
                break;
            }
            session.send_small(&topic, PARTITIONS, 1);
            session.until_reported();
        }
        session.finish(&cluster);
    }
}

fn requests(cluster: &Cluster) -> u64 {
    cluster.proxy(0).counts().requests
}

fn responses(cluster: &Cluster) -> u64 {
    cluster.proxy(0).counts().responses
}

pub(crate) fn a_reset_within_requests_loses_nothing(stage: &Stage) {
    cut_everywhere(stage, requests, Conduct::of_requests, FaultKind::Reset);
}

pub(crate) fn a_close_within_requests_loses_nothing(stage: &Stage) {
    cut_everywhere(stage, requests, Conduct::of_requests, FaultKind::Close);
}

pub(crate) fn a_reset_within_responses_loses_nothing(stage: &Stage) {
    cut_everywhere(stage, responses, Conduct::of_responses, FaultKind::Reset);
}

pub(crate) fn a_close_within_responses_loses_nothing(stage: &Stage) {
    cut_everywhere(stage, responses, Conduct::of_responses, FaultKind::Close);
}
