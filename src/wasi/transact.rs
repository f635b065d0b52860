//! Transactions: the commands, and waiting for the end of what they begin.

use super::clock;
use super::driver::Driver;
use crate::ids::OperationId;
use crate::time::Instant;
use crate::transaction::{
    GroupMetadata, OffsetToCommit, OperationEnded, OperationError, PreparedTransaction,
    TransactionError, TransactionState,
};

/// The operation that a call waits for, and how it ended.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    operation: Option<OperationId>,
    result: Option<OperationResult>,
}

/// What came of an operation.
type OperationResult = Result<Option<PreparedTransaction>, OperationError>;

impl Awaited {
    /// Notes the end of an operation if it is the one that is waited for.
    pub(super) fn hear(&mut self, ended: &OperationEnded) {
        if self.operation == Some(ended.operation) {
            self.result = Some(ended.result);
        }
    }
}

/// The commands. None blocks; what they begin ends with
/// [`Event::OperationEnded`](crate::Event::OperationEnded).
impl Driver {
    /// Asks the coordinator of `transactional.id` for a producer id.
    ///
    /// # Errors
    ///
    /// As [`Producer::init_transactions`](crate::Producer::init_transactions).
    pub fn init_transactions(
        &mut self,
        keep_prepared: bool,
    ) -> Result<OperationId, TransactionError> {
        self.step.more = true;
        self.producer.init_transactions(keep_prepared, clock::now())
    }

    /// Opens a transaction.
    ///
    /// # Errors
    ///
    /// As [`Producer::begin_transaction`](crate::Producer::begin_transaction).
    pub fn begin_transaction(&mut self) -> Result<(), TransactionError> {
        self.step.more = true;
        self.producer.begin_transaction(clock::now())
    }

    /// Commits offsets of a consumer group with the transaction. Where the buffer is full,
    /// [`Event::BufferAvailable`](crate::Event::BufferAvailable) follows once, as after a refused record.
    ///
    /// # Errors
    ///
    /// As [`Producer::send_offsets`](crate::Producer::send_offsets).
    pub fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit<'_>],
        group: &GroupMetadata<'_>,
    ) -> Result<OperationId, TransactionError> {
        self.step.more = true;
        let begun = self.producer.send_offsets(offsets, group, clock::now());
        if let Err(TransactionError::BufferFull { needed, .. }) = begun {
            self.producer.want_room(needed);
        }
        begun
    }

    /// Writes everything that the transaction holds and leaves the decision about it to somebody else.
    ///
    /// # Errors
    ///
    /// As [`Producer::prepare_transaction`](crate::Producer::prepare_transaction).
    pub fn prepare_transaction(&mut self) -> Result<OperationId, TransactionError> {
        self.step.more = true;
        self.producer.prepare_transaction(clock::now())
    }

    /// Commits the prepared transaction if it is this one, and aborts it otherwise.
    ///
    /// # Errors
    ///
    /// As [`Producer::complete_transaction`](crate::Producer::complete_transaction).
    pub fn complete_transaction(
        &mut self,
        prepared: PreparedTransaction,
    ) -> Result<OperationId, TransactionError> {
        self.step.more = true;
        self.producer.complete_transaction(prepared, clock::now())
    }

    /// Writes everything that the transaction holds and commits it.
    ///
    /// # Errors
    ///
    /// As [`Producer::commit_transaction`](crate::Producer::commit_transaction).
    pub fn commit_transaction(&mut self) -> Result<OperationId, TransactionError> {
        self.step.more = true;
        self.producer.commit_transaction(clock::now())
    }

    /// Drops what was not sent yet and aborts the transaction.
    ///
    /// # Errors
    ///
    /// As [`Producer::abort_transaction`](crate::Producer::abort_transaction).
    pub fn abort_transaction(&mut self) -> Result<OperationId, TransactionError> {
        self.step.more = true;
        self.producer.abort_transaction(clock::now())
    }

    /// How far the producer is with its transactions; `None` without `transactional.id`.
    pub fn transaction_state(&self) -> Option<TransactionState> {
        self.producer.transaction_state()
    }

    /// Sends and receives until an operation that was just begun or joined has ended, or until
    /// `deadline`; says how it ended. The event still waits to be taken.
    pub fn run_operation(
        &mut self,
        operation: OperationId,
        deadline: Instant,
    ) -> Option<OperationResult> {
        self.awaited = Awaited {
            operation: Some(operation),
            result: None,
        };
        self.run_until(deadline, |driver| driver.awaited.result.is_some());
        core::mem::take(&mut self.awaited).result
    }
}
