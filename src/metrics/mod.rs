//! What the machine counts about itself, and the snapshot of it.
//!
//! Three sets of counters, each owned by the room that counts: [`Sending`] by the sender, [`Outcomes`] by
//! the delivery, [`Traffic`] by the cluster. [`Metrics`] is a copy of all of them at one instant, in
//! integers. Nothing here knows a time window: whoever shows a `-rate` or an `-avg` takes two snapshots
//! and divides differences.
//!
//! Names and meanings are those of Java's producer wherever it counts the same thing
//! ([`Metrics::entries`]).

mod by_topic;
mod entries;
mod histogram;
mod outcomes;
mod sending;
mod snapshot;
mod traffic;

pub use entries::Entry;
pub use histogram::Histogram;
pub use snapshot::{BrokerCounts, BrokerMetrics, Metrics, RecordCounts, TopicMetrics};

pub(crate) use outcomes::Outcomes;
pub(crate) use sending::{HandedOut, Sending};
pub(crate) use traffic::Traffic;
