//! One-node Apache Kafka clusters that end with the test run.

use crate::jars::Release;
use crate::process::{Scratch, Watched, tail, target_dir, wait_until};
use crate::topics;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// How long a node may take until it answers. Three seconds are usual.
const START_LIMIT: Duration = Duration::from_secs(90);

/// A port found free may be taken before the node binds it.
const START_ATTEMPTS: u32 = 3;

/// How much of a node's log is shown after a failure, in bytes.
const SHOWN_LOG: u64 = 8 * 1024;

/// Any cluster id does: each node is a cluster of its own.
const CLUSTER_ID: &str = "b2RyYWRla19pbnRlcm9wMA";

/// A running node, broker and controller in one.
#[derive(Debug)]
pub struct KafkaNode {
    release: Release,
    bootstrap: String,
    home: PathBuf,
    watched: Watched,
}

impl KafkaNode {
    /// Starts a node on free ports of the loopback interface, with a data folder of its own, and
    /// waits until it answers. It ends when dropped, or with this process, however that ends.
    ///
    /// # Panics
    ///
    /// If it does not answer in time, with the end of its log.
    #[must_use]
    pub fn start(release: Release) -> Self {
        for _ in 1..START_ATTEMPTS {
            match Self::attempt(release) {
                Ok(node) => return node,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("Kafka {} did not start:\n{log}", release.version()),
            }
        }
        Self::attempt(release)
            .unwrap_or_else(|log| panic!("Kafka {} found no port:\n{log}", release.version()))
    }

    /// The node that the tests of this process share, or none, said loudly, where Java or Maven is
    /// missing. `test` is the name of the test that would not run.
    ///
    /// # Panics
    ///
    /// If something is missing and the environment says `CI=true`; as [`start`](Self::start).
    #[must_use]
    pub fn shared(release: Release, test: &str) -> Option<Lease> {
        static NEWEST: OnceLock<KafkaNode> = OnceLock::new();
        static OLDER: OnceLock<KafkaNode> = OnceLock::new();
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        // Written past the test runner, which keeps the output of tests that pass to itself.
        if !may_run(release.check(), in_ci, test, &mut std::io::stderr()) {
            return None;
        }
        let node = match release {
            Release::V4_3_0 => &NEWEST,
            Release::V3_9_1 => &OLDER,
        };
        Some(Lease {
            node: node.get_or_init(|| Self::start(release)),
            test: test.to_owned(),
        })
    }

    /// The release that runs.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }

    /// Host and port, as `bootstrap.servers` takes them.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The process id of the node.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.watched.id()
    }

    /// The folder that holds all the node's files.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The segments of a partition, oldest first.
    ///
    /// # Panics
    ///
    /// If the node does not hold the partition.
    #[must_use]
    pub fn segments(&self, topic: &str, partition: i32) -> Vec<PathBuf> {
        let folder = self.home.join("data").join(format!("{topic}-{partition}"));
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("read {}: {error}", folder.display()));
        let mut segments: Vec<PathBuf> = entries
            .map(|entry| entry.expect("a folder's entries are readable").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .collect();
        // Names are base offsets with leading zeros.
        segments.sort();
        segments
    }

    /// One attempt to start; the end of the log if the node ends or does not answer.
    fn attempt(release: Release) -> Result<Self, String> {
        let class_path = release.class_path();
        let home = Scratch::new(&format!("kafka-{}", release.version()));
        let [client, controller] = free_ports();
        let properties = home.path().join("server.properties");
        let text = server_properties(home.path(), client, controller);
        fs::write(&properties, text).expect("the scratch folder is writable");
        let file = properties
            .to_str()
            .expect("the target folder's name is UTF-8");
        let format = [
            "kafka.tools.StorageTool",
            "format",
            "-t",
            CLUSTER_ID,
            "-c",
            file,
        ];
        let _ = release.java(&format, None, &home);

        let log = home.path().join("node.log");
        let memory = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC"];
        let program = ["-cp", &class_path, "kafka.Kafka", file];
        let arguments: Vec<String> = memory
            .iter()
            .chain(&program)
            .map(|&argument| argument.to_owned())
            .collect();
        let home = home.hand_over();
        let mut watched = Watched::start("java", &arguments, &log, Some(&home));
        let bootstrap = format!("127.0.0.1:{client}");
        let mut answered = false;
        let _ = wait_until(START_LIMIT, || {
            answered = topics::answers(&bootstrap);
            answered || watched.ended().is_some()
        });
        if answered && watched.ended().is_none() {
            return Ok(Self {
                release,
                bootstrap,
                home,
                watched,
            });
        }
        Err(tail(&log, SHOWN_LOG))
    }
}

/// The use of a shared node by one test; shows the node's log if the test fails.
#[derive(Debug)]
pub struct Lease {
    node: &'static KafkaNode,
    test: String,
}

impl Deref for Lease {
    type Target = KafkaNode;

    fn deref(&self) -> &KafkaNode {
        self.node
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let log = self.node.home.join("node.log");
        let kept = target_dir()
            .join("interop")
            .join(format!("{}.log", self.test));
        let saved = fs::copy(&log, &kept).is_ok();
        let place = if saved {
            kept.display().to_string()
        } else {
            "nowhere".to_owned()
        };
        eprintln!(
            "Kafka {} during {} (all of it in {place}):\n{}",
            self.node.release.version(),
            self.test,
            tail(&log, SHOWN_LOG)
        );
    }
}

/// Whether a test runs, given what is missing on the machine; if not, says so to `out`.
///
/// # Panics
///
/// If something is missing `in_ci`.
#[must_use]
pub fn may_run(check: Result<(), &str>, in_ci: bool, test: &str, out: &mut impl Write) -> bool {
    let Err(missing) = check else { return true };
    assert!(
        !in_ci,
        "{test} cannot run: {missing}; in CI that is a failure"
    );
    let _ = writeln!(out, "\n*** NOT RUN: {test}: {missing} ***");
    false
}

/// Two ports that were free a moment ago.
fn free_ports() -> [u16; 2] {
    let listeners = [0; 2].map(|port| {
        TcpListener::bind(("127.0.0.1", port)).expect("the loopback interface has free ports")
    });
    listeners.map(|listener| {
        listener
            .local_addr()
            .expect("a listener has an address")
            .port()
    })
}

/// Records may carry old timestamps: retention by time would delete them during a long run. The
/// cleaner's default buffer would take a quarter of the heap. Transactions that time out are looked for
/// fifty times as often as by default, so that no test waits ten seconds for it.
fn server_properties(home: &Path, client: u16, controller: u16) -> String {
    let data = home.join("data");
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}
log.retention.ms=-1
log.cleaner.dedupe.buffer.size=4194304
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=200
",
        data.display()
    )
}
