//! The scenarios.

use crate::faults;
use crate::scenario::{Known, PARTITIONS, Scenario, Subject};
use odradek_tests_interop::readback::Stamp;
use std::time::Duration;

/// A scenario without a fault, to be changed.
const STEADY: Scenario = Scenario {
    name: "",
    subject: Subject::Engine,
    records: 3_000,
    seconds: 4,
    topic: &[],
    properties: &[],
    fault: faults::nothing,
};

/// A stopped node answers nothing: its requests are given up after this time.
const PATIENCE: (&str, &str) = ("request.timeout.ms", "4000");

fn leaders_moved(name: &'static str, subject: Subject) {
    let _ = Scenario {
        name,
        subject,
        fault: faults::move_leaders,
        ..STEADY
    }
    .run_to_all_written();
}

fn node_stopped(name: &'static str, subject: Subject) {
    let _ = Scenario {
        name,
        subject,
        seconds: 10,
        properties: &[PATIENCE],
        fault: faults::pause_a_node,
        ..STEADY
    }
    .run_to_all_written();
}

fn node_killed(name: &'static str, subject: Subject) {
    let _ = Scenario {
        name,
        subject,
        seconds: 10,
        properties: &[PATIENCE],
        fault: faults::kill_a_node,
        ..STEADY
    }
    .run_to_all_written();
}

#[test]
fn nothing_happens() {
    let name = "nothing_happens";
    let Some(known) = (Scenario { name, ..STEADY }).run_to_all_written() else {
        return;
    };
    assert_eq!(known.failures, 0);
}

#[test]
fn leaders_are_moved() {
    leaders_moved("leaders_are_moved", Subject::Engine);
}

#[test]
fn leaders_are_moved_client() {
    leaders_moved("leaders_are_moved_client", Subject::Client);
}

#[test]
fn a_node_is_stopped_and_continued() {
    node_stopped("a_node_is_stopped_and_continued", Subject::Engine);
}

#[test]
fn a_node_is_killed_and_restarted() {
    node_killed("a_node_is_killed_and_restarted", Subject::Engine);
}

#[test]
fn a_node_is_killed_and_restarted_client() {
    node_killed("a_node_is_killed_and_restarted_client", Subject::Client);
}

#[test]
fn all_nodes_are_restarted_one_by_one() {
    let _ = Scenario {
        name: "all_nodes_are_restarted_one_by_one",
        records: 6_000,
        seconds: 15,
        properties: &[PATIENCE],
        fault: faults::restart_all_nodes,
        ..STEADY
    }
    .run_to_all_written();
}

#[test]
fn partitions_are_added() {
    let scenario = Scenario {
        name: "partitions_are_added",
        properties: &[("metadata.max.age.ms", "1000")],
        fault: faults::add_partitions,
        ..STEADY
    };
    let Some(known) = scenario.run_to_all_written() else {
        return;
    };
    assert_eq!(known.stored.len(), faults::GROWN);
    let added = &known.stored[PARTITIONS..];
    assert!(added.iter().all(|records| !records.is_empty()), "{added:?}");
}

/// What was sent while the topic was away is sent to the new one.
#[test]
fn a_topic_is_deleted_and_created_again() {
    let scenario = Scenario {
        name: "a_topic_is_deleted_and_created_again",
        fault: faults::recreate_topic,
        ..STEADY
    };
    let Some(known) = scenario.run_to_all_written() else {
        return;
    };
    assert!(known.tally.gone > 0, "some went down with the first topic");
}

/// Throttling takes its time, which does not count as a broker's silence.
#[test]
fn a_client_is_throttled() {
    let scenario = Scenario {
        name: "a_client_is_throttled",
        properties: &[("request.timeout.ms", "1000")],
        fault: faults::throttle,
        ..STEADY
    };
    let Some(known) = scenario.run_to_all_written() else {
        return;
    };
    assert!(known.slowest() > Duration::from_secs(2), "never throttled");
    assert_eq!(
        known.failures, 0,
        "a broker that throttles is no broker that is lost"
    );
}

#[test]
fn too_few_replicas_are_in_sync_for_a_while() {
    let _ = Scenario {
        name: "too_few_replicas_are_in_sync_for_a_while",
        seconds: 8,
        properties: &[PATIENCE],
        fault: faults::want_more_replicas_than_are_in_sync,
        ..STEADY
    }
    .run_to_all_written();
}

/// Whoever does not wait is told that nothing was written.
#[test]
fn too_few_replicas_are_in_sync_for_too_long() {
    let scenario = Scenario {
        name: "too_few_replicas_are_in_sync_for_too_long",
        seconds: 8,
        properties: &[
            ("request.timeout.ms", "1000"),
            ("delivery.timeout.ms", "1500"),
        ],
        fault: faults::want_more_replicas_than_are_in_sync,
        ..STEADY
    };
    let Some(known) = scenario.run() else {
        return;
    };
    assert!(known.tally.not_written > 0, "{:?}", known.causes());
    assert!(known.tally.written > 0, "{:?}", known.causes());
}

/// Batches that became too large are split, and all their records are written.
#[test]
fn batches_become_too_large() {
    let scenario = Scenario {
        name: "batches_become_too_large",
        // Time enough for batches of more than the new limit.
        properties: &[("linger.ms", "200")],
        fault: faults::lower_the_limit_of_batches,
        ..STEADY
    };
    let _ = scenario.run_to_all_written();
}

#[test]
fn the_broker_stamps_the_records() {
    let scenario = Scenario {
        name: "the_broker_stamps_the_records",
        records: 1_000,
        seconds: 2,
        topic: &["message.timestamp.type=LogAppendTime"],
        ..STEADY
    };
    // That reports tell the stored times is part of every comparison.
    let Some(Known { stored, .. }) = scenario.run_to_all_written() else {
        return;
    };
    let mut stamps = stored.iter().flatten().map(|record| record.stamp);
    assert!(stamps.all(|stamp| matches!(stamp, Stamp::Appended(_))));
}
