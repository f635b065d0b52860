//! The two clocks.

use crate::time::Instant;
use ::wasi::clocks::{monotonic_clock, wall_clock};

/// The monotonic clock.
pub fn now() -> Instant {
    Instant::from_nanos(monotonic_clock::now())
}

/// The wall clock in ms since 1970.
pub fn wall_ms() -> i64 {
    let time = wall_clock::now();
    let seconds = i64::try_from(time.seconds).unwrap_or(i64::MAX);
    seconds
        .saturating_mul(1000)
        .saturating_add(i64::from(time.nanoseconds / 1_000_000))
}
