//! Transactions: what is committed is there, once and together with its offsets, and nothing else is.

use crate::stage::{Stage, is_full};
use crate::subject::Transact;
use odradek::Outcome;
use odradek_tests_component::records::Dice;
use odradek_tests_wasi::peers::{Cluster, Conduct, Fault, FaultKind, Flow};

const TOPICS: [&str; 2] = ["orders", "payments"];
const GROUP: &str = "billing";
const SOURCE: &str = "source";
/// The records of one transaction for one topic.
const RECORDS: u64 = 10;

/// So many transactions; of each three the last is aborted.
fn transactions(stage: &Stage, cluster: &Cluster, count: u64) {
    for topic in TOPICS {
        cluster.create_topic(topic, 2);
    }
    cluster.create_topic(SOURCE, 1);
    let properties = [("transactional.id", "till-7"), ("batch.size", "300")];
    let mut session = stage.open_at(cluster, &properties);
    let mut expected = Vec::new();
    session.transact(&Transact::Init);
    for number in 0..count {
        session.transact(&Transact::Begin);
        let is_committed = number % 3 != 2;
        for record in 0..RECORDS {
            let value = format!("{number:05} {record:02}");
            for topic in TOPICS {
                session.send(topic, (record % 2) as i32, value.as_bytes());
            }
            if is_committed {
                expected.push(((record % 2) as i32, value.into_bytes()));
            }
        }
        session.transact(&Transact::Offset {
            group: GROUP,
            topic: SOURCE,
            offset: number as i64,
        });
        session.transact(if is_committed {
            &Transact::Commit
        } else {
            &Transact::Abort
        });
        let last = if is_committed { number } else { number - 1 };
        let committed = cluster.committed_offset(GROUP, SOURCE);
        assert_eq!(committed, Some(last as i64), "after transaction {number}");
    }
    session.close(crate::session::LIMIT);
    // Within a partition in the order of the transactions, and in each of them in the order of the records.
    expected.sort_by_key(|(partition, _)| *partition);
    for topic in TOPICS {
        let mut stored = cluster.committed(topic);
        stored.sort_by_key(|record| (record.partition, record.offset));
        let stored = stored.into_iter();
        let stored = stored.map(|it| (it.partition, it.value.unwrap_or_default()));
        assert!(stored.eq(expected.iter().cloned()), "{topic}: {session:?}");
    }
    assert!(session.outcomes(Outcome::Written) >= 2 * expected.len());
}

pub(crate) fn what_is_committed_is_there_and_what_is_aborted_is_not(stage: &Stage) {
    for level in [0, 2] {
        eprintln!("transaction.version {level}");
        let cluster = Cluster::start(2);
        if level > 0 {
            cluster.set_transaction_version(level);
        }
        transactions(stage, &cluster, 6);
    }
}

pub(crate) fn cut_connections_cost_no_transaction(stage: &Stage) {
    for (seed, level) in [(1, 0), (2, 2)] {
        eprintln!("seed {seed}, transaction.version {level}");
        let cluster = Cluster::start(2);
        if level > 0 {
            cluster.set_transaction_version(level);
        }
        let mut dice = Dice::new(seed);
        let cuts = if is_full() { 100 } else { 12 };
        for broker in 0..cluster.brokers() {
            let faults = |dice: &mut Dice, distance: u64| {
                let mut after = 0;
                let faults = (0..cuts).map(|_| {
                    after += 1 + dice.below(distance);
                    let kind = [FaultKind::Reset, FaultKind::Close][dice.below(2) as usize];
                    Fault { after, kind }
                });
                Flow {
                    faults: faults.collect(),
                    pace: None,
                }
            };
            cluster.proxy(broker).behave(Conduct {
                requests: faults(&mut dice, 4000),
                responses: faults(&mut dice, 1500),
                spoils: Vec::new(),
            });
        }
        transactions(stage, &cluster, if is_full() { 300 } else { 30 });
        let counts = cluster.proxy(0).counts();
        assert!(counts.connections > 4, "{counts:?}");
    }
}

/// Records that would linger for ten minutes fill the buffer but for less than the offsets need: they leave at once.
pub(crate) fn offsets_wait_for_room(stage: &Stage) {
    let cluster = Cluster::start(1);
    cluster.create_topic("orders", 1);
    cluster.create_topic(SOURCE, 1);
    let properties = [
        ("transactional.id", "till-7"),
        ("buffer.memory", "65536"),
        ("batch.size", "60000"),
        ("linger.ms", "600000"),
        ("delivery.timeout.ms", "700000"),
    ];
    let mut session = stage.open_at(&cluster, &properties);
    session.transact(&Transact::Init);
    session.transact(&Transact::Begin);
    for number in 0..2 {
        session.send("orders", 0, &vec![number; 24_000]);
    }
    // The name is most of what the offsets need.
    let group: &'static str = Box::leak("g".repeat(20_000).into_boxed_str());
    session.transact(&Transact::Offset {
        group,
        topic: SOURCE,
        offset: 7,
    });
    session.transact(&Transact::Commit);
    assert_eq!(cluster.committed_offset(group, SOURCE), Some(7));
    assert_eq!(cluster.committed("orders").len(), 2);
    session.close(crate::session::LIMIT);
}
