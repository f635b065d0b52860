//! A producer for the time of a piece of work: it is closed at its end, even if that is an early one.

use odradek_host::{Producer, Record};
use std::time::Duration;

pub(crate) async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder().set("bootstrap.servers", host).build()?;
    let work = async |producer: Producer| {
        for number in 0..100 {
            let value = format!("entry {number}");
            drop(producer.send(&Record::to("journal").value(&value)).await?);
        }
        Ok(())
    };
    producer.scope(Duration::from_secs(10), work).await
}

/// Sends to the broker that the argument names.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1);
    run(host.as_deref().unwrap_or("localhost:9092")).await
}
