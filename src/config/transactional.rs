//! The keys of transactions, what they make of a configuration, and the rules between them.

use super::keys::{Key, Service, Values, integer};
use core::time::Duration;

const SOURCE: &str = "KIP-98";

/// `transaction.timeout.ms`.
pub const TRANSACTION_TIMEOUT_MS: Key = integer(
    "transaction.timeout.ms",
    "60000",
    (1, i32::MAX as i64, "ms"),
    (
        "how long a transaction may stay open before the coordinator aborts it; at most \
         transaction.max.timeout.ms of the brokers",
        SOURCE,
    ),
);

/// `transaction.two.phase.commit.enable`.
pub const TWO_PHASE_COMMIT_ENABLE: Key = Key {
    name: "transaction.two.phase.commit.enable",
    default: Some("false"),
    service: Service::Served(Values::Boolean),
    meaning: "whether somebody else decides about prepared transactions, which then never time out; \
              the brokers must allow it",
    source: "KIP-939",
};

/// `transactional.id`.
pub const TRANSACTIONAL_ID: Key = Key {
    name: "transactional.id",
    default: None,
    service: Service::Served(Values::Text),
    meaning: "the name under which transactions go on after a restart; fences older producers of the \
              same name, and asks for idempotence",
    source: SOURCE,
};

/// What makes a producer transactional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transactional {
    /// `transactional.id`, not empty.
    pub id: String,
    /// `transaction.timeout.ms`; with two-phase commit the longest there is, which no coordinator looks
    /// at.
    pub timeout: Duration,
    /// `transaction.two.phase.commit.enable`.
    pub two_phase: bool,
}
