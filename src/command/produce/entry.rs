//! One step of the input on its way to the ledger.

use odradek::cli::input::{BadLine, InputRecord};
use odradek::cli::kept::Kept;
use odradek::cli::timestamps::Timestamps;

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
