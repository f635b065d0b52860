//! The machine under virtual time: the unmodified producer against fake brokers on a fake network.

mod account;
mod batching;
mod broker;
mod closing;
mod connections;
mod determinism;
mod faults;
mod hostile;
mod hostility;
mod idempotence;
mod memory;
mod metadata;
mod metric_names;
mod metric_sums;
mod metrics;
mod network;
mod outcomes;
mod partition_log;
mod partitioning;
mod running;
mod storms;
mod trace;
mod versions;
mod watch;
mod world;
