//! Hosts that deny something, and brokers that cannot be reached: the failure names the address and the
//! reason.

use crate::limits::LIMIT;
use crate::opened::{Opened, Reported, record};
use odradek_tests_wasi::client::types::{
    ConnectionFailure, DisconnectReason, IpAddress, ResolveError,
};
use odradek_tests_wasi::peers::SilentPort;
use odradek_tests_wasi::policy::Policy;
use odradek_tests_wasi::sink;
use std::time::Instant;

/// The first failure of a connection; that the record is reported as not written, once it is purged.
fn failure(policy: &Policy, servers: &str) -> ConnectionFailure {
    let mut opened = Opened::within(policy, servers, &[]);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    let mut reported = Reported::default();
    let started = Instant::now();
    let failure = loop {
        assert!(started.elapsed() < LIMIT, "{reported:?}");
        opened.wait(1000);
        opened.take(&mut reported);
        let failure = reported.failures().next().cloned();
        if let Some(failure) = failure {
            break failure;
        }
    };
    opened.purge();
    opened.take_until(&mut reported, 1);
    assert_eq!(reported.not_written, 1);
    failure
}

const LOOPBACK: IpAddress = IpAddress::Ipv4(0x7f00_0001);

fn is_loopback(failure: &ConnectionFailure) -> bool {
    let address = failure.address.as_ref().map(|address| &address.ip);
    matches!((address, LOOPBACK), (Some(IpAddress::Ipv4(a)), IpAddress::Ipv4(b)) if *a == b)
}

#[test]
fn a_refused_connection_names_its_address() {
    let silent = SilentPort::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = silent.address().expect("bound");
    let failure = failure(&Policy::default(), &address.to_string());
    assert!(matches!(failure.reason, DisconnectReason::Refused));
    assert_eq!(failure.port, address.port());
    assert!(is_loopback(&failure), "{failure:?}");
}

#[test]
fn a_name_without_addresses_is_named() {
    let failure = failure(&Policy::default(), "no-such-name.invalid:9092");
    assert_eq!(failure.host, "no-such-name.invalid");
    // Where there is no network, the resolver may not even know that.
    assert!(
        matches!(
            failure.reason,
            DisconnectReason::Unresolved(ResolveError::NotFound | ResolveError::Unavailable)
        ),
        "{failure:?}"
    );
}

#[test]
fn a_host_that_denies_tcp_is_told_from_a_broker_that_refuses() {
    let policy = Policy {
        deny_tcp: true,
        ..Policy::default()
    };
    let failure = failure(&policy, &sink::start(1).address().to_string());
    assert!(matches!(failure.reason, DisconnectReason::Denied));
    assert!(is_loopback(&failure), "{failure:?}");
}

#[test]
fn a_host_that_denies_names_still_serves_addresses() {
    let policy = Policy {
        deny_names: true,
        ..Policy::default()
    };
    let sink = sink::start(1);
    let named = failure(&policy, &format!("localhost:{}", sink.address().port()));
    assert!(matches!(
        named.reason,
        DisconnectReason::Unresolved(ResolveError::Denied)
    ));
    let mut opened = Opened::within(&policy, &sink.address().to_string(), &[]);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    assert!(opened.flush(10_000).done);
}

#[test]
fn a_denied_address_is_named() {
    let sink = sink::start(1);
    let policy = Policy {
        deny_addresses: vec![sink.address()],
        ..Policy::default()
    };
    let failure = failure(&policy, &sink.address().to_string());
    assert!(matches!(failure.reason, DisconnectReason::Denied));
    assert!(is_loopback(&failure), "{failure:?}");
}
