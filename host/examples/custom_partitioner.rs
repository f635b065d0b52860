//! A partitioner of the application: express orders have partition 0 for themselves.

#![expect(clippy::print_stdout, reason = "the example shows what it did")]

use odradek_host::{Partitions, Producer, Record};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let express_first = |record: &Record<'_>, partitions: &Partitions| {
        if record.headers.iter().any(|header| header.name == "express") {
            return Some(0);
        }
        let others: Vec<i32> = partitions.with_leader().filter(|p| *p != 0).collect();
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(record.key);
        let index = (hash % others.len().max(1) as u64) as usize;
        others.get(index).copied()
    };
    let producer = Producer::builder()
        .set("bootstrap.servers", host)
        .partitioner(express_first)
        .build()?;
    println!(
        "{} partitions",
        producer.partitions_for("orders").await?.count()
    );
    let order = Record::to("orders").key("42").value("3 spools");
    let express = order.clone().header("express", "yes");
    for record in [order, express] {
        let report = producer.send(&record).await?.await.delivered()?;
        println!("partition {:?}", report.partition);
    }
    producer.close(Duration::from_secs(10)).await;
    Ok(())
}

/// Sends to the broker that the argument names.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1);
    run(host.as_deref().unwrap_or("localhost:9092")).await
}

#[cfg(test)]
mod tests {
    use krafka::testing::FakeBroker;

    #[tokio::test]
    async fn express_orders_go_to_partition_0_and_others_elsewhere() {
        let broker = FakeBroker::start().await.expect("the broker starts");
        broker.create_topic("orders", 4);
        super::run(&broker.bootstrap_servers())
            .await
            .expect("it runs");
        let stored = broker.all_records("orders").expect("the batches decode");
        let is_express = |headers: usize| headers == 1;
        assert_eq!(stored.len(), 2);
        for record in stored {
            assert_eq!(is_express(record.headers.len()), record.partition == 0);
        }
    }
}
