//! How the nodes of a cluster are set up: their release, their listeners and what they are allowed to offer.

use crate::jars::Release;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where free ports are looked for: below those that the kernel gives to outgoing connections, so that
/// nobody takes the port of a node that is down for a while.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// What a cluster is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Setup {
    /// The release that all nodes run.
    pub release: Release,
    /// How many nodes there are; each topic has a replica on each.
    pub nodes: usize,
    /// Whether brokers offer versions and features that are not released yet, and two-phase commit
    /// (KIP-939).
    pub is_unstable: bool,
}

/// The ports of one node on the loopback interface.
///
/// Whoever comes by `proxied` is told `front` as the node's address, where nobody listens unless a proxy
/// does: behind it, clients meet the same nodes as the operator and the readers, who come by `direct`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    /// Of the listener for operators, readers and the other brokers.
    pub direct: u16,
    /// Of the listener behind a proxy.
    pub proxied: u16,
    /// Where that proxy is to listen.
    pub front: u16,
    /// Of the listener for controllers.
    pub controller: u16,
}

impl Setup {
    /// Three nodes of a release.
    #[must_use]
    pub fn three(release: Release) -> Self {
        Self {
            release,
            nodes: 3,
            is_unstable: false,
        }
    }

    /// One node of Kafka 4.3.0 that offers what is not released yet.
    #[must_use]
    pub fn unstable() -> Self {
        Self {
            release: Release::V4_3_0,
            nodes: 1,
            is_unstable: true,
        }
    }

    /// Ports that were free a moment ago, for each node.
    ///
    /// # Panics
    ///
    /// If there are not enough.
    pub(crate) fn free_ports(self) -> Vec<Ports> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let span = u32::from(PORTS.end - PORTS.start);
        // Processes that start at the same time look at different ports first, and so do the clusters of
        // one process: nobody listens yet where their proxies are to be.
        let started = STARTED.fetch_add(1, Ordering::Relaxed);
        let first = std::process::id()
            .wrapping_mul(97)
            .wrapping_add(started.wrapping_mul(53));
        let first = first % span;
        let candidates = (0..span).map(|step| PORTS.start + ((first + step) % span) as u16);
        let free = candidates.filter_map(|port| {
            let listener = TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((port, listener))
        });
        // All are held until the last is found.
        let held: Vec<(u16, TcpListener)> = free.take(4 * self.nodes).collect();
        assert_eq!(held.len(), 4 * self.nodes, "there are free ports");
        let ports = held.chunks(4).map(|four| Ports {
            direct: four[0].0,
            proxied: four[1].0,
            front: four[2].0,
            controller: four[3].0,
        });
        ports.collect()
    }

    /// The configuration of one node, whose files lie in `home`.
    ///
    /// Nodes notice each other's end within seconds. Topics appear only when they are created. The topics
    /// of the coordinators have one partition, so that a scenario knows whose node to stop, a replica on
    /// each node, and need two of three. Transactions that are over time are looked for each second.
    pub(crate) fn server_properties(self, id: usize, home: &Path, ports: &[Ports]) -> String {
        let Ports {
            direct,
            proxied,
            front,
            controller,
        } = ports[id - 1];
        let voters = (1..).zip(ports).map(|(voter, ports)| {
            let port = ports.controller;
            format!("{voter}@127.0.0.1:{port}")
        });
        let voters = voters.collect::<Vec<String>>().join(",");
        let (replicas, in_sync) = (self.nodes, self.nodes.min(2));
        let unstable = self.is_unstable;
        let home = home.join("data");
        let data = home.display();
        format!(
            "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{direct},PROXIED://127.0.0.1:{proxied},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{direct},PROXIED://127.0.0.1:{front}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=5000
log.retention.ms=-1
log.cleaner.enable=false
num.network.threads=2
num.io.threads=4
min.insync.replicas={in_sync}
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
unstable.api.versions.enable={unstable}
unstable.feature.versions.enable={unstable}
transaction.two.phase.commit.enable={unstable}
"
        )
    }
}
