//! The seeded network and clock, and what drives the machine through them.
//!
//! One seed decides everything: [`run`] with the same seed is the same run, line by line.

mod application;
mod causes;
mod coverage;
mod dice;
mod drive;
mod faults;
mod fencing;
mod ledger;
mod network;
mod plan;
mod tap;
mod trace;
mod transactions;
mod transport;

pub use coverage::{Coverage, Situation};
pub(crate) use ledger::{Fortune, Ledger};
pub(crate) use plan::{Plan, Promise};
pub(crate) use tap::NUMBER_HEADER;
pub(crate) use transactions::{Fate, GROUP, INPUT, Transaction};

use crate::cluster::{FakeCluster, Member, TopicOptions};
use application::Application;
use core::time::Duration;
use dice::Dice;
use network::{Happening, Network};
use odradek::{Config, ConnectionId, FatalError, Instant, Producer};
use plan::MS;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use trace::Trace;

/// A moment when a partition forgot its producers.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// How many topics of this name had been deleted by then.
    pub(crate) incarnation: usize,
    /// The end of the log.
    pub(crate) end: i64,
}

/// The world of one producer.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) cluster: FakeCluster,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: Coverage,
    /// Where partitions forgot their producers.
    pub(crate) losses: Vec<Loss>,
    pub(crate) complaints: Vec<String>,
    pub(crate) failed: Option<FatalError>,
    pub(crate) is_closed: bool,
    producer: Producer,
    network: Network,
    dice: Dice,
    /// The application's own dice, so that what it does depends on the seed alone.
    application: Application,
    trace: Trace,
    /// The names of topics that requests name by id, for the trace.
    names: BTreeMap<String, String>,
    now: u64,
    /// How far behind the clock is that the machine is shown, in ns.
    behind: u64,
    /// When the machine wants to be called; `None` for never.
    wait: Option<u64>,
    is_calm: bool,
    /// The level of `transaction.version`.
    level: i16,
    /// Requests that are out, and whether a broker has answered them.
    out: BTreeMap<(ConnectionId, i32), (i16, bool)>,
    /// Brokers that are down.
    stopped: BTreeSet<i32>,
    counts: Counts,
    watch: StampWatch,
}

/// How much the machine did, to find loops.
#[derive(Debug, Default)]
struct Counts {
    /// Inputs other than timeouts, and commands.
    stirs: u64,
    outputs: u64,
    /// Timeouts after which the machine asked for nothing.
    idle_timeouts: u64,
    outputs_now: (u64, u64),
}

/// What the world noticed about stamps.
#[derive(Debug, Default)]
struct StampWatch {
    /// Producer id and epoch that each partition was last written under.
    stamps: BTreeMap<tap::Place, (i64, i16)>,
    /// Most requests out when something ended since the last new identity.
    out_at_trouble: usize,
}

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// What is wrong; empty when all is well.
    pub complaints: Vec<String>,
    /// What it reached.
    pub coverage: Coverage,
    /// Virtual time that passed, in ns.
    pub virtual_ns: u64,
    /// Records that were accepted.
    pub records: u64,
    /// The timeline, if it was asked for.
    pub trace: Vec<String>,
}

/// Runs a seed and checks everything. A panic counts as a complaint.
pub fn run(seed: u64, is_tracing: bool) -> Run {
    let mut world = World::new(Plan::new(seed), is_tracing);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        world.live();
        world.judge();
    }));
    if let Err(panic) = lived {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "no message".to_owned());
        world.complain(format!("panic: {text}"));
    }
    Run {
        seed,
        complaints: world.complaints,
        coverage: world.coverage,
        virtual_ns: world.now,
        records: world.ledger.accepted.len() as u64,
        trace: world.trace.lines,
    }
}

impl World {
    fn new(plan: Plan, is_tracing: bool) -> Self {
        let mut dice = Dice::new(plan.seed ^ 0x0d_ade5);
        let mut cluster = FakeCluster::new(plan.cluster.clone(), plan.seed);
        for (name, partitions, options) in &plan.topics {
            cluster.create_topic(name, *partitions, options.clone());
        }
        cluster.create_topic(INPUT, 1, TopicOptions::default());
        let (generation, member_id) = transactions::MEMBER;
        let member = Member {
            member_id: member_id.to_owned(),
            group_instance_id: None,
        };
        cluster.set_group(GROUP, generation, vec![member]);
        let pairs = plan.properties.iter().map(|(key, value)| (key, value));
        let (config, _) = Config::from_properties(pairs).expect("a valid configuration");
        let now = MS;
        let mut producer = Producer::new(&config, plan.seed, Instant::from_nanos(now));
        if let Some(sequence) = plan.first_sequence {
            producer.start_sequences_at(sequence);
        }
        let application = Application::new(&plan, dice.fork());
        let mut world = Self {
            cluster,
            ledger: Ledger::default(),
            coverage: Coverage::default(),
            losses: Vec::new(),
            complaints: Vec::new(),
            failed: None,
            is_closed: false,
            producer,
            network: Network::default(),
            dice,
            application,
            trace: Trace::new(is_tracing),
            names: BTreeMap::new(),
            now,
            behind: 0,
            wait: Some(now),
            is_calm: false,
            level: plan.cluster.transaction_version,
            out: BTreeMap::new(),
            stopped: BTreeSet::new(),
            counts: Counts::default(),
            watch: StampWatch::default(),
            plan,
        };
        world.network.cut_per_mille = world.plan.weather.cut_per_mille;
        world.network.schedule(now, Happening::Work);
        world.network.schedule(now, Happening::Fault);
        let calm_at = world.plan.weather.calm_at;
        world.network.schedule(calm_at, Happening::Calm);
        world.note(|world| format!("   {:?}", world.plan));
        world
    }

    /// From the first call to the last event.
    fn live(&mut self) {
        self.drain();
        let calm_at = self.plan.weather.calm_at;
        let limit = calm_at + self.plan.work_time() + self.plan.patience();
        let is_done = self.run_until(limit, |world| {
            world.is_calm && (world.application.is_done || world.failed.is_some())
        });
        if !is_done {
            self.complain("stuck: the application could not do its work".to_owned());
        }
        let limit = self.now.max(calm_at) + self.plan.patience();
        let is_settled = self.run_until(limit, |world| {
            world.ledger.open() == 0 && world.application.is_settled()
        });
        if !is_settled {
            let open = self.ledger.open();
            self.complain(format!(
                "stuck: {open} records are open long after the calm"
            ));
        }
        self.close(60_000);
        let limit = self.now + 70_000 * MS;
        if !self.run_until(limit, |world| world.is_closed) {
            self.complain("not closed after 70 s".to_owned());
        }
        self.release_events();
        self.drain();
        // Whatever the brokers still have to do about the last transaction.
        let end = Duration::from_nanos(self.now) + Duration::from_secs(120);
        self.cluster.advance(end);
    }

    /// The transactions of a transactional producer.
    pub(crate) fn all_transactions(&self) -> &[Transaction] {
        let transactions = self.application.transactions.as_ref();
        transactions.map_or(&[], |transactions| &transactions.list)
    }

    /// Compares what was reported with what there is.
    fn judge(&mut self) {
        if self.application.is_refused && self.failed.is_none() {
            self.complain("nobody said that there is room again".to_owned());
        }
        let held = self.producer.held_bytes();
        if held != 0 {
            self.complain(format!("{held} bytes are held after the end"));
        }
        self.check_loops();
        let complaints = core::mem::take(&mut self.ledger.complaints);
        self.complaints.extend(complaints);
        let violations = self.cluster.violations().to_vec();
        for violation in violations {
            self.complain(format!("the cluster saw: {violation}"));
        }
        let mut coverage = core::mem::take(&mut self.coverage);
        let complaints = crate::checker::check(self, &mut coverage);
        self.coverage = coverage;
        self.complaints.extend(complaints);
        for complaint in self.complaints.clone() {
            self.note(|_| format!("!! {complaint}"));
        }
    }

    /// Bounded work: per input, and per second of virtual time.
    fn check_loops(&mut self) {
        let seconds = self.now / MS / 1000;
        let Counts {
            stirs,
            outputs,
            idle_timeouts,
            ..
        } = self.counts;
        if outputs > 12 * stirs + 50 * seconds + 200 {
            self.complain(format!(
                "a hot loop: {outputs} outputs after {stirs} inputs in {seconds} s"
            ));
        }
        if idle_timeouts > 2 * stirs + 50 * seconds + 200 {
            self.complain(format!(
                "a hot loop: {idle_timeouts} wake-ups for nothing after {stirs} inputs in {seconds} s"
            ));
        }
    }

    pub(crate) fn complain(&mut self, complaint: String) {
        self.note(|_| format!("!! {complaint}"));
        self.complaints.push(complaint);
    }

    fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        let mut trace = core::mem::take(&mut self.trace);
        trace.note(self.now, || line(self));
        self.trace = trace;
    }

    /// What the machine is shown as the present.
    fn instant(&self) -> Instant {
        Instant::from_nanos(self.now.saturating_sub(self.behind))
    }

    /// Records in all logs that there are.
    fn logged(&self) -> i64 {
        let topics = self.plan.topics.iter();
        let partitions = topics.flat_map(|(name, count, _)| (0..*count).map(move |p| (name, p)));
        let ends = partitions.map(|(name, partition)| self.cluster.log(name, partition).end());
        ends.sum()
    }
}
