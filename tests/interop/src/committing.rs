//! One run of a producer with transactions against Apache Kafka: what it calls committed is what readers of
//! committed records see, and nothing else.

use crate::case::Produce;
use crate::console;
use crate::jars::Release;
use crate::kafka::KafkaNode;
use crate::process::Scratch;
use crate::readback::{StoredRecord, read_committed};
use crate::report::Summary;
use crate::topics;
use serde_json::{Value, json};
use std::fs;

const RELEASE: Release = Release::V4_3_0;
const PARTITIONS: i32 = 3;

/// How many records there are: the last transaction is not full.
const RECORDS: usize = 1_050;
const TRANSACTION: usize = 100;

/// A record that the broker never takes, and so its transaction neither.
const REFUSED: usize = 555;

/// The most that a batch of the topic may have, in bytes.
const MOST: usize = 20_000;

fn is_committed(number: usize) -> bool {
    number / TRANSACTION != REFUSED / TRANSACTION
}

fn input() -> String {
    let lines = (0..RECORDS).map(|number| {
        let more = if number == REFUSED { MOST } else { number % 50 };
        let value = format!("{number}:{}", "x".repeat(more));
        let line = json!({"key": format!("key-{number}"), "value": value});
        format!("{line}\n")
    });
    lines.collect()
}

/// Sends with `produce`, whose transactional id is the name of the test. One transaction holds a record that
/// the broker refuses: it is aborted, again and again, and none of its records is seen. Does nothing where
/// Kafka cannot run, and says so.
///
/// # Panics
///
/// If what is reported is not what is stored, and where the machine fails the test.
pub fn transactions_are_committed(name: &str, produce: &Produce) {
    let Some(node) = KafkaNode::shared(RELEASE, name) else {
        return;
    };
    let most = MOST.to_string();
    topics::create(
        node.bootstrap(),
        name,
        PARTITIONS,
        &[("max.message.bytes", &most)],
    );
    let scratch = Scratch::new(name);
    let (lines, failed) = (scratch.fresh("records"), scratch.fresh("failed"));
    fs::write(&lines, input()).expect("scratch is writable");
    let size = TRANSACTION.to_string();
    let arguments = [
        ["-b", node.bootstrap()],
        ["-t", name],
        ["--format", "json"],
        ["--report", "json"],
        ["--transactional-id", name],
        ["--transaction-size", &size],
        ["-X", "compression.type=none"],
        ["-X", "delivery.timeout.ms=4000"],
        ["-X", "request.timeout.ms=3000"],
        ["--failed", failed.to_str().expect("the name is UTF-8")],
    ];
    let finished = produce(arguments.as_flattened(), &lines, &scratch);
    let told = &finished.stderr;
    assert_eq!(finished.status.code(), Some(1), "{told}");
    let summary = Summary {
        delivered: (RECORDS - TRANSACTION) as u64,
        failed: TRANSACTION as u64,
        possibly: 0,
    };
    assert_eq!(Summary::parse(told), Some(summary), "{told}");
    let kept = fs::read_to_string(&failed).expect("there are failed records");
    assert_eq!(kept.lines().count(), TRANSACTION);

    let stored = read_committed(node.bootstrap(), name, PARTITIONS, summary.delivered);
    let stored = stored.unwrap_or_else(|error| panic!("read {name}: {error}"));
    check(&finished.stdout_text(), &stored);
    let count = stored.iter().map(Vec::len).sum();
    let shown = console::read_committed(RELEASE, node.bootstrap(), name, PARTITIONS, count);
    console::assert_equal(name, &stored, &shown);
}

/// Every record has one report, and those that it calls committed are stored where it says, once.
fn check(reports: &str, stored: &[Vec<StoredRecord>]) {
    let mut is_reported = [false; RECORDS];
    for line in reports.lines() {
        let report: Value = serde_json::from_str(line).expect("reports are JSON");
        let number = report["line"].as_u64().expect("a line") as usize - 1;
        assert!(!is_reported[number], "twice: {line}");
        is_reported[number] = true;
        assert_eq!(report["committed"], is_committed(number), "{line}");
        if !is_committed(number) {
            continue;
        }
        let partition = report["partition"].as_u64().expect("a partition") as usize;
        let offset = report["offset"].as_i64().expect("an offset");
        let found = stored[partition].iter().find(|it| it.offset == offset);
        let key = found.and_then(|it| it.key.clone());
        assert_eq!(key, Some(format!("key-{number}").into_bytes()), "{line}");
    }
    assert!(is_reported.iter().all(|&it| it), "some have no report");
    let count: usize = stored.iter().map(Vec::len).sum();
    assert_eq!(count, RECORDS - TRANSACTION);
}
