//! The machine under virtual time: the unmodified producer against fake brokers on a fake network.

mod account;
mod broker;
mod faults;
mod idempotence;
mod network;
mod outcomes;
mod partition_log;
mod world;
