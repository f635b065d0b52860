//! An idempotent producer fills a topic; a transactional one consumes it and writes to two others, while
//! everything goes wrong. Then two readers judge.

use crate::faults::{Fault, happen, whole};
use crate::idempotent::{self, Target};
use crate::judge::{Place, judge_load, judge_transactions};
use crate::progress::Progress;
use crate::size::{PARTITIONS, SEED, Size};
use crate::source::Source;
use crate::subject::Subject;
use crate::transact::{self, Route};
use odradek_tests_interop::cluster::Cluster;
use odradek_tests_interop::ledger::Said;
use odradek_tests_interop::topics;
use odradek_tests_interop::transactions::{Sum, Transaction};
use odradek_tests_wasi::peers::Cutter;
use std::io::Write;
use std::thread;
use std::time::Instant;

/// One run on a cluster. The name is that of its group and its transactional id, and a part of those of its
/// topics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipeline<'a> {
    pub(crate) name: &'a str,
    pub(crate) subject: Subject,
    pub(crate) size: Size,
    pub(crate) faults: &'a [Fault],
}

/// What producers say.
struct Told {
    said: Vec<Said>,
    transactions: Vec<Transaction>,
}

impl Pipeline<'_> {
    /// Sends through proxies while the faults happen one after another, again from the first until enough
    /// is sent: no record is lost, repeated or out of order, no transaction is seen in part or although it
    /// was aborted, and the group's offsets are those of the transactions.
    ///
    /// # Panics
    ///
    /// If it is otherwise.
    pub(crate) fn run(&self, cluster: &mut Cluster) -> Sum {
        let names = self.topics();
        let topics = names.each_ref().map(String::as_str);
        for topic in topics {
            cluster.create_topic(topic, PARTITIONS as usize, &["min.insync.replicas=2"]);
        }
        let place = Place::of(cluster);
        let (start, nodes) = (Instant::now(), cluster.ports());
        let cutter = Cutter::start(nodes, SEED, self.size.cut_after).expect("the ports are free");
        let properties = properties(&cluster.front());
        let told = self.send(&place, &properties, &topics, |progress| {
            happen(cluster, &topics, self.faults, self.size.is_full, progress);
        });
        let cuts = cutter.cuts();
        let loaded = start.elapsed();
        let _ = writeln!(std::io::stderr(), "{}: {cuts:?} in {loaded:?}", self.name);
        assert!(cuts.requests > 0 && cuts.responses > 0 && cuts.swallowed > 0);
        whole(cluster, &topics);
        self.judge(&place, &topics, &told)
    }

    /// The same without faults and proxies, on a cluster that is not Kafka.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub(crate) fn run_in_peace(&self, place: &Place) -> Sum {
        let names = self.topics();
        let topics = names.each_ref().map(String::as_str);
        for topic in topics {
            topics::create(&place.bootstrap, topic, PARTITIONS, &[]);
        }
        let properties = properties(&place.bootstrap);
        let told = self.send(place, &properties, &topics, |progress| {
            happen_not(progress);
        });
        self.judge(place, &topics, &told)
    }

    fn topics(&self) -> [String; 3] {
        ["source", "left", "right"].map(|name| format!("{}-{name}", self.name))
    }

    fn route<'a>(&'a self, topics: &'a [&'a str; 3]) -> Route<'a> {
        Route {
            source: topics[0],
            group: self.name,
            targets: &topics[1..],
        }
    }

    fn send(
        &self,
        place: &Place,
        properties: &[(String, String)],
        topics: &[&str; 3],
        happen: impl FnOnce(&Progress),
    ) -> Told {
        let target = Target {
            properties,
            topic: topics[0],
            partitions: PARTITIONS,
        };
        let (progress, source) = (Progress::of(2), Source::new(PARTITIONS));
        let (backend, size) = (self.subject.backend(), self.size);
        thread::scope(|scope| {
            let _guard = progress.guard();
            let sender = scope.spawn(|| {
                let _guard = progress.guard();
                idempotent::send(target, size, backend, &progress)
            });
            let reader = scope.spawn(|| {
                let _guard = progress.guard();
                source.follow(&place.bootstrap, topics[0], &progress);
            });
            let transactor = scope.spawn(|| {
                let _guard = progress.guard();
                let mut producer = self.subject.transactor(properties, self.name);
                transact::run(&mut *producer, self.route(topics), size, &source, &progress)
            });
            happen(&progress);
            let transactions = transactor.join().expect("transactions are made");
            source.is_over();
            reader.join().expect("the source is read");
            let said = sender.join().expect("records are sent");
            Told { said, transactions }
        })
    }

    fn judge(&self, place: &Place, topics: &[&str; 3], told: &Told) -> Sum {
        let start = Instant::now();
        judge_load(place, topics[0], &told.said);
        let sum = judge_transactions(place, self.route(topics), &told.transactions);
        let sent = told.said.len();
        let judged = start.elapsed();
        let _ = writeln!(
            std::io::stderr(),
            "{}: {sent} sent, {sum:?}, judged in {judged:?}",
            self.name
        );
        assert!(sum.committed > 0 && sum.aborted > 0, "{sum:?}");
        assert!(sum.records >= self.size.transacted, "{sum:?}");
        sum
    }
}

/// The properties that all producers share. A stopped node answers nothing: its requests are given up after
/// this time.
pub(crate) fn properties(servers: &str) -> Vec<(String, String)> {
    let pairs = [
        ("bootstrap.servers", servers),
        ("request.timeout.ms", "4000"),
    ];
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

fn happen_not(progress: &Progress) {
    progress.await_done(idempotent::SETTLE_LIMIT);
    progress.faults_are_over();
}
