//! Connections of which one side or both end after any number of bytes, in either direction.

use crate::session::Session;
use crate::stage::{Stage, is_full};
use odradek_tests_wasi::peers::{Cluster, Conduct, Fault, FaultKind};

const PARTITIONS: i32 = 2;

/// What is cut, and how.
#[derive(Clone, Copy)]
struct Cut {
    direction: Direction,
    kind: FaultKind,
    /// How many places of a session are tried in CI size; in full size it is every byte.
    places: u64,
    properties: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Responses,
}

impl Cut {
    const fn new(direction: Direction, kind: FaultKind) -> Self {
        Self {
            direction,
            kind,
            places: 40,
            properties: &[],
        }
    }

    /// The bytes of this direction so far.
    fn bytes(self, cluster: &Cluster) -> u64 {
        let counts = cluster.proxy(0).counts();
        match self.direction {
            Direction::Requests => counts.requests,
            Direction::Responses => counts.responses,
        }
    }

    fn conduct(self, after: u64) -> Conduct {
        let faults = vec![Fault {
            after,
            kind: self.kind,
        }];
        match self.direction {
            Direction::Requests => Conduct::of_requests(faults),
            Direction::Responses => Conduct::of_responses(faults),
        }
    }

    /// Cuts a session at every place, and sees that it is as if nothing had happened.
    fn everywhere(self, stage: &Stage) {
        let cluster = Cluster::start(1);
        cluster.create_topic("whole", PARTITIONS);
        let mut session = stage.open_at(&cluster, self.properties);
        play(&mut session, "whole");
        let total = self.bytes(&cluster);
        assert!(total > 300, "a session of {total} bytes");
        session.finish(&cluster);
        let step = if is_full() { 1 } else { total / self.places };
        for after in (1..=total).step_by(step.max(1) as usize) {
            let topic = format!("cut-{after}");
            cluster.create_topic(&topic, PARTITIONS);
            cluster.proxy(0).behave(self.conduct(after));
            let mut session = stage.open_at(&cluster, self.properties);
            play(&mut session, &topic);
            // Batches may be cut otherwise this time, so that the place is not reached yet.
            for round in 0.. {
                if cluster.proxy(0).counts().left == 0 {
                    break;
                }
                assert!(round < 20, "no cut after {after} of {total} bytes");
                session.send_small(&topic, PARTITIONS, 1);
                session.until_reported();
            }
            session.finish(&cluster);
        }
    }
}

/// A short session: three requests to each of two partitions, one after the other.
fn play(session: &mut Session, topic: &str) {
    for _ in 0..3 {
        session.send_small(topic, PARTITIONS, 4);
        session.until_reported();
    }
}

pub(crate) fn a_reset_within_requests_loses_nothing(stage: &Stage) {
    Cut::new(Direction::Requests, FaultKind::Reset).everywhere(stage);
}

pub(crate) fn a_close_within_requests_loses_nothing(stage: &Stage) {
    Cut::new(Direction::Requests, FaultKind::Close).everywhere(stage);
}

pub(crate) fn a_reset_within_responses_loses_nothing(stage: &Stage) {
    Cut::new(Direction::Responses, FaultKind::Reset).everywhere(stage);
}

pub(crate) fn a_close_within_responses_loses_nothing(stage: &Stage) {
    Cut::new(Direction::Responses, FaultKind::Close).everywhere(stage);
}

pub(crate) fn a_broker_that_says_no_more_is_left(stage: &Stage) {
    Cut::new(Direction::Responses, FaultKind::HalfClose).everywhere(stage);
}

/// Nothing but a request that is not answered in time tells of a broker that does not listen.
pub(crate) fn a_broker_that_hears_no_more_is_left(stage: &Stage) {
    let cut = Cut {
        places: 8,
        properties: &[("request.timeout.ms", "200")],
        ..Cut::new(Direction::Requests, FaultKind::HalfClose)
    };
    cut.everywhere(stage);
}
