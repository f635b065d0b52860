//! What happens to the cluster while a producer sends.

use odradek_tests_interop::cluster::{Cluster, NODES};
use odradek_tests_interop::process::wait_until;
use odradek_tests_interop::readback::read_back;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// How long brokers may take to forget a topic.
const DELETE_LIMIT: Duration = Duration::from_secs(30);

/// How long it may take until each partition has records.
const BEGIN_LIMIT: Duration = Duration::from_secs(30);

/// How many bytes per second a throttled client may send to each node, over ten seconds: less than
/// it has sent already, so that the first answer stops it for more than five seconds.
const QUOTA: u64 = 1_500;

/// How many partitions there are after some were added.
pub(crate) const GROWN: usize = 10;

/// The size of the largest batch once it was lowered, in bytes: more than any record, less than the batches.
pub(crate) const LOWERED: usize = 1_000;

pub(crate) fn nothing(_: &mut Cluster, _: &str) -> Option<Instant> {
    None
}

/// Every partition gets another leader, twice.
pub(crate) fn move_leaders(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    for _ in 0..2 {
        cluster.move_leaders(topic);
        sleep(SECOND);
    }
    None
}

/// A node that leads partitions is stopped until others lead them, then continues as if nothing were.
pub(crate) fn pause_a_node(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    let id = cluster.leader(topic);
    cluster.pause(id);
    cluster.await_led_by_others(topic, id);
    sleep(SECOND);
    cluster.resume(id);
    cluster.await_nodes(NODES);
    None
}

/// A node that leads partitions is killed, and started again once others lead them.
pub(crate) fn kill_a_node(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    let id = cluster.leader(topic);
    cluster.kill(id);
    cluster.await_led_by_others(topic, id);
    cluster.restart(id);
    cluster.await_nodes(NODES);
    None
}

/// One node after the other is ended and started again, as an operator does it.
pub(crate) fn restart_all_nodes(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    let partitions = cluster.admin().partitions(topic).len();
    for id in 1..=NODES {
        cluster.terminate(id);
        cluster.restart(id);
        cluster.await_replicas(topic, partitions);
    }
    None
}

/// Partitions are added.
pub(crate) fn add_partitions(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    cluster.admin().tell(&format!("grow {topic} {GROWN}"));
    cluster.await_replicas(topic, GROWN);
    // The producer asks once per `metadata.max.age.ms`, a second in this scenario.
    sleep(2 * SECOND);
    None
}

/// The topic is deleted and, once all nodes have forgotten it, created again.
pub(crate) fn recreate_topic(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    let partitions = cluster.admin().partitions(topic).len();
    cluster.admin().tell(&format!("delete {topic}"));
    let forgotten = wait_until(DELETE_LIMIT, || {
        let topics = cluster.admin().tell("topics");
        !topics.split(' ').any(|name| name == topic)
    });
    assert!(forgotten.is_some(), "{topic} is still there");
    // Answers to what was written before must be there before this moment.
    sleep(SECOND);
    let recreated = Instant::now();
    cluster.create_topic(topic, partitions, &["min.insync.replicas=2"]);
    Some(recreated)
}

/// The client may send less than it wants to, and then again what it wants.
pub(crate) fn throttle(cluster: &mut Cluster, client: &str) -> Option<Instant> {
    cluster.admin().tell(&format!("quota {client} {QUOTA}"));
    sleep(5 * SECOND);
    cluster.admin().tell(&format!("quota {client} none"));
    None
}

/// All replicas must be in sync, which they are not while a node is down.
pub(crate) fn want_more_replicas_than_are_in_sync(
    cluster: &mut Cluster,
    topic: &str,
) -> Option<Instant> {
    let id = cluster.leader(topic);
    cluster
        .admin()
        .tell(&format!("configure {topic} min.insync.replicas=3"));
    cluster.terminate(id);
    cluster.await_led_by_others(topic, id);
    sleep(2 * SECOND);
    cluster.restart(id);
    cluster.await_nodes(NODES);
    None
}

/// Batches as large as they were are refused from now on.
pub(crate) fn lower_the_limit_of_batches(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    let limit = format!("max.message.bytes={LOWERED}");
    cluster.admin().tell(&format!("configure {topic} {limit}"));
    sleep(SECOND);
    None
}

/// Once each partition has records, the topic is compacted: records without a key are refused.
///
/// Not from its beginning: a node that does not know yet that it leads a new partition refuses the first
/// batch in words that leave open whether it is in the log, and then a record of it that fails may be.
pub(crate) fn want_keys(cluster: &mut Cluster, topic: &str) -> Option<Instant> {
    let partitions = cluster.admin().partitions(topic).len() as i32;
    let all_begun = wait_until(BEGIN_LIMIT, || {
        let stored = read_back(cluster.bootstrap(), topic, partitions, 0);
        stored.is_ok_and(|stored| stored.iter().all(|log| !log.is_empty()))
    });
    assert!(all_begun.is_some(), "a partition of {topic} is empty");
    let policy = "cleanup.policy=compact";
    cluster.admin().tell(&format!("configure {topic} {policy}"));
    sleep(SECOND);
    None
}
