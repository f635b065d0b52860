//! Two-phase commit (KIP-939) on a broker that offers what is not released yet.

use crate::host::Host;
use crate::judge::{Place, judge_transactions};
use crate::pipeline::properties;
use crate::size::PARTITIONS;
use crate::takeover::follow;
use crate::transact::{Route, fill, insist};
use odradek_host::{Backend, PreparedTransaction, block_on};
use odradek_tests_interop::cluster::Cluster;
use odradek_tests_interop::transactions::{Ending, Transaction};
use odradek_tests_interop::transactor::Transactor;
use std::io::Write;

/// The properties of a producer whose transactions somebody else decides about.
fn two_phase(servers: &str, id: &str) -> Vec<(String, String)> {
    let pairs = [
        ("transactional.id", id),
        ("transaction.two.phase.commit.enable", "true"),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    [properties(servers), pairs.to_vec()].concat()
}

/// Prepared transactions are committed by their names and aborted by others; one whose producer is gone is
/// aborted by the next producer.
pub(crate) fn run(cluster: &mut Cluster, name: &str) {
    let topics = ["source", "left", "right"].map(|it| format!("{name}-{it}"));
    for topic in &topics {
        cluster.create_topic(topic, PARTITIONS as usize, &[]);
    }
    let [source, left, right] = topics.each_ref().map(String::as_str);
    let targets = &[left, right];
    let route = Route {
        source,
        group: name,
        targets,
    };
    let properties = two_phase(cluster.bootstrap(), name);
    let mut book: Vec<Transaction> = Vec::new();
    let mut host = Host::new(&properties, Backend::Component);
    insist(|| host.init()).expect("the broker allows it");
    let mut prepare = |host: &mut Host, ending: Ending| {
        let planned = follow(&book, ending);
        fill(host, route, &planned).expect("nothing is in the way");
        book.push(planned);
        let prepared = block_on(host.0.prepare_transaction());
        prepared.expect("everything is written")
    };
    let prepared = prepare(&mut host, Ending::Committed);
    let text = prepared.to_string();
    let named: PreparedTransaction = text.parse().expect("a name");
    block_on(host.0.complete_transaction(named)).expect("it is committed");

    let prepared = prepare(&mut host, Ending::Aborted);
    let other = PreparedTransaction {
        producer_id: prepared.producer_id + 1,
        ..prepared
    };
    block_on(host.0.complete_transaction(other)).expect("it is aborted");

    let _ = prepare(&mut host, Ending::Committed);
    insist(|| host.commit()).expect("a prepared transaction may be committed");

    // As if its process died.
    let _ = prepare(&mut host, Ending::Aborted);
    std::mem::forget(host);
    let keeper = Host::new(&properties, Backend::Component);
    let kept = block_on(keeper.0.init_transactions_keeping_prepared());
    let _ = writeln!(
        std::io::stderr(),
        "{name}: keeping the prepared one: {kept:?}"
    );
    // No release of Kafka up to 4.4.0 keeps one: its coordinator refuses to (KAFKA-20739).
    let told = kept.expect_err("the coordinator refuses it").to_string();
    assert!(told.contains("UNSUPPORTED_VERSION"), "{told}");
    drop(keeper);

    let mut successor = Host::new(&properties, Backend::Native);
    insist(|| successor.init()).expect("it takes over");
    let prepared = prepare(&mut successor, Ending::Committed);
    block_on(successor.0.complete_transaction(prepared)).expect("it is committed");
    let sum = judge_transactions(&Place::of_few(cluster), route, &book);
    assert_eq!((sum.committed, sum.aborted), (3, 2));
}

/// A broker that offers only what is released is not asked for it: the producer fails at once.
pub(crate) fn is_not_offered(cluster: &Cluster, name: &str) {
    let properties = two_phase(cluster.bootstrap(), name);
    let mut host = Host::new(&properties, Backend::Component);
    let told = insist(|| host.init()).expect_err("the broker does not know it");
    let _ = writeln!(std::io::stderr(), "{name}: {told}");
    assert!(told.to_string().contains("UNSUPPORTED_VERSION"), "{told}");
}
