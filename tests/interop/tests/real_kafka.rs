//! `odradek produce` against Apache Kafka: what it reports is what the brokers stored.

use odradek_tests_interop::compare::Place;
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::kafka::KafkaNode;
use odradek_tests_interop::process::{Finished, Scratch};
use odradek_tests_interop::producer::produce;
use odradek_tests_interop::records::{Record, Records};
use odradek_tests_interop::report::{Reported, Summary};
use odradek_tests_interop::topics;
use odradek_tests_interop::verdict::{Expected, judge, now};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};

const PARTITIONS: i32 = 6;

/// One run of the producer. Its name is that of its test and of its topic.
struct Case {
    name: &'static str,
    release: Release,
    backend: &'static str,
    acks: &'static str,
    codec: &'static str,
}

impl Case {
    fn run(&self) {
        let Some(node) = KafkaNode::shared(self.release, self.name) else {
            return;
        };
        topics::create(node.bootstrap(), self.name, PARTITIONS, &[]);
        let sent = Records::for_case(PARTITIONS);
        let scratch = Scratch::new(self.name);
        let input = scratch.fresh("records");
        sent.write_lines(&input);
        let failed = scratch.fresh("failed");
        let (acks, codec) = (format!("acks={}", self.acks), self.codec);
        let compression = format!("compression.type={codec}");
        let failed_name = failed.to_str().expect("the target folder's name is UTF-8");
        let arguments = [
            ["-b", node.bootstrap()],
            ["-t", self.name],
            ["-X", &acks],
            ["-X", &compression],
            ["--format", "json"],
            ["--report", "json"],
            ["--backend", self.backend],
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
        let places = judge(&node, self.name, &sent, &run, expected);
        self.check_reports(&finished, &sent, &places);
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

macro_rules! cases {
    ($($name:ident: $release:ident, $backend:literal, acks $acks:literal, $codec:literal;)*) => {$(
        #[test]
        fn $name() {
            let (name, release) = (stringify!($name), Release::$release);
            Case { name, release, backend: $backend, acks: $acks, codec: $codec }.run();
        }
    )*};
}

cases! {
    component_idempotent_on_4_3_0: V4_3_0, "component", acks "all", "none";
    component_idempotent_lz4_on_4_3_0: V4_3_0, "component", acks "all", "lz4";
    component_acks_1_on_4_3_0: V4_3_0, "component", acks "1", "none";
    component_acks_0_on_4_3_0: V4_3_0, "component", acks "0", "none";
    component_idempotent_on_3_9_1: V3_9_1, "component", acks "all", "none";
    component_idempotent_lz4_on_3_9_1: V3_9_1, "component", acks "all", "lz4";
    native_idempotent_on_4_3_0: V4_3_0, "native", acks "all", "none";
    native_idempotent_lz4_on_4_3_0: V4_3_0, "native", acks "all", "lz4";
    native_idempotent_on_3_9_1: V3_9_1, "native", acks "all", "none";
    native_idempotent_lz4_on_3_9_1: V3_9_1, "native", acks "all", "lz4";
}
