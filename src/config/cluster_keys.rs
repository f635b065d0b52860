//! The definitions of the keys that say how the cluster is followed.

use super::keys::{CLIENT, Key, PRODUCER, Service, Values, integer};

/// `connections.max.idle.ms`.
pub const CONNECTIONS_MAX_IDLE_MS: Key = integer(
    "connections.max.idle.ms",
    "540000",
    (-1, i64::MAX, "ms"),
    (
        "how long a connection is kept on which nothing happens; -1 keeps it for ever",
        CLIENT,
    ),
);

/// `metadata.max.idle.ms`.
pub const METADATA_MAX_IDLE_MS: Key = integer(
    "metadata.max.idle.ms",
    "300000",
    (5000, i64::MAX, "ms"),
    (
        "how long the metadata of a topic is kept up to date without use of it",
        PRODUCER,
    ),
);

/// `metadata.recovery.rebootstrap.trigger.ms`.
pub const METADATA_RECOVERY_REBOOTSTRAP_TRIGGER_MS: Key = integer(
    "metadata.recovery.rebootstrap.trigger.ms",
    "300000",
    (0, i64::MAX, "ms"),
    (
        "how long metadata is asked for in vain before starting again from the bootstrap servers",
        "KIP-1102",
    ),
);

/// `metadata.recovery.strategy`.
pub const METADATA_RECOVERY_STRATEGY: Key = Key {
    name: "metadata.recovery.strategy",
    default: Some("rebootstrap"),
    service: Service::Served(Values::OneOf {
        served: &["rebootstrap", "none"],
        not_served: &[],
    }),
    meaning: "what to do when no known broker answers: start again from the bootstrap servers, or \
              go on with the known ones",
    source: "KIP-899",
};
