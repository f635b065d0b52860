//! Brokers that go and come back, and connections that are cut.

use crate::delivery::{Offsets, check, cluster, lines, records};
use crate::run::{LIMIT, Run};
use odradek_tests_interop::verdict::now;
use odradek_tests_wasi::peers::{Conduct, Fault, FaultKind, SilentPort};
use odradek_tests_wasi::runtime::Runtime;
use std::time::Duration;

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

/// How long a broker stays away at most.
const AWAY: Duration = Duration::from_secs(2);

pub(crate) fn a_broker_that_restarts_loses_and_repeats_nothing(runtime: Runtime) {
    let (cluster, sent) = (cluster(), records());
    let input = lines(&sent);
    let (before, rest) = input.split_at(input.len() / 2);
    // Much more would fill the command's buffer: what is full stays full until the broker is back.
    let (during, after) = rest.split_at(rest.len().min(1 << 20));
    let start = now();
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &ARGUMENTS);
    run.write(before);
    run.wait_stored(&cluster, 1, LIMIT);
    assert!(run.wait_written(LIMIT), "the command does not read");
    cluster.proxy(0).go_away().expect("the port is ours");
    run.write(during);
    // The buffer may be full of what came before; the broker comes back all the same.
    run.wait_written(AWAY);
    let connections = cluster.proxy(0).counts().connections;
    cluster
        .proxy(0)
        .come_back()
        .expect("the port is still free");
    run.write(after);
    let ended = run.end();
    let again = cluster.proxy(0).counts().connections - connections;
    assert!(again > 0, "nobody came back to the broker");
    check(&cluster, &sent, &(start..=now()), &ended, Offsets::Some);
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
    check(&cluster, &sent, &(start..=now()), &ended, Offsets::Some);
}

pub(crate) fn unreached_brokers_are_explained_and_the_records_kept(runtime: Runtime) {
    let silent = SilentPort::bind(([127, 0, 0, 1], 0).into()).expect("a port is free");
    let server = silent.address().expect("it is bound").to_string();
    let mut run = Run::produce(runtime, &server, &["-X", "max.block.ms=500"]);
    run.write(b"one\ntwo\n");
    let ended = run.end();
    assert_eq!((ended.code, ended.counts()), (Some(1), (0, 2, 0)));
    let refused = format!("{server}: connection refused after ");
    assert!(ended.stderr.contains(&refused), "{}", ended.stderr);
    assert_eq!(ended.failed.lines().count(), 2, "{}", ended.failed);
}
