//! Conversions of what belongs to transactions, in both directions.

use super::bindings::exports::odradek::kafka::types;
use super::command::{GroupOffset, GroupOffsets};
use super::convert::same_names;
use odradek::{
    ErrorCode, FatalError, OperationEnded, OperationError, OperationId, PreparedTransaction,
    TransactionCall, TransactionError, TransactionFault, TransactionState,
};

/// The member of a group, in the component's types.
pub(super) fn lower_group(group: &GroupOffsets) -> types::GroupMetadata {
    types::GroupMetadata {
        group_id: group.group_id.clone(),
        generation_id: group.generation_id,
        member_id: group.member_id.clone(),
        group_instance_id: group.group_instance_id.clone(),
    }
}

/// Offsets to be committed, in the component's types.
pub(super) fn lower_offsets(offsets: &[GroupOffset]) -> Vec<types::OffsetToCommit> {
    let lowered = offsets.iter().map(|offset| types::OffsetToCommit {
        topic: offset.topic.clone(),
        partition: offset.partition,
        offset: offset.offset,
        leader_epoch: offset.leader_epoch,
        metadata: offset.metadata.clone(),
    });
    lowered.collect()
}

impl From<types::OperationEnded> for OperationEnded {
    fn from(ended: types::OperationEnded) -> Self {
        Self {
            operation: OperationId(ended.operation),
            call: ended.call.into(),
            result: match ended.result {
                Ok(prepared) => Ok(prepared.map(Into::into)),
                Err(error) => Err(error.into()),
            },
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

impl From<PreparedTransaction> for types::PreparedTransaction {
    fn from(prepared: PreparedTransaction) -> Self {
        Self {
            producer_id: prepared.producer_id,
            producer_epoch: prepared.producer_epoch,
        }
    }
}

impl From<types::TransactionFault> for TransactionFault {
    fn from(fault: types::TransactionFault) -> Self {
        match fault {
            types::TransactionFault::Record(cause) => Self::Record(cause.into()),
            types::TransactionFault::Broker(code) => Self::Broker(ErrorCode(code)),
        }
    }
}

impl From<types::TransactionError> for TransactionError {
    fn from(error: types::TransactionError) -> Self {
        match error {
            types::TransactionError::NotTransactional => Self::NotTransactional,
            types::TransactionError::NotTwoPhase => Self::NotTwoPhase,
            types::TransactionError::IllegalState(illegal) => Self::IllegalState {
                call: illegal.call.into(),
                state: illegal.state.into(),
            },
            types::TransactionError::AbortRequired(fault) => Self::AbortRequired(fault.into()),
            types::TransactionError::InvalidGroup => Self::InvalidGroup,
            types::TransactionError::InvalidOffset(index) => Self::InvalidOffset {
                index: index as usize,
            },
            types::TransactionError::BufferFull(full) => Self::BufferFull {
                needed: full.needed,
                free: full.free,
            },
            types::TransactionError::Closed => Self::Closed,
            types::TransactionError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<types::OperationError> for OperationError {
    fn from(error: types::OperationError) -> Self {
        match error {
            types::OperationError::TimedOut => Self::TimedOut,
            types::OperationError::AbortRequired(fault) => Self::AbortRequired(fault.into()),
            types::OperationError::Refused(code) => Self::Refused(ErrorCode(code)),
            types::OperationError::Closed => Self::Closed,
            types::OperationError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<types::FatalError> for FatalError {
    fn from(error: types::FatalError) -> Self {
        match error {
            types::FatalError::NotAuthorized(code) => Self::NotAuthorized(ErrorCode(code)),
            types::FatalError::NoProducerId(code) => Self::NoProducerId(ErrorCode(code)),
            types::FatalError::Fenced => Self::Fenced,
            types::FatalError::Transaction(code) => Self::Transaction(ErrorCode(code)),
            types::FatalError::MachineLost => Self::MachineLost,
        }
    }
}

same_names!(
    TransactionState, types::TransactionState:
    Uninitialized, Initializing, Ready, InTransaction, Preparing, Prepared, Committing, Aborting,
    AbortableError, FatalError,
);
same_names!(
    TransactionCall, types::TransactionCall:
    Init, Begin, Send, SendOffsets, Prepare, Complete, Commit, Abort,
);
