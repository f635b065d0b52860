//! `odradek bench`: throughput, CPU, latency and memory on varied data.

use super::connect::{backend_name, connect};
use super::process;
use odradek::cli::args::{BenchApi, BenchArgs};
use odradek::cli::exit::{ExitStatus, Tally};
use odradek::cli::figures::{Figures, Refusals, Usage};
use odradek::cli::generator::Generator;
use odradek::cli::pace::{Pace, RATE_STEP};
use odradek::cli::properties::configure;
use odradek_host::{BatchDelivery, Delivery, Producer, Record};
use std::fmt::Display;
use std::io::Write as _;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Sends, waits for the reports, and prints the figures.
pub(crate) async fn run(arguments: BenchArgs) -> ExitStatus {
    let connected = configure(&arguments.connection).and_then(|configured| {
        BenchArgs::check(&configured.config)?;
        connect(configured, arguments.connection.backend)
    });
    let connected = match connected {
        Ok(connected) => connected,
        Err(error) => {
            eprintln!("odradek: {error}");
            return ExitStatus::Usage;
        }
    };
    let producer = &connected.producer;
    let (sender, receiver) = mpsc::unbounded_channel();
    let (cpu_before, started) = (process::cpu_time(), Instant::now());
    let collector = tokio::spawn(collect(receiver, started));
    let refusals = send_all(&arguments, producer, sender, started).await;
    producer.flush().await;
    let Ok(mut figures) = collector.await else {
        eprintln!("odradek: the collector of reports panicked");
        return ExitStatus::Undelivered;
    };
    let cpu = process::cpu_time();
    producer.close(Duration::from_secs(10)).await;
    figures.refusals = refusals;
    let usage = Usage {
        cpu: cpu
            .zip(cpu_before)
            .map(|(after, before)| after.saturating_sub(before)),
        peak_rss: process::peak_rss(),
    };
    let text = figures.text(
        &arguments,
        backend_name(arguments.connection.backend),
        usage,
    );
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    let is_acks_zero = connected.is_acks_zero();
    let failures = producer.connection_failures();
    eprint!("{}", figures.summary(is_acks_zero, &failures));
    match written {
        Ok(()) => figures.status(is_acks_zero),
        Err(_) => ExitStatus::Undelivered,
    }
}

/// Deliveries on their way, with the moment before they were handed over.
enum Sent {
    Batch(Instant, BatchDelivery),
    Singles(Vec<(Instant, Delivery)>),
}

/// How many single deliveries go to the collector together.
const SINGLES: usize = 64;

async fn send_all(
    arguments: &BenchArgs,
    producer: &Producer,
    collector: mpsc::UnboundedSender<Sent>,
    started: Instant,
) -> Refusals {
    let mut generator = Generator::new(arguments);
    let mut refusals = Refusals::default();
    let mut pace = Pace::new(arguments);
    while !pace.is_done() {
        let count = pace.take(started.elapsed());
        if count == 0 {
            tokio::time::sleep(RATE_STEP).await;
            continue;
        }
        let records = generator.next_group(count).map(|(key, value)| Record {
            key,
            value: Some(value),
            ..Record::to(&arguments.topic)
        });
        let records: Vec<Record<'_>> = records.collect();
        match arguments.api {
            BenchApi::Batch => send_batch(producer, &records, &collector, &mut refusals).await,
            BenchApi::Send => send_singles(producer, &records, &collector, &mut refusals).await,
        }
    }
    refusals
}

async fn send_batch(
    producer: &Producer,
    mut records: &[Record<'_>],
    collector: &mpsc::UnboundedSender<Sent>,
    refusals: &mut Refusals,
) {
    while !records.is_empty() {
        let begun = Instant::now();
        let delivery = producer.send_batch(records).await;
        records = &records[delivery.accepted()..];
        if let Some(error) = delivery.refused() {
            refusals.add(&error);
            records = records.get(1..).unwrap_or_default();
        }
        // The collector outlives the sender.
        let _ = collector.send(Sent::Batch(begun, delivery));
    }
}

async fn send_singles(
    producer: &Producer,
    records: &[Record<'_>],
    collector: &mpsc::UnboundedSender<Sent>,
    refusals: &mut Refusals,
) {
    for records in records.chunks(SINGLES) {
        let mut singles = Vec::with_capacity(records.len());
        for record in records {
            let begun = Instant::now();
            match producer.send(record).await {
                Ok(delivery) => singles.push((begun, delivery)),
                Err(error) => refusals.add(&error),
            }
        }
        // The collector outlives the sender.
        let _ = collector.send(Sent::Singles(singles));
    }
}

/// Waits for the reports in the order of sending, which is that of reports within a partition.
async fn collect(mut deliveries: mpsc::UnboundedReceiver<Sent>, started: Instant) -> Figures {
    let mut figures = Figures::default();
    while let Some(sent) = deliveries.recv().await {
        match sent {
            Sent::Batch(begun, delivery) => {
                let report = delivery.await;
                let records = Tally {
                    delivered: report.written(),
                    failed: report.not_written(),
                    possibly: report.possibly_written(),
                };
                let failure = report.first_failure();
                let failure = failure.as_ref().map(|cause| cause as &dyn Display);
                figures.add(records, begun.elapsed(), started.elapsed(), failure);
            }
            Sent::Singles(singles) => {
                for (begun, delivery) in singles {
                    let report = delivery.await;
                    let (mut record, latency) = (Tally::default(), begun.elapsed());
                    record.add(report.outcome, 1);
                    let failure = report.cause.as_ref().filter(|_| !report.is_delivered());
                    let failure = failure.map(|cause| cause as &dyn Display);
                    figures.add(record, latency, started.elapsed(), failure);
                }
            }
        }
    }
    figures
}
