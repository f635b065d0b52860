//! A transactional id changes hands: a second producer fences the first, and processes take over what those
//! before them left open when they were killed.

use crate::generation::{Generation, Task};
use crate::host::Host;
use crate::idempotent::{self, Target};
use crate::judge::{Place, judge_transactions};
use crate::pipeline::properties;
use crate::progress::Progress;
use crate::size::{PARTITIONS, SEED, Size};
use crate::transact::{Route, fill, insist};
use odradek_host::Backend;
use odradek_tests_interop::cluster::Cluster;
use odradek_tests_interop::process::wait_until;
use odradek_tests_interop::readback::is_open;
use odradek_tests_interop::records::Random;
use odradek_tests_interop::transactions::{Ending, Transaction};
use odradek_tests_interop::transactor::{Transactor, Trouble};
use odradek_tests_wasi::peers::Cutter;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How many records lie in the topic that is consumed: more than all generations come to.
const SOURCE: u64 = 12_000;

/// How long a process may take until it has told something.
const LIMIT: Duration = Duration::from_secs(60);

/// Less than `transaction.timeout.ms`, after which a coordinator would abort by itself.
const SOON: Duration = Duration::from_secs(30);

/// The topics of a scenario, on a cluster.
fn create(cluster: &mut Cluster, name: &str) -> [String; 3] {
    let topics = ["source", "left", "right"].map(|it| format!("{name}-{it}"));
    let in_sync = format!("min.insync.replicas={}", cluster.setup().nodes.min(2));
    for topic in &topics {
        cluster.create_topic(topic, PARTITIONS as usize, &[&in_sync]);
    }
    topics
}

/// The next transaction in a row, of a few records; it commits offsets that nobody needs to have consumed.
pub(crate) fn follow(before: &[Transaction], ending: Ending) -> Transaction {
    let committed = |it: &&Transaction| it.ending == Ending::Committed;
    let from = before.iter().rfind(committed).map(|it| it.to.clone());
    let from = from.unwrap_or_else(|| vec![0; PARTITIONS as usize]);
    let first = before.last().map_or(0, |it| it.records.end);
    Transaction {
        records: first..first + 12,
        ending,
        to: from.iter().map(|offset| offset + 3).collect(),
        from,
    }
}

/// A second producer with the same transactional id fences the first, which gets a fatal error that names
/// it; the first one's open transaction is aborted.
pub(crate) fn fence(cluster: &mut Cluster, name: &str) {
    let topics = create(cluster, name);
    let [source, left, right] = topics.each_ref().map(String::as_str);
    let targets = &[left, right];
    let route = Route {
        source,
        group: name,
        targets,
    };
    let id = ("transactional.id".to_owned(), name.to_owned());
    let properties = [properties(cluster.bootstrap()), vec![id]].concat();
    let mut book = Vec::new();
    let mut make = |producer: &mut Host, ending: Ending| {
        let planned = follow(&book, ending);
        let result = fill(producer, route, &planned);
        book.push(planned);
        result
    };
    let mut first = Host::new(&properties, Backend::Component);
    let mut second = Host::new(&properties, Backend::Native);
    let done = insist(|| first.init())
        .and_then(|()| make(&mut first, Ending::Committed))
        .and_then(|()| insist(|| first.commit()))
        .and_then(|()| make(&mut first, Ending::Aborted));
    done.expect("nobody is in the way");
    let start = Instant::now();
    let done = insist(|| second.init())
        .and_then(|()| make(&mut second, Ending::Committed))
        .and_then(|()| insist(|| second.commit()));
    done.expect("the second one is in possession");
    assert!(start.elapsed() < SOON, "by a timeout");
    let ended = match insist(|| first.commit()) {
        // A leader that saw the successor's epoch refused its records: only the coordinator tells why.
        Err(Trouble::Abort(_)) => insist(|| first.abort()),
        ended => ended,
    };
    let Err(Trouble::Fatal(told)) = ended else {
        panic!("the first one was not fenced: {ended:?}");
    };
    let _ = writeln!(std::io::stderr(), "{name}: {told}");
    assert!(told.contains("fenced") && told.contains(name), "{told}");
    let again = insist(|| first.begin());
    assert!(matches!(again, Err(Trouble::Fatal(_))), "{again:?}");
    let done = make(&mut second, Ending::Committed).and_then(|()| insist(|| second.commit()));
    done.expect("the first one disturbs no more");
    let sum = judge_transactions(&Place::of_few(cluster), route, &book);
    assert_eq!((sum.committed, sum.aborted), (3, 1));
}

/// Processes that make transactions are killed, each at another moment, and the next one goes on. The first
/// leaves a transaction open for certain.
pub(crate) fn kill_generations(cluster: &mut Cluster, name: &str) {
    let topics = create(cluster, name);
    let size = Size::get();
    let ends = fill_source(cluster, &topics[0]);
    let nodes = cluster.ports();
    let _cutter = Cutter::start(nodes, SEED, size.cut_after).expect("the ports are free");
    let mut task = Task {
        servers: cluster.front(),
        direct: cluster.bootstrap().to_owned(),
        group: name.to_owned(),
        topics: topics.clone(),
        ends,
        first: 0,
        count: 2,
    };
    let mut book: Vec<Transaction> = Vec::new();
    let mut random = Random::new(SEED, 1);
    for generation in 0..if size.is_full { 12 } else { 2 } {
        task.first = book.last().map_or(0, |it| it.records.end);
        let process = Generation::start(&task);
        let wanted = if generation == 0 { "is open" } else { "ends" };
        let heard = wait_until(LIMIT, || process.told().1 == wanted);
        let told = process.told();
        assert!(heard.is_some(), "{told:?}");
        if generation == 0 {
            let open = is_open(cluster.bootstrap(), &topics[1], PARTITIONS);
            assert_eq!(open, Ok(true), "a transaction hangs");
        } else {
            sleep(Duration::from_millis(random.below(200)));
        }
        book.extend(process.kill());
        // Enough to be killed in the midst of them.
        task.count = 40;
    }
    task.first = book.last().map_or(0, |it| it.records.end);
    task.count = 2;
    let start = Instant::now();
    let mut last = Vec::new();
    task.carry_out(Backend::Component, |transaction, word| {
        if word == "begins" {
            last.push(transaction.clone());
        }
    });
    assert!(start.elapsed() < SOON, "by a timeout");
    // The one that it leaves open goes to a successor that makes none.
    let open = last.pop().expect("one is open");
    book.extend(last);
    book.push(Transaction {
        ending: Ending::Aborted,
        ..open
    });
    let id = ("transactional.id".to_owned(), name.to_owned());
    let properties = [properties(cluster.bootstrap()), vec![id]].concat();
    let mut successor = Host::new(&properties, Backend::Native);
    insist(|| successor.init()).expect("it takes over");
    let [source, left, right] = topics.each_ref().map(String::as_str);
    let targets = &[left, right];
    let route = Route {
        source,
        group: name,
        targets,
    };
    let sum = judge_transactions(&Place::of_few(cluster), route, &book);
    let _ = writeln!(std::io::stderr(), "{name}: {sum:?}");
}

/// Fills the topic that is consumed; where its partitions end.
fn fill_source(cluster: &Cluster, topic: &str) -> Vec<i64> {
    let size = Size {
        records: SOURCE,
        pause: Duration::ZERO,
        ..Size::get()
    };
    let progress = Progress::of(1);
    progress.faults_are_over();
    let properties = properties(cluster.bootstrap());
    let target = Target {
        properties: &properties,
        topic,
        partitions: PARTITIONS,
    };
    let said = idempotent::send(target, size, Backend::Native, &progress);
    let mut ends = vec![0; PARTITIONS as usize];
    for said in said {
        let partition = said.partition.expect("it is written") as usize;
        ends[partition] += 1;
    }
    ends
}
