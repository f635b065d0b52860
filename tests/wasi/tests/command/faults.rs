//! Brokers that go and come back, and connections that are cut.

use crate::delivery::{check, cluster, lines, records};
use crate::run::{LIMIT, Run, wait_stored};
use odradek_tests_interop::verdict::now;
use odradek_tests_wasi::peers::{Conduct, Fault, FaultKind};
use odradek_tests_wasi::runtime::Runtime;
use std::net::TcpListener;

/// Small batches, so that much is under way whenever something happens.
const ARGUMENTS: [&str; 8] = [
    "--format",
    "json",
    "--report",
    "json",
    "-X",
    "batch.size=2000",
    "-X",
    "retry.backoff.ms=20",
];

pub(crate) fn a_broker_that_restarts_loses_and_repeats_nothing(runtime: Runtime) {
    let (cluster, sent) = (cluster(), records());
    let input = lines(&sent);
    let (before, rest) = input.split_at(input.len() / 2);
    // As much as the command takes without a broker: more would wait in the pipe.
    let (during, after) = rest.split_at(rest.len().min(1 << 20));
    let start = now();
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &ARGUMENTS);
    run.write(before);
    wait_stored(&cluster, 1, LIMIT);
    cluster.proxy(0).go_away().expect("the port is ours");
    run.write(during);
    let connections = cluster.proxy(0).counts().connections;
    cluster
        .proxy(0)
        .come_back()
        .expect("the port is still free");
    run.write(after);
    let ended = run.end();
    let again = cluster.proxy(0).counts().connections - connections;
    assert!(again > 0, "nobody came back to the broker");
    check(&cluster, &sent, &(start..=now()), &ended);
}

pub(crate) fn ten_cut_connections_lose_and_repeat_nothing(runtime: Runtime) {
    const CUTS: u64 = 10;
    let (cluster, sent) = (cluster(), records());
    let input = lines(&sent);
    // Requests are shorter than the lines, and half of them go to each broker.
    let spacing = input.len() as u64 / 8 / CUTS;
    let faults = (1..=CUTS / 2).map(|cut| Fault {
        after: cut * spacing,
        kind: FaultKind::Reset,
    });
    let faults: Vec<Fault> = faults.collect();
    for broker in 0..cluster.brokers() {
        let proxy = cluster.proxy(broker);
        proxy.behave(Conduct::of_requests(faults.clone()));
    }
    let start = now();
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &ARGUMENTS);
    run.write(&input);
    let ended = run.end();
    for broker in 0..cluster.brokers() {
        assert_eq!(cluster.proxy(broker).counts().left, 0, "all cuts happened");
        // Reading back is not disturbed.
        cluster.proxy(broker).behave(Conduct::default());
    }
    check(&cluster, &sent, &(start..=now()), &ended);
}

pub(crate) fn unreached_brokers_are_explained_and_the_records_kept(runtime: Runtime) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let server = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let mut run = Run::produce(runtime, &server, &["-X", "max.block.ms=500"]);
    run.write(b"one\ntwo\n");
    let ended = run.end();
    assert_eq!((ended.code, ended.counts()), (Some(1), (0, 2, 0)));
    let refused = format!("{server}: connection refused after ");
    assert!(ended.stderr.contains(&refused), "{}", ended.stderr);
    assert_eq!(ended.failed.lines().count(), 2, "{}", ended.failed);
}
