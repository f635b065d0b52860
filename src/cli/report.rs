//! The report of one record as a line of JSON.

use crate::event::Outcome;
use serde_json::{Value, json};

/// What is known about one record at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportLine<'a> {
    /// The ticket; `None` for a record that was refused and for a bad line.
    pub ticket: Option<u64>,
    /// The number of the input line, from 1.
    pub line: u64,
    /// The input file, where there is more than one.
    pub file: Option<&'a str>,
    /// The topic, where one is known.
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
    /// Whether the run makes transactions, and the report says whether the record is committed.
    pub is_transactional: bool,
}

impl ReportLine<'_> {
    /// Appends the report and a newline to `out`. `file` appears only where it is known.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut object = json!({
            "ticket": self.ticket,
            "line": self.line,
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": self.timestamp,
            "outcome": outcome_name(self.outcome),
            "error": self.error,
        });
        if self.is_transactional {
            object["committed"] = committed(self.outcome);
        }
        if let Some(file) = self.file {
            object["file"] = json!(file);
        }
        out.extend_from_slice(object.to_string().as_bytes());
        out.push(b'\n');
    }
}

/// Whether a record is committed. In a run that makes transactions nothing else counts as written.
fn committed(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Written => json!(true),
        Outcome::NotWritten => json!(false),
        Outcome::PossiblyWritten => json!("unknown"),
    }
}

/// The word for an outcome in reports and in the file of failed records.
pub const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Written => "written",
        Outcome::NotWritten => "not-written",
        Outcome::PossiblyWritten => "possibly-written",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &ReportLine<'_>) -> String {
        let mut out = Vec::new();
        line.write(&mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn a_written_record_has_its_offset() {
        let line = ReportLine {
            ticket: Some(4),
            line: 5,
            file: None,
            topic: Some("orders"),
            partition: Some(2),
            offset: Some(17),
            timestamp: Some(1_700_000_000_000),
            outcome: Outcome::Written,
            error: None,
            is_transactional: false,
        };
        assert_eq!(
            text(&line),
            concat!(
                r#"{"ticket":4,"line":5,"topic":"orders","partition":2,"offset":17,"#,
                r#""timestamp":1700000000000,"outcome":"written","error":null}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_bad_line_has_no_ticket_and_a_reason() {
        let line = ReportLine {
            ticket: None,
            line: 9,
            file: Some("a \"b\".json"),
            topic: None,
            partition: None,
            offset: None,
            timestamp: None,
            outcome: Outcome::NotWritten,
            error: Some("no JSON object"),
            is_transactional: false,
        };
        assert_eq!(
            text(&line),
            concat!(
                r#"{"ticket":null,"line":9,"topic":null,"partition":null,"offset":null,"#,
                r#""timestamp":null,"outcome":"not-written","error":"no JSON object","#,
                r#""file":"a \"b\".json"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_run_with_transactions_says_what_is_committed() {
        let line = |outcome| {
            text(&ReportLine {
                ticket: None,
                line: 1,
                file: None,
                topic: None,
                partition: None,
                offset: None,
                timestamp: None,
                outcome,
                error: None,
                is_transactional: true,
            })
        };
        assert!(line(Outcome::Written).contains(r#","committed":true}"#));
        assert!(line(Outcome::NotWritten).contains(r#","committed":false}"#));
        assert!(line(Outcome::PossiblyWritten).contains(r#","committed":"unknown"}"#));
    }

    #[test]
    fn every_outcome_has_its_word() {
        assert_eq!(outcome_name(Outcome::PossiblyWritten), "possibly-written");
        assert_eq!(outcome_name(Outcome::NotWritten), "not-written");
        assert_eq!(outcome_name(Outcome::Written), "written");
    }
}
