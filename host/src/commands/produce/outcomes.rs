//! The way out: deliveries are awaited in the order of the input, and what the ledger makes of them is
//! written.

use super::pending::{Entry, Pending};
use crate::commands::connect::is_unreached;
use indicatif::ProgressBar;
use odradek::Outcome;
use odradek::cli::causes::{describe_cause, describe_topic_error, is_unheard};
use odradek::cli::course::Course;
use odradek::cli::kept::Kept;
use odradek::cli::ledger::{GATHERED, Ledger, Outlet, Settled};
use odradek_host::{BatchDelivery, BatchReport, Producer, ReportCause};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{Semaphore, mpsc, watch};

/// Everything between the reports and the user.
///
/// Entries are settled in the order of the input, so that reports come in the order of their tickets in
/// every partition; a partition that is stuck holds back the reports of the others until its records
/// are settled.
pub(super) struct Outcomes {
    pub(super) producer: Producer,
    pub(super) entries: mpsc::UnboundedReceiver<Entry>,
    pub(super) window: Arc<Semaphore>,
    pub(super) course: watch::Sender<Course>,
    pub(super) ledger: Ledger,
    /// The file of failed records, if there is one.
    pub(super) failed: Option<File>,
    pub(super) progress: ProgressBar,
}

impl Outcomes {
    /// Settles entries until the intake has ended and everything is reported.
    pub(super) async fn run(mut self) -> Self {
        while let Some(entry) = self.next_entry().await {
            let permits = entry.permits;
            self.settle(entry).await;
            if self.ledger.gathered_bytes() >= GATHERED {
                self.write_out();
            }
            self.window.add_permits(permits as usize);
            self.progress.set_position(self.ledger.tally().records());
        }
        self
    }

    /// The next step of the input; `None` when the intake has ended.
    pub(super) async fn next_entry(&mut self) -> Option<Entry> {
        match self.entries.try_recv() {
            Ok(entry) => Some(entry),
            Err(_) => {
                self.write_out();
                self.entries.recv().await
            }
        }
    }

    async fn settle(&mut self, entry: Entry) {
        let source = entry.source;
        match entry.pending {
            Pending::Sent { delivery, kept } => {
                let report = self.wait(delivery).await;
                self.settle_sent(source, &report, &kept);
            }
            // Nothing waits here where no transactions are made.
            Pending::Unsent(_) => {}
            Pending::Refused { record, error } => self.ledger.refuse(source, &record, &error),
            Pending::Bad(line) => self.ledger.settle_bad(source, &line),
            Pending::Unreadable(error) => self.ledger.unreadable(&error),
        }
    }

    async fn wait(&mut self, mut delivery: BatchDelivery) -> BatchReport {
        let mut attempt = poll_fn(|cx| Poll::Ready(Pin::new(&mut delivery).poll(cx)));
        match (&mut attempt).await {
            Poll::Ready(report) => report,
            Poll::Pending => {
                // Nobody should wait for lines that are ready.
                self.write_out();
                delivery.await
            }
        }
    }

    fn settle_sent(&mut self, source: usize, report: &BatchReport, kept: &Kept) {
        if report.all_delivered() && !self.ledger.reports_each() {
            self.ledger.count(Outcome::Written, report.written());
            let possibly = report.possibly_written();
            self.ledger.count(Outcome::PossiblyWritten, possibly);
            return;
        }
        for (index, report) in report.reports().enumerate() {
            let topic = &report.topic;
            let message = report.message.as_deref();
            let error = report.cause.map(|cause| describe(topic, cause, message));
            let settled = Settled {
                ticket: report.ticket.map(|ticket| ticket.0),
                // A machine that was lost names no topic any more.
                topic: (!topic.is_empty()).then_some(topic),
                partition: report.partition,
                offset: report.offset,
                timestamp: Some(report.timestamp),
                outcome: report.outcome,
                error: error.as_deref(),
            };
            self.ledger.settle(source, kept, index, &settled);
            self.give_up_if_unreached(report.cause);
        }
    }

    /// A cluster of which nothing was ever heard within `max.block.ms` will not take the rest either.
    fn give_up_if_unreached(&self, cause: Option<ReportCause>) {
        if let Some(ReportCause::Delivery(cause)) = cause
            && is_unheard(cause)
            && *self.course.borrow() == Course::Go
            && is_unreached(&self.producer)
        {
            self.course.send_replace(Course::GiveUp);
        }
    }

    pub(super) fn write_out(&mut self) {
        write(&mut self.ledger, Outlet::Reports, &mut io::stdout());
        if let Some(file) = &mut self.failed {
            write(&mut self.ledger, Outlet::Failed, file);
        }
    }
}

fn write(ledger: &mut Ledger, outlet: Outlet, writer: &mut dyn Write) {
    let Some(lines) = ledger.gathered(outlet) else {
        return;
    };
    let written = writer.write_all(lines).and_then(|()| writer.flush());
    lines.clear();
    if let Err(error) = written {
        ledger.unwritable(outlet, &error);
    }
}

pub(super) fn describe(topic: &str, cause: ReportCause, message: Option<&str>) -> String {
    match cause {
        ReportCause::Delivery(cause) => describe_cause(topic, cause, message),
        ReportCause::Topic(error) => describe_topic_error(topic, error),
        ReportCause::Refused(error) => error.to_string(),
    }
}
