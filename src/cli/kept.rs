//! How much of a record is kept until its report.

use crate::cli::args::{ProduceArgs, ReportForm};
use crate::cli::input::InputRecord;

/// How much of a record is kept until its report, which is no more than the options need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The counts are all that is asked for.
    Nothing,
    /// Reports name the line and the topic.
    Line,
    /// The record itself, for the file of failed records.
    Record,
}

impl Keep {
    /// What the options need.
    pub const fn of(arguments: &ProduceArgs) -> Self {
        match (&arguments.failed, arguments.report) {
            (Some(_), _) => Self::Record,
            (None, ReportForm::Json) => Self::Line,
            (None, ReportForm::Summary) => Self::Nothing,
        }
    }
}

/// What is kept of the records of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing.
    Nothing,
    /// The line and the topic that it names, if it names one.
    Lines(Vec<(u64, Option<String>)>),
    /// The records.
    Records(Vec<InputRecord>),
}

impl Kept {
    /// Keeps what is asked for.
    pub fn of(keep: Keep, records: Vec<InputRecord>) -> Self {
        match keep {
            Keep::Nothing => Self::Nothing,
            Keep::Line => {
                let lines = records.into_iter();
                Self::Lines(lines.map(|record| (record.line, record.topic)).collect())
            }
            Keep::Record => Self::Records(records),
        }
    }

    /// The line of a record, where lines are kept.
    pub fn line(&self, index: usize) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Lines(lines) => lines.get(index).map(|(line, _)| *line),
            Self::Records(records) => records.get(index).map(|record| record.line),
        }
    }

    /// The topic that the record itself names, where that is kept.
    pub fn topic(&self, index: usize) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Lines(lines) => lines.get(index)?.1.as_deref(),
            Self::Records(records) => records.get(index)?.topic.as_deref(),
        }
    }

    /// A record, where records are kept.
    pub fn record(&self, index: usize) -> Option<&InputRecord> {
        match self {
            Self::Nothing | Self::Lines(_) => None,
            Self::Records(records) => records.get(index),
        }
    }
}
