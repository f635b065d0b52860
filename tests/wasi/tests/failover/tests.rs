//! The scenarios.

use crate::faults;
use crate::scenario::{Known, PARTITIONS, Scenario, Subject};
use odradek::ErrorCode;
use odradek_tests_interop::ledger::Outcome;
use odradek_tests_interop::numbered::Numbered;
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
    let scenario = Scenario {
        name,
        subject,
        seconds: 10,
        properties: &[PATIENCE],
        fault: faults::pause_a_node,
        ..STEADY
    };
    run_through_lost_connections(&scenario);
}

fn node_killed(name: &'static str, subject: Subject) {
    let scenario = Scenario {
        name,
        subject,
        seconds: 10,
        properties: &[PATIENCE],
        fault: faults::kill_a_node,
        ..STEADY
    };
    run_through_lost_connections(&scenario);
}

/// Batches that became too large are split, and all their records are written.
fn batches_too_large(name: &'static str, subject: Subject) {
    let scenario = Scenario {
        name,
        subject,
        records: 2_000,
        seconds: 2,
        // Time enough for batches of more than the new limit.
        properties: &[("linger.ms", "200")],
        fault: faults::lower_the_limit_of_batches,
        ..STEADY
    };
    let Some(known) = scenario.run_to_all_written() else {
        return;
    };
    assert!(known.counted.splits > 0, "no batch was split");
}

fn broker_stamps(name: &'static str, subject: Subject) {
    let scenario = Scenario {
        name,
        subject,
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

/// Records without a key that a compacted topic refuses fail with the broker's words, each alone: the
/// others of their batches are written (KIP-467).
fn keys_are_wanted(name: &'static str, subject: Subject) {
    let scenario = Scenario {
        name,
        subject,
        records: 6_000,
        seconds: 2,
        // Batches of several records, and of those several in flight.
        properties: &[("batch.size", "1000"), ("linger.ms", "20")],
        fault: faults::want_keys,
        ..STEADY
    };
    let Some(known) = scenario.run() else {
        return;
    };
    // The last quarter of the records is sent once all nodes want keys.
    let is_late = |number: u64| number >= known.said.len() as u64 * 3 / 4;
    for (number, said) in (0..).zip(&known.said) {
        let has_key = Numbered::new(number, PARTITIONS as i32).key.is_some();
        if said.outcome == Outcome::NotWritten {
            assert!(!has_key, "record {number}: {said:?}");
            let words = "cannot accept message without key";
            assert!(said.message.contains(words), "record {number}: {said:?}");
        } else {
            assert_eq!(said.outcome, Outcome::Written, "record {number}: {said:?}");
            assert!(has_key || !is_late(number), "record {number}: {said:?}");
        }
    }
    let errors = &known.counted.errors;
    let is_refusal = |(code, _): &(ErrorCode, u64)| *code == ErrorCode::INVALID_RECORD;
    assert!(errors.iter().any(is_refusal), "{errors:?}");
    // A broker that refuses records is not lost.
    assert_eq!(known.failures, [""; 0]);
}

/// Runs a scenario that costs connections, and no record.
fn run_through_lost_connections(scenario: &Scenario) {
    let Some(known) = scenario.run_to_all_written() else {
        return;
    };
    assert!(
        !known.failures.is_empty(),
        "no connection failed or was lost"
    );
}

#[test]
fn nothing_happens() {
    let name = "nothing_happens";
    let Some(known) = (Scenario { name, ..STEADY }).run_to_all_written() else {
        return;
    };
    assert_eq!(known.failures, [""; 0]);
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
fn a_node_is_killed_and_restarted_native() {
    node_killed("a_node_is_killed_and_restarted_native", Subject::Native);
}

#[test]
fn a_node_is_killed_and_restarted_client() {
    node_killed("a_node_is_killed_and_restarted_client", Subject::Client);
}

#[test]
fn all_nodes_are_restarted_one_by_one() {
    run_through_lost_connections(&Scenario {
        name: "all_nodes_are_restarted_one_by_one",
        records: 6_000,
        seconds: 15,
        properties: &[PATIENCE],
        fault: faults::restart_all_nodes,
        ..STEADY
    });
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

/// Throttling takes more time than a broker's silence may, and does not count as such.
#[test]
fn a_client_is_throttled() {
    let scenario = Scenario {
        name: "a_client_is_throttled",
        properties: &[PATIENCE],
        fault: faults::throttle,
        ..STEADY
    };
    let Some(known) = scenario.run_to_all_written() else {
        return;
    };
    assert!(known.slowest() > Duration::from_secs(5), "never throttled");
    // A broker that throttles is not lost.
    assert_eq!(known.failures, [""; 0]);
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

#[test]
fn batches_become_too_large() {
    batches_too_large("batches_become_too_large", Subject::Engine);
}

#[test]
fn batches_become_too_large_native() {
    batches_too_large("batches_become_too_large_native", Subject::Native);
}

#[test]
fn batches_become_too_large_client() {
    batches_too_large("batches_become_too_large_client", Subject::Client);
}

#[test]
fn the_broker_stamps_the_records() {
    broker_stamps("the_broker_stamps_the_records", Subject::Engine);
}

#[test]
fn the_broker_stamps_the_records_native() {
    broker_stamps("the_broker_stamps_the_records_native", Subject::Native);
}

#[test]
fn the_broker_stamps_the_records_client() {
    broker_stamps("the_broker_stamps_the_records_client", Subject::Client);
}

#[test]
fn a_topic_refuses_records_without_keys() {
    keys_are_wanted("a_topic_refuses_records_without_keys", Subject::Engine);
}

#[test]
fn a_topic_refuses_records_without_keys_native() {
    keys_are_wanted(
        "a_topic_refuses_records_without_keys_native",
        Subject::Native,
    );
}

#[test]
fn a_topic_refuses_records_without_keys_client() {
    keys_are_wanted(
        "a_topic_refuses_records_without_keys_client",
        Subject::Client,
    );
}
