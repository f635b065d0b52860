//! The transactional commands.

use super::transaction::Transactions;
use super::{Life, Producer};
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
        keep_prepared: bool,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        let now = self.advance(now);
        self.transactions()?.init(keep_prepared, now)
    }

    /// Opens a transaction. Tells nobody: the first record or offsets do.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn begin_transaction(&mut self, now: Instant) -> Result<(), TransactionError> {
        self.advance(now);
        let level = self.cluster.transaction_version();
        self.transactions()?.begin(level)
    }

    /// Commits offsets of a consumer group with the transaction (KIP-447). May be called several times
    /// in a transaction; the commit waits for what is pending. Of two offsets for a partition the later
    /// counts. The offsets are counted in `buffer.memory` until they are committed.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed. After [`TransactionError::BufferFull`] it is up
    /// to the caller to [ask](Self::want_room) for a word when there is room.
    pub fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit<'_>],
        group: &GroupMetadata<'_>,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        let now = self.advance(now);
        let charge = self.transactions()?.check_offsets(offsets, group)?;
        if !self.memory.try_charge(charge) {
            return Err(TransactionError::BufferFull {
                needed: charge,
                free: self.memory.free(),
            });
        }
        let transactions = self.transactions()?;
        Ok(transactions.send_offsets(offsets, group, charge, now))
    }

    /// Writes everything that the transaction holds and leaves the decision about it to somebody else,
    /// who may outlive this producer (KIP-939).
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn prepare_transaction(&mut self, now: Instant) -> Result<OperationId, TransactionError> {
        let now = self.advance(now);
        let operation = self.transactions()?.prepare(now)?;
        self.accumulator.expedite();
        Ok(operation)
    }

    /// Commits the prepared transaction if it is this one, and aborts it otherwise (KIP-939). The
    /// operation is a commit or an abort; while it is under way, the call joins it.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn complete_transaction(
        &mut self,
        prepared: PreparedTransaction,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        let now = self.advance(now);
        self.transactions()?.complete(prepared, now)
    }

    /// Writes everything that the transaction holds and commits it. Fails if any of its records is not
    /// surely written. While a commit is under way, the call joins it.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn commit_transaction(&mut self, now: Instant) -> Result<OperationId, TransactionError> {
        let now = self.advance(now);
        let operation = self.transactions()?.commit(now)?;
        self.accumulator.expedite();
        Ok(operation)
    }

    /// Drops what was not sent yet and aborts the transaction (KIP-654). While an abort is under way, the
    /// call joins it.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; nothing has changed.
    pub fn abort_transaction(&mut self, now: Instant) -> Result<OperationId, TransactionError> {
        let now = self.advance(now);
        self.transactions()?.abort(now)
    }

    /// How far the producer is with its transactions; `None` without `transactional.id`.
    pub const fn transaction_state(&self) -> Option<TransactionState> {
        match &self.transactions {
            Some(transactions) => Some(transactions.state()),
            None => None,
        }
    }

    /// The transactions, if the producer has any and is open.
    fn transactions(&mut self) -> Result<&mut Transactions, TransactionError> {
        let transactions = self
            .transactions
            .as_mut()
            .ok_or(TransactionError::NotTransactional)?;
        match (self.failure, self.life) {
            (Some(error), _) => Err(TransactionError::Failed(error)),
            (None, Life::Open) => Ok(transactions),
            (None, Life::Closing { .. } | Life::Disconnecting | Life::Closed) => {
                Err(TransactionError::Closed)
            }
        }
    }
}
