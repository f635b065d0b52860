//! Exactly once on real clusters: idempotent and transactional producers through the component, while nodes
//! are killed, stopped and restarted, coordinators move, and proxies between us and the nodes cut
//! connections and swallow responses.
//!
//! What is written is read back by librdkafka and by Kafka's own console consumer. A run takes a minute;
//! `ODRADEK_FULL=1` makes it a million records and more.

mod faults;
mod generation;
mod host;
mod idempotent;
mod judge;
mod pipeline;
mod progress;
mod size;
mod source;
mod subject;
mod takeover;
mod tests;
mod transact;
mod two_phase;
