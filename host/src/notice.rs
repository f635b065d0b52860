//! What is worth a line in a log.

use crate::machine::MachineLost;
use odradek::{ConnectionFailure, FatalError};
use std::fmt;
use tracing::{error, warn};

/// Something worth a line in a log. It is told to the hook of
/// [`Builder::on_notice`](crate::Builder::on_notice), or without one to `tracing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A connection could not be made, or was lost. The producer tries again by itself.
    ConnectionFailed(ConnectionFailure),
    /// The producer has failed for good.
    Failed(FatalError),
    /// The machine is gone; with what is known of it. [`Failed`](Self::Failed) follows.
    MachineLost(MachineLost),
    /// The last handle was dropped without [`Producer::close`](crate::Producer::close). The producer
    /// closes in the background; what it has not sent when the process ends is lost.
    DroppedUnclosed,
}

impl Notice {
    /// Tells whoever listens to `tracing`: what the producer mends by itself as a warning, the rest as
    /// an error.
    pub(crate) fn log(&self) {
        match self {
            Self::ConnectionFailed(_) | Self::DroppedUnclosed => warn!("{self}"),
            Self::Failed(_) | Self::MachineLost(_) => error!("{self}"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionFailed(failure) => {
                // The name may come from a broker: it must not look like lines of its own.
                let host = failure.host.escape_debug();
                write!(f, "connection to {host}:{}", failure.port)?;
                if let Some(address) = failure.address {
                    write!(f, " ({address})")?;
                }
                let after = failure.after.as_millis();
                write!(f, ": {} after {after} ms", failure.reason)
            }
            Self::Failed(error) => write!(f, "the producer has failed for good: {error}"),
            Self::MachineLost(lost) => lost.fmt(f),
            Self::DroppedUnclosed => f.write_str(
                "the producer was dropped without close; it closes in the background, and what it \
                 has not sent when the process ends is lost",
            ),
        }
    }
}
