//! How many records of `bench` are to be sent next.

use crate::cli::args::BenchArgs;
use core::time::Duration;

/// How many records are generated at a time, and handed over together with `--api batch`.
const GROUP: u64 = 1000;

/// How often the rate is kept up with.
pub const RATE_STEP: Duration = Duration::from_millis(1);

/// The way from the first to the last record.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    left: u64,
    sent: u64,
    /// Records per second at most.
    rate: Option<u64>,
}

impl Pace {
    /// The pace before the first record.
    pub const fn new(arguments: &BenchArgs) -> Self {
        Self {
            left: arguments.records,
            sent: 0,
            rate: arguments.rate,
        }
    }

    /// Whether all records were taken.
    pub const fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Takes the records that are due so long after the start, at most a group; 0 when none is.
    pub fn take(&mut self, elapsed: Duration) -> u64 {
        let due = self.rate.map_or(u64::MAX, |rate| due(rate, elapsed));
        let count = due.saturating_sub(self.sent).min(self.left).min(GROUP);
        self.sent += count;
        self.left -= count;
        count
    }
}

/// How many records should have been sent after a time.
fn due(rate: u64, elapsed: Duration) -> u64 {
    let due = u128::from(rate) * elapsed.as_micros() / 1_000_000;
    u64::try_from(due).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn pace(records: u64, rate: Option<u64>) -> Pace {
        Pace {
            left: records,
            sent: 0,
            rate,
        }
    }

    #[test]
    fn without_a_rate_groups_follow_one_another() {
        let mut pace = pace(2500, None);
        let counts: Vec<u64> = (0..4).map(|_| pace.take(Duration::ZERO)).collect();
        assert_eq!(counts, [1000, 1000, 500, 0]);
        assert!(pace.is_done());
    }

    #[test]
    fn a_rate_gives_what_is_due_and_catches_up_in_groups() {
        let mut pace = pace(5000, Some(1000));
        assert_eq!(pace.take(Duration::ZERO), 0);
        assert_eq!(pace.take(Duration::from_millis(7)), 7);
        assert_eq!(pace.take(Duration::from_millis(7)), 0);
        assert_eq!(pace.take(Duration::from_secs(3)), 1000);
        assert_eq!(pace.take(Duration::from_secs(3)), 1000);
        assert_eq!(pace.take(Duration::from_secs(3)), 993);
        assert!(!pace.is_done());
        assert_eq!(pace.take(Duration::MAX), 1000);
    }
}
