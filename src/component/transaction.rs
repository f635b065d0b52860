//! Conversions of what belongs to transactions, in both directions.

use super::bindings::exports::odradek::kafka::types;
use super::types::length;
use crate::error::FatalError;
use crate::transaction::{
    GroupMetadata, OffsetToCommit, OperationEnded, OperationError, PreparedTransaction,
    TransactionCall, TransactionError, TransactionFault, TransactionState,
};

/// The member of a group, borrowed.
pub(super) fn group(group: &types::GroupMetadata) -> GroupMetadata<'_> {
    GroupMetadata {
        group_id: &group.group_id,
        generation_id: group.generation_id,
        member_id: &group.member_id,
        group_instance_id: group.group_instance_id.as_deref(),
    }
}

/// Offsets to be committed, borrowed.
pub(super) fn offsets(offsets: &[types::OffsetToCommit]) -> Vec<OffsetToCommit<'_>> {
    let borrowed = offsets.iter().map(|offset| OffsetToCommit {
        topic: &offset.topic,
        partition: offset.partition,
        offset: offset.offset,
        leader_epoch: offset.leader_epoch,
        metadata: offset.metadata.as_deref(),
    });
    borrowed.collect()
}

/// What came of an operation.
pub(super) fn result(
    result: Result<Option<PreparedTransaction>, OperationError>,
) -> Result<Option<types::PreparedTransaction>, types::OperationError> {
    match result {
        Ok(prepared) => Ok(prepared.map(Into::into)),
        Err(error) => Err(error.into()),
    }
}

impl From<OperationEnded> for types::OperationEnded {
    fn from(ended: OperationEnded) -> Self {
        Self {
            operation: ended.operation.0,
            call: ended.call.into(),
            result: result(ended.result),
        }
    }
}

impl From<PreparedTransaction> for types::PreparedTransaction {
    fn from(prepared: PreparedTransaction) -> Self {
        Self {
            producer_id: prepared.producer_id,
            producer_epoch: prepared.producer_epoch,
        }
    }
}

impl From<types::PreparedTransaction> for PreparedTransaction {
    fn from(prepared: types::PreparedTransaction) -> Self {
        Self {
            producer_id: prepared.producer_id,
            producer_epoch: prepared.producer_epoch,
        }
    }
}

impl From<TransactionState> for types::TransactionState {
    fn from(state: TransactionState) -> Self {
        match state {
            TransactionState::Uninitialized => Self::Uninitialized,
            TransactionState::Initializing => Self::Initializing,
            TransactionState::Ready => Self::Ready,
            TransactionState::InTransaction => Self::InTransaction,
            TransactionState::Preparing => Self::Preparing,
            TransactionState::Prepared => Self::Prepared,
            TransactionState::Committing => Self::Committing,
            TransactionState::Aborting => Self::Aborting,
            TransactionState::AbortableError => Self::AbortableError,
            TransactionState::FatalError => Self::FatalError,
        }
    }
}

impl From<TransactionCall> for types::TransactionCall {
    fn from(call: TransactionCall) -> Self {
        match call {
            TransactionCall::Init => Self::Init,
            TransactionCall::Begin => Self::Begin,
            TransactionCall::Send => Self::Send,
            TransactionCall::SendOffsets => Self::SendOffsets,
            TransactionCall::Prepare => Self::Prepare,
            TransactionCall::Complete => Self::Complete,
            TransactionCall::Commit => Self::Commit,
            TransactionCall::Abort => Self::Abort,
        }
    }
}

impl From<TransactionFault> for types::TransactionFault {
    fn from(fault: TransactionFault) -> Self {
        match fault {
            TransactionFault::Record(cause) => Self::Record(cause.into()),
            TransactionFault::Broker(code) => Self::Broker(code.0),
        }
    }
}

impl From<TransactionError> for types::TransactionError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::NotTransactional => Self::NotTransactional,
            TransactionError::NotTwoPhase => Self::NotTwoPhase,
            TransactionError::IllegalState { call, state } => {
                Self::IllegalState(types::IllegalState {
                    call: call.into(),
                    state: state.into(),
                })
            }
            TransactionError::AbortRequired(fault) => Self::AbortRequired(fault.into()),
            TransactionError::InvalidGroup => Self::InvalidGroup,
            TransactionError::InvalidOffset { index } => Self::InvalidOffset(length(index)),
            TransactionError::BufferFull { needed, free } => {
                Self::BufferFull(types::BufferFull { needed, free })
            }
            TransactionError::Closed => Self::Closed,
            TransactionError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<OperationError> for types::OperationError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::TimedOut => Self::TimedOut,
            OperationError::AbortRequired(fault) => Self::AbortRequired(fault.into()),
            OperationError::Refused(code) => Self::Refused(code.0),
            OperationError::Closed => Self::Closed,
            OperationError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<FatalError> for types::FatalError {
    fn from(error: FatalError) -> Self {
        match error {
            FatalError::NotAuthorized(code) => Self::NotAuthorized(code.0),
            FatalError::NoProducerId(code) => Self::NoProducerId(code.0),
            FatalError::Fenced => Self::Fenced,
            FatalError::Transaction(code) => Self::Transaction(code.0),
            FatalError::MachineLost => Self::MachineLost,
        }
    }
}
