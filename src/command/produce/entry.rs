//! One step of the input on its way to the ledger.

use odradek::cli::input::{BadLine, InputRecord};
use odradek::cli::kept::Kept;

/// A step with the input that it comes from and its share of the window.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) what: What,
    /// The position of the input among all.
    pub(super) source: usize,
    /// What goes back to the window when the entry is settled.
    pub(super) permits: u32,
}

/// What there was in the input.
#[derive(Debug)]
pub(super) enum What {
    /// Records that the machine accepted.
    Sent { kept: Kept, timestamps: Timestamps },
    /// A record that the machine refused for good.
    Rejected {
        kept: Kept,
        timestamp: i64,
        error: String,
    },
    /// A record that was not taken, and why.
    Refused {
        record: Box<InputRecord>,
        error: String,
    },
    /// A line without a record.
    Bad(BadLine),
    /// An input cannot be read on.
    Unreadable(String),
}

/// The timestamps of records in ms since 1970.
#[derive(Debug)]
pub(super) enum Timestamps {
    Same(i64),
    Each(Vec<i64>),
}

impl Timestamps {
    /// Keeps them.
    pub(super) fn of(mut all: impl Iterator<Item = i64> + Clone) -> Self {
        let first = all.clone().next().unwrap_or_default();
        if all.all(|timestamp| timestamp == first) {
            Self::Same(first)
        } else {
            Self::Each(all.collect())
        }
    }

    /// The timestamp of a record.
    pub(super) fn get(&self, index: usize) -> i64 {
        match self {
            Self::Same(timestamp) => *timestamp,
            Self::Each(timestamps) => timestamps.get(index).copied().unwrap_or(-1),
        }
    }
}
