//! What happens to the cluster while producers send.

use crate::progress::Progress;
use odradek_tests_interop::cluster::Cluster;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The topic whose leader coordinates transactions.
const TRANSACTIONS: &str = "__transaction_state";

/// The topic whose leader coordinates groups.
const GROUPS: &str = "__consumer_offsets";

const SECOND: Duration = Duration::from_secs(1);

/// How long a load may take at full size.
const LOAD_LIMIT: Duration = Duration::from_secs(900);

/// The pause after a fault.
const CALM: Duration = Duration::from_millis(300);

/// The pause after a fault once each has happened.
const LONG_CALM: Duration = Duration::from_secs(5);

/// Something that happens to a cluster, whose topics are named.
pub(crate) type Fault = fn(&mut Cluster, &[&str]);

/// Lets the faults happen, all at least once; at full size again and again until enough is sent. Then ends
/// the producers.
///
/// # Panics
///
/// If it is never enough.
pub(crate) fn happen(
    cluster: &mut Cluster,
    topics: &[&str],
    faults: &[Fault],
    is_full: bool,
    progress: &Progress,
) {
    let begin = Instant::now();
    for (round, fault) in faults.iter().cycle().enumerate() {
        if round >= faults.len() && !(is_full && progress.is_busy()) {
            break;
        }
        assert!(begin.elapsed() < LOAD_LIMIT, "{progress:?}");
        let start = Instant::now();
        fault(cluster, topics);
        let took = start.elapsed();
        let _ = writeln!(std::io::stderr(), "fault {round} took {took:?}");
        sleep(if round < faults.len() {
            CALM
        } else {
            LONG_CALM
        });
    }
    progress.await_done(LOAD_LIMIT);
    progress.faults_are_over();
}

/// The first topic that exists: coordinators have theirs once somebody needed them.
fn first<'a>(cluster: &mut Cluster, topics: &[&'a str]) -> &'a str {
    let named = [TRANSACTIONS].into_iter().chain(topics.iter().copied());
    let mut existing = named.filter(|topic| !cluster.admin().partitions(topic).is_empty());
    existing.next().expect("there is a topic")
}

/// The node that coordinates transactions is killed, and started again once another one does.
pub(crate) fn kill_a_node(cluster: &mut Cluster, topics: &[&str]) {
    let topic = first(cluster, topics);
    let id = cluster.leader(topic);
    cluster.kill(id);
    cluster.await_led_by_others(topic, id);
    sleep(SECOND);
    cluster.restart(id);
    whole(cluster, topics);
}

/// The node that coordinates transactions is stopped until another one does, then goes on as if nothing
/// were.
pub(crate) fn pause_a_node(cluster: &mut Cluster, topics: &[&str]) {
    let topic = first(cluster, topics);
    let id = cluster.leader(topic);
    cluster.pause(id);
    cluster.await_led_by_others(topic, id);
    sleep(SECOND);
    cluster.resume(id);
    whole(cluster, topics);
}

/// Every partition gets another leader, and both coordinators move.
pub(crate) fn move_leaders(cluster: &mut Cluster, topics: &[&str]) {
    for topic in [TRANSACTIONS, GROUPS].iter().chain(topics) {
        if !cluster.admin().partitions(topic).is_empty() {
            cluster.move_leaders(topic);
        }
    }
}

/// One node after the other is ended and started again, as an operator does it.
pub(crate) fn restart_all_nodes(cluster: &mut Cluster, topics: &[&str]) {
    for id in 1..=cluster.setup().nodes {
        cluster.terminate(id);
        cluster.restart(id);
        whole(cluster, topics);
    }
}

/// Waits until all nodes are alive, and all replicas in sync.
pub(crate) fn whole(cluster: &mut Cluster, topics: &[&str]) {
    cluster.await_nodes(cluster.setup().nodes);
    for topic in [TRANSACTIONS, GROUPS].iter().chain(topics) {
        let partitions = cluster.admin().partitions(topic).len();
        if partitions > 0 {
            cluster.await_replicas(topic, partitions);
        }
    }
}
