//! One scenario: a topic, a producer, a fault meanwhile, and the comparison of reports and log.

use crate::plan::{Counted, Plan, Progress};
use crate::{client, engine};
use odradek_host::Backend;
use odradek_tests_interop::cluster::Cluster;
use odradek_tests_interop::ledger::{Ledger, Said, Tally};
use odradek_tests_interop::readback::{StoredRecord, read_back};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How many partitions a topic has unless some are added.
pub(crate) const PARTITIONS: usize = 6;

/// How many records are sent at full size.
const FULL: u64 = 200_000;

/// Who sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// The host crate, with the component as its machine.
    Engine,
    /// The host crate around the core itself.
    Native,
    /// The client component in wasmtime's WASI.
    Client,
}

/// What goes wrong meanwhile. The moment is that before which written records may be gone.
pub(crate) type Fault = fn(&mut Cluster, &str) -> Option<Instant>;

/// A scenario. The name is that of the test and of its topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) subject: Subject,
    /// How many records are sent, unless at full size.
    pub(crate) records: u64,
    /// In how many seconds, without the wait for the end of the fault.
    pub(crate) seconds: u64,
    /// The topic's configuration beside `min.insync.replicas=2`.
    pub(crate) topic: &'static [&'static str],
    /// The producer's beside its defaults.
    pub(crate) properties: &'static [(&'static str, &'static str)],
    pub(crate) fault: Fault,
}

/// What is known after a scenario.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) said: Vec<Said>,
    pub(crate) stored: Vec<Vec<StoredRecord>>,
    pub(crate) tally: Tally,
    /// Why connections failed or were lost.
    pub(crate) failures: Vec<String>,
    /// What the producer counted.
    pub(crate) counted: Counted,
}

/// Ends the producer if the scenario fails meanwhile.
struct Abandon<'a>(&'a Progress);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.abandon();
        }
    }
}

impl Scenario {
    /// Runs the scenario; none where Kafka cannot run, which is said.
    ///
    /// # Panics
    ///
    /// If reports and log contradict each other, and where the machine fails the test.
    pub(crate) fn run(&self) -> Option<Known> {
        let mut cluster = Cluster::shared(self.name)?;
        let config = [&["min.insync.replicas=2"], self.topic].concat();
        cluster.create_topic(self.name, PARTITIONS, &config);
        let plan = self.plan(&cluster);
        let progress = Progress::default();
        let (said, recreated) = thread::scope(|scope| {
            let _abandon = Abandon(&progress);
            let sender = scope.spawn(|| match self.subject {
                Subject::Engine => engine::send(&plan, &progress, Backend::Component),
                Subject::Native => engine::send(&plan, &progress, Backend::Native),
                Subject::Client => client::send(&plan, &progress),
            });
            progress.await_eighths(&plan, 2);
            let recreated = (self.fault)(&mut cluster, self.name);
            progress.fault_is_over();
            let said = sender.join().expect("the producer does its work");
            (said, recreated)
        });
        let partitions = cluster.admin().partitions(self.name).len();
        cluster.await_replicas(self.name, partitions);
        Some(self.compare(&cluster, &plan, said, recreated))
    }

    /// Runs a scenario in which every record must be reported as written; none as for [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and if there is another report.
    pub(crate) fn run_to_all_written(&self) -> Option<Known> {
        let known = self.run()?;
        let tally = known.tally;
        let all = known.said.len() as u64;
        assert_eq!(tally.written, all, "{tally:?} {:?}", known.causes());
        Some(known)
    }

    fn plan(&self, cluster: &Cluster) -> Plan {
        let is_full = std::env::var("ODRADEK_FULL").is_ok_and(|full| full == "1");
        let servers = [("bootstrap.servers", cluster.bootstrap())];
        let identity = [("client.id", self.name)];
        let properties = servers.iter().chain(&identity).chain(self.properties);
        Plan {
            topic: self.name.to_owned(),
            properties: properties
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            count: if is_full { FULL } else { self.records },
            // At full size the faults last as long, and there is more before and after them.
            lasting: Duration::from_secs(if is_full {
                20 + self.seconds
            } else {
                self.seconds
            }),
            partitions: PARTITIONS as i32,
            failures: Arc::default(),
            counted: OnceLock::new(),
        }
    }

    fn compare(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        said: Vec<Said>,
        recreated: Option<Instant>,
    ) -> Known {
        assert_eq!(said.len() as u64, plan.count, "each record has a report");
        let ledger = Ledger {
            said: &said,
            stored: &[],
            partitions: plan.partitions,
            recreated,
        };
        let highest = said.iter().filter_map(|said| said.partition).max();
        let partitions = highest.map_or(0, |it| it + 1).max(plan.partitions);
        let stored = read_back(
            cluster.bootstrap(),
            self.name,
            partitions,
            ledger.expected(),
        );
        let stored = stored.unwrap_or_else(|error| panic!("read {}: {error}", self.name));
        let ledger = Ledger {
            stored: &stored,
            ..ledger
        };
        let checked = ledger.check();
        let tally = checked.as_ref().copied().unwrap_or_default();
        let known = Known {
            said,
            stored,
            tally,
            failures: plan.failures.lock().expect("nobody panicked").clone(),
            counted: plan.counted.get().cloned().unwrap_or_default(),
        };
        // Written past the test runner: how many records are in doubt is of interest, also where it is
        // no failure.
        let _ = writeln!(
            std::io::stderr(),
            "{}: {checked:?} {:?}, {} connections failed, {:?}, \
             the slowest report took {:?}",
            self.name,
            known.causes(),
            known.failures.len(),
            known.counted,
            known.slowest()
        );
        checked.unwrap_or_else(|fault| panic!("{}: {fault}", self.name));
        known
    }
}

impl Known {
    /// The longest time from a record to its report.
    pub(crate) fn slowest(&self) -> Duration {
        let times = self.said.iter().map(|said| said.at - said.sent);
        times.max().unwrap_or_default()
    }

    /// How many records have which outcome for which cause.
    pub(crate) fn causes(&self) -> BTreeMap<String, u64> {
        let mut causes = BTreeMap::new();
        for said in self.said.iter().filter(|said| !said.cause.is_empty()) {
            let name = format!("{:?}: {}", said.outcome, said.cause);
            *causes.entry(name).or_default() += 1;
        }
        causes
    }
}
