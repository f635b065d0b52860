//! Finding a broker: names, addresses and ports of which some lead nowhere.

use crate::session::LIMIT;
use crate::stage::Stage;
use odradek::{DisconnectReason, Outcome, ResolveError};
use odradek_tests_wasi::peers::{Cluster, SilentPort};
use std::net::SocketAddr;

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
