//! One run of a producer against Apache Kafka: what it reports is what the brokers stored.

use crate::compare::Place;
use crate::jars::Release;
use crate::kafka::KafkaNode;
use crate::process::{Finished, Scratch};
use crate::records::{Record, Records};
use crate::report::{Reported, Summary};
use crate::topics;
use crate::verdict::{Expected, judge, now};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::path::Path;

/// How many partitions the topic of a case has.
pub const PARTITIONS: i32 = 6;

/// What is sent where, and how. The name is that of the test and of its topic.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name of the test and of its topic.
    pub name: &'static str,
    /// Which Kafka.
    pub release: Release,
    /// `acks`.
    pub acks: &'static str,
    /// `compression.type`.
    pub codec: &'static str,
}

/// Runs `produce` with arguments, with a file as standard input.
pub type Produce = dyn Fn(&[&str], &Path, &Scratch) -> Finished;

/// Compares what is stored after a run with what was sent; the result has the place of each record.
pub type Judge<'a> = dyn Fn(&RangeInclusive<i64>, Expected) -> Vec<Place> + 'a;

impl Case {
    /// Sends the records with `produce` and compares what it says with what the brokers stored. Does
    /// nothing where Kafka cannot run, and says so.
    ///
    /// # Panics
    ///
    /// If the two differ, and where the machine fails the test.
    pub fn run(&self, sent: &Records, produce: &Produce) {
        let Some(node) = KafkaNode::shared(self.release, self.name) else {
            return;
        };
        self.run_at(node.bootstrap(), sent, produce, &|run, expected| {
            judge(&node, self.name, sent, run, expected)
        });
    }

    /// The same against any cluster that takes the place of Kafka.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_at(&self, bootstrap: &str, sent: &Records, produce: &Produce, judge: &Judge<'_>) {
        topics::create(bootstrap, self.name, PARTITIONS, &[]);
        let scratch = Scratch::new(self.name);
        let input = scratch.fresh("records");
        sent.write_lines(&input);
        let failed = scratch.fresh("failed");
        let (acks, codec) = (format!("acks={}", self.acks), self.codec);
        let compression = format!("compression.type={codec}");
        let failed_name = failed.to_str().expect("the target folder's name is UTF-8");
        let arguments = [
            ["-b", bootstrap],
            ["-t", self.name],
            ["-X", &acks],
            ["-X", &compression],
            ["--format", "json"],
            ["--report", "json"],
            ["--failed", failed_name],
        ];
        let start = now();
        let finished = produce(arguments.as_flattened(), &input, &scratch);
        let run = start..=now();

        self.check_end(&finished, sent.count);
        let leftover = fs::read_to_string(&failed).unwrap_or_default();
        assert_eq!(leftover, "", "records were called failed");
        let expected = Expected {
            codec,
            idempotent: self.acks == "all",
        };
        let places = judge(&run, expected);
        self.check_reports(&finished, sent, &places);
    }

    fn is_acknowledged(&self) -> bool {
        self.acks != "0"
    }

    fn check_end(&self, finished: &Finished, count: u64) {
        assert!(
            finished.status.success(),
            "{}:\n{}",
            finished.status,
            finished.stderr
        );
        let summary = if self.is_acknowledged() {
            Summary {
                delivered: count,
                failed: 0,
                possibly: 0,
            }
        } else {
            Summary {
                delivered: 0,
                failed: 0,
                possibly: count,
            }
        };
        assert_eq!(
            Summary::parse(&finished.stderr),
            Some(summary),
            "{}",
            finished.stderr
        );
    }

    /// There is one report per record, and it names the place where the record is.
    fn check_reports(&self, finished: &Finished, sent: &Records, places: &[Place]) {
        let mut reports: Vec<Option<Reported>> = vec![None; places.len()];
        let mut last_tickets = BTreeMap::new();
        for line in BufReader::new(File::open(&finished.stdout).expect("it was captured")).lines() {
            let line = line.expect("reports are text");
            let report = Reported::parse(&line).unwrap_or_else(|name| panic!("no {name}: {line}"));
            let index = usize::try_from(report.line - 1).expect("a line number");
            let before = last_tickets.insert(places[index].partition, report.ticket);
            assert!(
                before < Some(report.ticket),
                "tickets of a partition ascend: {line}"
            );
            assert_eq!(
                reports[index].replace(report),
                None,
                "a second report: {line}"
            );
        }
        let first = reports.first().and_then(|report| report.as_ref()?.ticket);
        let first = first.expect("the first record has a ticket");
        for (index, (report, place)) in (0..).zip(reports.into_iter().zip(places)) {
            let report = report.unwrap_or_else(|| panic!("record {index} has no report"));
            assert_eq!(
                report.ticket,
                Some(first + index),
                "records are accepted in order"
            );
            self.check_report(&report, &sent.record(index), place);
        }
    }

    fn check_report(&self, report: &Reported, sent: &Record, place: &Place) {
        assert_eq!(report.topic, self.name, "{report:?}");
        if self.is_acknowledged() {
            assert_eq!(report.outcome, "written", "{report:?}");
            let reported = (report.partition, report.offset);
            assert_eq!(
                reported,
                (Some(place.partition), Some(place.offset)),
                "{report:?}"
            );
        } else {
            assert_eq!(report.outcome, "possibly-written", "{report:?}");
            assert_eq!(report.offset, None, "nobody told the offset: {report:?}");
            assert!(
                report.partition.is_none_or(|it| it == place.partition),
                "{report:?}"
            );
        }
        if let (Some(reported), Some(asked)) = (report.timestamp, sent.timestamp) {
            assert_eq!(reported, asked, "{report:?}");
        }
    }
}
