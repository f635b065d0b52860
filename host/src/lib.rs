//! The host of an Odradek producer: sockets, timers and names around the machine.
//!
//! ```no_run
//! use odradek_host::{Producer, Record};
//! use std::time::Duration;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let producer = Producer::builder().set("bootstrap.servers", "localhost:9092").build()?;
//! let record = Record::to("orders").key("42").value("3 spools").header("source", "till 7");
//! let delivery = producer.send(&record).await?;
//! let report = delivery.await.delivered()?;
//! println!("{} {:?} at offset {:?}", report.topic, report.partition, report.offset);
//! producer.close(Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Producer`] stands before one driver, which owns one machine: the producer's core, as a
//! component in wasmtime or natively ([`Backend`]). Tasks stage records side by side in flat form; the
//! driver hands them to the machine in few calls, carries out what it asks for on tokio's sockets and
//! timers, and gives each delivery its report.

mod batch;
mod blocking;
mod builder;
mod callback;
mod choosing;
#[cfg(feature = "cli")]
mod components;
mod deliveries;
mod driver;
pub mod machine;
mod metrics;
mod notice;
mod partitioner;
mod partitions;
mod pending;
mod producer;
mod record;
pub mod recording;
mod report;
mod shared;
#[cfg(feature = "cli")]
pub mod sink;
mod sockets;
mod staging;
mod stats;
mod topics;
mod transaction;
mod transactions;
mod window;

pub use batch::{BatchDelivery, BatchReport};
pub use blocking::block_on;
pub use builder::{BuildError, Builder};
#[cfg(feature = "cli")]
pub use components::{CLIENT_COMPONENT, COMMAND_COMPONENT};
pub use deliveries::Delivery;
pub use machine::{Backend, ComponentInfo, ENGINE_COMPONENT};
pub use metrics::{Metric, Metrics};
pub use notice::Notice;
pub use odradek::{
    Cause, FailedAddress, FatalError, GroupMetadata, Header, OffsetToCommit, Outcome,
    PreparedTransaction, Ticket, TransactionCall, TransactionFault, TransactionState,
};
pub use partitioner::Partitioner;
pub use partitions::Partitions;
pub use producer::Producer;
pub use record::Record;
pub use report::{DeliveryError, Report, ReportCause, SendError};
pub use stats::Stats;
pub use transaction::TransactionError;
