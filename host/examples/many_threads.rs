//! Many threads without a runtime share one producer.

use odradek_host::{Producer, Record, SendError, block_on};
use std::thread;
use std::time::Duration;

pub(crate) fn run(host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder().set("bootstrap.servers", host).build()?;
    let work = |worker: u32| -> Result<(), SendError> {
        let key = format!("worker {worker}");
        for step in 0..100 {
            let value = format!("step {step}");
            let record = Record::to("steps").key(&key).value(&value);
            drop(block_on(producer.send(&record))?);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let start = |worker| scope.spawn(move || work(worker));
        let threads: Vec<_> = (0..4).map(start).collect();
        let mut results = threads.into_iter().map(|thread| thread.join());
        results.try_for_each(|result| result.expect("a worker does not panic"))
    })?;
    block_on(producer.close(Duration::from_secs(10)));
    Ok(())
}

/// Sends to the broker that the argument names.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1);
    run(host.as_deref().unwrap_or("localhost:9092"))
}
