//! What became of the input: verdicts become lines and counts, which somebody else writes.

use crate::cli::args::{ProduceArgs, ReportForm};
use crate::cli::complaints::Complaints;
use crate::cli::connections::explain_failures;
use crate::cli::exit::{ExitStatus, Tally};
use crate::cli::failed::{write_bad_line, write_record};
use crate::cli::input::{BadLine, Defaults, InputRecord};
use crate::cli::kept::Kept;
use crate::cli::report::ReportLine;
use crate::event::Outcome;
use crate::failures::FailedAddress;
use core::fmt;

/// The account of a run: what the user sees of every record and every line.
///
/// Lines for standard output and for the file of failed records are gathered here; the caller takes
/// them away and writes them.
#[derive(Clone, Debug)]
pub struct Ledger {
    defaults: Defaults,
    /// The names of the inputs, where reports name them.
    names: Option<Vec<String>>,
    is_acks_zero: bool,
    is_transactional: bool,
    /// Lines for each outlet; `None` where nobody asked for them, or where they cannot be written.
    report: Option<Vec<u8>>,
    failed: Option<Vec<u8>>,
    tally: Tally,
    complaints: Complaints,
    /// Whether an input could not be read to its end, or a line could not be written.
    is_broken: bool,
}

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlet {
    /// Reports go to standard output.
    Reports,
    /// Records and lines that were not delivered go to the file of `--failed`.
    Failed,
}

/// A record with its verdict.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// The ticket, where the machine accepted the record.
    pub ticket: Option<u64>,
    /// The topic; `None` where whoever gave the verdict does not know it any more.
    pub topic: Option<&'a str>,
    /// The partition, where one was chosen.
    pub partition: Option<i32>,
    /// The offset, where the broker told it.
    pub offset: Option<i64>,
    /// The timestamp in ms since 1970, where it is known.
    pub timestamp: Option<i64>,
    /// Whether the record is in the log.
    pub outcome: Outcome,
    /// Why the outcome is not a plain "written with its offset".
    pub error: Option<&'a str>,
}

impl Ledger {
    /// The empty account of a run over the named inputs.
    pub fn new(arguments: &ProduceArgs, names: Vec<String>, is_acks_zero: bool) -> Self {
        Self {
            defaults: arguments.defaults(),
            names: (names.len() > 1).then_some(names),
            is_acks_zero,
            is_transactional: false,
            report: (arguments.report == ReportForm::Json).then(Vec::new),
            failed: arguments.failed.is_some().then(Vec::new),
            tally: Tally::default(),
            complaints: Complaints::default(),
            is_broken: false,
        }
    }

    /// The same of a run that makes transactions: reports say of each record whether it is committed.
    #[must_use]
    pub fn with_transactions(self) -> Self {
        Self {
            is_transactional: true,
            ..self
        }
    }

    /// What holds for all records that do not state otherwise.
    pub const fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// How many records and lines came to which end.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether records that were delivered need to be [settled](Self::settle) one by one.
    /// [`count`](Self::count) is enough otherwise.
    pub const fn reports_each(&self) -> bool {
        self.report.is_some()
    }

    /// Counts records that came to an end which nobody complains about.
    pub fn count(&mut self, outcome: Outcome, records: u64) {
        self.tally.add(outcome, records);
    }

    /// Settles the record that is kept at `index`; `source` is the position of its input.
    pub fn settle(&mut self, source: usize, kept: &Kept, index: usize, settled: &Settled<'_>) {
        self.tally.add(settled.outcome, 1);
        if let Some(lines) = &mut self.report {
            let own = kept.topic(index).or(self.defaults.topic.as_deref());
            let line = ReportLine {
                ticket: settled.ticket,
                line: kept.line(index).unwrap_or_default(),
                file: name(&self.names, source),
                topic: settled.topic.or(own),
                partition: settled.partition,
                offset: settled.offset,
                timestamp: settled.timestamp,
                outcome: settled.outcome,
                error: settled.error,
                is_transactional: self.is_transactional,
            };
            line.write(lines);
        }
        let is_failure = match settled.outcome {
            Outcome::Written => false,
            Outcome::NotWritten => true,
            Outcome::PossiblyWritten => !self.is_acks_zero,
        };
        if is_failure {
            let error = settled.error.unwrap_or("unknown");
            self.complaints.add(error);
            if let (Some(lines), Some(record)) = (&mut self.failed, kept.record(index)) {
                write_record(record, &self.defaults, settled.outcome, error, lines);
            }
        }
    }

    /// Settles a record that was not taken.
    pub fn refuse(&mut self, source: usize, record: &InputRecord, error: &str) {
        self.tally.add(Outcome::NotWritten, 1);
        self.complaints.add(error);
        if let Some(lines) = &mut self.report {
            let line = ReportLine {
                ticket: None,
                line: record.line,
                file: name(&self.names, source),
                topic: self.defaults.topic_of(record),
                partition: self.defaults.partition_of(record),
                offset: None,
                timestamp: record.timestamp,
                outcome: Outcome::NotWritten,
                error: Some(error),
                is_transactional: self.is_transactional,
            };
            line.write(lines);
        }
        if let Some(lines) = &mut self.failed {
            write_record(record, &self.defaults, Outcome::NotWritten, error, lines);
        }
    }

    /// Settles a line without a record. Of a line that comes in parts only the last one counts.
    pub fn settle_bad(&mut self, source: usize, bad: &BadLine) {
        if let Some(lines) = &mut self.failed {
            write_bad_line(bad, lines);
        }
        let Some(reason) = &bad.reason else {
            return;
        };
        self.tally.add(Outcome::NotWritten, 1);
        let reason = reason.to_string();
        let file = name(&self.names, source);
        self.complaints.add(&match file {
            Some(file) => format!("{file}, line {}: {reason}", bad.line),
            None => format!("line {}: {reason}", bad.line),
        });
        if let Some(lines) = &mut self.report {
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
                is_transactional: self.is_transactional,
            };
            line.write(lines);
        }
    }

    /// Notes that an input could not be read to its end.
    pub fn unreadable(&mut self, error: &dyn fmt::Display) {
        self.complaints
            .add(&format!("the input cannot be read: {error}"));
        self.is_broken = true;
    }

    /// The lines that are gathered for an outlet, to be written and cleared; `None` where there are
    /// none to be written.
    pub fn gathered(&mut self, outlet: Outlet) -> Option<&mut Vec<u8>> {
        let lines = match outlet {
            Outlet::Reports => &mut self.report,
            Outlet::Failed => &mut self.failed,
        };
        lines.as_mut().filter(|lines| !lines.is_empty())
    }

    /// How many bytes of lines are gathered.
    pub fn gathered_bytes(&self) -> usize {
        let lines = [&self.report, &self.failed].into_iter().flatten();
        lines.map(Vec::len).sum()
    }

    /// Notes that lines could not be written: from now on none are gathered for that outlet.
    pub fn unwritable(&mut self, outlet: Outlet, error: &dyn fmt::Display) {
        let (lines, name) = match outlet {
            Outlet::Reports => (&mut self.report, "standard output"),
            Outlet::Failed => (&mut self.failed, "the file of failed records"),
        };
        *lines = None;
        self.complaints
            .add(&format!("{name} cannot be written: {error}"));
        self.is_broken = true;
    }

    /// How the run ended.
    pub const fn status(&self) -> ExitStatus {
        if self.is_broken {
            ExitStatus::Undelivered
        } else {
            self.tally.status(self.is_acks_zero)
        }
    }

    /// What standard error says at the end: what was complained about, what went wrong with
    /// connections if not all is well, and the counts.
    pub fn summary(&self, failures: &[FailedAddress], is_unreached: bool) -> String {
        let mut text = self.complaints.describe();
        if self.status() != ExitStatus::Success {
            text += &explain_failures(failures, is_unreached);
        }
        format!("{text}{}\n", self.tally)
    }
}

fn name(names: &Option<Vec<String>>, source: usize) -> Option<&str> {
    names.as_ref()?.get(source).map(String::as_str)
}

/// How many bytes of lines are written together, unless nothing else is to be done.
pub const GATHERED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::input::BadLineReason;
    use crate::cli::kept::Keep;
    use clap::Parser;

    #[derive(Parser)]
    struct Tool {
        #[command(flatten)]
        produce: ProduceArgs,
    }

    fn ledger(arguments: &[&str], inputs: &[&str], is_acks_zero: bool) -> Ledger {
        let all = ["produce", "-t", "t"].iter().chain(arguments);
        let tool = Tool::parse_from(all);
        let names = inputs.iter().map(|name| (*name).to_owned()).collect();
        Ledger::new(&tool.produce, names, is_acks_zero)
    }

    fn record(line: u64) -> InputRecord {
        InputRecord {
            line,
            value: Some(b"v".to_vec()),
            ..InputRecord::default()
        }
    }

    const fn settled(outcome: Outcome, error: Option<&'static str>) -> Settled<'static> {
        Settled {
            ticket: Some(7),
            topic: None,
            partition: Some(1),
            offset: None,
            timestamp: Some(5),
            outcome,
            error,
        }
    }

    fn text(ledger: &mut Ledger, outlet: Outlet) -> String {
        let lines = ledger.gathered(outlet).map(std::mem::take);
        String::from_utf8(lines.unwrap_or_default()).expect("JSON is UTF-8")
    }

    #[test]
    fn what_was_not_asked_for_is_not_gathered() {
        let mut ledger = ledger(&[], &["-"], false);
        assert!(!ledger.reports_each());
        let kept = Kept::of(Keep::Nothing, vec![record(1)]);
        ledger.settle(0, &kept, 0, &settled(Outcome::NotWritten, Some("why")));
        ledger.count(Outcome::Written, 3);
        assert_eq!(ledger.gathered_bytes(), 0);
        assert_eq!(ledger.status(), ExitStatus::Undelivered);
        let expected = "odradek: why\ndelivered=3 failed=1 possibly=0\n";
        assert_eq!(ledger.summary(&[], false), expected);
    }

    #[test]
    fn every_end_of_a_record_is_reported_and_kept_where_it_failed() {
        let options = ["--report", "json", "--failed", "f"];
        let mut ledger = ledger(&options, &["a", "b"], false);
        let kept = Kept::of(Keep::Record, vec![record(1), record(2)]);
        ledger.settle(1, &kept, 0, &settled(Outcome::Written, None));
        let lost = settled(Outcome::PossiblyWritten, Some("lost"));
        ledger.settle(1, &kept, 1, &lost);
        ledger.refuse(0, &record(3), "too large");
        let bad = BadLine {
            line: 4,
            bytes: b"x".to_vec(),
            reason: Some(BadLineReason::Cut),
        };
        ledger.settle_bad(0, &bad);
        let reports = text(&mut ledger, Outlet::Reports);
        let lines: Vec<&str> = reports.lines().collect();
        assert!(lines[0].contains(r#""ticket":7,"line":1,"topic":"t""#));
        assert!(lines[0].ends_with(r#""error":null,"file":"b"}"#));
        assert!(lines[1].contains(r#""outcome":"possibly-written","error":"lost""#));
        assert!(lines[2].contains(r#""ticket":null,"line":3,"topic":"t""#));
        assert!(lines[3].contains(r#""line":4,"topic":null"#));
        assert_eq!((lines.len(), ledger.gathered(Outlet::Reports)), (4, None));
        assert_eq!(text(&mut ledger, Outlet::Failed).lines().count(), 3);
        let tally = "delivered=1 failed=2 possibly=1";
        assert_eq!(ledger.tally().to_string(), tally);
        assert!(ledger.summary(&[], false).contains("odradek: a, line 4: "));
    }

    #[test]
    fn with_acks_zero_possibly_written_is_nothing_to_complain_about() {
        let mut ledger = ledger(&["--failed", "f"], &["-"], true);
        let kept = Kept::of(Keep::Record, vec![record(1)]);
        ledger.settle(
            0,
            &kept,
            0,
            &settled(Outcome::PossiblyWritten, Some("acks")),
        );
        assert_eq!(ledger.gathered(Outlet::Failed), None);
        assert_eq!(ledger.status(), ExitStatus::Success);
    }

    #[test]
    fn an_outlet_that_breaks_is_complained_about_once_and_gathers_no_more() {
        let mut ledger = ledger(&["--report", "json"], &["-"], false);
        ledger.refuse(0, &record(1), "no");
        ledger.unwritable(Outlet::Reports, &"broken pipe");
        ledger.refuse(0, &record(2), "no");
        assert_eq!(ledger.gathered_bytes(), 0);
        assert_eq!(ledger.status(), ExitStatus::Undelivered);
        let summary = ledger.summary(&[], false);
        assert!(summary.contains("odradek: standard output cannot be written: broken pipe\n"));
        assert!(summary.contains("odradek: 2 times: no\n"), "{summary}");
    }
}
