//! Hosts that deny something, and brokers that cannot be reached: the failure names the address and the
//! reason.

use crate::limits::LIMIT;
use crate::opened::{Opened, Reported, record};
use odradek_tests_wasi::client::types::{
    ConnectionFailure, DisconnectReason, Event, IpAddress, ResolveError,
};
use odradek_tests_wasi::policy::Policy;
use odradek_tests_wasi::sink;
use std::net::TcpListener;
use std::time::Instant;

/// The first failure of a connection, and that the record is reported as not written in time.
fn failure(policy: &Policy, servers: &str) -> ConnectionFailure {
    let settings = [("max.block.ms", "300")];
    let mut opened = Opened::within(policy, servers, &settings);
    let topic = opened.topic("t").expect("a name");
    opened.send(&record(topic, b"v"));
    let mut reported = Reported::default();
    let started = Instant::now();
    opened.take_until(&mut reported, 1);
    assert!(started.elapsed() < LIMIT);
    assert_eq!(reported.not_written, 1);
    let failure = reported.others.iter().find_map(|event| match event {
        Event::ConnectionFailed(failure) => Some(failure.clone()),
        _ => None,
    });
    failure.expect("a connection failed")
}

const LOOPBACK: IpAddress = IpAddress::Ipv4(0x7f00_0001);

fn is_loopback(failure: &ConnectionFailure) -> bool {
    let address = failure.address.as_ref().map(|address| &address.ip);
    matches!((address, LOOPBACK), (Some(IpAddress::Ipv4(a)), IpAddress::Ipv4(b)) if *a == b)
}

#[test]
fn a_refused_connection_names_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let failure = failure(&Policy::default(), &address.to_string());
    assert!(matches!(failure.reason, DisconnectReason::Refused));
    assert_eq!(failure.port, address.port());
    assert!(is_loopback(&failure), "{failure:?}");
}

#[test]
fn a_name_without_addresses_is_named() {
    let failure = failure(&Policy::default(), "no-such-name.invalid:9092");
    assert_eq!(failure.host, "no-such-name.invalid");
    assert!(matches!(
        failure.reason,
        DisconnectReason::Unresolved(ResolveError::NotFound)
    ));
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
