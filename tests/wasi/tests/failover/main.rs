//! Producers on three nodes of Apache Kafka while leaders move and nodes stop, die and come back.
//!
//! What is reported must be what the brokers stored. Each scenario sends a few thousand records, or
//! 200 000 with `ODRADEK_FULL=1`.

mod client;
mod engine;
mod faults;
mod missing;
mod plan;
mod scenario;
mod tests;
