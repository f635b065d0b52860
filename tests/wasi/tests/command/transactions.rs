//! What `produce` does with transactions: the cases of the native binary.

use crate::run::Run;
use crate::transaction_cases::{CASES, Case};
use odradek_tests_wasi::peers::Cluster;
use odradek_tests_wasi::runtime::Runtime;
use std::thread;

pub(crate) fn transactions_of_both_kinds_are_committed_and_reported(runtime: Runtime) {
    for case in CASES {
        // Side by side, because most of the time they wait.
        thread::scope(|scope| {
            for version in [1, 2] {
                scope.spawn(move || is_committed_and_reported(runtime, case, version));
            }
        });
    }
}

fn is_committed_and_reported(runtime: Runtime, case: &Case, version: i16) {
    let cluster = Cluster::start(1);
    cluster.create_topic("t", 1);
    case.prepare(cluster.broker(), version);
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &case.arguments());
    run.write(&case.input());
    let ended = run.end();
    let outlets = (&*ended.stdout, &*ended.stderr, &*ended.failed);
    case.judge(cluster.broker(), ended.code, outlets);
}
