//! A recorder of calls to a machine, a replayer, and a small cluster to record against.

pub mod cluster;
pub mod coordinator;
pub mod records;
pub mod replay;
pub mod session;
pub mod trace;
