//! The pollables that time makes ready.

use crate::time::Instant;
use ::wasi::clocks::monotonic_clock::{subscribe_duration, subscribe_instant};
use ::wasi::io::poll::Pollable;
use core::time::Duration;

/// The longest sleep: some hosts count in signed 32-bit ms.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// Keeps what it has asked the host for, because asking is the most expensive call of some hosts, and
/// because some never forget a timer.
#[derive(Debug, Default)]
pub(super) struct Timers {
    past: Option<Pollable>,
    next: Option<(Instant, Pollable)>,
}

impl Timers {
    /// One that is ready.
    pub(super) fn past(&mut self) -> &Pollable {
        self.past.get_or_insert_with(|| subscribe_duration(0))
    }

    /// One that is ready at an instant, or earlier: whoever waits for it has nothing to do then and waits
    /// again.
    pub(super) fn at(&mut self, instant: Instant, now: Instant) -> &Pollable {
        let instant = instant.min(now.after(SLEEP_MAX));
        if instant <= now {
            return self.past();
        }
        let kept = self.next.take();
        let kept = kept.filter(|(kept, _)| (now..=instant).contains(kept));
        let next = kept.unwrap_or_else(|| (instant, subscribe_instant(instant.as_nanos())));
        &self.next.insert(next).1
    }
}
