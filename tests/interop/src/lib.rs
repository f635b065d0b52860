//! Runs producers against Apache Kafka nodes and judges what the nodes stored.
//!
//! A node is a real one, of a release named by [`jars::Release`], started from Maven's jars. What
//! it stored is read by librdkafka, compared with what was sent, and the batches are dumped by
//! Kafka's own tool. Nothing here uses our codec, which `tests/schemas` compares with Kafka's schemas.
//!
//! The functions panic where the machine fails them (no disk, no answer from a node): their callers
//! are tests. What a producer can do wrong is a value.

pub mod admin;
pub mod archive;
pub mod case;
pub mod class_file;
pub mod cluster;
pub mod committing;
pub mod compare;
pub mod console;
pub mod dump;
pub mod jars;
pub mod java;
pub mod kafka;
pub mod kfake;
pub mod ledger;
pub mod numbered;
pub mod process;
pub mod producer;
pub mod readback;
pub mod records;
pub mod reference;
pub mod report;
pub mod setup;
pub mod topics;
pub mod transactions;
pub mod transactor;
pub mod verdict;
