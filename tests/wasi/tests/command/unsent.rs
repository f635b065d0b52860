//! Lines that never become records: nothing waits for a report, and nothing may wait for them.

use crate::delivery::cluster;
use crate::run::{LIMIT, Run, stored};
use odradek_tests_interop::process::wait_until;
use odradek_tests_wasi::runtime::Runtime;

/// More lines than may be kept at once, of which none will ever be reported by a broker.
pub(crate) fn bad_lines_beyond_the_window_end_the_run(runtime: Runtime) {
    let cluster = cluster();
    let arguments = [
        "--format",
        "json",
        "-X",
        "buffer.memory=65536",
        "-X",
        "batch.size=1000",
    ];
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &arguments);
    run.write(&b"x\n".repeat(5000));
    let ended = run.end();
    assert_eq!(ended.counts(), (0, 5000, 0), "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.failed.lines().count(), 5000);
}

/// Beside a record, while the input pauses.
pub(crate) fn a_bad_line_is_reported_while_the_input_stays_open(runtime: Runtime) {
    let cluster = cluster();
    let arguments = ["--format", "json", "--report", "json"];
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &arguments);
    run.write(b"{}\n");
    let waited = wait_until(LIMIT, || run.stdout().lines().count() >= 1);
    assert!(
        waited.is_some(),
        "no report of the record: {}",
        run.stdout()
    );
    assert_eq!(stored(&cluster), 1);
    run.write(b"oops\n");
    let waited = wait_until(LIMIT, || run.stdout().lines().count() >= 2);
    assert!(
        waited.is_some(),
        "no report of the bad line: {}",
        run.stdout()
    );
    let ended = run.end();
    assert_eq!(ended.counts(), (1, 1, 0), "{}", ended.stderr);
}
