//! The README's example: one record is sent, and where it is written is printed.

#![expect(clippy::print_stdout, reason = "the example shows what it did")]

use odradek_host::{Producer, Record};
use std::time::Duration;

async fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder().set("bootstrap.servers", host).build()?;
    let record = Record::to("orders").key("42").value("3 spools");
    let report = producer.send(&record).await?.await.delivered()?;
    println!("{} is at offset {:?}", report.topic, report.offset);
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
    async fn the_example_writes_its_record() {
        let broker = FakeBroker::start().await.expect("the broker starts");
        broker.create_topic("orders", 1);
        super::run(&broker.bootstrap_servers())
            .await
            .expect("it runs");
        let stored = broker.all_records("orders").expect("the batches decode");
        let values: Vec<_> = stored
            .iter()
            .map(|record| record.value.as_deref())
            .collect();
        assert_eq!(values, [Some(&b"3 spools"[..])]);
        assert_eq!(stored[0].key.as_deref(), Some(&b"42"[..]));
    }

    #[tokio::test]
    async fn the_example_tells_what_is_wrong() {
        let error = super::run("nowhere").await.expect_err("no port");
        assert!(error.to_string().contains("bootstrap.servers"), "{error}");
    }
}
