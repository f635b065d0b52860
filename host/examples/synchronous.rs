//! One record after the other, each only when the one before it is written; no runtime anywhere.

#![expect(clippy::print_stdout, reason = "the example shows what it did")]

use odradek_host::{Producer, Record, block_on};
use std::time::Duration;

pub(crate) fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let builder = Producer::builder().set("bootstrap.servers", host);
    // A lone record need not wait for company.
    let producer = builder.set("linger.ms", "0").build()?;
    for value in ["debit 10", "credit 10"] {
        let record = Record::to("ledger").key("account 7").value(value);
        let delivery = block_on(producer.send(&record))?;
        let report = block_on(delivery).delivered()?;
        println!("{value} is at offset {:?}", report.offset);
    }
    block_on(producer.close(Duration::from_secs(10)));
    Ok(())
}

/// Sends to the broker that the argument names.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1);
    run(host.as_deref().unwrap_or("localhost:9092"))
}
