//! The table of configuration keys: what each is called, accepts, defaults to and means.

use super::other_keys;

pub use super::values::Values;

pub use super::cluster_keys::{
    CONNECTIONS_MAX_IDLE_MS, METADATA_MAX_IDLE_MS, METADATA_RECOVERY_REBOOTSTRAP_TRIGGER_MS,
    METADATA_RECOVERY_STRATEGY,
};
pub use super::partitioning::{
    ADAPTIVE_PARTITIONING_ENABLE, AVAILABILITY_TIMEOUT_MS, IGNORE_KEYS, PARTITIONER,
    PARTITIONER_CLASS,
};

pub use super::transactional::{TRANSACTION_TIMEOUT_MS, TRANSACTIONAL_ID, TWO_PHASE_COMMIT_ENABLE};

/// The definition of one configuration key. It checks values and documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Kafka's name.
    pub name: &'static str,
    /// The value that counts where none is given, as text. For a key that is not served it is the
    /// Java producer's. `None` where there is none.
    pub default: Option<&'static str>,
    /// What happens to a value.
    pub service: Service,
    /// What the key means, with its unit where the name does not say it.
    pub meaning: &'static str,
    /// Where the key is defined.
    pub source: &'static str,
}

/// What is done about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The value is checked and obeyed.
    Served(Values),
    /// The Java producer has the key and this one does not serve it: a value is refused, except
    /// those that ask for what happens anyway (compared without regard to case). These give a note.
    NotServed {
        /// Values that ask for what happens anyway.
        accepted: &'static [&'static str],
    },
    /// A hint about resources whose value changes no outcome: a note, and on.
    Hint,
    /// The key configures something that does not exist here: a note, and on.
    Meaningless,
}

/// Every key that is known, sorted by name, each once.
pub fn keys() -> &'static [Key] {
    &TABLE
}

/// The definition of the key `name`.
pub fn find(name: &str) -> Option<&'static Key> {
    let index = TABLE.binary_search_by(|key| key.name.cmp(name)).ok()?;
    TABLE.get(index)
}

/// The smallest `buffer.memory`: room for four batches of the default size. With less, each send
/// would wait for the batch before it.
const BUFFER_MEMORY_MIN: i64 = 64 * 1024;

/// The largest value of Java's type int.
const INT_MAX: i64 = i32::MAX as i64;

pub(super) const CLIENT: &str = "Java CommonClientConfigs";
pub(super) const PRODUCER: &str = "Java ProducerConfig";

pub(super) const fn integer(
    name: &'static str,
    default: &'static str,
    (min, max, unit): (i64, i64, &'static str),
    (meaning, source): (&'static str, &'static str),
) -> Key {
    let service = Service::Served(Values::Integer { min, max, unit });
    Key {
        name,
        default: Some(default),
        service,
        meaning,
        source,
    }
}

const fn level(
    name: &'static str,
    default: &'static str,
    values: (i64, i64, i64),
    meaning: &'static str,
) -> Key {
    let (min, max, default_level) = values;
    Key {
        name,
        default: Some(default),
        service: Service::Served(Values::Level {
            min,
            max,
            default: default_level,
        }),
        meaning,
        source: "KIP-390",
    }
}

/// `acks`.
pub const ACKS: Key = Key {
    name: "acks",
    default: Some("all"),
    service: Service::Served(Values::OneOf {
        served: &["all", "-1", "0", "1"],
        not_served: &[],
    }),
    meaning: "who has a batch before it counts as written: all in-sync replicas (all or -1), the \
              leader (1), nobody knows (0)",
    source: PRODUCER,
};

/// `allow.auto.create.topics`.
pub const ALLOW_AUTO_CREATE_TOPICS: Key = Key {
    name: "allow.auto.create.topics",
    default: Some("true"),
    service: Service::Served(Values::Boolean),
    meaning: "whether asking for a topic's metadata may create it, where the brokers allow that",
    source: "Java ConsumerConfig, KIP-361; a producer key in librdkafka",
};

/// `batch.size`.
pub const BATCH_SIZE: Key = integer(
    "batch.size",
    "16384",
    (0, INT_MAX, "bytes"),
    (
        "size at which a batch is ready before linger.ms is over; 0 makes a batch of each record",
        PRODUCER,
    ),
);

/// `bootstrap.servers`.
pub const BOOTSTRAP_SERVERS: Key = Key {
    name: "bootstrap.servers",
    default: None,
    service: Service::Served(Values::Servers),
    meaning: "brokers to ask first; the others are learnt from them; IPv6 addresses in brackets",
    source: CLIENT,
};

/// `buffer.memory`.
pub const BUFFER_MEMORY: Key = integer(
    "buffer.memory",
    "33554432",
    (BUFFER_MEMORY_MIN, i64::MAX, "bytes"),
    (
        "memory for everything not yet reported; when it is full a send waits",
        PRODUCER,
    ),
);

/// `client.id`.
pub const CLIENT_ID: Key = Key {
    name: "client.id",
    default: Some("odradek"),
    service: Service::Served(Values::Text),
    meaning: "the name that brokers log and count quotas by",
    source: CLIENT,
};

/// `compression.gzip.level`.
pub const COMPRESSION_GZIP_LEVEL: Key = level(
    "compression.gzip.level",
    "-1",
    (1, 9, -1),
    "how hard gzip tries; -1 is level 6",
);

/// `compression.lz4.level`.
pub const COMPRESSION_LZ4_LEVEL: Key = level(
    "compression.lz4.level",
    "9",
    (9, 9, 9),
    "how hard lz4 tries; at its default Java's producer takes the fast compressor, as here, and has \
     slower ones at 1 to 17",
);

/// `compression.type`.
pub const COMPRESSION_TYPE: Key = Key {
    name: "compression.type",
    default: Some("none"),
    service: Service::Served(Values::OneOf {
        served: &["none", "gzip", "snappy", "lz4", "zstd"],
        not_served: &[],
    }),
    meaning: "the codec of batches; one that it does not make smaller goes out as it is",
    source: "Java ProducerConfig, KIP-110",
};

/// `compression.zstd.level`.
pub const COMPRESSION_ZSTD_LEVEL: Key = level(
    "compression.zstd.level",
    "3",
    (-7, 4, 3),
    "how hard zstd tries; 0 is the default; Java's producer has levels from -131072 to 22",
);

/// `delivery.timeout.ms`.
pub const DELIVERY_TIMEOUT_MS: Key = integer(
    "delivery.timeout.ms",
    "120000",
    (0, INT_MAX, "ms"),
    (
        "time from send to report; at least linger.ms + request.timeout.ms",
        "KIP-91",
    ),
);

/// `enable.idempotence`.
pub const ENABLE_IDEMPOTENCE: Key = Key {
    name: "enable.idempotence",
    default: Some("true"),
    service: Service::Served(Values::Boolean),
    meaning: "each record once and in order in its partition, across retries; needs acks=all, \
              retries and at most 5 requests in flight; without them it is off unless asked for",
    source: "KIP-98, KIP-679",
};

/// `linger.ms`.
pub const LINGER_MS: Key = integer(
    "linger.ms",
    "5",
    (0, INT_MAX, "ms"),
    (
        "how long a batch waits for more records",
        "Java ProducerConfig, KIP-1030",
    ),
);

/// `max.block.ms`.
pub const MAX_BLOCK_MS: Key = integer(
    "max.block.ms",
    "60000",
    (0, i64::MAX, "ms"),
    (
        "how long a send waits for memory, and a record for its topic's metadata",
        PRODUCER,
    ),
);

/// `max.in.flight.requests.per.connection`.
pub const MAX_IN_FLIGHT: Key = integer(
    "max.in.flight.requests.per.connection",
    "5",
    (1, INT_MAX, "requests"),
    (
        "unanswered Produce requests per broker; more than 5 turns idempotence off",
        PRODUCER,
    ),
);

/// `max.request.size`.
pub const MAX_REQUEST_SIZE: Key = integer(
    "max.request.size",
    "1048576",
    (0, INT_MAX, "bytes"),
    (
        "the largest request, and so the largest record before compression",
        PRODUCER,
    ),
);

/// `metadata.max.age.ms`.
pub const METADATA_MAX_AGE_MS: Key = integer(
    "metadata.max.age.ms",
    "300000",
    (0, i64::MAX, "ms"),
    (
        "age at which metadata is asked for again without need",
        CLIENT,
    ),
);

/// `metrics.num.samples`.
pub const METRICS_NUM_SAMPLES: Key = integer(
    "metrics.num.samples",
    "2",
    (1, 100, "samples"),
    (
        "how many windows of time rates and averages of metrics look back, by the host",
        CLIENT,
    ),
);

/// `metrics.sample.window.ms`.
pub const METRICS_SAMPLE_WINDOW_MS: Key = integer(
    "metrics.sample.window.ms",
    "30000",
    (1, i64::MAX, "ms"),
    (
        "length of a window of time for rates and averages of metrics, by the host",
        CLIENT,
    ),
);

/// `receive.message.max.bytes`.
pub const RECEIVE_MESSAGE_MAX_BYTES: Key = integer(
    "receive.message.max.bytes",
    "16777216",
    (1000, INT_MAX, "bytes"),
    (
        "the largest response that is accepted from a broker",
        "librdkafka, with a lower default",
    ),
);

/// `reconnect.backoff.max.ms`.
pub const RECONNECT_BACKOFF_MAX_MS: Key = integer(
    "reconnect.backoff.max.ms",
    "1000",
    (0, INT_MAX, "ms"),
    (
        "what the wait before a broker is connected to again grows to",
        "KIP-144",
    ),
);

/// `reconnect.backoff.ms`.
pub const RECONNECT_BACKOFF_MS: Key = integer(
    "reconnect.backoff.ms",
    "50",
    (0, INT_MAX, "ms"),
    (
        "the first wait before a broker is connected to again; alone it makes the wait constant",
        "KIP-144",
    ),
);

/// `request.timeout.ms`.
pub const REQUEST_TIMEOUT_MS: Key = integer(
    "request.timeout.ms",
    "30000",
    (0, INT_MAX, "ms"),
    ("how long a request may go unanswered", CLIENT),
);

/// `retries`.
pub const RETRIES: Key = integer(
    "retries",
    "2147483647",
    (0, INT_MAX, "attempts"),
    (
        "how often a batch is sent again, within delivery.timeout.ms; 0 turns idempotence off",
        CLIENT,
    ),
);

/// `retry.backoff.max.ms`.
pub const RETRY_BACKOFF_MAX_MS: Key = integer(
    "retry.backoff.max.ms",
    "1000",
    (0, INT_MAX, "ms"),
    (
        "what the wait before a request is repeated grows to",
        "KIP-580",
    ),
);

/// `retry.backoff.ms`.
pub const RETRY_BACKOFF_MS: Key = integer(
    "retry.backoff.ms",
    "100",
    (0, INT_MAX, "ms"),
    ("the first wait before a request is repeated", "KIP-580"),
);

/// `socket.connection.setup.timeout.max.ms`.
pub const CONNECTION_SETUP_TIMEOUT_MAX_MS: Key = integer(
    "socket.connection.setup.timeout.max.ms",
    "30000",
    (1, INT_MAX, "ms"),
    (
        "what the limit for connecting grows to after failures",
        "KIP-601",
    ),
);

/// `socket.connection.setup.timeout.ms`.
pub const CONNECTION_SETUP_TIMEOUT_MS: Key = integer(
    "socket.connection.setup.timeout.ms",
    "10000",
    (1, INT_MAX, "ms"),
    (
        "how long connecting to a broker may take at first",
        "KIP-601",
    ),
);

/// The keys that are served.
pub(super) const SERVED: [Key; 40] = [
    ACKS,
    ALLOW_AUTO_CREATE_TOPICS,
    BATCH_SIZE,
    BOOTSTRAP_SERVERS,
    BUFFER_MEMORY,
    CLIENT_ID,
    COMPRESSION_GZIP_LEVEL,
    COMPRESSION_LZ4_LEVEL,
    COMPRESSION_TYPE,
    COMPRESSION_ZSTD_LEVEL,
    CONNECTIONS_MAX_IDLE_MS,
    DELIVERY_TIMEOUT_MS,
    ENABLE_IDEMPOTENCE,
    LINGER_MS,
    MAX_BLOCK_MS,
    MAX_IN_FLIGHT,
    MAX_REQUEST_SIZE,
    METADATA_MAX_AGE_MS,
    METADATA_MAX_IDLE_MS,
    METADATA_RECOVERY_REBOOTSTRAP_TRIGGER_MS,
    METADATA_RECOVERY_STRATEGY,
    METRICS_NUM_SAMPLES,
    METRICS_SAMPLE_WINDOW_MS,
    PARTITIONER,
    ADAPTIVE_PARTITIONING_ENABLE,
    AVAILABILITY_TIMEOUT_MS,
    PARTITIONER_CLASS,
    IGNORE_KEYS,
    RECEIVE_MESSAGE_MAX_BYTES,
    RECONNECT_BACKOFF_MAX_MS,
    RECONNECT_BACKOFF_MS,
    REQUEST_TIMEOUT_MS,
    RETRIES,
    RETRY_BACKOFF_MAX_MS,
    RETRY_BACKOFF_MS,
    CONNECTION_SETUP_TIMEOUT_MAX_MS,
    CONNECTION_SETUP_TIMEOUT_MS,
    TRANSACTION_TIMEOUT_MS,
    TWO_PHASE_COMMIT_ENABLE,
    TRANSACTIONAL_ID,
];

/// Served and other keys in one table sorted by name, merged when the crate is compiled.
static TABLE: [Key; SERVED.len() + other_keys::OTHER.len()] = merge();

const fn merge() -> [Key; SERVED.len() + other_keys::OTHER.len()] {
    let mut merged = [ACKS; SERVED.len() + other_keys::OTHER.len()];
    let (mut served, mut other) = (0, 0);
    while served + other < merged.len() {
        let take_served = other == other_keys::OTHER.len()
            || (served < SERVED.len()
                && is_before(SERVED[served].name, other_keys::OTHER[other].name));
        merged[served + other] = if take_served {
            SERVED[served]
        } else {
            other_keys::OTHER[other]
        };
        if take_served {
            served += 1;
        } else {
            other += 1;
        }
    }
    merged
}

/// Whether `a` sorts before `b`, byte by byte.
const fn is_before(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return a[at] < b[at];
        }
        at += 1;
    }
    a.len() < b.len()
}
