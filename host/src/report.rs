//! What became of a record: the report, its cause, and the errors of the producer's handle.

use odradek::{Cause, FatalError, Outcome, Ticket, TopicError, TransactionState};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The number under which the machine accepted the record; `None` if it refused it.
    pub ticket: Option<Ticket>,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition, or `None` for a record that was never given one.
    pub partition: Option<i32>,
    /// The record's offset, where the broker told it.
    pub offset: Option<i64>,
    /// The record's timestamp in ms since 1970: the broker's where the topic uses LogAppendTime,
    /// else the record's own.
    pub timestamp: i64,
    /// Whether the record is in the log.
    pub outcome: Outcome,
    /// Why the outcome is not a plain "written with its offset".
    pub cause: Option<ReportCause>,
    /// What the broker said about it in its own words, at most 1 KiB. Text from outside: for people to
    /// read, and not to be trusted.
    pub message: Option<Arc<str>>,
}

/// Why a record's outcome is not a plain "written with its offset".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportCause {
    /// What happened to the record after the machine accepted it.
    Delivery(Cause),
    /// The machine refused the record for good.
    Refused(odradek::SendError),
    /// The topic's name is none.
    Topic(TopicError),
}

impl Report {
    /// The report, or an error if the record was not delivered. Delivered means written, or possibly
    /// written only because of `acks=0`, where nobody answers.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`], which holds the report.
    pub fn delivered(self) -> Result<Self, DeliveryError> {
        if self.is_delivered() {
            Ok(self)
        } else {
            Err(DeliveryError(Box::new(self)))
        }
    }

    /// Whether [`delivered`](Self::delivered) gives the report rather than an error.
    pub fn is_delivered(&self) -> bool {
        is_delivered(self.outcome, self.cause)
    }
}

/// Whether an outcome is what the application asked for.
pub(crate) fn is_delivered(outcome: Outcome, cause: Option<ReportCause>) -> bool {
    match outcome {
        Outcome::Written => true,
        Outcome::NotWritten => false,
        Outcome::PossiblyWritten => cause == Some(ReportCause::Delivery(Cause::AcksZero)),
    }
}

/// A record that was not delivered, or perhaps not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryError(Box<Report>);

impl DeliveryError {
    /// The record's report.
    pub const fn report(&self) -> &Report {
        &self.0
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.0.outcome {
            Outcome::Written => "written",
            Outcome::NotWritten => "not written",
            Outcome::PossiblyWritten => "possibly written",
        };
        write!(f, "record {outcome} to topic {}", self.0.topic)?;
        if let Some(partition) = self.0.partition {
            write!(f, ", partition {partition}")?;
        }
        if let Some(cause) = self.0.cause {
            write!(f, ": {cause}")?;
        }
        match &self.0.message {
            Some(message) => write!(f, ": {message:?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DeliveryError {}

impl fmt::Display for ReportCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivery(cause) => cause.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::Topic(error) => error.fmt(f),
        }
    }
}

/// Why a record was not taken. It stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// There was no room in the buffer within `max.block.ms`, or not at once for
    /// [`Producer::try_send`](crate::Producer::try_send).
    BufferFull {
        /// How long the call waited for room.
        waited: Duration,
    },
    /// The record is larger than the whole buffer.
    TooLarge {
        /// Its size in bytes: keys, values, headers and what the index takes.
        size: u64,
        /// The bytes that fit.
        limit: u64,
    },
    /// The timestamp is negative.
    InvalidTimestamp {
        /// The timestamp in ms since 1970.
        timestamp: i64,
    },
    /// The partition is negative.
    InvalidPartition {
        /// The partition asked for.
        partition: i32,
    },
    /// The topic's partitions are not known, and the application's partitioner needs them.
    NoPartitions {
        /// Why they did not become known within `max.block.ms`; `None` where there was no time to wait.
        cause: Option<Cause>,
    },
    /// The topic's name is none.
    Topic(TopicError),
    /// The producer is transactional and no transaction is open.
    NoTransaction {
        /// Where the producer is.
        state: TransactionState,
    },
    /// [`Producer::close`](crate::Producer::close) has been called.
    Closed,
    /// The producer has failed for good.
    Failed(FatalError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferFull { waited } if waited.is_zero() => {
                f.write_str("the buffer is full (buffer.memory)")
            }
            Self::BufferFull { waited } => write!(
                f,
                "the buffer (buffer.memory) stayed full for {} ms, as long as max.block.ms allows",
                waited.as_millis()
            ),
            Self::TooLarge { size, limit } => write!(
                f,
                "the record takes {size} bytes, more than the {limit} that buffer.memory allows"
            ),
            Self::InvalidTimestamp { timestamp } => {
                write!(f, "the timestamp {timestamp} is negative")
            }
            Self::InvalidPartition { partition } => {
                write!(f, "the partition {partition} is negative")
            }
            Self::NoPartitions { cause: None } => {
                f.write_str("the topic's partitions are not known yet")
            }
            Self::NoPartitions { cause: Some(cause) } => {
                write!(f, "the topic's partitions are not known: {cause}")
            }
            Self::Topic(error) => error.fmt(f),
            Self::NoTransaction { state } => {
                odradek::SendError::NoTransaction { state: *state }.fmt(f)
            }
            Self::Closed => f.write_str("the producer is closed"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {}
