//! Many records are handed over in one call and reported together: the fastest way.

#![expect(clippy::print_stdout, reason = "the example shows what it did")]

use odradek_host::{Producer, Record};
use std::time::Duration;

pub(crate) async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder().set("bootstrap.servers", host).build()?;
    let lines: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
    let record = |line| Record::to("lines").value(line);
    let records: Vec<Record<'_>> = lines.iter().map(record).collect();
    let delivery = producer.send_batch(&records).await;
    if let Some(error) = delivery.refused() {
        println!("only {} were taken: {error}", delivery.accepted());
    }
    let report = delivery.await;
    println!("{} records are written", report.written());
    for failed in report.reports().filter(|report| !report.is_delivered()) {
        println!("{failed:?}");
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
