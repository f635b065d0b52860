//! What `produce` does with transactions: cases for both forms of the command line, each written once.

use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker};

/// A run of `produce -t t --format json --report json --transactional-id a`.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [&'static str],
    /// The values of the records; one that is no object is a bad line.
    pub(crate) lines: &'static [&'static str],
    /// What the brokers do.
    pub(crate) conduct: fn(&FakeBroker),
    pub(crate) summary: &'static str,
    /// What the reports say about each line.
    pub(crate) committed: &'static [&'static str],
    /// The values that a reader of committed records finds, in their order.
    pub(crate) stored: &'static [&'static str],
    /// What standard error says.
    pub(crate) error: &'static str,
}

/// Short times, so that what takes all of them takes little.
const IMPATIENT: &[&str] = &[
    "-X",
    "request.timeout.ms=500",
    "-X",
    "delivery.timeout.ms=1500",
    "-X",
    "max.block.ms=700",
    "-X",
    "retry.backoff.ms=50",
    "--transaction-size",
    "2",
];
const IN_TWOS: &[&str] = &["--transaction-size", "2"];

/// Each is to be run with transactions of both kinds.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "bad lines and the end of the input are between transactions",
        arguments: IN_TWOS,
        lines: &["a", "bad", "b", "c", "bad"],
        conduct: |_| {},
        summary: "delivered=3 failed=2 possibly=0",
        committed: &["true", "false", "true", "true", "false"],
        stored: &["a", "b", "c"],
        error: "line 2: no JSON object",
    },
    Case {
        name: "a record that is too large spoils no transaction",
        arguments: &["-X", "max.request.size=400", "--transaction-size", "3"],
        lines: &["a", "large", "b", "c"],
        conduct: |_| {},
        summary: "delivered=3 failed=1 possibly=0",
        committed: &["true", "false", "true", "true"],
        stored: &["a", "b", "c"],
        error: "400",
    },
    Case {
        name: "a transaction that had to be aborted is sent again as a whole",
        arguments: IN_TWOS,
        lines: &["a", "b", "c", "d"],
        conduct: |broker| {
            broker.on_once(ApiKey::Produce, |_| {
                Control::Error(ErrorCode::InvalidRecord)
            });
        },
        summary: "delivered=4 failed=0 possibly=0",
        committed: &["true", "true", "true", "true"],
        stored: &["a", "b", "c", "d"],
        error: "",
    },
    Case {
        name: "what has to be aborted again and again is given up",
        arguments: IMPATIENT,
        lines: &["a", "b", "c"],
        conduct: |broker| {
            broker.on(ApiKey::Produce, |_| {
                Control::Error(ErrorCode::InvalidRecord)
            });
        },
        summary: "delivered=0 failed=3 possibly=0",
        committed: &["false", "false", "false"],
        stored: &[],
        error: "INVALID_RECORD",
    },
    Case {
        name: "a commit whose answer is lost is committed once",
        arguments: IN_TWOS,
        lines: &["a", "b", "c"],
        conduct: |broker| {
            broker.on_once(ApiKey::EndTxn, |_| {
                Control::ApplyThen(Box::new(Control::Disconnect))
            });
        },
        summary: "delivered=3 failed=0 possibly=0",
        committed: &["true", "true", "true"],
        stored: &["a", "b", "c"],
        error: "",
    },
    Case {
        name: "a commit without an answer is in doubt",
        arguments: IMPATIENT,
        lines: &["a", "b"],
        conduct: |broker| broker.on(ApiKey::EndTxn, |_| Control::Disconnect),
        summary: "delivered=0 failed=0 possibly=2",
        committed: &["\"unknown\"", "\"unknown\""],
        stored: &[],
        error: "the commit was not answered",
    },
    Case {
        name: "a producer that is fenced sends no more",
        arguments: IN_TWOS,
        lines: &["a", "b", "c", "d", "e"],
        conduct: |broker| {
            // The first transaction is committed before.
            broker.on_once(ApiKey::EndTxn, |_| Control::Pass);
            broker.on(ApiKey::EndTxn, |_| {
                Control::Error(ErrorCode::ProducerFenced)
            });
        },
        summary: "delivered=2 failed=1 possibly=2",
        committed: &["true", "true", "\"unknown\"", "\"unknown\"", "false"],
        stored: &["a", "b"],
        error: "(transactional.id=a)",
    },
];

impl Case {
    /// The arguments without brokers.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let fixed = ["--format", "json", "--report", "json"];
        let id = ["--transactional-id", "a"];
        [&fixed[..], &id, self.arguments].concat()
    }

    pub(crate) fn input(&self) -> Vec<u8> {
        let line = |value: &&str| match *value {
            "bad" => "bad\n".to_owned(),
            "large" => format!("{{\"value\":\"{}\"}}\n", "x".repeat(500)),
            value => format!("{{\"value\":\"{value}\"}}\n"),
        };
        let lines: String = self.lines.iter().map(line).collect();
        lines.into_bytes()
    }

    /// Readies the brokers.
    pub(crate) fn prepare(&self, broker: &FakeBroker, transaction_version: i16) {
        broker.set_transaction_version(transaction_version);
        (self.conduct)(broker);
    }

    /// Judges what a run left behind.
    pub(crate) fn judge(
        &self,
        broker: &FakeBroker,
        code: Option<i32>,
        (stdout, stderr, failed): (&str, &str, &str),
    ) {
        let about = format!("{}: {stdout}{stderr}", self.name);
        assert_eq!(stderr.lines().last(), Some(self.summary), "{about}");
        assert!(stderr.contains(self.error), "{about}");
        let lost = self.committed.iter().filter(|word| **word != "true");
        let lost = lost.count();
        assert_eq!(code, Some(i32::from(lost > 0)), "{about}");
        assert_eq!(failed.lines().count(), lost, "{about}");
        let reports = stdout.lines().zip(1..);
        let reports = reports.map(|(report, line)| {
            let report: serde_json::Value = serde_json::from_str(report).expect("an object");
            assert_eq!(report["line"], line, "{about}");
            let is_placed = report["offset"].is_i64();
            assert_eq!(is_placed, report["committed"] != false, "{about}");
            report["committed"].to_string()
        });
        assert_eq!(reports.collect::<Vec<_>>(), self.committed, "{about}");
        broker.clear_hooks();
        let stored = broker.committed_records("t").expect("the batches decode");
        let values = stored.iter().map(|record| record.value.as_deref());
        let expected = self.stored.iter().map(|value| Some(value.as_bytes()));
        assert!(values.eq(expected), "{about}: {stored:?}");
    }
}
