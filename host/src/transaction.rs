//! The errors of transactions, as an application tells them apart.

use crate::report::ReportCause;
use odradek::{
    ErrorCode, FatalError, OperationError, TransactionCall, TransactionFault, TransactionState,
};
use std::fmt;
use std::sync::Arc;

/// Why a transactional call did not succeed.
///
/// What an application does about it: where [`is_abort_required`](Self::is_abort_required), it aborts, and
/// may begin the transaction anew; where [`is_retriable`](Self::is_retriable), it makes the same call again;
/// where [`is_fatal`](Self::is_fatal), it closes the producer. Everything else is a mistake of the caller's,
/// and has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionError {
    /// `transactional.id` is not set.
    NotTransactional,
    /// `transaction.two.phase.commit.enable` is not set.
    NotTwoPhase,
    /// The call is not legal in this state.
    IllegalState {
        /// What was called.
        call: TransactionCall,
        /// Where the producer is.
        state: TransactionState,
    },
    /// The consumer group has no id, or a text of it has more than 32767 bytes.
    InvalidGroup,
    /// An offset is negative, or its topic, partition or text can be none.
    InvalidOffset {
        /// Which of the offsets, counted from 0.
        index: usize,
    },
    /// The offsets did not fit into what was free of `buffer.memory` within `max.block.ms`, or never will.
    BufferFull {
        /// Bytes of `buffer.memory` that they need.
        needed: u64,
        /// Bytes of `buffer.memory` that are free.
        free: u64,
    },
    /// `max.block.ms` passed. The producer goes on with it; the same call again joins it and waits for as
    /// long once more. The opposite call stays illegal: nobody knows how far the coordinator came.
    TimedOut,
    /// The cluster does not allow it at present:
    /// [`init_transactions`](crate::Producer::init_transactions) may be called again.
    Refused(ErrorCode),
    /// The transaction can only be aborted.
    AbortRequired(TransactionFault),
    /// The transaction can only be aborted: a record that [`send`](crate::Producer::send) had taken for it
    /// was refused afterwards, for instance because it is larger than a request may be. The record's report
    /// says so, too.
    RecordRefused(ReportCause),
    /// [`Producer::close`](crate::Producer::close) has been called.
    Closed,
    /// The producer has failed for good.
    Failed {
        /// Why.
        error: FatalError,
        /// `transactional.id`.
        transactional_id: Arc<str>,
    },
}

impl TransactionError {
    /// Whether the transaction is lost and the producer is not: only
    /// [`abort_transaction`](crate::Producer::abort_transaction) is legal, after that another transaction.
    /// What Java's producer throws a `TransactionAbortableException` for.
    #[must_use]
    pub const fn is_abort_required(&self) -> bool {
        matches!(self, Self::AbortRequired(_) | Self::RecordRefused(_))
    }

    /// Whether the same call, made again, may succeed.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(
            self,
            Self::TimedOut | Self::Refused(_) | Self::BufferFull { .. }
        )
    }

    /// Whether this producer can do no more.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Closed | Self::Failed { .. })
    }

    /// Whether an application that begins from scratch goes on: with a new producer where this one
    /// [failed](Self::is_fatal), and in any case with a consumer that has joined its group anew. What Java
    /// calls an `ApplicationRecoverableException` (KIP-1050).
    #[must_use]
    pub fn is_application_recoverable(&self) -> bool {
        match self {
            Self::AbortRequired(TransactionFault::Broker(code)) => is_restart(*code),
            Self::Failed { error, .. } => match error {
                FatalError::Fenced | FatalError::MachineLost => true,
                FatalError::Transaction(code) => is_restart(*code),
                FatalError::NotAuthorized(_) | FatalError::NoProducerId(_) => false,
            },
            Self::NotTransactional
            | Self::NotTwoPhase
            | Self::IllegalState { .. }
            | Self::InvalidGroup
            | Self::InvalidOffset { .. }
            | Self::BufferFull { .. }
            | Self::TimedOut
            | Self::Refused(_)
            | Self::AbortRequired(TransactionFault::Record(_))
            | Self::RecordRefused(_)
            | Self::Closed => false,
        }
    }

    /// What the machine refused a command with. `id` is `transactional.id`.
    pub(crate) fn of_command(error: odradek::TransactionError, id: &Arc<str>) -> Self {
        use odradek::TransactionError as Core;
        match error {
            Core::NotTransactional => Self::NotTransactional,
            Core::NotTwoPhase => Self::NotTwoPhase,
            Core::IllegalState { call, state } => Self::IllegalState { call, state },
            Core::AbortRequired(fault) => Self::AbortRequired(fault),
            Core::InvalidGroup => Self::InvalidGroup,
            Core::InvalidOffset { index } => Self::InvalidOffset { index },
            Core::BufferFull { needed, free } => Self::BufferFull { needed, free },
            Core::Closed => Self::Closed,
            Core::Failed(error) => Self::failed(error, id),
        }
    }

    /// What an operation ended with.
    pub(crate) fn of_operation(error: OperationError, id: &Arc<str>) -> Self {
        match error {
            OperationError::TimedOut => Self::TimedOut,
            OperationError::AbortRequired(fault) => Self::AbortRequired(fault),
            OperationError::Refused(code) => Self::Refused(code),
            OperationError::Closed => Self::Closed,
            OperationError::Failed(error) => Self::failed(error, id),
        }
    }

    /// The producer has failed.
    pub(crate) fn failed(error: FatalError, id: &Arc<str>) -> Self {
        Self::Failed {
            error,
            transactional_id: Arc::clone(id),
        }
    }
}

/// The codes whose exceptions in Java are application-recoverable.
const fn is_restart(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ILLEGAL_GENERATION
            | ErrorCode::UNKNOWN_MEMBER_ID
            | ErrorCode::STALE_MEMBER_EPOCH
            | ErrorCode::FENCED_INSTANCE_ID
            | ErrorCode::INVALID_PRODUCER_EPOCH
            | ErrorCode::INVALID_PRODUCER_ID_MAPPING
            | ErrorCode::PRODUCER_FENCED
    )
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use odradek::TransactionError as Core;
        match self {
            Self::NotTransactional => Core::NotTransactional.fmt(f),
            Self::NotTwoPhase => Core::NotTwoPhase.fmt(f),
            Self::IllegalState { call, state } => Core::IllegalState {
                call: *call,
                state: *state,
            }
            .fmt(f),
            Self::InvalidGroup => Core::InvalidGroup.fmt(f),
            Self::InvalidOffset { index } => Core::InvalidOffset { index: *index }.fmt(f),
            Self::BufferFull { needed, free } => Core::BufferFull {
                needed: *needed,
                free: *free,
            }
            .fmt(f),
            Self::TimedOut => OperationError::TimedOut.fmt(f),
            Self::Refused(code) => OperationError::Refused(*code).fmt(f),
            Self::AbortRequired(fault) => Core::AbortRequired(*fault).fmt(f),
            Self::RecordRefused(cause) => {
                write!(
                    f,
                    "the transaction has to be aborted: a record of it was refused: {cause}"
                )
            }
            Self::Closed => Core::Closed.fmt(f),
            Self::Failed {
                error,
                transactional_id,
            } => {
                write!(f, "{error} (transactional.id={transactional_id})")
            }
        }
    }
}

impl std::error::Error for TransactionError {}
