//! An idempotent producer through the host crate, which sends numbered records and keeps their reports.

use crate::progress::Progress;
use crate::size::Size;
use odradek_host::{Backend, Delivery, Producer, Record};
use odradek_tests_interop::ledger::{Outcome, Said};
use odradek_tests_interop::numbered::Numbered;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a producer may take to settle everything once the cluster is whole: more than the default
/// `delivery.timeout.ms`.
pub(crate) const SETTLE_LIMIT: Duration = Duration::from_secs(180);

/// How many reports are awaited at the same time.
const OUTSTANDING: usize = 50_000;

/// The pace at which a producer goes on that has sent what it was to send.
const TRICKLE: Duration = Duration::from_millis(10);

/// Where an idempotent producer sends to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) properties: &'a [(String, String)],
    pub(crate) topic: &'a str,
    pub(crate) partitions: i32,
}

/// A record that was sent, and what is to become of it.
struct Waiting {
    sent: Instant,
    delivery: Delivery,
}

/// Sends records until there are enough and the faults are over; the reports by the number of the record.
pub(crate) fn send(
    target: Target<'_>,
    size: Size,
    backend: Backend,
    progress: &Progress,
) -> Vec<Said> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime starts");
    runtime.block_on(send_all(target, size, backend, progress))
}

async fn send_all(
    target: Target<'_>,
    size: Size,
    backend: Backend,
    progress: &Progress,
) -> Vec<Said> {
    let builder = Producer::builder().properties(target.properties.iter().cloned());
    let built = builder.backend(backend).build();
    let producer = built.expect("the properties are right");
    let (mut number, mut said, mut waiting) = (0, Vec::new(), VecDeque::new());
    let mut is_done = false;
    while !(progress.is_abandoned() || is_done && progress.are_faults_over()) {
        for _ in 0..if is_done { 1 } else { size.burst } {
            let delivery = send_one(&producer, target, number).await;
            waiting.push_back(delivery);
            number += 1;
        }
        while waiting.len() > OUTSTANDING {
            take_report(&mut waiting, &mut said).await;
        }
        if number >= size.records && !is_done {
            is_done = true;
            progress.is_done();
        }
        let pause = if is_done { TRICKLE } else { size.pause };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    let closed = tokio::time::timeout(2 * SETTLE_LIMIT, producer.close(SETTLE_LIMIT)).await;
    closed.expect("the producer closes in time");
    while !waiting.is_empty() {
        take_report(&mut waiting, &mut said).await;
    }
    said
}

async fn send_one(producer: &Producer, target: Target<'_>, number: u64) -> Waiting {
    let numbered = Numbered::new(number, target.partitions);
    let mut record = Record::to(target.topic).value(&numbered.value);
    (record.key, record.partition) = (numbered.key.as_deref(), numbered.partition);
    let sent = Instant::now();
    let delivery = producer.send(&record).await.expect("there is room");
    Waiting { sent, delivery }
}

/// Takes the report of the oldest record.
async fn take_report(waiting: &mut VecDeque<Waiting>, said: &mut Vec<Said>) {
    let Some(Waiting { sent, delivery }) = waiting.pop_front() else {
        return;
    };
    let report = delivery.await;
    let cause = report.cause.map(|cause| cause.to_string());
    let message = report.message.map(|words| (*words).to_owned());
    said.push(Said {
        outcome: match report.outcome {
            odradek_host::Outcome::Written => Outcome::Written,
            odradek_host::Outcome::NotWritten => Outcome::NotWritten,
            odradek_host::Outcome::PossiblyWritten => Outcome::PossiblyWritten,
        },
        partition: report.partition,
        offset: report.offset,
        timestamp: Some(report.timestamp),
        cause: cause.unwrap_or_default(),
        message: message.unwrap_or_default(),
        sent,
        at: Instant::now(),
    });
}
