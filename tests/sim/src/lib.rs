//! The producer in a simulated world: a fake cluster, a seeded network and clock, an independent checker.
//!
//! Nothing here shares code with the core: what it wrote is decoded by the `kafka-protocol` crate and by other
//! codecs, and judged by rules that are themselves checked against Apache Kafka.

pub mod checker;
pub mod cluster;
pub mod conversations;
pub mod world;
