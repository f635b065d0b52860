//! Hosts that deny something: the address and the reason are named, and every record is accounted for.

use crate::delivery::cluster;
use crate::run::{Ended, Run, stored, wasm};
use odradek_tests_interop::process::Scratch;
use odradek_tests_wasi::runtime::wasi_run;

/// One record for each of three partitions, of which the second is led by the second broker.
const INPUT: &[u8] = b"{\"value\":\"a\",\"partition\":0}\n{\"value\":\"b\",\"partition\":1}\n\
    {\"value\":\"c\",\"partition\":2}\n";

/// Runs `produce` in a host that denies something.
fn produce(options: &[&str], servers: &str) -> Ended {
    let arguments = [
        ["produce", "--format=json"],
        ["-b", servers],
        ["-t", "t"],
        ["-X", "max.block.ms=500"],
        ["-X", "request.timeout.ms=500"],
        ["-X", "delivery.timeout.ms=1000"],
    ];
    let command = wasi_run(wasm(), options, arguments.as_flattened());
    let mut run = Run::start(command, Scratch::new("policy"));
    run.write(INPUT);
    run.end()
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
    let ended = produce(&["--deny-tcp"], &server);
    assert_eq!((ended.code, ended.counts()), (Some(1), (0, 3, 0)));
    says(&ended, &[&server, "policy"]);
}

#[test]
fn a_host_that_denies_names_is_named_as_the_reason() {
    let cluster = cluster();
    let server = format!("localhost:{}", cluster.proxy(0).address().port());
    let ended = produce(&["--deny-names"], &server);
    assert_eq!((ended.code, ended.counts()), (Some(1), (0, 3, 0)));
    says(&ended, &[&server, "policy"]);
}

#[test]
fn a_denied_address_that_metadata_advertises_fails_its_records_alone() {
    let cluster = cluster();
    let server = cluster.proxy(0).address().to_string();
    let denied = cluster.proxy(1).address().to_string();
    let ended = produce(&[&format!("--deny-address={denied}")], &server);
    assert_eq!((ended.code, ended.counts()), (Some(1), (2, 1, 0)));
    says(&ended, &[&denied, "policy"]);
    assert_eq!(stored(&cluster), 2);
}
