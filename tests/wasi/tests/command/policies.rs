//! Hosts that deny something: the address and the reason are named, and every record is accounted for.

use crate::delivery::cluster;
use crate::run::{Ended, Run, stored, wasm};
use odradek_tests_wasi::runtime::wasi_run;
use std::time::{Duration, Instant};

/// One record for each of three partitions, of which the second is led by the second broker.
const INPUT: &[u8] = b"{\"value\":\"a\",\"partition\":0}\n{\"value\":\"b\",\"partition\":1}\n\
    {\"value\":\"c\",\"partition\":2}\n";

/// How long a run may take on a busy machine: none waits for more than `delivery.timeout.ms`.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `produce` in a host that denies something, and checks that it ends in time and keeps every record
/// that is not known to be delivered.
fn produce(options: &[&str], servers: &str, max_block: &str) -> Ended {
    let max_block = format!("max.block.ms={max_block}");
    let arguments = [
        ["--format", "json"],
        ["-X", &max_block],
        ["-X", "request.timeout.ms=5000"],
        ["-X", "delivery.timeout.ms=10000"],
    ];
    let started = Instant::now();
    let mut run = Run::produce_in(servers, arguments.as_flattened(), |folder, all| {
        let folder = folder.to_str().expect("the target folder's name is UTF-8");
        let shown = format!("--dir={folder}={folder}");
        wasi_run(wasm(), &[options, &[&shown]].concat(), all)
    });
    run.write(INPUT);
    let ended = run.end();
    let took = started.elapsed();
    assert!(took < LIMIT, "{took:?}: {}", ended.stderr);
    let (_, failed, possibly) = ended.counts();
    let kept = ended.failed.lines().count() as u64;
    assert_eq!(kept, failed + possibly, "{}", ended.failed);
    ended
}

fn says(ended: &Ended, parts: &[&str]) {
    let line = ended
        .stderr
        .lines()
        .find(|line| parts.iter().all(|part| line.contains(part)));
    assert!(line.is_some(), "no line has {parts:?}: {}", ended.stderr);
}

#[test]
fn a_host_that_denies_tcp_is_named_as_the_reason() {
    let cluster = cluster();
    let server = cluster.proxy(0).address().to_string();
    let ended = produce(&["--deny-tcp"], &server, "500");
    assert_eq!((ended.code, ended.counts()), (Some(1), (0, 3, 0)));
    says(&ended, &[&server, "policy"]);
}

#[test]
fn a_host_that_denies_names_is_named_as_the_reason() {
    let cluster = cluster();
    let server = format!("localhost:{}", cluster.proxy(0).address().port());
    let ended = produce(&["--deny-names"], &server, "500");
    assert_eq!((ended.code, ended.counts()), (Some(1), (0, 3, 0)));
    says(&ended, &[&server, "policy"]);
}

#[test]
fn a_denied_address_that_metadata_advertises_fails_its_records_alone() {
    let cluster = cluster();
    let server = cluster.proxy(0).address().to_string();
    let denied = cluster.proxy(1).address().to_string();
    let ended = produce(&[&format!("--deny-address={denied}")], &server, "30000");
    assert_eq!((ended.code, ended.counts()), (Some(1), (2, 1, 0)));
    says(&ended, &[&denied, "policy"]);
    assert_eq!(stored(&cluster), 2);
}
