//! The world of one producer: virtual time, a network, a fake cluster, and an account of every record.

use crate::account::Account;
use crate::broker::FakeCluster;
use crate::hostility::Hostility;
use crate::network::{Behind, Name, Network};
use odradek::{
    Config, ConnectionFailure, FlushId, Header, Instant, Producer, Record, SendError, Ticket,
    TopicHandle, TopicPartitions, WaitReason,
};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub(crate) const MS: u64 = 1_000_000;
/// The wall clock when virtual time begins, in ms since 1970.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;
/// How much of the trace a failure prints.
const TRACE_SHOWN: usize = 60;

/// A world. Its parts are public to the tests, which change them as they like between two runs.
pub(crate) struct World {
    pub(crate) cluster: FakeCluster,
    pub(crate) network: Network,
    pub(crate) account: Account,
    pub(crate) seed: u64,
    pub(crate) now: u64,
    pub(crate) failures: Vec<(u64, ConnectionFailure)>,
    pub(crate) flushed: Vec<FlushId>,
    /// What was told of partitions, and when.
    pub(crate) told: Vec<(u64, TopicPartitions)>,
    /// Operations of a transactional producer that ended, and when.
    pub(crate) ended: Vec<(u64, odradek::OperationEnded)>,
    /// When each `BufferAvailable` came.
    pub(crate) relief: Vec<u64>,
    pub(crate) failed: Option<odradek::FatalError>,
    pub(crate) is_closed: bool,
    pub(crate) wait: Option<(Option<u64>, WaitReason)>,
    /// Every `Connect`: when, and where to.
    pub(crate) connects: Vec<(u64, SocketAddr)>,
    /// Every `Resolve`: when, and which name.
    pub(crate) resolves: Vec<(u64, String)>,
    /// Bytes that the producer was given.
    pub(crate) received_bytes: u64,
    /// Most Produce requests unanswered at once on one connection.
    pub(crate) produce_out_max: usize,
    pub(crate) trace: Vec<String>,
    pub(crate) is_tracing: bool,
    pub(crate) hostility: Option<Hostility>,
    properties: Vec<(String, String)>,
    producer: Option<Producer>,
    /// How often the producer was polled until it waited, and how many outputs it gave in all.
    pub(crate) wakeups: usize,
    pub(crate) outputs: usize,
    /// How many outputs there were at this instant.
    pub(crate) outputs_now: (u64, usize),
}

impl World {
    /// One broker, named broker-1, and no topic.
    pub(crate) fn new() -> Self {
        Self {
            cluster: FakeCluster::new(),
            network: Network::new(),
            account: Account::default(),
            seed: 1,
            now: MS,
            failures: Vec::new(),
            flushed: Vec::new(),
            told: Vec::new(),
            ended: Vec::new(),
            relief: Vec::new(),
            failed: None,
            is_closed: false,
            wait: None,
            connects: Vec::new(),
            resolves: Vec::new(),
            received_bytes: 0,
            produce_out_max: 0,
            trace: Vec::new(),
            is_tracing: true,
            hostility: None,
            properties: vec![("bootstrap.servers".into(), "broker-1:9092".into())],
            producer: None,
            wakeups: 0,
            outputs: 0,
            outputs_now: (0, 0),
        }
        .brokers(1)
    }

    // --- building ---

    /// So many brokers, broker-1 to broker-N, at 10.0.0.1 to 10.0.0.N.
    pub(crate) fn brokers(mut self, count: i32) -> Self {
        for id in 1..=count {
            let (host, ip) = (format!("broker-{id}"), address_of(id));
            self.cluster.brokers.insert(id, (host.clone(), 9092));
            self.network.names.insert(host, Name::Addresses(vec![ip]));
            let address = SocketAddr::new(ip, 9092);
            self.network.behind.insert(address, Behind::Broker(id));
        }
        self
    }

    /// As [`written`](Self::written), with quick retries.
    pub(crate) fn warmed(self, partitions: i32) -> Self {
        self.config("retry.backoff.ms", "20").written(partitions)
    }

    /// A batch for each record, and partitions of `orders` that have each been written to.
    pub(crate) fn written(self, partitions: i32) -> Self {
        let mut world = self
            .topic("orders", partitions)
            .config("batch.size", "0")
            .config("linger.ms", "0");
        for partition in 0..partitions {
            world.send_to("orders", partition, "first");
        }
        world.run_until_idle();
        world.cluster.attempts.clear();
        world
    }

    pub(crate) fn topic(mut self, name: &str, partitions: i32) -> Self {
        self.cluster.create(name, partitions);
        self
    }

    pub(crate) fn config(mut self, key: &str, value: &str) -> Self {
        self.properties.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub(crate) fn producer(&mut self) -> &mut Producer {
        let Self {
            producer,
            properties,
            seed,
            now,
            account,
            ..
        } = self;
        producer.get_or_insert_with(|| {
            let (config, _) = Config::from_properties(properties.iter().map(|(k, v)| (k, v)))
                .expect("a valid configuration");
            account.is_idempotent = config.idempotence;
            Producer::new(&config, *seed, Instant::from_nanos(*now))
        })
    }

    // --- commands ---

    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.now)
    }

    pub(crate) fn handle(&mut self, topic: &str) -> TopicHandle {
        self.producer().topic(topic).expect("a legal topic name")
    }

    /// Sends a record that must be accepted.
    pub(crate) fn send(&mut self, topic: &str, key: Option<&str>, value: &str) -> Ticket {
        let sent = self.try_send(topic, None, key, value.as_bytes());
        sent.unwrap_or_else(|error| panic!("refused: {error}"))
    }

    /// Sends a record to a partition; it must be accepted.
    pub(crate) fn send_to(&mut self, topic: &str, partition: i32, value: &str) -> Ticket {
        let sent = self.try_send(topic, Some(partition), None, value.as_bytes());
        sent.unwrap_or_else(|error| panic!("refused: {error}"))
    }

    /// Sends a record. It carries its number in a header, by which the account knows it again.
    pub(crate) fn try_send(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&str>,
        value: &[u8],
    ) -> Result<Ticket, SendError> {
        let handle = self.handle(topic);
        let now = self.now();
        let number = self.account.next_number().to_be_bytes();
        let record = Record {
            topic: handle,
            partition,
            timestamp: (EPOCH_MS + self.now / MS) as i64,
            key: key.map(str::as_bytes),
            value: Some(value),
            headers: &[Header {
                name: crate::partition_log::NUMBER_HEADER,
                value: Some(&number),
            }],
        };
        let result = self.producer().send(&record, now);
        if let Ok(ticket) = result {
            self.account.accept(ticket, handle, topic, &record);
        }
        result
    }

    pub(crate) fn flush(&mut self) -> FlushId {
        let now = self.now();
        self.producer().flush(now)
    }

    pub(crate) fn watch(&mut self, topic: &str) {
        let (handle, now) = (self.handle(topic), self.now());
        self.producer().watch(handle, now);
    }

    pub(crate) fn purge(&mut self) {
        let now = self.now();
        self.producer().purge(now);
    }

    pub(crate) fn close(&mut self, timeout_ms: u64) {
        let now = self.now();
        self.producer()
            .close(Duration::from_millis(timeout_ms), now);
    }

    pub(crate) fn held(&mut self) -> u64 {
        self.producer().held_bytes()
    }

    pub(crate) fn note(&mut self, line: &str) {
        let ms = self.now as f64 / MS as f64;
        self.trace.push(format!("{ms:.3} {line}"));
    }

    /// The end of the trace, for failures.
    pub(crate) fn story(&self) -> String {
        let mut story = format!("seed {}, the last of it:\n", self.seed);
        let from = self.trace.len().saturating_sub(TRACE_SHOWN);
        for line in &self.trace[from..] {
            let _ = writeln!(story, "  {line}");
        }
        story
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.story());
        }
    }
}

pub(crate) fn address_of(broker: i32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, broker as u8))
}
