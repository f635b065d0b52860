//! Where a case runs: with a time limit, and with a word on what it waits for.

use crate::session::Session;
use crate::subject::Open;
use odradek_tests_wasi::peers::Cluster;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a case may take; only one that hangs does.
fn case_limit() -> Duration {
    Duration::from_secs(if is_full() { 1800 } else { 90 })
}

/// Whether heavy cases have their full size.
pub(crate) fn is_full() -> bool {
    std::env::var("ODRADEK_FULL").is_ok_and(|full| full == "1")
}

/// What a case is given.
#[derive(Clone)]
pub(crate) struct Stage {
    open: Open,
    name: String,
    waiting: Arc<Mutex<String>>,
}

impl Stage {
    /// Opens a producer with quick back-offs and the given properties; later ones count.
    pub(crate) fn open(&self, servers: &str, others: &[(&str, &str)]) -> Session {
        let quick = [
            ("bootstrap.servers", servers),
            ("reconnect.backoff.ms", "1"),
            ("reconnect.backoff.max.ms", "20"),
            ("retry.backoff.ms", "1"),
            ("retry.backoff.max.ms", "20"),
        ];
        let all = quick.iter().chain(others);
        let all: Vec<(String, String)> = all
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        self.waits_for("the producer to open");
        Session::new((self.open)(&all), self.clone())
    }

    /// Opens a producer for a cluster.
    pub(crate) fn open_at(&self, cluster: &Cluster, others: &[(&str, &str)]) -> Session {
        self.open(&cluster.bootstrap(), others)
    }

    /// The test's name: subject and case.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Notes what the case waits for, should it never come.
    pub(crate) fn waits_for(&self, what: &str) {
        what.clone_into(&mut self.waiting());
    }

    fn waiting(&self) -> MutexGuard<'_, String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a case of the current test in a thread of its own, so that a call that hangs ends the case and not the suite.
pub(crate) fn run(open: Open, case: fn(&Stage)) {
    let stage = Stage {
        open,
        // The test harness names its threads so.
        name: thread::current().name().unwrap_or_default().to_owned(),
        waiting: Arc::default(),
    };
    let (done, wait) = channel();
    let inside = stage.clone();
    let thread = thread::spawn(move || {
        case(&inside);
        // Nobody listens when the time is over.
        let _ = done.send(());
    });
    match wait.recv_timeout(case_limit()) {
        Err(RecvTimeoutError::Timeout) => {
            let waiting = stage.waiting().clone();
            panic!("no end within {:?}; waiting for: {waiting}", case_limit());
        }
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = thread.join() {
                eprintln!("it waited for: {}", stage.waiting());
                resume_unwind(panic);
            }
        }
    }
}
