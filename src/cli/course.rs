//! Whether a run goes on, and what becomes of the input when it does not.

use core::time::Duration;

/// Whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Records are read and sent.
    Go,
    /// No broker was ever reached: what the input holds is taken as failed, to its end or its next
    /// pause.
    GiveUp,
    /// A signal asked for the end: what was read is reported, nothing more is read.
    Stop,
}

impl Course {
    /// Why records are not even offered to the producer.
    pub const fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Go => None,
            Self::GiveUp => Some("no broker could be reached"),
            Self::Stop => Some("the run was interrupted before the record was sent"),
        }
    }
}

/// How long a pause of the input may be when the run has been given up.
pub const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How long records may still be sent when the run is over.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
