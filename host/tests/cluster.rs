//! The producer against a broker that is not ours, in this process: what is sent is what is stored.

use krafka::consumer::ConsumerRecord;
use krafka::testing::FakeBroker;
use odradek_host::{Backend, Builder, Cause, Outcome, Producer, Record, ReportCause, SendError};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);

async fn broker(topic: &str, partitions: i32) -> FakeBroker {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic(topic, partitions);
    broker
}

fn builder(servers: &str, backend: Backend) -> Builder {
    Producer::builder()
        .set("bootstrap.servers", servers)
        .backend(backend)
}

fn producer(broker: &FakeBroker, backend: Backend) -> Producer {
    builder(&broker.bootstrap_servers(), backend)
        .build()
        .expect("the producer starts")
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("done in time")
}

fn stored(broker: &FakeBroker, topic: &str) -> Vec<ConsumerRecord> {
    broker
        .all_records(topic)
        .expect("the stored batches decode")
}

async fn a_record_is_stored_as_it_was_sent(backend: Backend) {
    let broker = broker("orders", 3).await;
    let producer = producer(&broker, backend);
    let record = Record::to("orders")
        .key("42")
        .value("3 spools")
        .header("source", "till 7")
        .timestamp(1_700_000_000_123);
    let delivery = within(producer.send(&record)).await.expect("accepted");
    let report = within(delivery).await.delivered().expect("written");
    assert_eq!(
        (report.offset, report.timestamp),
        (Some(0), 1_700_000_000_123)
    );
    within(producer.close(TIMEOUT)).await;
    let stored = stored(&broker, "orders");
    assert_eq!(stored.len(), 1);
    assert_eq!(Some(stored[0].partition), report.partition);
    assert_eq!(stored[0].key.as_deref(), Some(&b"42"[..]));
    assert_eq!(stored[0].value.as_deref(), Some(&b"3 spools"[..]));
    assert_eq!(stored[0].timestamp, 1_700_000_000_123);
}

#[tokio::test]
async fn a_record_is_stored_as_it_was_sent_natively() {
    a_record_is_stored_as_it_was_sent(Backend::Native).await;
}

#[tokio::test]
async fn a_record_is_stored_as_it_was_sent_by_the_component() {
    a_record_is_stored_as_it_was_sent(Backend::Component).await;
}

/// Many tasks, each with many records under way: few calls carry them all, and each report names the
/// place where its record is.
async fn many_tasks_share_the_calls(backend: Backend) {
    const TASKS: usize = 50;
    const RECORDS: usize = 400;
    let broker = broker("load", 4).await;
    let producer = producer(&broker, backend);
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let producer = producer.clone();
        tasks.push(tokio::spawn(async move {
            let mut deliveries = Vec::new();
            for number in 0..RECORDS {
                let (key, value) = (format!("task {task}"), format!("{task}-{number}"));
                let record = Record::to("load").key(&key).value(&value);
                let delivery = producer.send(&record).await.expect("accepted");
                deliveries.push((value, delivery));
            }
            let mut places = Vec::new();
            for (value, delivery) in deliveries {
                let report = delivery.await.delivered().expect("written");
                places.push(((report.partition, report.offset), value));
            }
            places
        }));
    }
    let mut places = BTreeMap::new();
    for task in tasks {
        places.extend(within(task).await.expect("no panic"));
    }
    let stats = producer.stats();
    within(producer.close(TIMEOUT)).await;
    let records = (TASKS * RECORDS) as u64;
    assert_eq!(stats.records_accepted, records);
    let calls = stats.machine_calls;
    assert!(calls * 10 < records, "{calls} calls for {records} records");
    let stored = stored(&broker, "load");
    assert_eq!(stored.len(), TASKS * RECORDS);
    for record in &stored {
        let place = (Some(record.partition), Some(record.offset));
        let sent = places.get(&place).map(String::as_bytes);
        assert_eq!(sent, record.value.as_deref());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_the_calls_natively() {
    many_tasks_share_the_calls(Backend::Native).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_the_calls_of_the_component() {
    many_tasks_share_the_calls(Backend::Component).await;
}

/// A batch larger than the buffer goes through it in parts; every report is that of its record.
async fn a_batch_larger_than_the_buffer_goes_in_parts(backend: Backend) {
    let broker = broker("bulk", 6).await;
    let producer = builder(&broker.bootstrap_servers(), backend)
        .set("buffer.memory", "1000000")
        .build()
        .expect("the producer starts");
    let values: Vec<String> = (0..30_000).map(|n| format!("{n:0>100}")).collect();
    let records: Vec<_> = values
        .iter()
        .map(|value| Record::to("bulk").key(&value[95..]).value(value))
        .collect();
    let delivery = within(producer.send_batch(&records)).await;
    assert_eq!((delivery.accepted(), delivery.refused()), (30_000, None));
    let report = within(delivery).await;
    assert!(report.all_delivered(), "{:?}", report.first_failure());
    within(producer.close(TIMEOUT)).await;
    let stored = stored(&broker, "bulk");
    let places: BTreeMap<_, _> = stored
        .iter()
        .map(|record| ((record.partition, record.offset), record))
        .collect();
    assert_eq!(places.len(), 30_000);
    for (report, value) in report.reports().zip(&values) {
        let place = (report.partition, report.offset);
        let (Some(partition), Some(offset)) = place else {
            panic!("a written record has a place: {report:?}");
        };
        let stored = places[&(partition, offset)].value.as_deref();
        assert_eq!(stored, Some(value.as_bytes()));
    }
}

#[tokio::test]
async fn a_batch_larger_than_the_buffer_goes_in_parts_natively() {
    a_batch_larger_than_the_buffer_goes_in_parts(Backend::Native).await;
}

#[tokio::test]
async fn a_batch_larger_than_the_buffer_goes_in_parts_through_the_component() {
    a_batch_larger_than_the_buffer_goes_in_parts(Backend::Component).await;
}

#[tokio::test]
async fn flush_does_not_wait_for_linger() {
    let broker = broker("slow", 1).await;
    let producer = builder(&broker.bootstrap_servers(), Backend::Native)
        .set("linger.ms", "20000")
        .build()
        .expect("the producer starts");
    let started = Instant::now();
    for _ in 0..10 {
        let delivery = within(producer.send(&Record::to("slow").value("v"))).await;
        drop(delivery.expect("accepted"));
    }
    within(producer.flush()).await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(stored(&broker, "slow").len(), 10);
    assert_eq!(producer.stats().records_reported, 10);
}

/// A sender that waits for room, for a record that is too large for what is free, ends the linger of what
/// holds the room: nothing else would, and both would wait for `linger.ms`.
async fn a_large_record_does_not_wait_for_linger(backend: Backend) {
    let broker = broker("orders", 1).await;
    let producer = builder(&broker.bootstrap_servers(), backend)
        .set("buffer.memory", "131072")
        .set("batch.size", "65536")
        .set("linger.ms", "60000")
        .build()
        .expect("the producer starts");
    let (small, large) = (vec![b's'; 50_000], vec![b'l'; 100_000]);
    let record = Record::to("orders").partition(0).value(&small);
    let first = within(producer.send(&record)).await.expect("accepted");
    let record = Record::to("orders").partition(0).value(&large);
    let second = within(producer.send(&record)).await.expect("accepted");
    within(first).await.delivered().expect("written");
    within(producer.close(TIMEOUT)).await;
    within(second).await.delivered().expect("written");
    assert_eq!(stored(&broker, "orders").len(), 2);
}

#[tokio::test]
async fn a_large_record_does_not_wait_for_linger_natively() {
    a_large_record_does_not_wait_for_linger(Backend::Native).await;
}

#[tokio::test]
async fn a_large_record_does_not_wait_for_linger_through_the_component() {
    a_large_record_does_not_wait_for_linger(Backend::Component).await;
}

#[tokio::test]
async fn without_a_broker_every_record_is_not_written_and_each_address_is_named() {
    // Nobody listens on the reserved ports.
    let producer = builder("127.0.0.1:1,127.0.0.1:2", Backend::Native)
        .set("max.block.ms", "1500")
        .build()
        .expect("the producer starts");
    let delivery = producer.send(&Record::to("t").value("v")).await;
    let report = within(delivery.expect("accepted")).await;
    assert_eq!(report.outcome, Outcome::NotWritten);
    assert!(
        matches!(
            report.cause,
            Some(ReportCause::Delivery(Cause::NoMetadata { .. }))
        ),
        "{report:?}"
    );
    let failed = producer.connection_failures();
    let mut ports: Vec<_> = failed.iter().map(|failed| failed.latest.port).collect();
    ports.sort_unstable();
    assert_eq!(ports, [1, 2]);
    within(producer.close(TIMEOUT)).await;
    assert_eq!(
        producer.try_send(&Record::to("t")).err(),
        Some(SendError::Closed)
    );
}

#[tokio::test]
async fn a_record_that_never_fits_is_refused_alone() {
    let broker = broker("t", 1).await;
    let producer = producer(&broker, Backend::Native);
    let large = vec![0; 2 << 20];
    let records = [
        Record::to("t").value("1"),
        Record::to("t").value(&large),
        Record::to("t").value("2"),
    ];
    let report = within(within(producer.send_batch(&records)).await).await;
    assert_eq!((report.written(), report.not_written()), (2, 1));
    let cause = report.first_failure().expect("one was refused");
    assert!(cause.to_string().contains("max.request.size"), "{cause}");
}
