//! Many tasks share one producer: clones are cheap, and those that wait for room are served in order.

use odradek_host::{Producer, Record};
use std::time::Duration;

pub(crate) async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder().set("bootstrap.servers", host).build()?;
    let mut tasks = Vec::new();
    for sensor in 0..10 {
        let producer = producer.clone();
        tasks.push(tokio::spawn(async move {
            let key = format!("sensor {sensor}");
            for reading in 0..10 {
                let value = format!("reading {reading}");
                let record = Record::to("sensors").key(&key).value(&value);
                producer.send(&record).await?.await.delivered()?;
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        }));
    }
    for task in tasks {
        task.await?.map_err(|error| error.to_string())?;
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
