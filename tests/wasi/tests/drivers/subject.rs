//! What a driver under test can do, so that every case is written once.

use odradek::{Cause, ConnectionFailure, Outcome};
use std::time::Duration;

/// A record to send. Owned, because the suite compares the logs with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) topic: String,
    /// `None` lets the partitioner choose.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A call of a transactional producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transact {
    Init,
    Begin,
    /// Offset of a topic's first partition, for a group.
    Offset {
        group: &'static str,
        topic: &'static str,
        offset: i64,
    },
    Commit,
    Abort,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The record, as [`Subject::send`] numbered it.
    pub(crate) ticket: u64,
    pub(crate) partition: Option<i32>,
    pub(crate) offset: Option<i64>,
    pub(crate) outcome: Outcome,
    pub(crate) cause: Option<Cause>,
}

/// What a driver told since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) reports: Vec<Report>,
    /// Connections that could not be made, or were lost; each attempt is one.
    pub(crate) failures: Vec<ConnectionFailure>,
}

/// A producer with its driver. Every call may go on with what was begun before; none may take much
/// longer than its timeout.
pub(crate) trait Subject {
    /// Hands a record over, waiting for room at most `timeout`; gives its number, which its report
    /// will carry. The first is 0, the others follow.
    ///
    /// Panics when the record is refused or there is no room in time: the cases send nothing that is
    /// to be refused.
    fn send(&mut self, record: &Record, timeout: Duration) -> u64;

    /// Sends and receives until something can be taken, or until `timeout` has passed.
    fn wait(&mut self, timeout: Duration);

    /// What happened since the last call. Never blocks.
    fn take(&mut self) -> Taken;

    /// Sends what was handed over without waiting for company; whether all of it was reported within
    /// `timeout`.
    fn flush(&mut self, timeout: Duration) -> bool;

    /// Asks something that has to do with transactions and waits for the end; whether it succeeded within
    /// `timeout`.
    ///
    /// Panics when it is refused, or ends otherwise: in the cases nothing goes wrong for good.
    fn transact(&mut self, call: &Transact, timeout: Duration) -> bool;

    /// Sends what it can within `timeout` and ends. The reports of all records can be taken soon
    /// afterwards.
    fn close(&mut self, timeout: Duration);
}

/// Opens a producer with these Kafka properties. Panics when they are refused.
pub(crate) type Open = fn(&[(String, String)]) -> Box<dyn Subject>;
