//! Each record has a future of its report: all are sent first, then the reports are looked at.

#![expect(clippy::print_stdout, reason = "the example shows what it did")]

use odradek_host::{Producer, Record};
use std::time::Duration;

pub(crate) async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder().set("bootstrap.servers", host).build()?;
    let mut deliveries = Vec::new();
    for number in 0..100 {
        let value = format!("order {number}");
        let record = Record::to("orders").key("customer 3").value(&value);
        deliveries.push(producer.send(&record).await?);
    }
    for delivery in deliveries {
        match delivery.await.delivered() {
            Ok(report) => println!("offset {:?}", report.offset),
            Err(error) => println!("{error}"),
        }
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
