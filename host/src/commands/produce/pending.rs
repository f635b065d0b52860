//! What the intake hands to the outcomes: records on their way and lines that never were on it.

use odradek::cli::input::{BadLine, InputRecord};
use odradek::cli::kept::Kept;
use odradek_host::BatchDelivery;

/// One step of the input, in its order.
pub(super) enum Pending {
    /// Records on their way.
    Sent { delivery: BatchDelivery, kept: Kept },
    /// Records that wait for the rest of their transaction.
    Unsent(Vec<InputRecord>),
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
