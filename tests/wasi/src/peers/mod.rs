//! Peers on the loopback interface: an honest cluster behind proxies that misbehave on order.

mod cluster;
mod conduct;
mod flow;
mod port;
mod proxy;

pub use cluster::{Cluster, LogRecord, Place};
pub use conduct::{Conduct, Fault, FaultKind, Flow, Pace, Spoil};
pub use port::{FullBacklog, SilentPort};
pub use proxy::{Counts, Proxy};
