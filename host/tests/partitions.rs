//! Partitions as the application sees them, and partitioners of its own.

use krafka::testing::FakeBroker;
use odradek::TopicError;
use odradek_host::{Backend, Builder, Cause, Partitions, Producer, Record, SendError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

async fn broker(topic: &str, partitions: i32) -> FakeBroker {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic(topic, partitions);
    broker
}

fn builder(broker: &FakeBroker, backend: Backend) -> Builder {
    Producer::builder()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("allow.auto.create.topics", "false")
        .set("max.block.ms", "400")
        .backend(backend)
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("done in time")
}

async fn partitions_are_told_and_missing_topics_end_in_time(backend: Backend) {
    let broker = broker("orders", 3).await;
    let producer = builder(&broker, backend).build().expect("it starts");
    let partitions = within(producer.partitions_for("orders")).await;
    let partitions = partitions.expect("the topic exists");
    assert_eq!(partitions.count(), 3);
    assert_eq!(partitions.with_leader().collect::<Vec<_>>(), [0, 1, 2]);

    let missing = within(producer.partitions_for("nowhere")).await;
    assert!(
        matches!(
            missing,
            Err(SendError::NoPartitions {
                cause: Some(Cause::NoMetadata { last: Some(_) })
            })
        ),
        "{missing:?}"
    );
    let illegal = within(producer.partitions_for("no topic")).await;
    assert_eq!(illegal, Err(SendError::Topic(TopicError::Character)));
    within(producer.close(TIMEOUT)).await;
    let closed = within(producer.partitions_for("elsewhere")).await;
    assert_eq!(closed, Err(SendError::Closed));
    let again = within(producer.partitions_for("elsewhere")).await;
    assert_eq!(again, Err(SendError::Closed));
}

#[tokio::test]
async fn partitions_are_told_and_missing_topics_end_in_time_natively() {
    partitions_are_told_and_missing_topics_end_in_time(Backend::Native).await;
}

#[tokio::test]
async fn partitions_are_told_and_missing_topics_end_in_time_by_the_component() {
    partitions_are_told_and_missing_topics_end_in_time(Backend::Component).await;
}

/// The length of the value, modulo the number of partitions; no opinion on tombstones.
fn by_length(record: &Record<'_>, partitions: &Partitions) -> Option<i32> {
    let length = record.value?.len() as i32;
    Some(length % partitions.count())
}

async fn the_applications_partitioner_chooses(backend: Backend) {
    let broker = broker("orders", 4).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let partitioner = move |record: &Record<'_>, partitions: &Partitions| {
        count.fetch_add(1, Ordering::Relaxed);
        by_length(record, partitions)
    };
    let builder = builder(&broker, backend).partitioner(partitioner);
    let producer = builder.build().expect("it starts");
    assert!(
        matches!(
            producer.try_send(&Record::to("orders").value("a")),
            Err(SendError::NoPartitions { cause: None })
        ),
        "nothing is known yet"
    );
    for value in ["", "a", "bb", "ccc", "dddd", "eeeee"] {
        // A key would decide otherwise.
        let record = Record::to("orders").key("k").value(value).header("h", "1");
        let delivery = within(producer.send(&record)).await.expect("accepted");
        let report = within(delivery).await.delivered().expect("written");
        assert_eq!(report.partition, Some(value.len() as i32 % 4));
    }
    let explicit = Record::to("orders").value("a").partition(3);
    let tombstone = Record::to("orders").key("k");
    let records = [
        Record::to("orders").value("aa"),
        explicit,
        tombstone,
        Record::to("nowhere").value("a"),
        Record::to("orders").value("a"),
    ];
    let delivery = within(producer.send_batch(&records)).await;
    assert_eq!(delivery.accepted(), 3);
    assert!(matches!(
        delivery.refused(),
        Some(SendError::NoPartitions { cause: Some(_) })
    ));
    let report = within(delivery).await;
    let partitions: Vec<_> = report.reports().map(|report| report.partition).collect();
    assert_eq!(partitions[..2], [Some(2), Some(3)]);
    assert_eq!(calls.load(Ordering::Relaxed), 8);
    within(producer.close(TIMEOUT)).await;
    let stored = broker.all_records("orders").expect("the batches decode");
    assert_eq!(stored.len(), 9);
}

#[tokio::test]
async fn the_applications_partitioner_chooses_natively() {
    the_applications_partitioner_chooses(Backend::Native).await;
}

#[tokio::test]
async fn the_applications_partitioner_chooses_for_the_component() {
    the_applications_partitioner_chooses(Backend::Component).await;
}

#[tokio::test]
async fn a_partition_that_the_partitioner_invents_is_refused() {
    let broker = broker("orders", 2).await;
    let far = |_: &Record<'_>, partitions: &Partitions| Some(partitions.count());
    let builder = builder(&broker, Backend::Native).partitioner(far);
    let producer = builder.build().expect("it starts");
    let delivery = within(producer.send(&Record::to("orders").value("a"))).await;
    let report = within(delivery.expect("the machine decides")).await;
    let error = report.delivered().expect_err("there is no such partition");
    assert!(error.to_string().contains("2 partitions"), "{error}");

    let negative = |_: &Record<'_>, _: &Partitions| Some(-1);
    let builder = self::builder(&broker, Backend::Native).partitioner(negative);
    let producer = builder.build().expect("it starts");
    let refused = within(producer.send(&Record::to("orders").value("a"))).await;
    assert_eq!(
        refused.map(drop),
        Err(SendError::InvalidPartition { partition: -1 })
    );
}
