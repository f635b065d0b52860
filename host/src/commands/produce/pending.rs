//! What the intake hands to the outcomes: records on their way and lines that never were on it.

use odradek::cli::input::{BadLine, InputRecord};
use odradek_host::BatchDelivery;

/// How much of a record is kept until its report, which is no more than the options need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The counts are all that is asked for.
    Nothing,
    /// Reports name the line and the topic.
    Line,
    /// The record itself, for the file of failed records.
    Record,
}

/// What is kept of the records of a group.
pub(super) enum Kept {
    Nothing,
    /// The line and the topic that it names, if it names one.
    Lines(Vec<(u64, Option<String>)>),
    Records(Vec<InputRecord>),
}

/// One step of the input, in its order.
pub(super) enum Pending {
    /// Records on their way.
    Sent { delivery: BatchDelivery, kept: Kept },
    /// A record that was not taken, and why.
    Refused {
        record: Box<InputRecord>,
        error: String,
    },
    /// A line without a record.
    Bad(BadLine),
    /// An input cannot be read on.
    Unreadable(std::io::Error),
}

/// A step with the source that it comes from and its share of the window.
pub(super) struct Entry {
    pub(super) pending: Pending,
    /// The position of the input among the sources.
    pub(super) source: usize,
    /// What goes back to the window when the entry is settled.
    pub(super) permits: u32,
}

impl Kept {
    /// Keeps what is asked for.
    pub(super) fn of(keep: Keep, records: Vec<InputRecord>) -> Self {
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
    pub(super) fn line(&self, index: usize) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Lines(lines) => lines.get(index).map(|(line, _)| *line),
            Self::Records(records) => records.get(index).map(|record| record.line),
        }
    }

    /// The topic that the record itself names, where that is kept.
    pub(super) fn topic(&self, index: usize) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Lines(lines) => lines.get(index)?.1.as_deref(),
            Self::Records(records) => records.get(index)?.topic.as_deref(),
        }
    }

    /// A record, where records are kept.
    pub(super) fn record(&self, index: usize) -> Option<&InputRecord> {
        match self {
            Self::Nothing | Self::Lines(_) => None,
            Self::Records(records) => records.get(index),
        }
    }
}

/// What an entry takes of the window, in units of [`PERMIT_BYTES`].
pub(super) fn permits(keep: Keep, records: &[InputRecord]) -> u32 {
    let bytes: u64 = match keep {
        Keep::Nothing => ENTRY_BYTES + RECORD_BYTES * records.len() as u64,
        Keep::Line => {
            let topics = records.iter().flat_map(|record| &record.topic);
            let topics: u64 = topics.map(|topic| topic.len() as u64).sum();
            ENTRY_BYTES + RECORD_BYTES * records.len() as u64 + topics
        }
        Keep::Record => ENTRY_BYTES + records.iter().map(InputRecord::held_bytes).sum::<u64>(),
    };
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX)
}

/// How many bytes one permit of the window stands for.
pub(super) const PERMIT_BYTES: u64 = 1024;
/// What an entry takes whatever it holds.
const ENTRY_BYTES: u64 = 512;
/// What a record's verdict takes at most when nothing of the record is kept.
const RECORD_BYTES: u64 = 72;
