//! Records are handed over and nobody looks at their reports; the end waits for them all.

use odradek_host::{Producer, Record};
use std::time::Duration;

pub(crate) async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let builder = Producer::builder().set("bootstrap.servers", host);
    // Nobody waits for acknowledgements, so brokers need not send any.
    let producer = builder.set("acks", "0").build()?;
    for number in 0..100 {
        let value = format!("reading {number}");
        drop(producer.send(&Record::to("readings").value(&value)).await?);
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
