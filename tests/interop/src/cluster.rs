//! A cluster of three Apache Kafka nodes whose leaders move, and which are stopped, killed and restarted.

use crate::admin::Admin;
use crate::jars::Release;
use crate::kafka::may_run;
use crate::process::{Scratch, Watched, tail, target_dir, wait_until};
use std::fs;
use std::net::TcpListener;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// The release that the cluster runs.
pub const RELEASE: Release = Release::V4_3_0;

/// How many nodes there are; each topic has a replica on each.
pub const NODES: usize = 3;

/// How long the cluster may take until it is as it should be, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// How much of a node's log is shown after a failure, in bytes.
const SHOWN_LOG: u64 = 4 * 1024;

const CLUSTER_ID: &str = "b2RyYWRla19pbnRlcm9wMw";

/// Where free ports are looked for: below those that the kernel gives to outgoing connections, so that
/// nobody takes the port of a node that is down for a while.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Three nodes, each broker and controller, and an operator.
#[derive(Debug)]
pub struct Cluster {
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
    home: PathBuf,
    /// None while it is down.
    watched: Option<Watched>,
    is_paused: bool,
}

/// The use of the cluster by one test at a time; shows the nodes' logs if the test fails.
#[derive(Debug)]
pub struct Lease {
    cluster: MutexGuard<'static, Cluster>,
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
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        if !may_run(RELEASE.check(), in_ci, test, &mut std::io::stderr()) {
            return None;
        }
        let shared = SHARED.get_or_init(|| Mutex::new(Self::start()));
        let mut cluster = shared.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.heal();
        let test = test.to_owned();
        Some(Lease { cluster, test })
    }

    /// Starts a cluster with data folders of its own. It ends when dropped, or with this process, however
    /// that ends.
    fn start() -> Self {
        let scratch = Scratch::new("cluster");
        let ports = free_ports();
        let home = scratch.path().to_owned();
        let nodes: Vec<Node> = thread::scope(|scope| {
            let home = &home;
            let started: Vec<_> = (1..=NODES)
                .map(|id| scope.spawn(move || Node::format(id, home, &ports)))
                .collect();
            started
                .into_iter()
                .map(|node| node.join().expect("Kafka formats an empty folder"))
                .collect()
        });
        let servers: Vec<String> = ports[..NODES]
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let bootstrap = servers.join(",");
        let admin = Admin::start(RELEASE, &bootstrap, &scratch);
        let home = scratch.hand_over();
        let forever = ["100000000".to_owned()];
        let keeper = Watched::start("sleep", &forever, &home.join("keeper.log"), Some(&home));
        Self {
            admin,
            nodes,
            bootstrap,
            home,
            _keeper: keeper,
        }
    }

    /// Makes whatever a test left behind whole again.
    fn heal(&mut self) {
        for id in 1..=NODES {
            self.resume(id);
            self.restart(id);
        }
        self.await_nodes(NODES);
    }

    /// Hosts and ports, as `bootstrap.servers` takes them.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
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
        let config = config.join(" ");
        self.admin
            .tell(&format!("create {topic} {partitions} {NODES} {config}"));
        self.await_replicas(topic, partitions);
    }

    /// Waits until every partition of a topic is led and all its replicas are in sync.
    ///
    /// # Panics
    ///
    /// If that does not happen in time.
    pub fn await_replicas(&mut self, topic: &str, partitions: usize) {
        let mut seen = Vec::new();
        let whole = wait_until(LIMIT, || {
            seen = self.admin.partitions(topic);
            seen.len() == partitions && seen.iter().all(|it| it.leader > 0 && it.in_sync == NODES)
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
    fn format(id: usize, home: &Path, ports: &[u16; 2 * NODES]) -> Self {
        let home = home.join(format!("node-{id}"));
        fs::create_dir_all(&home).expect("the scratch folder is writable");
        let properties = home.join("server.properties");
        fs::write(&properties, server_properties(id, &home, ports)).expect("scratch is writable");
        let scratch = Scratch::new("format");
        let file = text(&properties);
        let tool = "kafka.tools.StorageTool";
        let _ = RELEASE.java(
            &[tool, "format", "-t", CLUSTER_ID, "-c", file],
            None,
            &scratch,
        );
        let mut node = Self {
            id,
            home,
            watched: None,
            is_paused: false,
        };
        node.start();
        node
    }

    fn start(&mut self) {
        let properties = self.home.join("server.properties");
        let class_path = RELEASE.class_path();
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
        if !thread::panicking() {
            return;
        }
        for node in &self.cluster.nodes {
            let name = format!("{}-node-{}.log", self.test, node.id);
            let kept = target_dir().join("interop").join(name);
            let _ = fs::copy(node.log(), &kept);
            eprintln!("node {} (all of it in {}):", node.id, kept.display());
            eprintln!("{}", tail(&node.log(), SHOWN_LOG));
        }
        eprintln!("{}", tail(&self.cluster.home.join("admin.log"), SHOWN_LOG));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the target folder's name is UTF-8")
}

/// Ports that were free a moment ago: first those of the brokers, then those of the controllers.
fn free_ports() -> [u16; 2 * NODES] {
    let span = u32::from(PORTS.end - PORTS.start);
    // Processes that start at the same time look at different ports first.
    let first = std::process::id().wrapping_mul(97) % span;
    let candidates = (0..span).map(|step| PORTS.start + ((first + step) % span) as u16);
    let mut held = Vec::new();
    for port in candidates {
        if held.len() == 2 * NODES {
            break;
        }
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            held.push((port, listener));
        }
    }
    let ports: Vec<u16> = held.iter().map(|(port, _)| *port).collect();
    ports
        .try_into()
        .expect("the loopback interface has free ports")
}

/// Nodes notice each other's end within seconds. Topics appear only when they are created.
fn server_properties(id: usize, home: &Path, ports: &[u16; 2 * NODES]) -> String {
    let (client, controller) = (ports[id - 1], ports[NODES + id - 1]);
    let voters: Vec<String> = (1..=NODES)
        .map(|voter| format!("{voter}@127.0.0.1:{}", ports[NODES + voter - 1]))
        .collect();
    format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={}
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=5000
log.retention.ms=-1
log.cleaner.enable=false
num.network.threads=2
num.io.threads=4
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
",
        voters.join(","),
        home.join("data").display()
    )
}
