//! `odradek bench`: throughput, CPU, latency and memory on varied data.

use super::connect::{backend_name, connect};
use super::process;
use odradek::cli::args::{BenchApi, BenchArgs};
use odradek::cli::bench_report::BenchReport;
use odradek::cli::complaints::Complaints;
use odradek::cli::connections::describe_failures;
use odradek::cli::exit::{ExitStatus, Tally};
use odradek::cli::histogram::Histogram;
use odradek::cli::workload::Workload;
use odradek_host::{BatchDelivery, Delivery, Producer, Record};
use std::io::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Sends, waits for the reports, and prints the figures.
pub(crate) async fn run(arguments: BenchArgs) -> ExitStatus {
    let connected = match connect(&arguments.connection) {
        Ok(connected) => connected,
        Err(error) => {
            eprintln!("odradek: {error}");
            return ExitStatus::Usage;
        }
    };
    let producer = &connected.producer;
    let (sender, receiver) = mpsc::unbounded_channel();
    let collector = tokio::spawn(Collector::default().run(receiver));
    let (cpu_before, started) = (process::cpu_time(), Instant::now());
    let refused = send_all(&arguments, producer, sender).await;
    producer.flush().await;
    let Ok(collector) = collector.await else {
        eprintln!("odradek: the collector of reports panicked");
        return ExitStatus::Undelivered;
    };
    let elapsed = collector
        .finished
        .map_or(Duration::ZERO, |end| end - started);
    let cpu = process::cpu_time();
    producer.close(Duration::from_secs(10)).await;
    let mut tally = collector.tally;
    tally.failed += refused.count;
    let report = BenchReport {
        backend: backend_name(arguments.connection.backend),
        api: match arguments.api {
            BenchApi::Send => "send",
            BenchApi::Batch => "batch",
        },
        tally,
        value_bytes: arguments.size,
        elapsed,
        cpu: cpu
            .zip(cpu_before)
            .map(|(after, before)| after.saturating_sub(before)),
        p50_us: collector.latencies.percentile(500),
        p99_us: collector.latencies.percentile(990),
        peak_rss: process::peak_rss(),
    };
    let text = if arguments.json {
        report.to_json() + "\n"
    } else {
        report.to_table()
    };
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    let status = tally.status(connected.is_acks_zero());
    if status != ExitStatus::Success {
        eprint!("{}", refused.complaints.describe());
        eprint!("{}", collector.complaints.describe());
        eprint!("{}", describe_failures(&producer.connection_failures()));
        eprintln!("{tally}");
    }
    match written {
        Ok(()) => status,
        Err(_) => ExitStatus::Undelivered,
    }
}

/// Records that were not taken.
#[derive(Default)]
struct Refused {
    count: u64,
    complaints: Complaints,
}

/// Deliveries on their way, with the moment before they were handed over.
enum Sent {
    Batch(Instant, BatchDelivery),
    Singles(Vec<(Instant, Delivery)>),
}

/// How many records are generated at a time, and handed over together with `--api batch`.
const GROUP: u64 = 1000;

/// How many single deliveries go to the collector together.
const SINGLES: usize = 64;

/// How often the rate is kept up with.
const RATE_STEP: Duration = Duration::from_millis(1);

async fn send_all(
    arguments: &BenchArgs,
    producer: &Producer,
    collector: mpsc::UnboundedSender<Sent>,
) -> Refused {
    let mut generator = Generator::new(arguments);
    let mut refused = Refused::default();
    let (mut sent, started) = (0, Instant::now());
    while sent < arguments.records {
        let left = arguments.records - sent;
        let wanted = match arguments.rate {
            None => left.min(GROUP),
            Some(rate) => match due(rate, started.elapsed()).saturating_sub(sent).min(left) {
                0 => {
                    tokio::time::sleep(RATE_STEP).await;
                    continue;
                }
                due => due.min(GROUP),
            },
        };
        let records = generator.next_group(wanted, &arguments.topic);
        match arguments.api {
            BenchApi::Batch => send_batch(producer, &records, &collector, &mut refused).await,
            BenchApi::Send => send_singles(producer, &records, &collector, &mut refused).await,
        }
        sent += wanted;
    }
    refused
}

/// How many records should have been sent after a time.
fn due(rate: u64, elapsed: Duration) -> u64 {
    let due = u128::from(rate) * elapsed.as_micros() / 1_000_000;
    u64::try_from(due).unwrap_or(u64::MAX)
}

async fn send_batch(
    producer: &Producer,
    mut records: &[Record<'_>],
    collector: &mpsc::UnboundedSender<Sent>,
    refused: &mut Refused,
) {
    while !records.is_empty() {
        let begun = Instant::now();
        let delivery = producer.send_batch(records).await;
        records = &records[delivery.accepted()..];
        if let Some(error) = delivery.refused() {
            refused.count += 1;
            refused.complaints.add(&error.to_string());
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
    refused: &mut Refused,
) {
    for records in records.chunks(SINGLES) {
        let mut singles = Vec::with_capacity(records.len());
        for record in records {
            let begun = Instant::now();
            match producer.send(record).await {
                Ok(delivery) => singles.push((begun, delivery)),
                Err(error) => {
                    refused.count += 1;
                    refused.complaints.add(&error.to_string());
                }
            }
        }
        // The collector outlives the sender.
        let _ = collector.send(Sent::Singles(singles));
    }
}

/// Makes groups of records in memory that is used again.
struct Generator {
    workload: Workload,
    keys: Vec<u8>,
    values: Vec<u8>,
    pieces: Vec<(Option<Range<usize>>, Range<usize>)>,
}

impl Generator {
    fn new(arguments: &BenchArgs) -> Self {
        Self {
            workload: Workload::new(arguments.seed, arguments.size as usize, arguments.keys),
            keys: Vec::new(),
            values: Vec::new(),
            pieces: Vec::new(),
        }
    }

    fn next_group<'a>(&'a mut self, count: u64, topic: &'a str) -> Vec<Record<'a>> {
        self.keys.clear();
        self.values.clear();
        self.pieces.clear();
        for _ in 0..count {
            let (key, value) = (self.keys.len(), self.values.len());
            let has_key = self
                .workload
                .append_record(&mut self.keys, &mut self.values);
            let key = has_key.then_some(key..self.keys.len());
            self.pieces.push((key, value..self.values.len()));
        }
        let pieces = self.pieces.iter().cloned();
        pieces
            .map(|(key, value)| Record {
                key: key.map(|key| &self.keys[key]),
                value: Some(&self.values[value]),
                ..Record::to(topic)
            })
            .collect()
    }
}

/// Waits for the reports in the order of sending, which is that of reports within a partition.
#[derive(Default)]
struct Collector {
    tally: Tally,
    latencies: Histogram,
    complaints: Complaints,
    finished: Option<Instant>,
}

impl Collector {
    async fn run(mut self, mut deliveries: mpsc::UnboundedReceiver<Sent>) -> Self {
        while let Some(sent) = deliveries.recv().await {
            match sent {
                Sent::Batch(begun, delivery) => {
                    let records = delivery.accepted();
                    let report = delivery.await;
                    let now = Instant::now();
                    for _ in 0..records {
                        self.latencies.record((now - begun).as_micros() as u64);
                    }
                    self.tally.delivered += report.written();
                    self.tally.failed += report.not_written();
                    self.tally.possibly += report.possibly_written();
                    if let Some(cause) = report.first_failure() {
                        self.complaints.add(&cause.to_string());
                    }
                }
                Sent::Singles(singles) => {
                    for (begun, delivery) in singles {
                        let report = delivery.await;
                        self.latencies.record(begun.elapsed().as_micros() as u64);
                        self.tally.add(report.outcome, 1);
                        if let (false, Some(cause)) = (report.is_delivered(), report.cause) {
                            self.complaints.add(&cause.to_string());
                        }
                    }
                }
            }
            self.finished = Some(Instant::now());
        }
        self
    }
}
