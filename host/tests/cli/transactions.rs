//! What `produce` does with transactions.

use crate::tool::{TemporaryFile, broker, end, produce, start_produce, terminate, wait, wait_read};
use crate::transaction_cases::{CASES, Case};
use krafka::testing::{ApiKey, Control};
use std::io::Write;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_of_both_kinds_are_committed_and_reported() {
    for case in CASES {
        // Side by side, because most of the time they wait.
        let mut runs = JoinSet::new();
        for version in [1, 2] {
            runs.spawn(is_committed_and_reported(case, version));
        }
        while let Some(run) = runs.join_next().await {
            run.expect("the case passes");
        }
    }
}

async fn is_committed_and_reported(case: &'static Case, version: i16) {
    let broker = broker(1).await;
    case.prepare(&broker, version);
    let name = format!("{}-{version}", case.name.replace(' ', "-"));
    let failed = TemporaryFile::new(&name, b"");
    let more = ["-t", "t", "--failed", failed.path()];
    let arguments = [case.arguments(), more.to_vec()].concat();
    let ended = produce(&broker.bootstrap_servers(), &arguments, &case.input()).await;
    let failed = String::from_utf8(failed.content()).expect("JSON is UTF-8");
    case.judge(&broker, ended.code, (&ended.stdout, &ended.stderr, &failed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_size_without_an_id_is_wrong_usage() {
    let arguments = ["-t", "t", "--transaction-size", "2"];
    let ended = end(start_produce("127.0.0.1:1", &arguments), b"").await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("--transactional-id"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_signal_commits_what_was_read() {
    let broker = broker(1).await;
    let arguments = ["-t", "t", "--transactional-id", "a"];
    let mut child = start_produce(&broker.bootstrap_servers(), &arguments);
    let mut stdin = child.stdin.take().expect("the input is a pipe");
    stdin.write_all(b"a\nb\nc\n").expect("the tool reads");
    wait_read(&stdin).await;
    assert_eq!(broker.all_records("t").expect("they decode").len(), 0);
    terminate(&child);
    let ended = wait(child).await;
    drop(stdin);
    assert_eq!(ended.last_line(), "delivered=3 failed=0 possibly=0");
    assert_eq!(ended.code, Some(0));
    assert_eq!(broker.committed_records("t").expect("they decode").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_signal_aborts_the_open_transaction() {
    let broker = broker(1).await;
    // Written, and never acknowledged in time.
    broker.on(ApiKey::Produce, |_| {
        Control::ApplyThen(Box::new(Control::Delay(Duration::from_secs(3))))
    });
    let arguments = [
        "-t",
        "t",
        "-X",
        "transactional.id=a",
        "--transaction-size",
        "1",
    ];
    let mut child = start_produce(&broker.bootstrap_servers(), &arguments);
    let mut stdin = child.stdin.take().expect("the input is a pipe");
    stdin.write_all(b"a\nb\n").expect("the tool reads");
    wait_read(&stdin).await;
    terminate(&child);
    tokio::time::sleep(Duration::from_millis(300)).await;
    terminate(&child);
    let ended = wait(child).await;
    drop(stdin);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    // The commit of the first one was under way and is not turned round; the second one never began.
    assert!(
        ended.stderr.contains("the run was interrupted"),
        "{}",
        ended.stderr
    );
    assert!(ended.last_line().contains("failed="), "{}", ended.stderr);
    let committed = broker.committed_records("t").expect("they decode").len();
    assert!(committed <= 1, "{committed}");
}
