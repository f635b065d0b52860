//! What the scenarios ask of a transactional producer, whoever it is.

use crate::numbered::Numbered;
use std::fmt;

/// A transactional producer whose calls block.
pub trait Transactor {
    /// Takes possession of the transactional id.
    ///
    /// # Errors
    ///
    /// [`Trouble`], as of all calls.
    fn init(&mut self) -> Result<(), Trouble>;

    /// Opens a transaction.
    ///
    /// # Errors
    ///
    /// [`Trouble`]
    fn begin(&mut self) -> Result<(), Trouble>;

    /// Hands a record over, whose fate is that of the transaction.
    ///
    /// # Errors
    ///
    /// [`Trouble`]
    fn send(&mut self, topic: &str, record: &Numbered) -> Result<(), Trouble>;

    /// Commits offsets of a group for the partitions of a topic, from 0 on, with the transaction.
    ///
    /// # Errors
    ///
    /// [`Trouble`]
    fn send_offsets(&mut self, group: &str, topic: &str, offsets: &[i64]) -> Result<(), Trouble>;

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// [`Trouble`]
    fn commit(&mut self) -> Result<(), Trouble>;

    /// Aborts the transaction.
    ///
    /// # Errors
    ///
    /// [`Trouble`]
    fn abort(&mut self) -> Result<(), Trouble>;
}

/// Why a call did not succeed, and what is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The same call is to be made again.
    Again(String),
    /// The transaction is to be aborted.
    Abort(String),
    /// The producer can do no more.
    Fatal(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again(why) => write!(f, "again: {why}"),
            Self::Abort(why) => write!(f, "abort: {why}"),
            Self::Fatal(why) => write!(f, "fatal: {why}"),
        }
    }
}

impl std::error::Error for Trouble {}
