//! The pollables that time makes ready.

use crate::time::Instant;
use ::wasi::clocks::monotonic_clock::{subscribe_duration, subscribe_instant};
use ::wasi::io::poll::Pollable;
use core::time::Duration;

/// The longest sleep: some hosts count in signed 32-bit ms.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// How long a timer that is ready is used again. wasmtime gives its runtime a turn in the first poll of one
/// and in no later one; without those turns sockets never become ready.
const PAST_KEPT: Duration = Duration::from_millis(2);

/// Keeps what it has asked the host for, because asking is the most expensive call of some hosts, and
/// because some never forget a timer.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// With the moment at which it was made.
    past: Option<(Instant, Pollable)>,
    next: Option<(Instant, Pollable)>,
}

impl Timers {
    /// One that is ready.
    pub(super) fn past(&mut self, now: Instant) -> &Pollable {
        let kept = self.past.take();
        let kept = kept.filter(|(made, _)| now.since(*made) < PAST_KEPT && *made <= now);
        let past = kept.unwrap_or_else(|| (now, subscribe_duration(0)));
        &self.past.insert(past).1
    }

    /// One that is ready at an instant, or earlier: whoever waits for it has nothing to do then and waits
    /// again.
    pub(super) fn at(&mut self, instant: Instant, now: Instant) -> &Pollable {
        let instant = soon(instant, now);
        if instant <= now {
            return self.past(now);
        }
        let kept = self.next.take();
        let kept = kept.filter(|(kept, _)| (now..=instant).contains(kept));
        let next = kept.unwrap_or_else(|| (instant, subscribe_instant(instant.as_nanos())));
        &self.next.insert(next).1
    }
}

/// One that is ready at an instant, or earlier, for somebody who drops it in time.
pub(super) fn fresh(instant: Instant, now: Instant) -> Pollable {
    subscribe_instant(soon(instant, now).as_nanos())
}

fn soon(instant: Instant, now: Instant) -> Instant {
    instant.min(now.after(SLEEP_MAX))
}
