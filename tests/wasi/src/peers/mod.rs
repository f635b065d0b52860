//! Peers on the loopback interface: an honest cluster behind proxies that misbehave on order, and proxies
//! that misbehave at random in front of a real one.

mod cluster;
mod conduct;
mod cutter;
mod flow;
mod port;
mod proxy;

pub use cluster::{Cluster, LogRecord, Place};
pub use conduct::{Conduct, Fault, FaultKind, Flow, Pace, Spoil};
pub use cutter::{Cuts, Cutter};
pub use port::{FullBacklog, SilentPort};
pub use proxy::{Counts, Proxy};
