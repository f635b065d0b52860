//! Metrics as applications read them, against a broker that is not ours.

use krafka::testing::FakeBroker;
use odradek_host::{Backend, Metrics, Producer, Record};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const RECORDS: usize = 100;

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
