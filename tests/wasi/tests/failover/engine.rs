//! A producer through the host crate, whose machine is the component in wasmtime or the core itself.

use crate::plan::{Counted, Pacer, Plan, Progress, SETTLE_LIMIT, TICK};
use odradek_host::{Backend, Delivery, Notice, Producer, Record};
use odradek_tests_interop::ledger::{Outcome, Said};
use odradek_tests_interop::numbered::Numbered;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// Sends what is planned; the reports by the number of the record, or fewer where the scenario has failed.
pub(crate) fn send(plan: &Plan, progress: &Progress, backend: Backend) -> Vec<Said> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime starts");
    runtime.block_on(send_all(plan, progress, backend))
}

async fn send_all(plan: &Plan, progress: &Progress, backend: Backend) -> Vec<Said> {
    let properties = plan.properties.iter().cloned();
    let failures = Arc::clone(&plan.failures);
    let builder = Producer::builder().properties(properties);
    let builder = builder.backend(backend).on_notice(move |notice| {
        if matches!(notice, Notice::ConnectionFailed(_)) {
            let mut failures = failures.lock().expect("nobody panicked");
            failures.push(notice.to_string());
        }
    });
    let producer = builder.build().expect("the properties are right");
    let (mut pacer, mut reports) = (Pacer::new(plan, progress), JoinSet::new());
    while let Some(due) = pacer.due() {
        for number in due {
            let sent = Numbered::new(number, plan.partitions);
            let mut record = Record::to(&plan.topic).value(&sent.value);
            (record.key, record.partition) = (sent.key.as_deref(), sent.partition);
            let at = Instant::now();
            let delivery = producer.send(&record).await.expect("there is room");
            // Each has a task of its own, so that it is known when its report came.
            reports.spawn(async move { (number, said(delivery, at).await) });
        }
        tokio::time::sleep(TICK).await;
    }
    if progress.is_abandoned() {
        return Vec::new();
    }
    let closed = tokio::time::timeout(2 * SETTLE_LIMIT, producer.close(SETTLE_LIMIT)).await;
    closed.expect("the producer closes in time");
    let metrics = producer.metrics().await.expect("the machine is not lost");
    let totals = metrics.totals();
    let counted = plan.counted.set(Counted {
        splits: totals.batch_splits,
        errors: totals.errors.clone(),
    });
    counted.expect("it ends once");
    let mut all = reports.join_all().await;
    all.sort_unstable_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, said)| said).collect()
}

async fn said(delivery: Delivery, sent: Instant) -> Said {
    let report = delivery.await;
    Said {
        outcome: match report.outcome {
            odradek_host::Outcome::Written => Outcome::Written,
            odradek_host::Outcome::NotWritten => Outcome::NotWritten,
            odradek_host::Outcome::PossiblyWritten => Outcome::PossiblyWritten,
        },
        partition: report.partition,
        offset: report.offset,
        timestamp: Some(report.timestamp),
        cause: report
            .cause
            .map(|cause| cause.to_string())
            .unwrap_or_default(),
        message: report
            .message
            .map(|words| (*words).to_owned())
            .unwrap_or_default(),
        sent,
        at: Instant::now(),
    }
}
