//! What the application asks of the driver, beside records.

use crate::metrics::Metrics;
use std::task::Waker;
use std::time::Duration;
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
    /// Asks for a snapshot of what the machine counts.
    Metrics(oneshot::Sender<Metrics>),
    /// Wakes behind all who are about to be woken.
    Wake(Waker),
}

impl CommandKind {
    /// Who is to be woken where nobody carries the command out any more.
    pub(crate) fn into_waker(self) -> Option<Waker> {
        match self {
            Self::Wake(waker) => Some(waker),
            Self::Flush(_)
            | Self::Purge(_)
            | Self::Close { .. }
            | Self::Watch(_)
            | Self::Metrics(_) => None,
        }
    }
}
