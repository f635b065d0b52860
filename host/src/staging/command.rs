//! What the application asks of the driver, beside records.

use crate::machine::TransactionCommand;
use crate::metrics::Metrics;
use crate::transaction::TransactionError;
use odradek::{PreparedTransaction, TransactionState};
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What the application asks of the driver, beside records.
#[derive(Debug)]
pub(crate) struct Command {
    /// How many records had been staged before, since the beginning.
    pub(crate) after: u64,
    pub(crate) kind: CommandKind,
}

/// The kinds of [`Command`]. One that has a sender ends with a message, or with the sender dropped.
#[derive(Debug)]
pub(crate) enum CommandKind {
    Flush(oneshot::Sender<()>),
    Purge(oneshot::Sender<()>),
    Close {
        timeout: Duration,
        done: oneshot::Sender<()>,
    },
    /// Asks the machine for the partitions of the topic with this number. Its answer comes by another
    /// way.
    Watch(u32),
    /// Asks something that has to do with transactions.
    Transact(Transact),
    /// Asks how far the transactions are.
    TransactionState(oneshot::Sender<Option<TransactionState>>),
    /// Asks for a snapshot of what the machine counts.
    Metrics(oneshot::Sender<Metrics>),
    /// Wakes behind all who are about to be woken.
    Wake(Waker),
}

impl CommandKind {
    /// Whether it aborts a transaction.
    pub(crate) const fn is_abort(&self) -> bool {
        matches!(
            self,
            Self::Transact(Transact {
                command: TransactionCommand::Abort,
                ..
            })
        )
    }

    /// Who is to be woken where nobody carries the command out any more.
    pub(crate) fn into_waker(self) -> Option<Waker> {
        match self {
            Self::Wake(waker) => Some(waker),
            Self::Flush(_)
            | Self::Purge(_)
            | Self::Close { .. }
            | Self::Watch(_)
            | Self::Transact(_)
            | Self::TransactionState(_)
            | Self::Metrics(_) => None,
        }
    }
}

/// A command of a transactional producer.
#[derive(Debug)]
pub(crate) struct Transact {
    pub(crate) command: TransactionCommand,
    /// Until when the caller waits for the machine to hear of it.
    pub(crate) deadline: Instant,
    /// Whom to tell the end; `None` once told.
    pub(crate) done: Option<oneshot::Sender<TransactionResult>>,
}

/// What a transactional call gives.
pub(crate) type TransactionResult = Result<Option<PreparedTransaction>, TransactionError>;

impl Transact {
    /// How far the producer will be once this is carried out, if no record can follow it.
    pub(super) const fn shuts(&self) -> Option<TransactionState> {
        match self.command {
            TransactionCommand::Prepare => Some(TransactionState::Preparing),
            TransactionCommand::Commit => Some(TransactionState::Committing),
            TransactionCommand::Abort => Some(TransactionState::Aborting),
            TransactionCommand::Init { .. }
            | TransactionCommand::Begin
            | TransactionCommand::SendOffsets(_)
            | TransactionCommand::Complete(_) => None,
        }
    }

    /// Whether the records that were staged before have to reach the machine first.
    pub(crate) const fn is_behind_records(&self) -> bool {
        matches!(
            self.command,
            TransactionCommand::Prepare | TransactionCommand::Commit
        )
    }
}
