//! Transactions: two topics that are written together or not at all, and a step that consumes, transforms and
//! produces exactly once.

use odradek_host::{GroupMetadata, OffsetToCommit, Producer, Record, SendError};
use std::error::Error;
use std::time::Duration;

pub(crate) async fn run(host: &str) -> Result<(), Box<dyn Error>> {
    let producer = Producer::builder()
        .set("bootstrap.servers", host)
        .set("transactional.id", "shop-1")
        .build()?;
    // Ends what an earlier process with this id left behind.
    producer.init_transactions().await?;

    producer.begin_transaction().await?;
    put(&producer, "orders", "3 spools").await?;
    put(&producer, "payments", "12 euros").await?;
    producer.commit_transaction().await?;

    producer.begin_transaction().await?;
    put(&producer, "orders", "300 spools").await?;
    put(&producer, "payments", "declined").await?;
    producer.abort_transaction().await?;

    // What a consumer was given: `orders`, partition 0, with isolation.level=read_committed.
    let group = GroupMetadata::of_group("billing");
    bill(&producer, "3 spools", 0, &group).await?;
    producer.close(Duration::from_secs(10)).await;
    Ok(())
}

/// The commit tells whether it was written: nobody need wait for the delivery.
async fn put(producer: &Producer, topic: &str, value: &str) -> Result<(), SendError> {
    let record = Record::to(topic).value(value);
    producer.send(&record).await.map(drop)
}

/// Makes an invoice of an order: it is there and the order counts as consumed, or neither. After an error that
/// asks for an abort the order is consumed again.
pub(crate) async fn bill(
    producer: &Producer,
    order: &str,
    offset: i64,
    group: &GroupMetadata<'_>,
) -> Result<(), Box<dyn Error>> {
    producer.begin_transaction().await?;
    put(producer, "invoices", &format!("invoice for {order}")).await?;
    let next = OffsetToCommit {
        topic: "orders",
        partition: 0,
        offset: offset + 1,
        leader_epoch: None,
        metadata: None,
    };
    producer.send_offsets(&[next], group).await?;
    let committed = producer.commit_transaction().await;
    if committed
        .as_ref()
        .is_err_and(|error| error.is_abort_required())
    {
        producer.abort_transaction().await?;
    }
    Ok(committed?)
}

/// Sends to the broker that the argument names.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = std::env::args().nth(1);
    run(host.as_deref().unwrap_or("localhost:9092")).await
}
