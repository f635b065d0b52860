//! What a fake cluster is like, and what a topic of it is like.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a fake cluster is like. The defaults are those of Apache Kafka 4.3 where it has them.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// How many brokers there are; their ids are 1, 2, 3 …
    pub brokers: u32,
    /// The finalized level of the feature `transaction.version`; 0 as clusters before 4.0 have it.
    pub transaction_version: i16,
    /// The highest version of an API that the brokers offer, where it is below their own.
    pub max_versions: BTreeMap<i16, i16>,
    /// Whether topics have ids; without them Produce ends at 12 and Metadata at 9.
    pub topic_ids: bool,
    /// The largest batch in bytes, its header included.
    pub message_max_bytes: usize,
    /// `transaction.max.timeout.ms`.
    pub transaction_max_timeout: Duration,
    /// How often transactions are looked through for those that timed out.
    pub transaction_timeout_check: Duration,
    /// How long after the end of a transaction its markers are in the logs, each somewhere in this time.
    pub marker_delay: Duration,
    /// How long a broker loads the state of a coordinator that moved to it.
    pub coordinator_load: Duration,
    /// How long Metadata and FindCoordinator go on telling the leaders and coordinators of before.
    pub metadata_lag: Duration,
    /// Missing topics are created with so many partitions, if the client allows it.
    pub auto_create: Option<i32>,
    /// Whether clients may use two-phase commit (KIP-939): InitProducerId 6 is offered.
    pub two_phase_commit: bool,
    /// A producer id that a partition knows nothing of, with a sequence that is not 0, is answered with
    /// UNKNOWN_PRODUCER_ID, as brokers before 2.5 do.
    pub refuses_unknown_producers: bool,
    /// The epoch that new identities begin with, so that exhaustion is not far.
    pub first_epoch: i16,
    /// The brokers' clock at time 0, in milliseconds since 1970.
    pub wall_clock_ms: i64,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            brokers: 3,
            transaction_version: 2,
            max_versions: BTreeMap::new(),
            topic_ids: true,
            message_max_bytes: 1_048_588,
            transaction_max_timeout: Duration::from_secs(900),
            transaction_timeout_check: Duration::from_secs(10),
            marker_delay: Duration::from_millis(5),
            coordinator_load: Duration::from_millis(50),
            metadata_lag: Duration::ZERO,
            auto_create: None,
            two_phase_commit: false,
            refuses_unknown_producers: false,
            first_epoch: 0,
            wall_clock_ms: 1_767_225_600_000,
        }
    }
}

/// What a topic is like.
#[derive(Clone, Debug, Default)]
pub struct TopicOptions {
    /// `message.timestamp.type=LogAppendTime`.
    pub log_append_time: bool,
    /// `cleanup.policy=compact`: every record needs a key, the others are named (KIP-467).
    pub needs_keys: bool,
    /// `max.message.bytes`, if it is not the cluster's.
    pub max_message_bytes: Option<usize>,
}

/// How a partition fails to replicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooFewReplicas {
    /// It is known before: NOT_ENOUGH_REPLICAS, nothing is appended.
    BeforeAppend,
    /// It turns out afterwards: NOT_ENOUGH_REPLICAS_AFTER_APPEND, the batch is in the log.
    AfterAppend,
}
