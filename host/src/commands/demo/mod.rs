//! `odradek demo`: the whole way in one process, from a record to an independent reader.

mod read_back;
mod records;

use super::connect::{backend, backend_name};
use clap::Args;
use krafka::testing::FakeBroker;
use odradek::cli::args::Backend;
use odradek::cli::complaints::Complaints;
use odradek::cli::connections::describe_failures;
use odradek::cli::exit::ExitStatus;
use odradek_host::{BatchDelivery, Producer, Record, Report};
use read_back::read_back;
use records::{DemoRecord, generate};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The arguments of `demo`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct DemoArgs {
    /// How many records to send.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    records: u32,

    /// Where the producer's state machine runs.
    #[arg(long, value_enum, default_value_t = Backend::Component)]
    backend: Backend,
}

const HELP: &str = "\
Starts an embedded broker (that of the crate krafka), sends varied records with keys and headers over
several partitions, reads all of them back with krafka's consumer, which shares no code with this
producer, and compares every byte and the order in each partition. A difference exits 1.";

const TOPIC: &str = "odradek-demo";
const PARTITIONS: i32 = 6;
const SEED: u64 = 1;

/// How many records go to the producer in one call.
const GROUP: usize = 1000;

/// Runs the demo and prints its table.
pub(crate) async fn run(arguments: DemoArgs) -> ExitStatus {
    match demonstrate(&arguments).await {
        Ok(table) => {
            let written = std::io::stdout().lock().write_all(table.as_bytes());
            written.map_or(ExitStatus::Undelivered, |()| ExitStatus::Success)
        }
        Err(error) => {
            eprintln!("odradek: {error}");
            ExitStatus::Undelivered
        }
    }
}

async fn demonstrate(arguments: &DemoArgs) -> Result<String, String> {
    let broker = FakeBroker::start().await;
    let broker = broker.map_err(|error| format!("the embedded broker did not start: {error}"))?;
    broker.create_topic(TOPIC, PARTITIONS);
    let records = generate(arguments.records, PARTITIONS, SEED);
    let builder = Producer::builder().set("bootstrap.servers", broker.bootstrap_servers());
    let producer = builder.backend(backend(arguments.backend)).build();
    let producer = producer.map_err(|error| error.to_string())?;

    let started = Instant::now();
    let reports = send(&producer, &records).await?;
    let sent = started.elapsed();
    let started = Instant::now();
    read_back(&broker, TOPIC, PARTITIONS, &records, &reports).await?;
    let read = started.elapsed();

    let table = table(arguments, &producer, &records, sent, read);
    producer.close(Duration::from_secs(5)).await;
    Ok(table)
}

/// Sends all records and waits for their reports, which come in the order of the records.
async fn send(producer: &Producer, records: &[DemoRecord]) -> Result<Vec<Report>, String> {
    let mut deliveries: Vec<BatchDelivery> = Vec::new();
    for group in records.chunks(GROUP) {
        let borrowed: Vec<Record<'_>> = group.iter().map(|record| record.borrow(TOPIC)).collect();
        let delivery = producer.send_batch(&borrowed).await;
        if let Some(error) = delivery.refused() {
            return Err(format!("a record was refused: {error}"));
        }
        deliveries.push(delivery);
    }
    producer.flush().await;
    let (mut reports, mut complaints) = (Vec::with_capacity(records.len()), Complaints::default());
    for delivery in deliveries {
        for report in delivery.await.reports() {
            if let Err(error) = report.clone().delivered() {
                complaints.add(&error.to_string());
            }
            reports.push(report);
        }
    }
    let complaints = complaints.describe();
    if complaints.is_empty() {
        return Ok(reports);
    }
    let failures = describe_failures(&producer.connection_failures());
    Err(format!(
        "not all records were delivered\n{complaints}{failures}"
    ))
}

fn table(
    arguments: &DemoArgs,
    producer: &Producer,
    records: &[DemoRecord],
    sent: Duration,
    read: Duration,
) -> String {
    let stats = producer.stats();
    let payload: usize = records.iter().map(DemoRecord::bytes).sum();
    let count = records.len();
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    let per_second = count as f64 / sent.as_secs_f64().max(1e-9);
    let mut rows = vec![
        ("backend", backend_name(arguments.backend).to_owned()),
        ("records", format!("{count} in {PARTITIONS} partitions")),
        ("batches", stats.reports.to_string()),
        (
            "bytes",
            format!(
                "{payload} of keys, values and headers, {} on the wire",
                stats.bytes_transmitted
            ),
        ),
        (
            "sent in",
            format!("{}, {per_second:.0} records/s", milliseconds(sent)),
        ),
        ("read back in", milliseconds(read)),
    ];
    if let Some(component) = producer.component() {
        rows.push((
            "component",
            format!("{} bytes, no imports", component.bytes),
        ));
        rows.push(("compiled in", milliseconds(component.compile)));
        rows.push(("instantiated in", milliseconds(component.instantiate)));
    }
    let mut table = String::new();
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{name:<16} {value}");
    }
    let _ = writeln!(table, "all {count} read back and identical");
    table
}
