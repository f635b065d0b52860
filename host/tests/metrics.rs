//! Metrics as applications read them, against a broker that is not ours.

#[path = "../../tests/machine/java_metrics.rs"]
mod java_metrics;

use java_metrics::{JAVA, Service};
use krafka::testing::FakeBroker;
use odradek_host::sink::{Sink, SinkHandle};
use odradek_host::{Backend, Builder, Metrics, Producer, Record, SendError};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);
const RECORDS: usize = 100;
const VALUE: [u8; 1000] = [b'x'; 1000];

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("done in time")
}

fn value(metrics: &Metrics, name: &str) -> f64 {
    let value = metrics.get(name);
    value.unwrap_or_else(|| panic!("{name} has a value"))
}

async fn what_is_sent_is_counted(backend: Backend) {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic("orders", 3);
    let producer = Producer::builder()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("client.id", "counting")
        .backend(backend)
        .build()
        .expect("it starts");
    let fresh = within(producer.metrics()).await.expect("a machine");
    assert_eq!(fresh.get("record-send-total"), Some(0.0));
    assert_eq!(fresh.get("record-queue-time-avg"), None, "nothing was sent");
    let total = value(&fresh, "buffer-total-bytes");
    assert_eq!(value(&fresh, "buffer-available-bytes"), total);

    let records = vec![Record::to("orders").key("k").value("12345"); RECORDS];
    let report = within(within(producer.send_batch(&records)).await).await;
    assert_eq!(report.written(), RECORDS as u64);
    let metrics = within(producer.metrics()).await.expect("a machine");
    assert_eq!(value(&metrics, "record-send-total"), RECORDS as f64);
    assert_eq!(value(&metrics, "record-error-total"), 0.0);
    assert_eq!(value(&metrics, "buffer-available-bytes"), total);
    // The window began with the producer, so every rate is a total divided by the same seconds.
    let rate = |name: &str| value(&metrics, &format!("{name}-rate"));
    let ratio = rate("record-send") / rate("outgoing-byte");
    let sent = value(&metrics, "outgoing-byte-total");
    assert!((ratio - RECORDS as f64 / sent).abs() < 1e-9, "{ratio}");
    assert!(value(&metrics, "record-queue-time-avg") <= value(&metrics, "record-queue-time-max"));
    assert!(value(&metrics, "request-latency-max") < TIMEOUT.as_millis() as f64);
    assert_eq!(value(&metrics, "compression-rate-avg"), 1.0);
    // A record in its batch: the value, the key, and between 7 and 9 bytes of framing.
    let size = value(&metrics, "record-size-avg");
    assert!((12.0..=16.0).contains(&size), "{size}");

    let list = metrics.list();
    let tagged = |name: &str, key: &str| {
        let is_meant = |metric: &&odradek_host::Metric| {
            metric.name == name && metric.tags.get(1).is_some_and(|tag| tag.0 == key)
        };
        let sum: f64 = list
            .iter()
            .filter(is_meant)
            .map(|metric| metric.value)
            .sum();
        sum
    };
    assert_eq!(tagged("record-send-total", "topic"), RECORDS as f64);
    assert_eq!(tagged("outgoing-byte-total", "node-id"), sent);
    let clients = list.iter().map(|metric| &metric.tags[0]);
    assert!(clients.clone().count() > 50);
    assert!(
        clients
            .into_iter()
            .all(|tag| *tag == ("client-id", "counting".to_owned()))
    );

    within(producer.close(TIMEOUT)).await;
    let last = within(producer.metrics()).await.expect("kept at the end");
    assert_eq!(value(&last, "record-send-total"), RECORDS as f64);
    assert_eq!(value(&last, "connection-count"), 0.0);
}

#[tokio::test]
async fn what_is_sent_is_counted_natively() {
    what_is_sent_is_counted(Backend::Native).await;
}

#[tokio::test]
async fn what_is_sent_is_counted_by_the_component() {
    what_is_sent_is_counted(Backend::Component).await;
}

#[tokio::test]
async fn rates_look_back_no_further_than_the_windows() {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic("orders", 1);
    let producer = Producer::builder()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("metrics.sample.window.ms", "20")
        .backend(Backend::Native)
        .build()
        .expect("it starts");
    let record = Record::to("orders").value("x");
    let delivery = within(producer.send(&record)).await.expect("accepted");
    within(delivery).await.delivered().expect("written");
    let mut metrics = within(producer.metrics()).await.expect("a machine");
    // Asking is a turn of the driver, and the first one behind the window takes its snapshot.
    while value(&metrics, "record-send-rate") > 0.0 {
        metrics = within(producer.metrics()).await.expect("a machine");
    }
    assert_eq!(value(&metrics, "record-send-total"), 1.0);
    assert_eq!(metrics.get("record-queue-time-avg"), None);
}

/// A broker that can stop reading, and a builder of its producers.
async fn sink(backend: Backend) -> (SinkHandle, Builder) {
    let sink = Sink::bind(([127, 0, 0, 1], 0).into(), 1).await;
    let sink = sink.expect("it listens");
    let handle = sink.handle();
    tokio::spawn(sink.run(|_, error| panic!("{error}")));
    let builder = Producer::builder()
        .set("bootstrap.servers", handle.address().to_string())
        .backend(backend);
    (handle, builder)
}

async fn measured(producer: &Producer, name: &str) -> f64 {
    value(&within(producer.metrics()).await.expect("a machine"), name)
}

/// Sends until nothing moves any more: what is free when all is staged may be more than it seemed.
async fn fill(producer: &Producer) {
    let mut refusals = 0;
    while refusals < 20 {
        match producer.try_send(&Record::to("t").value(&VALUE)) {
            Ok(_) => refusals = 0,
            Err(_) => {
                refusals += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// Begins to send a record for which there is no room, and returns once the metrics tell that it waits.
async fn waiting_send(producer: &Producer) -> tokio::task::JoinHandle<Result<(), SendError>> {
    let sender = producer.clone();
    let sending = tokio::spawn(async move {
        let delivery = sender.send(&Record::to("t").value(&VALUE)).await?;
        drop(delivery);
        Ok(())
    });
    let waits = async {
        while measured(producer, "waiting-threads").await < 1.0 {
            assert!(!sending.is_finished(), "it did not wait");
            tokio::task::yield_now().await;
        }
    };
    within(waits).await;
    sending
}

async fn waiting_for_room_is_measured(backend: Backend) {
    const MAX_BLOCK_MS: u32 = 1500;
    let (sink, builder) = sink(backend).await;
    let builder = builder.set("buffer.memory", "65536");
    let builder = builder.set("max.block.ms", MAX_BLOCK_MS.to_string());
    let producer = builder.build().expect("it starts");
    drop(within(producer.send(&Record::to("t").value("v"))).await);
    within(producer.flush()).await;
    sink.set_reading(false);
    fill(&producer).await;
    let before = within(producer.metrics()).await.expect("a machine");
    assert_eq!(value(&before, "waiting-threads"), 0.0);
    assert_eq!(value(&before, "buffer-exhausted-total"), 0.0);
    // The first record of all waits until the machine has told how much room there is.
    let started = value(&before, "bufferpool-wait-time-ns-total");

    let refused = within(waiting_send(&producer).await).await;
    let refused = refused.expect("no panic");
    assert!(
        matches!(refused, Err(SendError::BufferFull { .. })),
        "{refused:?}"
    );
    let after = within(producer.metrics()).await.expect("a machine");
    assert_eq!(value(&after, "waiting-threads"), 0.0);
    assert_eq!(value(&after, "buffer-exhausted-total"), 1.0);
    assert!(value(&after, "buffer-exhausted-rate") > 0.0);
    let waited = value(&after, "bufferpool-wait-time-ns-total");
    let nanos = waited - started;
    assert!(nanos >= f64::from(MAX_BLOCK_MS) * 1e6, "{nanos} ns");
    let ratio = value(&after, "bufferpool-wait-ratio");
    assert!(ratio > 0.0 && ratio < 1.0, "{ratio}");

    // One that gets room in the end has waited, too, and nothing was exhausted.
    let sending = waiting_send(&producer).await;
    sink.set_reading(true);
    within(sending).await.expect("no panic").expect("room");
    within(producer.flush()).await;
    let after = within(producer.metrics()).await.expect("a machine");
    assert_eq!(value(&after, "waiting-threads"), 0.0);
    assert_eq!(value(&after, "buffer-exhausted-total"), 1.0);
    assert!(value(&after, "bufferpool-wait-time-ns-total") > waited);
    assert_eq!(value(&after, "record-error-total"), 0.0);
}

#[tokio::test]
async fn waiting_for_room_is_measured_natively() {
    waiting_for_room_is_measured(Backend::Native).await;
}

#[tokio::test]
async fn waiting_for_room_is_measured_by_the_component() {
    waiting_for_room_is_measured(Backend::Component).await;
}

#[tokio::test]
async fn flushes_are_measured() {
    let (_sink, builder) = sink(Backend::Native).await;
    let builder = builder.set("linger.ms", "60000");
    let producer = builder.build().expect("it starts");
    let name = "flush-time-ns-total";
    assert_eq!(measured(&producer, name).await, 0.0);
    let mut before = 0.0;
    for _ in 0..2 {
        let delivery = within(producer.send(&Record::to("t").value("v"))).await;
        let started = Instant::now();
        within(producer.flush()).await;
        let took = started.elapsed().as_nanos() as f64;
        let nanos = measured(&producer, name).await - before;
        assert!(nanos > 0.0 && nanos <= took, "{nanos} of {took} ns");
        before += nanos;
        within(delivery.expect("accepted"))
            .await
            .delivered()
            .expect("written");
    }
}

#[tokio::test]
async fn every_name_of_javas_that_is_served_has_a_value_after_traffic() {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic("orders", 3);
    let producer = Producer::builder()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .backend(Backend::Native)
        .build()
        .expect("it starts");
    let records = vec![Record::to("orders").value("v"); RECORDS];
    let report = within(within(producer.send_batch(&records)).await).await;
    assert_eq!(report.written(), RECORDS as u64);
    let list = within(producer.metrics()).await.expect("a machine").list();
    let mut told: BTreeSet<(&str, &str)> = list
        .iter()
        .map(|metric| (metric.group, metric.name.as_str()))
        .filter(|(group, _)| !group.starts_with("odradek-"))
        .collect();
    for (group, name, service) in JAVA {
        let is_told = told.remove(&(group, name));
        match service {
            Service::Core => assert!(is_told, "{group} {name}"),
            Service::Window(note) | Service::Host(note) => {
                assert!(is_told, "{group} {name}: {note}");
            }
            Service::Never(reason) => assert!(!is_told, "{group} {name}: {reason}"),
        }
    }
    assert!(told.is_empty(), "no names of Java's: {told:?}");
}
