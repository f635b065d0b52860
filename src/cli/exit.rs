//! How a run ended: the counts of its last line, and the exit code they lead to.

use crate::event::Outcome;
use core::fmt;

/// What a run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything was delivered, or nobody was asked to tell (`acks=0`).
    Success,
    /// Records were not delivered, or nobody knows; or a comparison failed.
    Undelivered,
    /// The arguments or the configuration are wrong; nothing was sent.
    Usage,
}

impl ExitStatus {
    /// The exit code of the process: 0, 1 or 2.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Undelivered => 1,
            Self::Usage => 2,
        }
    }
}

/// How many records came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that a broker acknowledged.
    pub delivered: u64,
    /// Records that are not in the log, and lines that held none.
    pub failed: u64,
    /// Records of which nobody knows whether they are in the log.
    pub possibly: u64,
}

impl Tally {
    /// Counts records with one outcome.
    pub fn add(&mut self, outcome: Outcome, count: u64) {
        match outcome {
            Outcome::Written => self.delivered += count,
            Outcome::NotWritten => self.failed += count,
            Outcome::PossiblyWritten => self.possibly += count,
        }
    }

    /// How many records there were, lines that held none included.
    pub const fn records(&self) -> u64 {
        self.delivered + self.failed + self.possibly
    }

    /// How a run with these counts ends. With `acks=0` no broker answers, so a record that is
    /// possibly written went as well as it could.
    pub const fn status(&self, is_acks_zero: bool) -> ExitStatus {
        if self.failed == 0 && (self.possibly == 0 || is_acks_zero) {
            ExitStatus::Success
        } else {
            ExitStatus::Undelivered
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "delivered={} failed={} possibly={}",
            self.delivered, self.failed, self.possibly
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_succeeds_when_everything_is_delivered() {
        let mut tally = Tally::default();
        assert_eq!(tally.status(false), ExitStatus::Success);
        tally.add(Outcome::Written, 3);
        assert_eq!(tally.status(false), ExitStatus::Success);
        tally.add(Outcome::NotWritten, 1);
        assert_eq!(tally.status(false), ExitStatus::Undelivered);
        assert_eq!(tally.status(true), ExitStatus::Undelivered);
        assert_eq!(tally.to_string(), "delivered=3 failed=1 possibly=0");
    }

    #[test]
    fn possibly_written_is_no_failure_with_acks_zero_alone() {
        let mut tally = Tally::default();
        tally.add(Outcome::PossiblyWritten, 2);
        assert_eq!(tally.status(true), ExitStatus::Success);
        assert_eq!(tally.status(false), ExitStatus::Undelivered);
        assert_eq!(tally.to_string(), "delivered=0 failed=0 possibly=2");
    }

    #[test]
    fn codes_tell_usage_from_delivery() {
        assert_eq!(ExitStatus::Success.code(), 0);
        assert_eq!(ExitStatus::Undelivered.code(), 1);
        assert_eq!(ExitStatus::Usage.code(), 2);
    }
}
