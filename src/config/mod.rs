//! The producer's configuration: Kafka's property names and text values in, checked values out.
//!
//! [`keys`] holds the one definition of every key (default, range, meaning, source), which both
//! checks and documents. [`Config::from_properties`] turns pairs of text into a [`Config`], with a
//! [`Note`] for each setting that is accepted but differs from what the text asks for or has no
//! effect. [`properties_file`] reads the syntax of Java's `.properties` files.

pub mod error;
pub mod keys;
pub mod librdkafka;
pub mod properties_file;

mod cluster_keys;
mod instead;
mod other_keys;
mod parse;
mod partitioning;
mod servers;
mod shown;
mod suggest;
mod transactional;
mod values;

#[cfg(test)]
mod tests;

pub use error::{ConfigError, Note, ServerError};
pub use keys::{Key, Service, Values, keys};
pub use partitioning::{KeyHash, Partitioning};
pub use properties_file::{PropertiesError, parse_properties};
pub use shown::may_be_secret;
pub use transactional::Transactional;

use core::fmt;
use core::time::Duration;

/// How many brokers must have a batch before the leader acknowledges it (`acks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// `0`: no broker answers, every outcome is "possibly written".
    None,
    /// `1`: the leader alone.
    Leader,
    /// `all` or `-1`: every in-sync replica.
    All,
}

impl Acks {
    /// The value of the `acks` field of a Produce request: 0, 1 or -1.
    pub const fn wire_value(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        })
    }
}

/// The codec of record batches (`compression.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Records go as they are.
    None,
    /// Gzip.
    Gzip,
    /// Snappy, framed as by Java.
    Snappy,
    /// LZ4 frame format.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

/// What to do when no known broker answers (`metadata.recovery.strategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryStrategy {
    /// Start again from the bootstrap servers.
    Rebootstrap,
    /// Go on with the brokers that were known last.
    None,
}

/// One entry of `bootstrap.servers`: where the first connection may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A host name, or an IP address as text (IPv6 without brackets).
    pub host: String,
    /// The TCP port, 1 to 65535.
    pub port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Everything that the producer may be told, checked. Fields carry Kafka's names with `_` for `.`.
///
/// The fields are public so that they can be read and, after the checks, adjusted by tests; what
/// [`Config::from_properties`] returns keeps every rule between fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `bootstrap.servers`: at least one, in the order given.
    pub bootstrap_servers: Vec<Server>,
    /// `client.id`: the name that brokers log and count quotas by, sent in every request header.
    pub client_id: String,
    /// `acks`: whose acknowledgement ends a batch.
    pub acks: Acks,
    /// `enable.idempotence`, resolved: true only with acks all, retries and at most five in flight.
    pub idempotence: bool,
    /// `transactional.id` and what belongs to it; `None` for a producer without transactions. Asks for
    /// idempotence.
    pub transactional: Option<Transactional>,
    /// `retries`: how often a batch may be sent again after its first attempt.
    pub retries: u32,
    /// `max.in.flight.requests.per.connection`: unanswered Produce requests per broker, at least 1.
    pub max_in_flight: u32,
    /// `linger.ms`: how long an open batch may wait for company.
    pub linger: Duration,
    /// `batch.size`: bytes at which an open batch is ready; 0 makes a batch of each record.
    pub batch_size: u64,
    /// `buffer.memory`: bytes that everything the machine holds may take.
    pub buffer_memory: u64,
    /// `max.block.ms`: how long a send may wait for free memory, and a record for its topic's
    /// metadata. May be as long as `i64::MAX` ms.
    pub max_block: Duration,
    /// `max.request.size`: bytes that one request, and so one record, may have before compression.
    pub max_request_size: u64,
    /// `delivery.timeout.ms`: from append to report, at least `linger` and `request_timeout`
    /// together.
    pub delivery_timeout: Duration,
    /// `request.timeout.ms`: from the request being handed out to its answer; with `acks=0` to its
    /// last byte being taken by the transport.
    pub request_timeout: Duration,
    /// `retry.backoff.ms`: the first wait before a request is sent again; at most
    /// `retry_backoff_max`.
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`: what that wait grows to.
    pub retry_backoff_max: Duration,
    /// `reconnect.backoff.ms`: the first wait before a broker is connected to again; at most
    /// `reconnect_backoff_max`.
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms`: what that wait grows to.
    pub reconnect_backoff_max: Duration,
    /// `socket.connection.setup.timeout.ms`: how long the first attempt to connect may take; at
    /// most `connection_setup_timeout_max`.
    pub connection_setup_timeout: Duration,
    /// `socket.connection.setup.timeout.max.ms`: what that limit grows to.
    pub connection_setup_timeout_max: Duration,
    /// `metadata.max.age.ms`: age at which metadata is asked for again, changed or not. May be as
    /// long as `i64::MAX` ms.
    pub metadata_max_age: Duration,
    /// `metrics.sample.window.ms`: the length of a window of time for rates and averages, which hosts
    /// compute. May be as long as `i64::MAX` ms.
    pub metrics_sample_window: Duration,
    /// `metrics.num.samples`: how many such windows they look back, at most 100.
    pub metrics_num_samples: u32,
    /// `metadata.max.idle.ms`: how long the metadata of a topic is kept up to date without any use of
    /// it. May be as long as `i64::MAX` ms.
    pub metadata_max_idle: Duration,
    /// `metadata.recovery.strategy`: whether to start again from the bootstrap servers.
    pub metadata_recovery_strategy: RecoveryStrategy,
    /// `metadata.recovery.rebootstrap.trigger.ms`: how long metadata is asked for in vain before that.
    pub metadata_recovery_rebootstrap_trigger: Duration,
    /// `connections.max.idle.ms`: how long a connection is kept on which nothing happens; `None` is
    /// for ever. May be as long as `i64::MAX` ms.
    pub connections_max_idle: Option<Duration>,
    /// `compression.type`: the codec of batches.
    pub compression: Compression,
    /// `partitioner`, `partitioner.class` and `partitioner.ignore.keys`, resolved.
    pub partitioning: Partitioning,
    /// `partitioner.adaptive.partitioning.enable`: whether records without a key go less often where
    /// more batches wait.
    pub adaptive_partitioning: bool,
    /// `partitioner.availability.timeout.ms`: how long a broker may take nothing before records without
    /// a key avoid it; 0 is for ever. May be as long as `i64::MAX` ms.
    pub partitioner_availability_timeout: Duration,
    /// `compression.gzip.level`: 1 to 9, or -1 for 6.
    pub compression_gzip_level: i32,
    /// `compression.lz4.level`: 9, the only one.
    pub compression_lz4_level: i32,
    /// `compression.zstd.level`: -7 to 4, of which 0 is 3.
    pub compression_zstd_level: i32,
    /// `allow.auto.create.topics`: whether asking for a topic's metadata may create it.
    pub allow_auto_create_topics: bool,
    /// `receive.message.max.bytes`: bytes of the largest response frame that is accepted, so that
    /// no peer can make the machine allocate more.
    pub receive_message_max_bytes: u32,
}

impl Config {
    /// Checks properties and fills in the defaults. Of several values for one key the last one
    /// counts.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, in the order of key names; rules between keys come last.
    ///
    /// # Examples
    ///
    /// ```
    /// let pairs = [("bootstrap.servers", "localhost:9092"), ("acks", "1")];
    /// let (config, notes) = odradek::config::Config::from_properties(pairs)?;
    /// assert!(!config.idempotence);
    /// assert_eq!(notes[0].to_string(), "enable.idempotence is off because of acks=1");
    /// # Ok::<(), odradek::config::ConfigError>(())
    /// ```
    pub fn from_properties<K, V>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Note>), ConfigError>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let pairs: Vec<(K, V)> = pairs.into_iter().collect();
        let last = pairs
            .iter()
            .map(|(key, value)| (key.as_ref().trim(), value.as_ref().trim()));
        parse::parse(last.collect())
    }
}
