//! A cluster of Apache Kafka nodes, mostly three, whose leaders move, and which are stopped, killed and
//! restarted.

use crate::admin::Admin;
use crate::jars::Release;
use crate::kafka::may_run;
use crate::process::{Scratch, Watched, tail, target_dir, wait_until};
use crate::setup::{Ports, Setup};
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// The release that the shared cluster runs.
pub const RELEASE: Release = Release::V4_3_0;

/// How many nodes the shared cluster has.
pub const NODES: usize = 3;

/// How long the cluster may take until it is as it should be, on a very busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// How long the node that is asked may take until it tells a leader that was elected.
const MOVE_LIMIT: Duration = Duration::from_secs(20);

/// How much of a node's log is shown after a failure, in bytes.
const SHOWN_LOG: u64 = 4 * 1024;

const CLUSTER_ID: &str = "b2RyYWRla19pbnRlcm9wMw";

/// Nodes, each broker and controller, and an operator.
#[derive(Debug)]
pub struct Cluster {
    setup: Setup,
    ports: Vec<Ports>,
    admin: Admin,
    nodes: Vec<Node>,
    bootstrap: String,
    home: PathBuf,
    /// Outlives the nodes, and removes their files.
    _keeper: Watched,
}

#[derive(Debug)]
struct Node {
    id: usize,
    release: Release,
    home: PathBuf,
    /// None while it is down.
    watched: Option<Watched>,
    is_paused: bool,
}

/// The use of the shared cluster by one test at a time; shows the nodes' logs if the test fails.
#[derive(Debug)]
pub struct Lease {
    cluster: MutexGuard<'static, Cluster>,
    test: String,
}

/// A cluster of one test alone; shows the nodes' logs if the test fails.
#[derive(Debug)]
pub struct Own {
    cluster: Cluster,
    test: String,
}

impl Cluster {
    /// The cluster that the tests of this process share, whole, or none, said loudly, where Java or Maven
    /// is missing. Waits until no other test uses it. `test` is the name of the test that would not run.
    ///
    /// # Panics
    ///
    /// If something is missing and the environment says `CI=true`, or the cluster cannot be had.
    #[must_use]
    pub fn shared(test: &str) -> Option<Lease> {
        static SHARED: OnceLock<Mutex<Cluster>> = OnceLock::new();
        if !is_possible(RELEASE, test) {
            return None;
        }
        let shared = SHARED.get_or_init(|| Mutex::new(Self::start(Setup::three(RELEASE))));
        let mut cluster = shared.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.heal();
        let test = test.to_owned();
        Some(Lease { cluster, test })
    }

    /// A cluster for one test alone, whole, or none, said loudly, where Java or Maven is missing. It ends
    /// when dropped.
    ///
    /// # Panics
    ///
    /// As [`shared`](Self::shared).
    #[must_use]
    pub fn own(setup: Setup, test: &str) -> Option<Own> {
        if !is_possible(setup.release, test) {
            return None;
        }
        let mut own = Own {
            cluster: Self::start(setup),
            test: test.to_owned(),
        };
        own.cluster.await_nodes(setup.nodes);
        Some(own)
    }

    /// Starts a cluster with data folders of its own. It ends when dropped, or with this process, however
    /// that ends.
    fn start(setup: Setup) -> Self {
        let scratch = Scratch::new("cluster");
        let ports = setup.free_ports();
        let home = scratch.path().to_owned();
        let nodes: Vec<Node> = thread::scope(|scope| {
            let (home, ports) = (&home, &ports);
            let started: Vec<_> = (1..=setup.nodes)
                .map(|id| scope.spawn(move || Node::format(setup, id, home, ports)))
                .collect();
            started
                .into_iter()
                .map(|node| node.join().expect("Kafka formats an empty folder"))
                .collect()
        });
        let bootstrap = addresses(&ports, |it| it.direct);
        let admin = Admin::start(setup.release, &bootstrap, &scratch);
        let home = scratch.hand_over();
        let forever = ["100000000".to_owned()];
        let keeper = Watched::start("sleep", &forever, &home.join("keeper.log"), Some(&home));
        Self {
            setup,
            ports,
            admin,
            nodes,
            bootstrap,
            home,
            _keeper: keeper,
        }
    }

    /// Makes whatever a test left behind whole again.
    fn heal(&mut self) {
        for id in 1..=self.setup.nodes {
            self.resume(id);
            self.restart(id);
        }
        self.await_nodes(self.setup.nodes);
    }

    /// What it is made of.
    #[must_use]
    pub fn setup(&self) -> Setup {
        self.setup
    }

    /// Hosts and ports, as `bootstrap.servers` takes them.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The ports of the nodes, in their order.
    #[must_use]
    pub fn ports(&self) -> &[Ports] {
        &self.ports
    }

    /// The same as [`bootstrap`](Self::bootstrap) for who goes through proxies, which the caller starts.
    #[must_use]
    pub fn front(&self) -> String {
        addresses(&self.ports, |it| it.front)
    }

    /// The operator.
    pub fn admin(&mut self) -> &mut Admin {
        &mut self.admin
    }

    /// Creates a topic with a replica on each node, with a configuration such as
    /// `["min.insync.replicas=2"]`, and waits until all partitions have leaders.
    ///
    /// # Panics
    ///
    /// If the cluster refuses or does not do so in time.
    pub fn create_topic(&mut self, topic: &str, partitions: usize, config: &[&str]) {
        let (config, nodes) = (config.join(" "), self.setup.nodes);
        self.admin
            .tell(&format!("create {topic} {partitions} {nodes} {config}"));
        self.await_replicas(topic, partitions);
    }

    /// Waits until every partition of a topic is led and all its replicas are in sync.
    ///
    /// # Panics
    ///
    /// If that does not happen in time.
    pub fn await_replicas(&mut self, topic: &str, partitions: usize) {
        let (mut seen, nodes) = (Vec::new(), self.setup.nodes);
        let whole = wait_until(LIMIT, || {
            seen = self.admin.partitions(topic);
            seen.len() == partitions && seen.iter().all(|it| it.leader > 0 && it.in_sync == nodes)
        });
        assert!(whole.is_some(), "{topic} is not whole: {seen:?}");
    }

    /// Waits until so many nodes are alive as the cluster sees it.
    ///
    /// # Panics
    ///
    /// If that does not happen in time.
    pub fn await_nodes(&mut self, count: usize) {
        let mut seen = 0;
        let reached = wait_until(LIMIT, || {
            seen = self.admin.nodes();
            seen == count
        });
        assert!(reached.is_some(), "{seen} nodes are alive, not {count}");
    }

    /// Waits until a node leads no partition of a topic, and all have leaders.
    ///
    /// # Panics
    ///
    /// If that does not happen in time.
    pub fn await_led_by_others(&mut self, topic: &str, id: usize) {
        let mut seen = Vec::new();
        let id = i32::try_from(id).expect("there are three");
        let moved = wait_until(LIMIT, || {
            seen = self.admin.partitions(topic);
            !seen.is_empty() && seen.iter().all(|it| it.leader > 0 && it.leader != id)
        });
        assert!(moved.is_some(), "node {id} still leads: {seen:?}");
    }

    /// Gives every partition of a topic another leader, and waits until the node that is asked has heard of it,
    /// which may be later than the one that was told.
    ///
    /// # Panics
    ///
    /// If that does not happen in time.
    pub fn move_leaders(&mut self, topic: &str) {
        let before = self.admin.partitions(topic);
        self.admin.tell(&format!("move {topic}"));
        let mut seen = Vec::new();
        let moved = wait_until(MOVE_LIMIT, || {
            seen = self.admin.partitions(topic);
            let mut pairs = before.iter().zip(&seen);
            pairs.any(|(before, now)| before.leader != now.leader)
        });
        assert!(moved.is_some(), "{topic}: {before:?} {seen:?}");
    }

    /// The node that leads the first partition of a topic.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn leader(&mut self, topic: &str) -> usize {
        let first = self.admin.partitions(topic)[0];
        usize::try_from(first.leader).expect("the partition is led")
    }

    /// Stops a node with SIGSTOP: it keeps its connections and says nothing more.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn pause(&mut self, id: usize) {
        let node = &mut self.nodes[id - 1];
        node.signal("STOP");
        node.is_paused = true;
    }

    /// Lets a node go on that was stopped with SIGSTOP.
    pub fn resume(&mut self, id: usize) {
        let node = &mut self.nodes[id - 1];
        if std::mem::take(&mut node.is_paused) {
            node.signal("CONT");
        }
    }

    /// Ends a node with SIGKILL.
    ///
    /// # Panics
    ///
    /// If it does not run or does not end.
    pub fn kill(&mut self, id: usize) {
        self.nodes[id - 1].end("KILL");
    }

    /// Ends a node with SIGTERM, so that it hands its leaderships over.
    ///
    /// # Panics
    ///
    /// If it does not run or does not end.
    pub fn terminate(&mut self, id: usize) {
        self.nodes[id - 1].end("TERM");
    }

    /// Starts a node that is down, on its ports, with the data that it had.
    pub fn restart(&mut self, id: usize) {
        let node = &mut self.nodes[id - 1];
        if node.watched.as_mut().is_none_or(|it| it.ended().is_some()) {
            node.start();
        }
    }
}

impl Node {
    /// Writes the node's configuration, formats its folder and starts it.
    fn format(setup: Setup, id: usize, home: &Path, ports: &[Ports]) -> Self {
        let home = home.join(format!("node-{id}"));
        fs::create_dir_all(&home).expect("the scratch folder is writable");
        let properties = home.join("server.properties");
        let text_of = setup.server_properties(id, &home, ports);
        fs::write(&properties, text_of).expect("scratch is writable");
        let scratch = Scratch::new("format");
        let file = text(&properties);
        let tool = "kafka.tools.StorageTool";
        let _ = setup.release.java(
            &[tool, "format", "-t", CLUSTER_ID, "-c", file],
            None,
            &scratch,
        );
        let mut node = Self {
            id,
            release: setup.release,
            home,
            watched: None,
            is_paused: false,
        };
        node.start();
        node
    }

    fn start(&mut self) {
        let properties = self.home.join("server.properties");
        let class_path = self.release.class_path();
        let memory = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC"];
        // A node lives for a minute or two: the second compiler would not earn its cost.
        let program = [
            "-XX:TieredStopAtLevel=1",
            "-cp",
            &class_path,
            "kafka.Kafka",
            text(&properties),
        ];
        let arguments: Vec<String> = memory
            .iter()
            .chain(&program)
            .map(|&it| it.to_owned())
            .collect();
        let log = self.log();
        // A restart begins another log; the one before is kept beside it.
        let _ = fs::rename(&log, log.with_extension("before"));
        self.watched = Some(Watched::start("java", &arguments, &log, None));
    }

    fn log(&self) -> PathBuf {
        self.home.join("node.log")
    }

    /// Sends a signal to the process that this node started.
    fn signal(&mut self, signal: &str) {
        let watched = self.watched.as_mut().expect("the node is not down");
        assert!(watched.ended().is_none(), "node {} has ended", self.id);
        let id = watched.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill -s {signal} {id}"
        );
    }

    fn end(&mut self, signal: &str) {
        self.signal(signal);
        let mut watched = self.watched.take().expect("the node is not down");
        let ended = wait_until(LIMIT, || watched.ended().is_some());
        assert!(
            ended.is_some(),
            "node {} does not end by {signal}: {}",
            self.id,
            tail(&self.log(), SHOWN_LOG)
        );
    }
}

impl Deref for Lease {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.cluster.show_logs(&self.test);
    }
}

impl Deref for Own {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl DerefMut for Own {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.cluster.show_logs(&self.test);
    }
}

impl Cluster {
    /// Shows the ends of all logs and keeps those of the nodes, if a test is failing.
    fn show_logs(&self, test: &str) {
        if !thread::panicking() {
            return;
        }
        for node in &self.nodes {
            let name = format!("{test}-node-{}.log", node.id);
            let kept = target_dir().join("interop").join(name);
            let _ = fs::copy(node.log(), &kept);
            eprintln!("node {} (all of it in {}):", node.id, kept.display());
            eprintln!("{}", tail(&node.log(), SHOWN_LOG));
        }
        eprintln!("{}", tail(&self.home.join("admin.log"), SHOWN_LOG));
    }
}

/// Whether a test can run here; if not, that is said.
fn is_possible(release: Release, test: &str) -> bool {
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    may_run(release.check(), in_ci, test, &mut std::io::stderr())
}

fn addresses(ports: &[Ports], port: impl Fn(&Ports) -> u16) -> String {
    let servers = ports.iter().map(|it| format!("127.0.0.1:{}", port(it)));
    servers.collect::<Vec<String>>().join(",")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the target folder's name is UTF-8")
}
