//! A topic that does not exist and that nobody creates: its records fail soon, by its name.

use odradek_host::{Backend, Outcome, Producer, Record};
use odradek_tests_interop::cluster::Cluster;
use std::time::{Duration, Instant};

/// How long a record waits for its topic.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Much less than `delivery.timeout.ms`, which would end the wait otherwise.
const LIMIT: Duration = Duration::from_secs(20);

/// Every node says that there is no such topic: the records are not written once `max.block.ms` is over,
/// not before and not much later.
fn records_fail(name: &str, backend: Backend) {
    let Some(cluster) = Cluster::shared(name) else {
        return;
    };
    let producer = Producer::builder()
        .backend(backend)
        .set("bootstrap.servers", cluster.bootstrap())
        .set("max.block.ms", PATIENCE.as_millis().to_string())
        .build()
        .expect("the properties are right");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let started = Instant::now();
        let mut deliveries = Vec::new();
        for partition in [None, Some(0), None] {
            let mut record = Record::to(name).value("lost");
            record.partition = partition;
            deliveries.push(producer.send(&record).await.expect("there is room"));
        }
        for delivery in deliveries {
            let report = tokio::time::timeout(2 * LIMIT, delivery).await;
            let error = report.expect("a report").delivered().expect_err("no topic");
            let (told, waited) = (error.to_string(), started.elapsed());
            assert_eq!(error.report().outcome, Outcome::NotWritten, "{told}");
            assert!(told.contains(name), "{told}");
            assert!(told.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{told}");
            assert!(waited >= PATIENCE, "{waited:?}: {told}");
            assert!(waited < LIMIT, "{waited:?}: {told}");
        }
        producer.close(LIMIT).await;
    });
}

#[test]
fn a_topic_is_missing() {
    records_fail("a_topic_is_missing", Backend::Component);
}

#[test]
fn a_topic_is_missing_native() {
    records_fail("a_topic_is_missing_native", Backend::Native);
}
