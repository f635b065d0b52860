//! Transactions, as an application makes them.

use crate::machine::{GroupOffsets, TransactionCommand};
use crate::producer::Producer;
use crate::report::SendError;
use crate::staging::{CommandKind, Transact, TransactionResult};
use crate::transaction::TransactionError;
use odradek::{FatalError, GroupMetadata, OffsetToCommit, PreparedTransaction, TransactionState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Longer than any process runs: what a `max.block.ms` becomes that cannot be represented.
const AGES: Duration = Duration::from_secs(86400 * 365 * 30);

/// Transactions, for a producer with `transactional.id` (KIP-98).
///
/// Records that were handed over between the end of [`begin_transaction`](Self::begin_transaction) and a call of
/// [`commit_transaction`](Self::commit_transaction) belong to the transaction, whether or not their deliveries
/// were awaited; outside of a transaction they are refused. A commit succeeds only if every one of them is
/// written. A call waits for at most `max.block.ms`; dropping its future takes nothing back, and the same call
/// again joins what is under way.
impl Producer {
    /// Takes possession of `transactional.id`: producers before this one with the same id are fenced, and a
    /// transaction that one of them left open is aborted. To be called once, before the first transaction.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]
    pub async fn init_transactions(&self) -> Result<(), TransactionError> {
        let keep_prepared = false;
        self.transact(TransactionCommand::Init { keep_prepared })
            .await
            .map(drop)
    }

    /// Like [`init_transactions`](Self::init_transactions), but keeps a transaction that was prepared, and gives
    /// its name: it has to be [completed](Self::complete_transaction) (KIP-939).
    ///
    /// # Errors
    ///
    /// [`TransactionError`]
    pub async fn init_transactions_keeping_prepared(
        &self,
    ) -> Result<Option<PreparedTransaction>, TransactionError> {
        let keep_prepared = true;
        self.transact(TransactionCommand::Init { keep_prepared })
            .await
    }

    /// Opens a transaction, to which all records and offsets from now on belong.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]
    pub async fn begin_transaction(&self) -> Result<(), TransactionError> {
        self.transact(TransactionCommand::Begin).await.map(drop)
    }

    /// Commits offsets of a consumer group with the transaction (KIP-447): the next ones to be consumed. May be
    /// called several times in a transaction. Where `buffer.memory` is full, the call waits for room.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]. [`TransactionError::BufferFull`] if there was no room within `max.block.ms`, or if
    /// the offsets need more than all of `buffer.memory`: the transaction is open as before, without them.
    pub async fn send_offsets(
        &self,
        offsets: &[OffsetToCommit<'_>],
        group: &GroupMetadata<'_>,
    ) -> Result<(), TransactionError> {
        let offsets = Box::new(GroupOffsets::new(offsets, group));
        self.transact(TransactionCommand::SendOffsets(offsets))
            .await
            .map(drop)
    }

    /// Writes everything that the transaction holds and leaves the decision about it to somebody else, who is
    /// told its name and may outlive this producer (KIP-939).
    ///
    /// # Errors
    ///
    /// [`TransactionError`]
    pub async fn prepare_transaction(&self) -> Result<PreparedTransaction, TransactionError> {
        let prepared = self.transact(TransactionCommand::Prepare).await?;
        prepared.ok_or_else(|| self.failed(FatalError::MachineLost))
    }

    /// Commits the prepared transaction if it is this one, and aborts it otherwise (KIP-939).
    ///
    /// # Errors
    ///
    /// [`TransactionError`]
    pub async fn complete_transaction(
        &self,
        prepared: PreparedTransaction,
    ) -> Result<(), TransactionError> {
        self.transact(TransactionCommand::Complete(prepared))
            .await
            .map(drop)
    }

    /// Writes everything that the transaction holds and commits it. From the first poll on further records are
    /// refused.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]; the transaction is committed only if there is none. After
    /// [`TransactionError::TimedOut`] nobody knows, and the call is to be made again.
    pub async fn commit_transaction(&self) -> Result<(), TransactionError> {
        self.transact(TransactionCommand::Commit).await.map(drop)
    }

    /// Drops what was not sent yet and aborts the transaction (KIP-654). Every record gets its report.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]
    pub async fn abort_transaction(&self) -> Result<(), TransactionError> {
        self.transact(TransactionCommand::Abort).await.map(drop)
    }

    /// How far the producer is with its transactions; `None` without `transactional.id`, and once the producer
    /// is closed.
    pub async fn transaction_state(&self) -> Option<TransactionState> {
        let (answer, state) = oneshot::channel();
        let command = CommandKind::TransactionState(answer);
        let wake = self.shared().staging().command(command);
        wake.wake();
        state.await.ok().flatten()
    }

    async fn transact(&self, command: TransactionCommand) -> TransactionResult {
        let (done, end) = oneshot::channel();
        let now = Instant::now();
        let max_block = self.shared().limits.max_block;
        let command = CommandKind::Transact(Transact {
            command,
            deadline: now.checked_add(max_block).unwrap_or(now + AGES),
            done: Some(done),
        });
        let wake = self.shared().staging().command(command);
        wake.wake();
        // A driver that has ended drops the sender.
        end.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// What a call gets that no driver answers.
    fn ended(&self) -> TransactionError {
        let refusal = self.shared().staging().refusal();
        if let Some(SendError::Failed(error)) = refusal {
            self.failed(error)
        } else {
            TransactionError::Closed
        }
    }

    fn failed(&self, error: FatalError) -> TransactionError {
        let id = self.shared().transactional_id.as_ref();
        TransactionError::failed(error, &id.map(Arc::clone).unwrap_or_default())
    }
}
