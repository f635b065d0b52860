//! The way out: reports become lines, failed records go to their file, everything is counted.

use super::intake::Course;
use super::pending::{Entry, Kept, Pending};
use crate::commands::connect::{Complaints, is_unreached};
use indicatif::ProgressBar;
use odradek::cli::exit::Tally;
use odradek::cli::failed::{write_bad_line, write_record};
use odradek::cli::input::{BadLine, Defaults, InputRecord};
use odradek::cli::report::ReportLine;
use odradek::{Cause, Outcome};
use odradek_host::{BatchDelivery, BatchReport, Producer, Report, ReportCause};
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
    pub(super) defaults: Arc<Defaults>,
    /// The names of the inputs, where reports name them.
    pub(super) names: Option<Vec<String>>,
    pub(super) is_acks_zero: bool,
    pub(super) report: Option<Lines<io::Stdout>>,
    pub(super) failed: Option<Lines<File>>,
    pub(super) progress: ProgressBar,
    pub(super) tally: Tally,
    pub(super) complaints: Complaints,
    /// Whether an input could not be read to its end, or a line could not be written.
    pub(super) is_broken: bool,
}

/// Lines that are gathered and written together.
pub(super) struct Lines<W> {
    name: &'static str,
    writer: W,
    gathered: Vec<u8>,
    /// Set for good when writing has failed: nothing more is gathered.
    is_broken: bool,
    /// The failure, until it has been complained about.
    failure: Option<io::Error>,
}

impl Outcomes {
    /// Settles entries until the intake has ended and everything is reported.
    pub(super) async fn run(mut self) -> Self {
        loop {
            let entry = match self.entries.try_recv() {
                Ok(entry) => Some(entry),
                Err(_) => {
                    self.write_out();
                    self.entries.recv().await
                }
            };
            let Some(entry) = entry else {
                return self;
            };
            let permits = entry.permits;
            self.settle(entry).await;
            self.window.add_permits(permits as usize);
            let done = self.tally.delivered + self.tally.failed + self.tally.possibly;
            self.progress.set_position(done);
        }
    }

    async fn settle(&mut self, entry: Entry) {
        let source = entry.source;
        match entry.pending {
            Pending::Sent { delivery, kept } => {
                let report = self.wait(delivery).await;
                self.settle_sent(source, &report, &kept);
            }
            Pending::Refused { record, error } => self.settle_refused(source, &record, &error),
            Pending::Bad(line) => self.settle_bad(source, &line),
            Pending::Unreadable(error) => {
                self.complaints
                    .add(&format!("the input cannot be read: {error}"));
                self.is_broken = true;
            }
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
        self.tally.add(Outcome::Written, report.written());
        self.tally.add(Outcome::NotWritten, report.not_written());
        self.tally
            .add(Outcome::PossiblyWritten, report.possibly_written());
        if self.report.is_none() && report.all_delivered() {
            return;
        }
        for (index, report) in report.reports().enumerate() {
            let error = report.cause.map(|cause| describe(&report.topic, cause));
            if let Some(lines) = &mut self.report {
                let line = kept.line(index).unwrap_or_default();
                let file = self.names.as_ref().map(|names| names[source].as_str());
                let mut report_line = report_line(&report, line, file, error.as_deref());
                if report.topic.is_empty() {
                    // A machine that was lost names no topic any more.
                    report_line.topic = kept.topic(index).or(self.defaults.topic.as_deref());
                }
                lines.add(|out| report_line.write(out));
            }
            if self.is_failure(report.outcome) {
                let error = error.as_deref().unwrap_or("unknown");
                self.complaints.add(error);
                if let (Some(lines), Some(record)) = (&mut self.failed, kept.record(index)) {
                    let defaults = &self.defaults;
                    lines.add(|out| write_record(record, defaults, report.outcome, error, out));
                }
                self.give_up_if_unreached(report.cause);
            }
        }
    }

    fn is_failure(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Written => false,
            Outcome::NotWritten => true,
            Outcome::PossiblyWritten => !self.is_acks_zero,
        }
    }

    /// A cluster of which nothing was ever heard within `max.block.ms` will not take the rest either.
    fn give_up_if_unreached(&self, cause: Option<ReportCause>) {
        let is_unheard = cause == Some(ReportCause::Delivery(Cause::NoMetadata { last: None }));
        if is_unheard && *self.course.borrow() == Course::Go && is_unreached(&self.producer) {
            self.course.send_replace(Course::GiveUp);
        }
    }

    fn settle_refused(&mut self, source: usize, record: &InputRecord, error: &str) {
        self.tally.add(Outcome::NotWritten, 1);
        self.complaints.add(error);
        let line = ReportLine {
            ticket: None,
            line: record.line,
            file: self.names.as_ref().map(|names| names[source].as_str()),
            topic: self.defaults.topic_of(record),
            partition: self.defaults.partition_of(record),
            offset: None,
            timestamp: record.timestamp,
            outcome: Outcome::NotWritten,
            error: Some(error),
        };
        if let Some(lines) = &mut self.report {
            lines.add(|out| line.write(out));
        }
        if let Some(lines) = &mut self.failed {
            let defaults = &self.defaults;
            lines.add(|out| write_record(record, defaults, Outcome::NotWritten, error, out));
        }
    }

    fn settle_bad(&mut self, source: usize, bad: &BadLine) {
        if let Some(lines) = &mut self.failed {
            lines.add(|out| write_bad_line(bad, out));
        }
        let Some(reason) = &bad.reason else {
            return;
        };
        self.tally.add(Outcome::NotWritten, 1);
        let reason = reason.to_string();
        let file = self.names.as_ref().map(|names| names[source].as_str());
        self.complaints.add(&match file {
            Some(file) => format!("{file}, line {}: {reason}", bad.line),
            None => format!("line {}: {reason}", bad.line),
        });
        let line = ReportLine {
            ticket: None,
            line: bad.line,
            file,
            topic: None,
            partition: None,
            offset: None,
            timestamp: None,
            outcome: Outcome::NotWritten,
            error: Some(&reason),
        };
        if let Some(lines) = &mut self.report {
            lines.add(|out| line.write(out));
        }
    }

    fn write_out(&mut self) {
        let report = self.report.as_mut().map(Lines::write_out);
        let failed = self.failed.as_mut().map(Lines::write_out);
        for error in [report, failed]
            .into_iter()
            .flatten()
            .filter_map(Result::err)
        {
            self.complaints.add(&error);
            self.is_broken = true;
        }
    }
}

/// The reason, with the topic's name where the topic is the reason.
fn describe(topic: &str, cause: ReportCause) -> String {
    match cause {
        ReportCause::Delivery(Cause::NoMetadata { .. } | Cause::UnknownPartition { .. })
        | ReportCause::Topic(_) => format!("topic {topic}: {cause}"),
        ReportCause::Delivery(_) | ReportCause::Refused(_) => cause.to_string(),
    }
}

fn report_line<'a>(
    report: &'a Report,
    line: u64,
    file: Option<&'a str>,
    error: Option<&'a str>,
) -> ReportLine<'a> {
    ReportLine {
        ticket: report.ticket.map(|ticket| ticket.0),
        line,
        file,
        topic: Some(&report.topic),
        partition: report.partition,
        offset: report.offset,
        timestamp: Some(report.timestamp),
        outcome: report.outcome,
        error,
    }
}

/// How many bytes of lines are written together.
const GATHERED: usize = 64 * 1024;

impl<W: Write> Lines<W> {
    /// Lines for a writer; `name` is what it is called in complaints.
    pub(super) const fn new(name: &'static str, writer: W) -> Self {
        Self {
            name,
            writer,
            gathered: Vec::new(),
            is_broken: false,
            failure: None,
        }
    }

    fn add(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        if !self.is_broken {
            append(&mut self.gathered);
        }
        if self.gathered.len() >= GATHERED {
            self.write();
        }
    }

    /// Writes what is gathered.
    ///
    /// # Errors
    ///
    /// The first failure, once.
    fn write_out(&mut self) -> Result<(), String> {
        if !self.gathered.is_empty() {
            self.write();
        }
        let failure = self.failure.take();
        failure.map_or(Ok(()), |error| {
            Err(format!("{} cannot be written: {error}", self.name))
        })
    }

    fn write(&mut self) {
        let written = self.writer.write_all(&self.gathered);
        self.gathered.clear();
        if let Err(error) = written.and_then(|()| self.writer.flush()) {
            self.is_broken = true;
            self.failure = Some(error);
        }
    }
}
