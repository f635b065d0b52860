//! An honest cluster that is not ours, reached through proxies alone.

use crate::peers::proxy::Proxy;
use krafka::consumer::ConsumerRecord;
use krafka::testing::FakeBroker;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::runtime::Runtime;

/// A record as it lies in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The time in milliseconds since 1970.
    pub timestamp: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The headers, in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Where proxies listen, and what the cluster says about it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The address of every proxy.
    pub ip: IpAddr,
    /// The host name that the brokers advertise; their address where there is none.
    pub host: Option<String>,
    /// The size in bytes of the kernel's buffer for requests, where it is not the usual one.
    pub receive_buffer: Option<u32>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            host: None,
            receive_buffer: None,
        }
    }
}

/// A cluster whose brokers advertise their proxies, with a thread of its own.
pub struct Cluster {
    // In the order in which they must end.
    proxies: Vec<Proxy>,
    broker: FakeBroker,
    _runtime: Runtime,
    host: String,
}

impl Cluster {
    /// A cluster of so many brokers at the usual place.
    ///
    /// # Panics
    ///
    /// When the system gives it no port or thread.
    pub fn start(brokers: usize) -> Self {
        Self::start_at(brokers, &Place::default())
    }

    /// A cluster of so many brokers.
    ///
    /// # Panics
    ///
    /// When the system gives it no port or thread.
    pub fn start_at(brokers: usize, place: &Place) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let broker = runtime
            .block_on(FakeBroker::start_cluster(brokers))
            .expect("the brokers start");
        let host = place.host.clone().unwrap_or_else(|| place.ip.to_string());
        let mut proxies = Vec::new();
        for id in 0..brokers as i32 {
            let behind = broker.broker_addr(id).expect("it listens");
            let address = SocketAddr::new(place.ip, 0);
            let handle = runtime.handle();
            let proxy = Proxy::start(address, behind, place.receive_buffer, handle);
            proxies.push(proxy.expect("a port"));
        }
        broker.with_state(|state| {
            for (node, proxy) in state.brokers.iter_mut().zip(&proxies) {
                node.host.clone_from(&host);
                node.port = i32::from(proxy.address().port());
            }
        });
        Self {
            proxies,
            broker,
            _runtime: runtime,
            host,
        }
    }

    /// The value of `bootstrap.servers`: every proxy.
    pub fn bootstrap(&self) -> String {
        let servers = self.proxies.iter();
        let servers = servers.map(|proxy| format!("{}:{}", self.host, proxy.address().port()));
        servers.collect::<Vec<_>>().join(",")
    }

    /// Makes a topic whose partitions are led by the brokers in turn.
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.broker.create_topic(name, partitions);
        for partition in 0..partitions {
            let leader = partition % self.proxies.len() as i32;
            self.broker.set_leader(name, partition, leader);
        }
    }

    /// The brokers themselves, to be given conduct and looked into.
    pub const fn broker(&self) -> &FakeBroker {
        &self.broker
    }

    /// How many brokers there are.
    pub fn brokers(&self) -> usize {
        self.proxies.len()
    }

    /// The proxy in front of a broker.
    ///
    /// # Panics
    ///
    /// When there is no such broker.
    pub fn proxy(&self, broker: usize) -> &Proxy {
        &self.proxies[broker]
    }

    /// Whether no connection leads to a broker.
    pub fn is_idle(&self) -> bool {
        self.broker.open_connections() == 0
    }

    /// Everything that lies in a topic, by partition and offset.
    ///
    /// # Panics
    ///
    /// When a batch does not decode.
    pub fn log(&self, topic: &str) -> Vec<LogRecord> {
        let stored = self.broker.all_records(topic).expect("batches that decode");
        stored.into_iter().map(LogRecord::from).collect()
    }

    /// The same, as a reader sees it that waits for commits.
    ///
    /// # Panics
    ///
    /// When a batch does not decode.
    pub fn committed(&self, topic: &str) -> Vec<LogRecord> {
        let stored = self.broker.committed_records(topic);
        let stored = stored.expect("batches that decode");
        stored.into_iter().map(LogRecord::from).collect()
    }

    /// What a group has committed for a topic's first partition.
    pub fn committed_offset(&self, group: &str, topic: &str) -> Option<i64> {
        self.broker.committed_offset(group, topic, 0)
    }

    /// Which transactions the cluster knows: 2 is those of KIP-890.
    pub fn set_transaction_version(&self, level: i16) {
        self.broker.set_transaction_version(level);
    }
}

impl From<ConsumerRecord> for LogRecord {
    fn from(record: ConsumerRecord) -> Self {
        Self {
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(|key| key.to_vec()),
            value: record.value.map(|value| value.to_vec()),
            headers: record
                .headers
                .into_iter()
                .map(|(name, value)| (name, value.map(|value| value.to_vec())))
                .collect(),
        }
    }
}
