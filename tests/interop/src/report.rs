//! What `odradek produce` says about a run: its last line, and one JSON line per record.

use serde_json::Value;

/// The counts in the last line on standard error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Summary {
    /// Records that are stored.
    pub delivered: u64,
    /// Records and lines that are not.
    pub failed: u64,
    /// Records that may be stored or not.
    pub possibly: u64,
}

impl Summary {
    /// Reads `delivered=N failed=N possibly=N` from the last line of a text.
    #[must_use]
    pub fn parse(stderr: &str) -> Option<Self> {
        let mut words = stderr.trim_end().lines().next_back()?.split(' ');
        let mut count = |name| {
            words
                .next()?
                .strip_prefix(name)?
                .strip_prefix('=')?
                .parse()
                .ok()
        };
        let summary = Self {
            delivered: count("delivered")?,
            failed: count("failed")?,
            possibly: count("possibly")?,
        };
        words.next().is_none().then_some(summary)
    }
}

/// The report about one record, as `--report json` prints it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reported {
    /// The number that the machine gave the record, counted from 0 in order of acceptance.
    pub ticket: Option<u64>,
    /// The line of the input, counted from 1.
    pub line: u64,
    /// The topic.
    pub topic: String,
    /// The partition, where one was chosen.
    pub partition: Option<i32>,
    /// The offset, where the broker gave one.
    pub offset: Option<i64>,
    /// The time of the record in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// `written`, `not-written` or `possibly-written`.
    pub outcome: String,
}

impl Reported {
    /// Reads one line.
    ///
    /// # Errors
    ///
    /// The name of a member that is missing or of another kind.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let line: Value = serde_json::from_str(line).map_err(|_| "JSON")?;
        let number = |name| match &line[name] {
            value if value.is_null() => Ok(None),
            value => value.as_i64().map(Some).ok_or(name),
        };
        let text = |name| line[name].as_str().map(str::to_owned).ok_or(name);
        let partition = number("partition")?.map(i32::try_from).transpose();
        Ok(Self {
            ticket: number("ticket")?.map(i64::unsigned_abs),
            line: line["line"].as_u64().ok_or("line")?,
            topic: text("topic")?,
            partition: partition.map_err(|_| "partition")?,
            offset: number("offset")?,
            timestamp: number("timestamp")?,
            outcome: text("outcome")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_gives_the_counts() {
        let summary = Summary {
            delivered: 20,
            failed: 1,
            possibly: 3,
        };
        let text = "a note\ndelivered=20 failed=1 possibly=3\n";
        assert_eq!(Summary::parse(text), Some(summary));
        for other in ["", "delivered=20", "delivered=20 failed=x possibly=3"] {
            assert_eq!(Summary::parse(other), None);
        }
        assert_eq!(
            Summary::parse("delivered=20 failed=1 possibly=3\nanother line"),
            None
        );
    }

    #[test]
    fn a_report_gives_its_members_and_names_a_wrong_one() {
        let line = r#"{"ticket":7,"line":8,"topic":"t","partition":2,"offset":null,"timestamp":5,
            "outcome":"possibly-written","error":"acks-0"}"#;
        let reported = Reported::parse(line).unwrap();
        assert_eq!((reported.ticket, reported.line), (Some(7), 8));
        assert_eq!((reported.partition, reported.offset), (Some(2), None));
        assert_eq!(reported.outcome, "possibly-written");
        assert_eq!(
            Reported::parse(&line.replace("\"line\":8", "\"line\":null")),
            Err("line")
        );
        assert_eq!(
            Reported::parse(&line.replace("2,", "true,")),
            Err("partition")
        );
        assert_eq!(Reported::parse("lost"), Err("JSON"));
    }
}
