//! How records get their partition: the keys that say so, Java's and librdkafka's, and what they come
//! to together.

use super::error::{ConfigError, Note};
use super::keys::{Key, Service, Values};

/// How a record that names no partition gets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// By the hash of its key. Records whose key does not count are spread as for
    /// [`Sticky`](Self::Sticky).
    Keys {
        /// The hash.
        hash: KeyHash,
        /// Records without a key are spread; otherwise they are hashed as if their key were empty.
        spreads_null: bool,
        /// Records with an empty key are spread; otherwise it is hashed as any other.
        spreads_empty: bool,
    },
    /// Whatever its key: to one partition until a batch is full, then to another one (KIP-794).
    Sticky,
    /// Whatever its key: to the partitions in turn.
    RoundRobin,
}

/// The hash of a key. Each is used by some client, and moving to another one moves keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHash {
    /// Java's.
    Murmur2,
    /// librdkafka's `consistent`, and its default `consistent_random`.
    Crc32,
    /// Sarama's.
    Fnv1a,
}

/// What Java's built-in partitioner does.
pub(super) const JAVA: Partitioning = Partitioning::Keys {
    hash: KeyHash::Murmur2,
    spreads_null: true,
    spreads_empty: false,
};

/// Java's class names, of which the last two are gone since 4.0.
const ROUND_ROBIN: &str = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
const OLD_DEFAULT: &str = "org.apache.kafka.clients.producer.internals.DefaultPartitioner";
const OLD_STICKY: &str = "org.apache.kafka.clients.producer.UniformStickyPartitioner";

const KIP_794: &str = "KIP-794";

/// `partitioner`.
pub const PARTITIONER: Key = Key {
    name: "partitioner",
    default: Some("murmur2_random"),
    service: Service::Served(Values::OneOf {
        served: &[
            "murmur2_random",
            "murmur2",
            "consistent_random",
            "consistent",
            "fnv1a_random",
            "fnv1a",
            "random",
        ],
        not_served: &[],
    }),
    meaning: "the hash of keys: murmur2 as Java, CRC-32 (consistent) as librdkafka by default, FNV-1a \
              as Sarama; with _random records without a key (consistent_random: or with an empty one) \
              are spread evenly, batch by batch, otherwise hashed as an empty key; random spreads all",
    source: "librdkafka, with another default",
};

/// `partitioner.adaptive.partitioning.enable`.
pub const ADAPTIVE_PARTITIONING_ENABLE: Key = Key {
    name: "partitioner.adaptive.partitioning.enable",
    default: Some("true"),
    service: Service::Served(Values::Boolean),
    meaning: "whether records without a key go less often where more batches wait",
    source: KIP_794,
};

/// `partitioner.availability.timeout.ms`.
pub const AVAILABILITY_TIMEOUT_MS: Key = Key {
    name: "partitioner.availability.timeout.ms",
    default: Some("0"),
    service: Service::Served(Values::Integer {
        min: 0,
        max: i64::MAX,
        unit: "ms",
    }),
    meaning: "how long a broker may take nothing before records without a key avoid it; 0 is for ever",
    source: KIP_794,
};

/// `partitioner.class`.
pub const PARTITIONER_CLASS: Key = Key {
    name: "partitioner.class",
    default: None,
    service: Service::Served(Values::OneOf {
        served: &["", ROUND_ROBIN, OLD_DEFAULT, OLD_STICKY],
        not_served: &[],
    }),
    meaning: "Java's name of a partitioner: its round robin, or those that it had before 4.0",
    source: "Java ProducerConfig",
};

/// `partitioner.ignore.keys`.
pub const IGNORE_KEYS: Key = Key {
    name: "partitioner.ignore.keys",
    default: Some("false"),
    service: Service::Served(Values::Boolean),
    meaning: "whether records with a key are spread as those without one",
    source: KIP_794,
};

/// What the three keys come to. `partitioner` is one of the table's words if it was given, `class` is as
/// given.
pub(super) fn resolve(
    partitioner: Option<&str>,
    class: Option<&str>,
    ignores_keys: bool,
) -> Result<(Partitioning, Option<Note>), ConfigError> {
    let class = class.filter(|class| !class.is_empty());
    let by_name = partitioner.map(named);
    let (by_class, note) = class.map(of_class).transpose()?.unzip();
    if let (Some(one), Some(other)) = (by_name, by_class)
        && one != other
    {
        let (partitioner, class) = (partitioner.unwrap_or_default(), class.unwrap_or_default());
        return Err(conflict(
            &PARTITIONER,
            partitioner,
            &PARTITIONER_CLASS,
            class,
        ));
    }
    let chosen = by_class.or(by_name);
    if ignores_keys && matches!(chosen, Some(Partitioning::Keys { .. })) {
        let (key, value) = match (class, partitioner) {
            (Some(class), _) => (&PARTITIONER_CLASS, class),
            (None, partitioner) => (&PARTITIONER, partitioner.unwrap_or_default()),
        };
        return Err(conflict(&IGNORE_KEYS, "true", key, value));
    }
    let default = if ignores_keys {
        Partitioning::Sticky
    } else {
        JAVA
    };
    Ok((chosen.unwrap_or(default), note.flatten()))
}

fn conflict(key: &Key, value: &str, other: &Key, other_value: &str) -> ConfigError {
    ConfigError::PartitionersDiffer {
        key: key.name,
        value: value.to_owned(),
        other: format!("{}={other_value}", other.name),
    }
}

/// What librdkafka does under a name.
fn named(name: &str) -> Partitioning {
    let (hash, is_spread) = match name {
        "random" => return Partitioning::Sticky,
        "consistent" => (KeyHash::Crc32, false),
        "consistent_random" => (KeyHash::Crc32, true),
        "fnv1a" => (KeyHash::Fnv1a, false),
        "fnv1a_random" => (KeyHash::Fnv1a, true),
        "murmur2" => (KeyHash::Murmur2, false),
        _ => (KeyHash::Murmur2, true),
    };
    Partitioning::Keys {
        hash,
        spreads_null: is_spread,
        spreads_empty: is_spread && hash == KeyHash::Crc32,
    }
}

/// What Java does with a class, and what is to be said about that.
fn of_class(class: &str) -> Result<(Partitioning, Option<Note>), ConfigError> {
    let old = |class, meaning| Some(Note::OldPartitioner { class, meaning });
    match class {
        ROUND_ROBIN => Ok((Partitioning::RoundRobin, None)),
        OLD_DEFAULT => Ok((JAVA, old(OLD_DEFAULT, "leaving partitioner.class out"))),
        OLD_STICKY => {
            let note = old(OLD_STICKY, "partitioner.ignore.keys=true");
            Ok((Partitioning::Sticky, note))
        }
        _ => Err(ConfigError::PartitionerClass {
            class: class.to_owned(),
            known: ROUND_ROBIN,
        }),
    }
}
