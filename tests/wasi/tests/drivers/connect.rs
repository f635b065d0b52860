//! Finding a broker: names, addresses and ports of which some lead nowhere.

use crate::session::LIMIT;
use crate::stage::Stage;
use odradek::{DisconnectReason, Outcome, ResolveError};
use odradek_tests_wasi::peers::{Cluster, FullBacklog, Place, SilentPort};
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::Command;

fn refusing() -> (SilentPort, SocketAddr) {
    let port = SilentPort::bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = port.address().expect("bound");
    (port, address)
}

pub(crate) fn records_arrive_as_they_were_sent(stage: &Stage) {
    let cluster = Cluster::start(1);
    cluster.create_topic("t", 3);
    let mut session = stage.open_at(&cluster, &[]);
    session.send_small("t", 3, 100);
    session.until_reported();
    assert!(session.failures().is_empty(), "{session:?}");
    session.finish(&cluster);
}

pub(crate) fn a_refused_address_is_named(stage: &Stage) {
    let (_port, address) = refusing();
    let mut session = stage.open(&address.to_string(), &[("max.block.ms", "300")]);
    session.send("t", 0, b"nowhere");
    session.until("a refused connection", |session| {
        session.has_failed(DisconnectReason::Refused)
    });
    let failure = &session.failures()[0];
    assert_eq!(failure.host, "127.0.0.1");
    assert_eq!(failure.port, address.port());
    assert_eq!(failure.address, Some(address));
    assert!(!failure.was_ready);
    session.until_reported();
    assert_eq!(session.outcomes(Outcome::NotWritten), 1, "{session:?}");
    session.close(LIMIT);
}

/// An address of the block that is kept for documentation, to which no route leads. Where a default route
/// for IPv6 takes it all the same, nobody answers.
pub(crate) fn an_unreachable_address_is_named(stage: &Stage) {
    let address: SocketAddr = "[2001:db8::1]:9092".parse().expect("an address");
    let others = [
        ("max.block.ms", "5000"),
        ("socket.connection.setup.timeout.ms", "3000"),
        ("socket.connection.setup.timeout.max.ms", "3000"),
    ];
    let mut session = stage.open(&address.to_string(), &others);
    session.send("t", 0, b"nowhere");
    session.until("an address that cannot be reached", |session| {
        !session.failures().is_empty()
    });
    let failure = &session.failures()[0];
    let reasons = [
        DisconnectReason::Unreachable,
        DisconnectReason::SetupTimedOut,
    ];
    assert!(reasons.contains(&failure.reason), "{session:?}");
    assert_eq!(failure.address, Some(address));
    session.until_reported();
    assert_eq!(session.outcomes(Outcome::NotWritten), 1, "{session:?}");
    session.close(LIMIT);
}

pub(crate) fn a_name_without_addresses_is_named(stage: &Stage) {
    let others = [("max.block.ms", "300")];
    let mut session = stage.open("no-such-name.invalid:9092", &others);
    session.send("t", 0, b"nowhere");
    let is_it = |reason| {
        let not_found = DisconnectReason::Unresolved(ResolveError::NotFound);
        // Without a name server there is no answer at all.
        reason == not_found || reason == DisconnectReason::Unresolved(ResolveError::Unavailable)
    };
    session.until("a name that has no address", |session| {
        let mut failures = session.failures().iter();
        failures.any(|failure| is_it(failure.reason))
    });
    let failure = &session.failures()[0];
    assert_eq!(
        (failure.host.as_str(), failure.port, failure.address),
        ("no-such-name.invalid", 9092, None)
    );
    session.until_reported();
    assert_eq!(session.outcomes(Outcome::NotWritten), 1, "{session:?}");
    session.close(LIMIT);
}

pub(crate) fn dead_bootstrap_servers_are_passed_over(stage: &Stage) {
    let dead = [refusing(), refusing()];
    let cluster = Cluster::start(1);
    cluster.create_topic("t", 1);
    let servers = format!("{},{},{}", dead[0].1, dead[1].1, cluster.bootstrap());
    let mut session = stage.open(&servers, &[]);
    session.send_small("t", 1, 10);
    session.until_reported();
    let mut failures = session.failures().iter();
    assert!(failures.all(|failure| failure.reason == DisconnectReason::Refused));
    session.finish(&cluster);
}

pub(crate) fn a_silent_address_is_given_up(stage: &Stage) {
    let silent = FullBacklog::new().expect("a listener");
    let address = silent.address().expect("bound");
    let others = [
        ("socket.connection.setup.timeout.ms", "200"),
        ("socket.connection.setup.timeout.max.ms", "200"),
    ];
    let cluster = Cluster::start(1);
    cluster.create_topic("t", 1);
    // The order in which bootstrap servers are tried is random: some producer begins with this one.
    let servers = format!("{address},{}", cluster.bootstrap());
    for round in 0.. {
        assert!(round < 30, "nobody tried {address}");
        let topic = format!("t-{round}");
        cluster.create_topic(&topic, 1);
        let mut session = stage.open(&servers, &others);
        session.send_small(&topic, 1, 3);
        session.until_reported();
        let failure = session.failures().first().cloned();
        session.finish(&cluster);
        if let Some(failure) = failure {
            assert_eq!(failure.reason, DisconnectReason::SetupTimedOut);
            assert_eq!(failure.address, Some(address));
            break;
        }
    }
}

/// The name that has several addresses, where names are not those of this machine.
const MANY: &str = "many.test";

/// Only a name of our own has several addresses for sure, so the test runs itself again where
/// `/etc/hosts` is another file.
pub(crate) fn the_addresses_of_a_name_are_tried_in_turn(stage: &Stage) {
    let Ok(addresses) = (MANY, 0).to_socket_addrs() else {
        return run_with_hosts(stage);
    };
    let addresses: Vec<_> = addresses.map(|address| address.ip()).collect();
    let (last, first) = addresses.split_last().expect("some");
    assert_eq!(first.len(), 2, "{addresses:?}");
    let cluster = Cluster::start_at(
        1,
        &Place {
            ip: *last,
            host: Some(MANY.to_owned()),
            ..Place::default()
        },
    );
    cluster.create_topic("t", 1);
    let mut session = stage.open_at(&cluster, &[]);
    session.send_small("t", 1, 10);
    session.until_reported();
    for (failure, ip) in session.failures().iter().zip(first) {
        assert_eq!(failure.reason, DisconnectReason::Refused);
        assert_eq!(failure.host, MANY);
        assert_eq!(failure.address.map(|address| address.ip()), Some(*ip));
    }
    assert_eq!(session.failures().len(), 2, "{session:?}");
    session.finish(&cluster);
}

/// Runs this very test in a mount namespace of its own.
fn run_with_hosts(stage: &Stage) {
    const SCRIPT: &str = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    let hosts = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hosts");
    // Where no other test listens, whose port may be the same.
    let lines = [1, 2, 3].map(|n| format!("127.0.77.{n} {MANY}\n"));
    fs::write(&hosts, lines.concat()).expect("a file");
    let inside = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]);
        command.arg(&hosts);
        command
    };
    let can = inside().arg("true").output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("{} did not run: no mount namespaces", stage.name());
        let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_ci, "CI must be able to run every case");
        return;
    }
    let test = std::env::current_exe().expect("this program");
    let output = inside()
        .arg(test)
        .args(["--exact", stage.name(), "--nocapture"])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let is_ok = output.status.success() && text.contains("1 passed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(is_ok, "{text}\n{errors}");
}
