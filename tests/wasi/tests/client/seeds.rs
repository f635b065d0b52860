//! Runs of seeds, of which each is random and the same every time.

use std::thread;

/// What each of so many seeds gives, more of them with `ODRADEK_FULL=1`. Each runs in a thread of its name, so
/// that whatever fails names it.
pub(crate) fn each<T: Send + 'static>(few: u64, many: u64, run: fn(u64) -> T) -> Vec<T> {
    let is_full = std::env::var("ODRADEK_FULL").is_ok_and(|full| full == "1");
    let seeds = 0..if is_full { many } else { few };
    let run_seed = |seed| {
        let thread = thread::Builder::new().name(format!("seed {seed}"));
        let running = thread.spawn(move || run(seed)).expect("a thread");
        running.join().unwrap_or_else(|_| panic!("seed {seed}"))
    };
    seeds.map(run_seed).collect()
}
