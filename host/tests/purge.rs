//! Purge: what has not left is given up and reported, and the producer goes on.

use krafka::testing::FakeBroker;
use odradek_host::{Backend, Cause, Outcome, Producer, Record, ReportCause};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const GATHERED: usize = 100;
const LATE: usize = 20;

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("done in time")
}

async fn what_gathers_is_purged(backend: Backend) {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic("orders", 3);
    let producer = Producer::builder()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("linger.ms", "60000")
        .backend(backend)
        .build()
        .expect("it starts");
    within(producer.partitions_for("orders"))
        .await
        .expect("the topic exists");
    let record = Record::to("orders").value("v");
    let mut deliveries = Vec::new();
    for _ in 0..GATHERED {
        deliveries.push(within(producer.send(&record)).await.expect("accepted"));
    }
    let gathered = async {
        loop {
            let metrics = producer.metrics().await.expect("a machine");
            if metrics.totals().records_accepted == GATHERED as u64 {
                break;
            }
        }
    };
    within(gathered).await;
    // Some that the machine may not have seen yet, and a topic that nobody has asked for.
    let elsewhere = Record::to("elsewhere").value("v");
    for record in [&record, &elsewhere] {
        for _ in 0..LATE {
            deliveries.push(within(producer.send(record)).await.expect("accepted"));
        }
    }
    within(producer.purge()).await;
    for delivery in deliveries {
        let report = within(delivery).await;
        assert_eq!(report.outcome, Outcome::NotWritten, "{report:?}");
        let cause = Some(ReportCause::Delivery(Cause::Purged));
        assert_eq!(report.cause, cause, "{report:?}");
    }
    let metrics = within(producer.metrics()).await.expect("a machine");
    let total = metrics.get("buffer-total-bytes");
    assert_eq!(metrics.get("buffer-available-bytes"), total);

    // It goes on, and what it writes is all there is.
    let after = within(producer.send(&Record::to("orders").value("after"))).await;
    within(producer.flush()).await;
    let report = within(after.expect("accepted")).await;
    assert_eq!(report.outcome, Outcome::Written, "{report:?}");
    let stored = broker.all_records("orders").expect("the batches decode");
    let values: Vec<_> = stored.iter().map(|it| it.value.as_deref()).collect();
    assert_eq!(values, [Some(&b"after"[..])]);
    let elsewhere = broker.all_records("elsewhere").expect("they decode");
    assert!(elsewhere.is_empty());
}

#[tokio::test]
async fn what_gathers_is_purged_natively() {
    what_gathers_is_purged(Backend::Native).await;
}

#[tokio::test]
async fn what_gathers_is_purged_by_the_component() {
    what_gathers_is_purged(Backend::Component).await;
}
