//! The taxonomy of failure: what a command refuses, what ends a record, what ends the producer.

use crate::error_code::ErrorCode;
use crate::transaction::{
    TransactionCall, TransactionFault, TransactionState, write_abort_required, write_illegal,
};
use core::fmt;

/// Why [`Producer::send`](crate::Producer::send) did not accept a record. The record gets no ticket
/// and stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The buffer is full. The only refusal that asks the caller to wait:
    /// [`Event::BufferAvailable`](crate::Event) follows once.
    BufferFull {
        /// Bytes of `buffer.memory` that the record needs.
        needed: u64,
        /// Bytes of `buffer.memory` that are free.
        free: u64,
    },
    /// The record can never be sent: it is larger than a limit.
    RecordTooLarge {
        /// Its size in bytes as Kafka counts it, batch header included.
        size: u64,
        /// The limit in bytes.
        limit: u64,
        /// The configuration key that sets the limit.
        key: &'static str,
    },
    /// The topic handle did not come from this producer.
    UnknownTopic,
    /// The topic is known and has no such partition.
    UnknownPartition {
        /// The partition asked for.
        partition: i32,
        /// How many partitions the topic has.
        count: i32,
    },
    /// The timestamp is negative.
    InvalidTimestamp {
        /// The timestamp in ms since 1970.
        timestamp: i64,
    },
    /// The producer is transactional and no transaction is open.
    NoTransaction {
        /// Where the producer is.
        state: TransactionState,
    },
    /// The transaction can only be aborted.
    AbortRequired(TransactionFault),
    /// [`Producer::close`](crate::Producer::close) has been called.
    Closed,
    /// The producer has failed for good.
    Failed(FatalError),
}

/// Why a topic name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// Topic names have 1 to 249 characters.
    Length {
        /// How many bytes the name has.
        length: usize,
    },
    /// Topic names consist of letters, digits, `.`, `_` and `-`, and are neither `.` nor `..`.
    Character,
    /// The producer already knows as many topics as it may.
    TooMany {
        /// The limit.
        limit: u32,
    },
}

/// Why the producer as a whole can do no more. Sticky.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FatalError {
    /// The cluster does not let this client write with idempotence
    /// (CLUSTER_AUTHORIZATION_FAILED).
    NotAuthorized(ErrorCode),
    /// The cluster gave no producer id, for a reason that asking again does not change. A code that
    /// is not known here counts as such, as it does for Java's producer.
    NoProducerId(ErrorCode),
    /// Another producer with the same `transactional.id` took over.
    Fenced,
    /// The coordinator of the transactions gave an answer after which nothing can go on.
    Transaction(ErrorCode),
    /// The runtime that held the machine is gone (a trap, or a driver that stopped). Records without a
    /// report are possibly written.
    MachineLost,
}

/// Why a record's outcome is not a plain "written with its offset".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// `acks=0`: nobody answers, so nobody knows.
    AcksZero,
    /// The broker had it already and no longer knows the offset
    /// (DUPLICATE_SEQUENCE_NUMBER).
    Duplicate,
    /// The broker's last answer.
    Broker(ErrorCode),
    /// `delivery.timeout.ms` passed; with the last thing that went wrong before.
    DeliveryTimeout {
        /// The last error a broker answered for the batch, if any; LEADER_NOT_AVAILABLE when it was never
        /// sent because its partition had no leader that could be connected to.
        last: Option<ErrorCode>,
    },
    /// The topic's metadata did not arrive within `max.block.ms`: it does not exist, has no leader,
    /// or no broker answered.
    NoMetadata {
        /// What the cluster last said about the topic; `None` if it said nothing.
        last: Option<ErrorCode>,
    },
    /// The topic turned out to have fewer partitions.
    UnknownPartition {
        /// How many it has.
        count: i32,
    },
    /// The connection was lost and `retries` are used up.
    ConnectionLost,
    /// An earlier attempt may have been written, and the broker can no longer tell.
    InDoubt,
    /// [`Producer::purge`](crate::Producer::purge) dropped it.
    Purged,
    /// It was not sent, because its transaction is aborted or has to be.
    TransactionAborted,
    /// The producer was closed before it could be sent or acknowledged.
    Closed,
    /// The producer failed.
    Failed(FatalError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferFull { needed, free } => write!(
                f,
                "the buffer is full: the record needs {needed} bytes, {free} of buffer.memory are free"
            ),
            Self::RecordTooLarge { size, limit, key } => {
                write!(
                    f,
                    "the record takes {size} bytes, more than the {limit} that {key} allows"
                )
            }
            Self::UnknownTopic => f.write_str("the topic handle belongs to another producer"),
            Self::UnknownPartition { partition, count } => {
                write!(
                    f,
                    "the topic has {count} partitions, so there is no partition {partition}"
                )
            }
            Self::InvalidTimestamp { timestamp } => {
                write!(f, "the timestamp {timestamp} is negative")
            }
            Self::NoTransaction { state } => write_illegal(f, TransactionCall::Send, *state),
            Self::AbortRequired(fault) => write_abort_required(f, *fault),
            Self::Closed => f.write_str("the producer is closed"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { length } => {
                write!(f, "a topic name has 1 to 249 characters, this one has {length}")
            }
            Self::Character => f.write_str(
                "a topic name consists of ASCII letters, digits, '.', '_' and '-', and is not '.' or '..'",
            ),
            Self::TooMany { limit } => {
                write!(f, "the producer already knows {limit} topics, as many as it may")
            }
        }
    }
}

impl fmt::Display for FatalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthorized(code) => {
                write!(
                    f,
                    "the cluster does not allow this client an idempotent producer: {code}"
                )
            }
            Self::NoProducerId(code) => {
                write!(f, "the cluster gave no producer id: {code}")
            }
            Self::Fenced => f.write_str(
                "the producer is fenced: another one with the same transactional.id took over",
            ),
            Self::Transaction(code) => write!(
                f,
                "the producer cannot go on with its transactions: the coordinator answered {code}"
            ),
            Self::MachineLost => f.write_str("the producer's machine is gone"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcksZero => f.write_str("acks=0: no broker answers"),
            Self::Duplicate => {
                f.write_str("the broker had the batch already, its offset is unknown")
            }
            Self::Broker(code) => write!(f, "the broker answered {code}"),
            Self::DeliveryTimeout { last: None } => f.write_str("delivery.timeout.ms passed"),
            Self::DeliveryTimeout { last: Some(code) } => {
                write!(f, "delivery.timeout.ms passed, the last answer was {code}")
            }
            Self::NoMetadata { last: None } => {
                f.write_str("no broker told about the topic within max.block.ms")
            }
            Self::NoMetadata { last: Some(code) } => {
                write!(f, "the topic was not usable within max.block.ms: {code}")
            }
            Self::UnknownPartition { count } => {
                write!(
                    f,
                    "the topic has {count} partitions, the record asked for another one"
                )
            }
            Self::ConnectionLost => f.write_str("the connection was lost and retries are used up"),
            Self::InDoubt => {
                f.write_str("an earlier attempt may have been written and the broker cannot tell")
            }
            Self::Purged => f.write_str("dropped by purge"),
            Self::TransactionAborted => {
                f.write_str("not sent, because its transaction is aborted or has to be")
            }
            Self::Closed => f.write_str("the producer was closed"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SendError {}
impl core::error::Error for TopicError {}
impl core::error::Error for FatalError {}
impl core::error::Error for Cause {}
