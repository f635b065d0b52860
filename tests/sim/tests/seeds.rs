//! A thousand worlds, one for each seed; every interesting situation is reached in some of them.
//!
//! - One seed with its whole timeline: `ODRADEK_SEED=17 cargo test -p odradek-tests-sim --test seeds -- --nocapture`
//! - A long run: `ODRADEK_SEEDS=100000 cargo test -p odradek-tests-sim --test seeds -- --nocapture`

use odradek_tests_sim::world::{Coverage, Run, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds of the ordinary run.
const SEEDS: u64 = 1000;
/// How many failing seeds are told in full.
const TOLD: usize = 3;
/// How many lines of the timeline a failure shows.
const LINES: usize = 120;

fn asked(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

/// What all runs came to.
#[derive(Default)]
struct Sum {
    coverage: Coverage,
    virtual_ns: u128,
    records: u64,
    failures: Vec<Run>,
}

fn run_all(seeds: u64) -> Sum {
    let sum = Mutex::new(Sum::default());
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let run = run(seed, false);
                    let mut sum = sum.lock().expect("no test panics with the sum");
                    sum.coverage.add(&run.coverage);
                    sum.virtual_ns += u128::from(run.virtual_ns);
                    sum.records += run.records;
                    if !run.complaints.is_empty() {
                        sum.failures.push(run);
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().expect("no test panics with the sum");
    sum.failures.sort_by_key(|run| run.seed);
    sum
}

/// The complaints of a failing seed, the end of its timeline, and the command that shows all of it.
fn tell(seed: u64) {
    let run = run(seed, true);
    eprintln!("seed {seed}:");
    let from = run.trace.len().saturating_sub(LINES);
    for line in &run.trace[from..] {
        eprintln!("  {line}");
    }
    for complaint in &run.complaints {
        eprintln!("  !! {complaint}");
    }
    eprintln!(
        "  all of it: ODRADEK_SEED={seed} cargo test -p odradek-tests-sim --test seeds -- --nocapture"
    );
}

#[test]
fn every_seed_ends_with_every_record_where_its_report_says() {
    if let Some(seed) = asked("ODRADEK_SEED") {
        let run = run(seed, true);
        for line in &run.trace {
            eprintln!("{line}");
        }
        assert!(run.complaints.is_empty(), "{:#?}", run.complaints);
        return;
    }
    let seeds = asked("ODRADEK_SEEDS").unwrap_or(SEEDS);
    let begin = Instant::now();
    let sum = run_all(seeds);
    let seconds = begin.elapsed().as_secs_f64();
    let hours = sum.virtual_ns as f64 / 3.6e12;
    eprintln!("{}", sum.coverage.table());
    eprintln!(
        "{seeds} seeds, {} records, {hours:.2} simulated hours in {seconds:.0} s: {:.1} simulated hours a minute",
        sum.records,
        hours * 60.0 / seconds
    );
    for run in sum.failures.iter().take(TOLD) {
        tell(run.seed);
    }
    for run in &sum.failures {
        eprintln!("seed {} failed: {}", run.seed, run.complaints[0]);
    }
    assert!(
        sum.failures.is_empty(),
        "{} seeds failed",
        sum.failures.len()
    );
    if seeds >= SEEDS {
        let missing: Vec<&str> = sum.coverage.missing().iter().map(|s| s.text()).collect();
        assert!(missing.is_empty(), "never reached: {missing:#?}");
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in [3, 14, 159] {
        let (one, other) = (run(seed, true), run(seed, true));
        assert!(one.trace.len() > 20, "a trace has lines");
        assert_eq!(one.trace, other.trace, "seed {seed}");
    }
}
