//! How long calls may take, and what happens to those that take longer.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing on the loopback interface takes longer, or something hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What a broken test waits for at most in one call, in ms.
pub(crate) const LIMIT_MS: u64 = 30_000;

/// What a call may take beyond its deadline on a busy machine.
pub(crate) const SLACK: Duration = Duration::from_secs(5);

/// Makes a call that must return within its deadline of so many ms, and within [`LIMIT`]; 0 for one that
/// never blocks. One that never does ends the test program, because nothing else can end the call.
pub(crate) fn within<T>(deadline: u64, call: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let limit = Duration::from_millis(deadline.min(LIMIT_MS)) + SLACK;
    let (returned, waiting) = mpsc::channel::<()>();
    let test = thread::current().name().unwrap_or_default().to_owned();
    let watch = thread::spawn(move || {
        if waiting.recv_timeout(limit + LIMIT) == Err(RecvTimeoutError::Timeout) {
            // Not what the test runner catches: nobody would ever see that.
            let _ = writeln!(
                std::io::stderr(),
                "{test}: a call with a deadline of {deadline} ms never returned"
            );
            std::process::exit(101);
        }
    });
    let result = call();
    let took = started.elapsed();
    drop(returned);
    watch.join().expect("the watch does not panic");
    assert!(took < limit, "{took:?} for a deadline of {deadline} ms");
    result
}
