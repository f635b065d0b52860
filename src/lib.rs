//! Odradek: a Kafka producer that is a pure state machine.

pub mod bulk;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod driver;
pub mod error;
pub mod error_code;
pub mod event;
pub mod failures;
pub mod ids;
pub mod metrics;
pub mod record;
pub mod time;
pub mod transaction;
#[cfg(feature = "wasi")]
pub mod wasi;
pub mod wire;

mod backoff;
mod cluster;
#[cfg(any(feature = "client", feature = "engine"))]
mod component;
mod producer;
mod random;

pub use bulk::{Bulk, BulkError, BulkHeader, BulkOutcome, BulkRecord};
pub use config::Config;
pub use driver::{DisconnectReason, Input, Output, ResolveError, WaitReason};
pub use error::{Cause, FatalError, SendError, TopicError};
pub use error_code::ErrorCode;
pub use event::{ConnectionFailure, DeliveryReport, Event, Outcome, TicketRuns, TopicPartitions};
pub use failures::{FailedAddress, Failures};
pub use ids::{
    BrokerId, ConnectionId, FlushId, OperationId, QueryId, Ticket, TopicHandle, TopicUuid,
};
pub use metrics::{Histogram, Metrics};
pub use producer::{Producer, Step, partition_of_key};
pub use record::{Header, Record};
pub use time::Instant;
pub use transaction::{
    GroupMetadata, OffsetToCommit, OperationEnded, OperationError, PreparedTransaction,
    TransactionCall, TransactionError, TransactionFault, TransactionState,
};
