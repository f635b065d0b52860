//! Many brokers at once.

use crate::session::LIMIT;
use crate::stage::{Stage, is_full};
use odradek::DisconnectReason;
use odradek_tests_wasi::peers::Cluster;

const BROKERS: usize = 8;
const PARTITIONS: i32 = 24;

fn records() -> usize {
    if is_full() { 240_000 } else { 2_400 }
}

fn cluster() -> Cluster {
    let cluster = Cluster::start(BROKERS);
    cluster.create_topic("t", PARTITIONS);
    cluster
}

pub(crate) fn every_leader_gets_its_records(stage: &Stage) {
    let cluster = cluster();
    let mut session = stage.open_at(&cluster, &[]);
    session.send_small("t", PARTITIONS, records());
    assert!(session.flush(LIMIT), "{session:?}");
    let least = (records() / BROKERS * 10) as u64;
    for broker in 0..BROKERS {
        let counts = cluster.proxy(broker).counts();
        assert!(counts.requests > least, "broker {broker}: {counts:?}");
    }
    assert!(session.failures().is_empty(), "{session:?}");
    session.finish(&cluster);
}

pub(crate) fn a_broker_that_comes_back_gets_its_records(stage: &Stage) {
    const GONE: usize = 3;
    let cluster = cluster();
    let mut session = stage.open_at(&cluster, &[]);
    session.send_small("t", PARTITIONS, records());
    session.until_reported();
    let proxy = cluster.proxy(GONE);
    proxy.go_away().expect("it goes");
    session.send_small("t", PARTITIONS, records());
    // All but one eighth; what that broker has acknowledged before is not taken back.
    let least = records() + records() / BROKERS * (BROKERS - 1);
    session.until("the records of the other brokers", |session| {
        session.reported() >= least
    });
    session.until("a connection that is refused", |session| {
        let mut failures = session.failures().iter();
        failures.any(|failure| {
            failure.reason == DisconnectReason::Refused
                && failure.address == Some(proxy.address())
                && failure.port == proxy.address().port()
        })
    });
    assert_eq!(session.reported(), least, "the others wait");
    proxy.come_back().expect("it comes back");
    session.finish(&cluster);
}
