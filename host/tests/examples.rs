//! The examples, run against an embedded broker: each stores what it says. Some have their tests in
//! their own file.

#![allow(
    dead_code,
    reason = "the tests call the examples' `run`, not their `main`"
)]

#[path = "../examples/batch.rs"]
mod batch;
#[path = "../examples/callback.rs"]
mod callback;
#[path = "../examples/deliveries.rs"]
mod deliveries;
#[path = "../examples/fire_and_forget.rs"]
mod fire_and_forget;
#[path = "../examples/many_tasks.rs"]
mod many_tasks;
#[path = "../examples/many_threads.rs"]
mod many_threads;
#[path = "../examples/scoped.rs"]
mod scoped;
#[path = "../examples/synchronous.rs"]
mod synchronous;
#[path = "../examples/transactional.rs"]
mod transactional;

use krafka::testing::FakeBroker;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs an example with a broker that has `topic`, and gives the keys and values that are stored in it,
/// in the order of their offsets, once there are `count`.
async fn stored_with_keys<R>(
    topic: &str,
    count: usize,
    run: impl AsyncFnOnce(String) -> R,
) -> (R, Vec<(String, String)>) {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic(topic, 1);
    let result = tokio::time::timeout(TIMEOUT, run(broker.bootstrap_servers()));
    let result = result.await.expect("the example ends");
    let started = Instant::now();
    loop {
        let mut records = broker.all_records(topic).expect("the batches decode");
        // With acks=0 the broker may be behind.
        if records.len() < count && started.elapsed() < TIMEOUT {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into();
        records.sort_by_key(|record| record.offset);
        let both = records
            .iter()
            .map(|record| (text(record.key.as_deref()), text(record.value.as_deref())));
        return (result, both.collect());
    }
}

/// The same without the keys.
async fn stored<R>(
    topic: &str,
    count: usize,
    run: impl AsyncFnOnce(String) -> R,
) -> (R, Vec<String>) {
    let (result, records) = stored_with_keys(topic, count, run).await;
    (
        result,
        records.into_iter().map(|(_, value)| value).collect(),
    )
}

/// What an example without a runtime does, on a thread of its own.
async fn on_a_thread(
    run: fn(&str) -> Result<(), Box<dyn Error>>,
    host: String,
) -> Result<(), String> {
    let (done, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || done.send(run(&host).map_err(|error| error.to_string())));
    wait.await.expect("the example does not panic")
}

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{name} {number}"))
        .collect()
}

macro_rules! each_value_is_stored_in_order {
    ($($example:ident: $topic:literal, $value:literal, $count:literal;)*) => {$(
        #[tokio::test]
        async fn $example() {
            let run = async |host: String| crate::$example::run(&host).await;
            let (result, values) = stored($topic, $count, run).await;
            result.expect("it runs");
            assert_eq!(values, numbered($value, $count));
        }
    )*};
}

each_value_is_stored_in_order! {
    batch: "lines", "line", 1000;
    callback: "clicks", "click", 100;
    deliveries: "orders", "order", 100;
    fire_and_forget: "readings", "reading", 100;
    scoped: "journal", "entry", 100;
}

#[tokio::test]
async fn synchronous_writes_one_after_the_other() {
    let run = async |host| on_a_thread(synchronous::run, host).await;
    let (result, values) = stored("ledger", 2, run).await;
    result.expect("it runs");
    assert_eq!(values, ["debit 10", "credit 10"]);
}

#[tokio::test]
async fn transactional_stores_what_it_commits() {
    let broker = FakeBroker::start().await.expect("the broker starts");
    for topic in ["orders", "payments", "invoices"] {
        broker.create_topic(topic, 1);
    }
    let run = async { transactional::run(&broker.bootstrap_servers()).await };
    let run = tokio::time::timeout(TIMEOUT, run).await;
    run.expect("the example ends").expect("it runs");
    let committed = |topic| {
        let records = broker.committed_records(topic);
        let records = records.expect("the batches decode").into_iter();
        let value = |bytes: Option<_>| {
            bytes.map_or(String::new(), |bytes: bytes::Bytes| {
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        records
            .map(|record| value(record.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(committed("orders"), ["3 spools"]);
    assert_eq!(committed("payments"), ["12 euros"]);
    assert_eq!(committed("invoices"), ["invoice for 3 spools"]);
    assert_eq!(broker.committed_offset("billing", "orders", 0), Some(1));
}

/// Whether each key's values are all there, in the order in which they were sent.
fn assert_each_in_order(records: Vec<(String, String)>, keys: &[String], values: &[String]) {
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in records {
        by_key.entry(key).or_default().push(value);
    }
    assert!(by_key.keys().eq(keys), "{:?}", by_key.keys());
    for (key, stored) in by_key {
        assert_eq!(stored, values, "{key}");
    }
}

#[tokio::test]
async fn many_threads_write_each_in_its_order() {
    let run = async |host| on_a_thread(many_threads::run, host).await;
    let (result, records) = stored_with_keys("steps", 400, run).await;
    result.expect("it runs");
    assert_each_in_order(records, &numbered("worker", 4), &numbered("step", 100));
}

#[tokio::test]
async fn many_tasks_write_each_in_its_order() {
    let run = async |host: String| {
        let result = many_tasks::run(&host).await;
        result.map_err(|error| error.to_string())
    };
    let (result, records) = stored_with_keys("sensors", 100, run).await;
    result.expect("it runs");
    assert_each_in_order(records, &numbered("sensor", 10), &numbered("reading", 10));
}

/// A new example is run here, too, and short enough to be read.
#[test]
fn every_example_is_run_and_fits_a_screen() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let here = include_str!("examples.rs");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("there are examples") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.expect("the name is UTF-8");
        count += 1;
        let text = fs::read_to_string(&path).expect("it can be read");
        let is_run = here.contains(&format!("examples/{name}\"")) || text.contains("#[cfg(test)]");
        assert!(is_run, "{name}");
        let start = text.find("fn run(").expect("a function to run");
        let body = text[start..].split("\n}\n").next().expect("it ends");
        assert!((5..=30).contains(&body.lines().count()), "{name}");
    }
    assert_eq!(count, 11);
}
