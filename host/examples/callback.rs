//! A function is called with each report, in the order of the records of a partition.

#![expect(clippy::print_stdout, reason = "the example shows what it did")]

use odradek_host::{Producer, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder().set("bootstrap.servers", host).build()?;
    let written = Arc::new(AtomicU64::new(0));
    for number in 0..100 {
        let value = format!("click {number}");
        let record = Record::to("clicks").key("page 1").value(&value);
        let written = Arc::clone(&written);
        let delivery = producer.send(&record).await?;
        // It runs where the connections are served, so it must not block.
        delivery.on_report(move |report| match report.delivered() {
            Ok(_) => drop(written.fetch_add(1, Ordering::Relaxed)),
            Err(error) => println!("click {number}: {error}"),
        });
    }
    producer.close(Duration::from_secs(10)).await;
    println!("{} clicks are written", written.load(Ordering::Relaxed));
    Ok(())
}

/// Sends to the broker that the argument names.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1);
    run(host.as_deref().unwrap_or("localhost:9092")).await
}
