//! The transactional commands.

use super::Producer;
use crate::ids::OperationId;
use crate::time::Instant;
use crate::transaction::{
    GroupMetadata, OffsetToCommit, PreparedTransaction, TransactionError, TransactionState,
};

impl Producer {
    /// Asks the coordinator of `transactional.id` for a producer id. Producers before this one with the
    /// same id are fenced, and a transaction that one of them left open is aborted. To be called once,
    /// before the first transaction. With `keep_prepared` a prepared transaction is kept, and has to be
    /// [completed](Self::complete_transaction) (KIP-939).
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn init_transactions(
        &mut self,
        _keep_prepared: bool,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        self.advance(now);
        Err(TransactionError::NotTransactional)
    }

    /// Opens a transaction. Tells nobody: the first record or offsets do.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn begin_transaction(&mut self, now: Instant) -> Result<(), TransactionError> {
        self.advance(now);
        Err(TransactionError::NotTransactional)
    }

    /// Commits offsets of a consumer group with the transaction (KIP-447). May be called several times
    /// in a transaction; the commit waits for what is pending.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn send_offsets(
        &mut self,
        _offsets: &[OffsetToCommit<'_>],
        _group: &GroupMetadata<'_>,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        self.advance(now);
        Err(TransactionError::NotTransactional)
    }

    /// Writes everything that the transaction holds and leaves the decision about it to somebody else,
    /// who may outlive this producer (KIP-939).
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn prepare_transaction(&mut self, now: Instant) -> Result<OperationId, TransactionError> {
        self.advance(now);
        Err(TransactionError::NotTransactional)
    }

    /// Commits the prepared transaction if it is this one, and aborts it otherwise (KIP-939). The
    /// operation is a commit or an abort.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn complete_transaction(
        &mut self,
        _prepared: PreparedTransaction,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        self.advance(now);
        Err(TransactionError::NotTransactional)
    }

    /// Writes everything that the transaction holds and commits it. Fails if any of its records is not
    /// surely written. While a commit is under way, the call joins it.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn commit_transaction(&mut self, now: Instant) -> Result<OperationId, TransactionError> {
        self.advance(now);
        Err(TransactionError::NotTransactional)
    }

    /// Drops what was not sent yet and aborts the transaction (KIP-654). While an abort is under way, the
    /// call joins it.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn abort_transaction(&mut self, now: Instant) -> Result<OperationId, TransactionError> {
        self.advance(now);
        Err(TransactionError::NotTransactional)
    }

    /// How far the producer is with its transactions; `None` without `transactional.id`.
    pub const fn transaction_state(&self) -> Option<TransactionState> {
        None
    }
}
