//! A broker that stops reading altogether.

use crate::session::Session;
use crate::slow::{LARGE, OF_LARGE, narrow, value};
use crate::stage::Stage;
use odradek::{DisconnectReason, Outcome};
use odradek_tests_wasi::peers::Cluster;
use std::time::Duration;

/// How many large records are sent: less than the producer's memory, more than may be under way.
const RECORDS: i32 = 24;

/// Sends far more than fits into the connection to a broker that has stopped reading.
fn stalled(stage: &Stage, cluster: &Cluster, properties: &[(&str, &str)]) -> Session {
    let all: Vec<_> = OF_LARGE.iter().chain(properties).copied().collect();
    let mut session = stage.open_at(cluster, &all);
    session.send("t", 0, b"first");
    session.until_reported();
    cluster.proxy(0).set_reading(false);
    for number in 0..RECORDS {
        session.send("t", number % 2, &value(LARGE));
    }
    session
}

/// Lets the broker read what is left of connections that the client has ended, and compares.
fn read_the_rest(session: &mut Session, cluster: &Cluster) {
    cluster.proxy(0).set_reading(true);
    session.until("the end of all connections", |_| cluster.is_idle());
    session.compare(cluster);
}

pub(crate) fn flush_and_close_end_in_time(stage: &Stage) {
    let cluster = narrow();
    let mut session = stalled(stage, &cluster, &[]);
    let all = RECORDS as usize + 1;
    assert!(!session.flush(Duration::from_millis(300)), "{session:?}");
    assert!(session.reported() < all);
    session.close(Duration::from_millis(300));
    let in_doubt = session.outcomes(Outcome::PossiblyWritten);
    assert!(in_doubt > 0, "{session:?}");
    let unsent = session.outcomes(Outcome::NotWritten);
    assert!(unsent > 0, "{session:?}");
    assert_eq!(session.outcomes(Outcome::Written) + in_doubt + unsent, all);
    read_the_rest(&mut session, &cluster);

    cluster.create_topic("another", 1);
    let mut another = stage.open_at(&cluster, &[]);
    another.send_small("another", 1, 10);
    another.finish(&cluster);
}

pub(crate) fn a_close_without_time_ends_at_once(stage: &Stage) {
    let cluster = narrow();
    let mut session = stalled(stage, &cluster, &[]);
    session.close(Duration::ZERO);
    read_the_rest(&mut session, &cluster);
}

/// A second producer is not held up by what the first has left behind.
pub(crate) fn another_producer_works_meanwhile(stage: &Stage) {
    let (cluster, healthy) = (narrow(), Cluster::start(1));
    healthy.create_topic("another", 1);
    let mut session = stalled(stage, &cluster, &[]);
    session.close(Duration::from_millis(100));
    let mut another = stage.open_at(&healthy, &[]);
    another.send_small("another", 1, 10);
    another.finish(&healthy);
    read_the_rest(&mut session, &cluster);
}

pub(crate) fn a_broker_that_reads_again_gets_everything(stage: &Stage) {
    let cluster = narrow();
    let mut session = stalled(stage, &cluster, &[("request.timeout.ms", "300")]);
    session.until("a request that takes too long", |session| {
        session.has_failed(DisconnectReason::RequestTimedOut)
    });
    cluster.proxy(0).set_reading(true);
    session.finish(&cluster);
}
