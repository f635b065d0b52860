//! Why a configuration is refused, and what is worth knowing about one that is not.

use super::keys::{Values, find};
use super::values::write_list;
use core::fmt;

/// Why a configuration is refused. Texts name the key, the value, what is allowed and the way out;
/// values of keys that may hold secrets are never kept here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A key without a default is missing.
    Missing {
        /// The key.
        key: &'static str,
    },
    /// No such key is known.
    Unknown {
        /// The name as given, cut off after 100 characters.
        name: String,
        /// The known key whose name is nearest.
        nearest: &'static str,
    },
    /// The key is librdkafka's name for something.
    Librdkafka {
        /// librdkafka's name.
        name: &'static str,
        /// The key and value to use instead, or why there is none and what to do.
        instead: String,
    },
    /// The key, or this value of it, is the Java producer's and not served yet.
    NotServed {
        /// The key.
        key: &'static str,
        /// The value as given, or a stand-in where it may be a secret.
        value: String,
        /// The values that are taken.
        accepted: &'static [&'static str],
    },
    /// The value is none that the key takes.
    BadValue {
        /// The key.
        key: &'static str,
        /// The value as given, or a stand-in where it may be a secret.
        value: String,
        /// What the key takes.
        values: Values,
    },
    /// An entry of `bootstrap.servers` is no `host:port`.
    BadServer {
        /// The key.
        key: &'static str,
        /// The entry as given, cut off after 100 characters.
        entry: String,
        /// What is wrong with it.
        reason: ServerError,
    },
    /// Idempotence was asked for by name together with a setting that rules it out.
    IdempotenceImpossible {
        /// The key that asks for idempotence.
        asker: &'static str,
        /// The key that rules it out.
        key: &'static str,
        /// Its value.
        value: String,
        /// What idempotence needs it to be.
        needed: &'static str,
    },
    /// `transactional.id` was given together with a setting that rules it out.
    TransactionsImpossible {
        /// The key that rules it out.
        key: &'static str,
        /// The way out.
        instead: &'static str,
    },
    /// `delivery.timeout.ms` was given and ends before a first attempt can.
    DeliveryTimeoutTooShort {
        /// `delivery.timeout.ms`.
        delivery_ms: u64,
        /// `linger.ms`.
        linger_ms: u64,
        /// `request.timeout.ms`.
        request_ms: u64,
    },
    /// `partitioner.class` names a class that does not exist here.
    PartitionerClass {
        /// The class, cut off after 100 characters.
        class: String,
        /// The class that does.
        known: &'static str,
    },
    /// Two keys choose the partitioner and do not agree.
    PartitionersDiffer {
        /// The one key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The other key with its value: `KEY=VALUE`.
        other: String,
    },
    /// A full batch would not fit into the memory.
    BatchLargerThanBuffer {
        /// `batch.size` in bytes.
        batch_size: u64,
        /// `buffer.memory` in bytes.
        buffer_memory: u64,
    },
}

impl ConfigError {
    /// The offending key: as given where it is unknown, otherwise Kafka's name.
    pub fn key(&self) -> &str {
        match self {
            Self::Missing { key }
            | Self::NotServed { key, .. }
            | Self::BadValue { key, .. }
            | Self::BadServer { key, .. }
            | Self::IdempotenceImpossible { key, .. }
            | Self::TransactionsImpossible { key, .. }
            | Self::PartitionersDiffer { key, .. } => key,
            Self::PartitionerClass { .. } => "partitioner.class",
            Self::Unknown { name, .. } => name,
            Self::Librdkafka { name, .. } => name,
            Self::DeliveryTimeoutTooShort { .. } => "delivery.timeout.ms",
            Self::BatchLargerThanBuffer { .. } => "batch.size",
        }
    }
}

/// What is wrong with an entry of `bootstrap.servers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerError {
    /// Nothing stands between two commas.
    Empty,
    /// The port is missing.
    NoPort,
    /// The port is no number from 1 to 65535.
    BadPort,
    /// The host is missing or has a character that neither names nor addresses have.
    BadHost,
    /// An IPv6 address stands without brackets, so its end is unclear.
    NoBrackets,
    /// The entry asks for another security protocol than PLAINTEXT.
    NotPlaintext,
}

/// Something worth knowing about a configuration that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The key configures something that does not exist here.
    Meaningless {
        /// The key.
        key: &'static str,
    },
    /// The key is a hint that is not followed, which changes no outcome.
    HintIgnored {
        /// The key.
        key: &'static str,
    },
    /// The key is not served, and the value asks for what happens anyway.
    NothingToDo {
        /// The key.
        key: &'static str,
    },
    /// Idempotence is the default and another setting rules it out.
    IdempotenceOff {
        /// The key that rules it out.
        key: &'static str,
        /// Its value.
        value: IdempotenceObstacle,
    },
    /// `delivery.timeout.ms` has its default, which is too short for `linger.ms` and
    /// `request.timeout.ms`, and is raised to their sum.
    DeliveryTimeoutRaised {
        /// The timeout that counts, in ms.
        to_ms: u64,
    },
    /// A first wait or limit is longer than the maximum it grows to, so it is the maximum
    /// throughout.
    MaximumCounts {
        /// The key of the first wait or limit.
        key: &'static str,
        /// The key of the maximum.
        max_key: &'static str,
        /// The maximum in ms.
        max_ms: u64,
    },
    /// `partitioner.class` names a partitioner that Java's producer no longer has.
    OldPartitioner {
        /// The class.
        class: &'static str,
        /// What it is taken for.
        meaning: &'static str,
    },
    /// The key changes nothing because of what another one says.
    WithoutEffect {
        /// The key.
        key: &'static str,
        /// The other key.
        because: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// `reconnect.backoff.ms` was given without `reconnect.backoff.max.ms`, which makes it
    /// constant.
    ConstantReconnectBackoff {
        /// The wait in ms.
        backoff_ms: u64,
    },
}

/// The value that rules idempotence out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdempotenceObstacle {
    /// A value of `acks`.
    Acks(super::Acks),
    /// A value of `retries` or `max.in.flight.requests.per.connection`.
    Count(u32),
}

/// Why a key is not obeyed and what to do instead.
fn instead(key: &str) -> Option<&'static str> {
    find(key)?.instead()
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { key } => write!(f, "{key} is missing and has no default"),
            Self::Unknown { name, nearest } => {
                write!(
                    f,
                    "{name} is not a configuration key; the nearest one is {nearest}"
                )
            }
            Self::Librdkafka { name, instead } => {
                write!(f, "{name} is librdkafka's name: {instead}")
            }
            Self::NotServed {
                key,
                value,
                accepted,
            } => write_not_served(f, key, value, accepted),
            Self::BadValue { key, value, values } => {
                if value.is_empty() {
                    write!(f, "{key} has an empty value; it takes {values}")
                } else {
                    write!(f, "{key}={value} is not valid; it takes {values}")
                }
            }
            Self::BadServer { key, entry, reason } => {
                write!(f, "{key} has the entry \"{entry}\": {reason}")
            }
            Self::IdempotenceImpossible {
                asker,
                key,
                value,
                needed,
            } => write!(
                f,
                "{asker} contradicts {key}={value}: idempotence needs {needed}; change {key} or leave \
                 {asker} out"
            ),
            Self::TransactionsImpossible { key, instead } => {
                write!(
                    f,
                    "transactional.id contradicts the value of {key}: {instead}"
                )
            }
            Self::DeliveryTimeoutTooShort {
                delivery_ms,
                linger_ms,
                request_ms,
            } => write!(
                f,
                "delivery.timeout.ms={delivery_ms} is less than linger.ms={linger_ms} plus \
                 request.timeout.ms={request_ms}; raise it to at least {} or lower the others",
                linger_ms.saturating_add(*request_ms)
            ),
            Self::PartitionerClass { class, known } => write_unknown_class(f, class, known),
            Self::PartitionersDiffer { key, value, other } => write_conflict(f, key, value, other),
            Self::BatchLargerThanBuffer {
                batch_size,
                buffer_memory,
            } => write!(
                f,
                "batch.size={batch_size} is more than buffer.memory={buffer_memory}: a full batch \
                 would never fit; lower the one or raise the other"
            ),
        }
    }
}

fn write_not_served(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    value: &str,
    accepted: &[&str],
) -> fmt::Result {
    if value.is_empty() {
        write!(f, "{key} with an empty value is not served: ")?;
    } else {
        write!(f, "{key}={value} is not served: ")?;
    }
    if let Some(instead) = instead(key) {
        write!(f, "{instead}; ")?;
    }
    if accepted.is_empty() {
        return f.write_str("leave the key out");
    }
    f.write_str("leave the key out or use ")?;
    write_list(f, accepted)
}

fn write_conflict(f: &mut fmt::Formatter<'_>, key: &str, value: &str, other: &str) -> fmt::Result {
    write!(
        f,
        "{key}={value} contradicts {other}: both say how records get their partition; leave one of \
         them out"
    )
}

/// Most classes do what no class here can stand for, so the way out is another kind of partitioner.
fn write_unknown_class(f: &mut fmt::Formatter<'_>, class: &str, known: &str) -> fmt::Result {
    write!(
        f,
        "partitioner.class={class} is a Java class, which cannot run here; use {known} or leave the \
         key out; to choose partitions yourself give records their partition, or give the host \
         library a partitioner"
    )
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an entry is empty; write HOST:PORT,HOST:PORT without spare commas",
            Self::NoPort => "the port is missing; write HOST:PORT",
            Self::BadPort => "the port is not a number from 1 to 65535",
            Self::BadHost => {
                "the host is empty or has a character that hosts do not have; write HOST:PORT"
            }
            Self::NoBrackets => "an IPv6 address needs brackets; write [ADDRESS]:PORT",
            Self::NotPlaintext => "only PLAINTEXT is served yet; write HOST:PORT",
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meaningless { key } | Self::HintIgnored { key } => {
                let instead = instead(key).unwrap_or_default();
                write!(f, "{key} is ignored: {instead}")
            }
            Self::NothingToDo { key } => {
                write!(
                    f,
                    "{key} is not served; this value of it asks for what happens anyway"
                )
            }
            Self::IdempotenceOff { key, value } => {
                write!(f, "enable.idempotence is off because of {key}={value}")
            }
            Self::DeliveryTimeoutRaised { to_ms } => write!(
                f,
                "delivery.timeout.ms is raised to {to_ms}, the sum of linger.ms and \
                 request.timeout.ms"
            ),
            Self::MaximumCounts {
                key,
                max_key,
                max_ms,
            } => {
                write!(f, "{key} is above {max_key} and is lowered to {max_ms}")
            }
            Self::OldPartitioner { class, meaning } => write!(
                f,
                "partitioner.class={class} is no longer in Java's producer; it is taken for {meaning}"
            ),
            Self::WithoutEffect {
                key,
                because,
                value,
            } => write!(f, "{key} has no effect because of {because}={value}"),
            Self::ConstantReconnectBackoff { backoff_ms } => write!(
                f,
                "reconnect.backoff.ms={backoff_ms} is constant because reconnect.backoff.max.ms is \
                 not set"
            ),
        }
    }
}

impl fmt::Display for IdempotenceObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acks(acks) => acks.fmt(f),
            Self::Count(count) => count.fmt(f),
        }
    }
}

impl core::error::Error for ConfigError {}
impl core::error::Error for ServerError {}
