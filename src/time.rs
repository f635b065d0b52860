//! The machine's own clock value: nanoseconds that the driver counts.

use core::time::Duration;

/// A point in monotonic time, in nanoseconds since an origin of the driver's choice.
///
/// The core never reads a clock: every input carries the current instant. The unit is that of
/// `wasi:clocks/monotonic-clock`. Time that runs backwards is treated as time that stands still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The driver's origin.
    pub const ZERO: Self = Self(0);

    /// The instant `nanos` nanoseconds after the driver's origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `millis` milliseconds after the driver's origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the driver's origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant moved into the future, at most to the end of representable time (584 years).
    pub fn after(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// How long before this instant `earlier` was; zero when it was not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The earlier of two optional deadlines; `None` means never.
pub fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(
            Instant::from_nanos(5).since(Instant::from_nanos(9)),
            Duration::ZERO
        );
        assert_eq!(
            Instant::from_nanos(u64::MAX - 1)
                .after(Duration::MAX)
                .as_nanos(),
            u64::MAX
        );
    }

    #[test]
    fn the_earliest_deadline_ignores_never() {
        let one = Instant::from_millis(1);
        assert_eq!(earliest(None, Some(one)), Some(one));
        assert_eq!(
            earliest(Some(Instant::from_millis(2)), Some(one)),
            Some(one)
        );
        assert_eq!(earliest(None, None), None);
    }
}
