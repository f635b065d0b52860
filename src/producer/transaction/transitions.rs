//! Every change of state, each a function with a name: the arrows of the diagram in `mod.rs`.

use super::{Current, Ended, Kind, Operation, Transactions};
use crate::error::{Cause, FatalError};
use crate::ids::OperationId;
use crate::time::Instant;
use crate::transaction::{
    OperationError, PreparedTransaction, TransactionCall, TransactionFault, TransactionState,
};

impl Transactions {
    // --- what a call begins ---

    pub(super) fn start_initializing(&mut self, keeps_prepared: bool) {
        self.state = TransactionState::Initializing;
        self.current.keeps_prepared = keeps_prepared;
    }

    /// Opens a transaction of the kind that the cluster has now.
    pub(super) fn open(&mut self, kind: Kind) {
        self.state = TransactionState::InTransaction;
        self.current = Current::new(self.current.number + 1, kind);
    }

    pub(super) fn start_preparing(&mut self) {
        self.state = TransactionState::Preparing;
    }

    pub(super) fn start_committing(&mut self) {
        self.state = TransactionState::Committing;
    }

    /// Nothing more of the transaction is written.
    pub(super) fn start_aborting(&mut self) {
        self.state = TransactionState::Aborting;
        self.has_to_drop = true;
        self.current.unregistered.clear();
        let dropped = TransactionFault::Record(Cause::TransactionAborted);
        let error = if self.is_closing {
            OperationError::Closed
        } else {
            OperationError::AbortRequired(self.fault.unwrap_or(dropped))
        };
        self.end_offsets(Err(error));
    }

    // --- what comes of it ---

    /// A record is not surely written, or a broker says that the transaction is lost.
    pub(in super::super) fn fault(&mut self, fault: TransactionFault) {
        let is_open = matches!(
            self.state,
            TransactionState::InTransaction
                | TransactionState::Preparing
                | TransactionState::Committing
        );
        if !is_open || self.fault.is_some() {
            return;
        }
        self.fault = Some(fault);
        self.has_to_drop = true;
        self.current.unregistered.clear();
        self.end_offsets(Err(OperationError::AbortRequired(fault)));
        if self.state == TransactionState::InTransaction {
            self.become_abortable();
        } else {
            self.end_operation(Err(OperationError::AbortRequired(fault)));
        }
    }

    /// Nothing can go on.
    pub(in super::super) fn fail(&mut self, error: FatalError) {
        if self.fatal.is_some() {
            return;
        }
        self.fatal = Some(error);
        self.end_offsets(Err(OperationError::Failed(error)));
        self.break_off_operation(OperationError::Failed(error));
        self.become_failed();
    }

    fn become_uninitialized(&mut self) {
        self.state = TransactionState::Uninitialized;
    }

    /// The transaction is over, or there was none.
    fn become_ready(&mut self) {
        self.state = TransactionState::Ready;
        self.current = Current::new(self.current.number, self.current.kind);
        self.fault = None;
        self.prepared = None;
    }

    fn become_prepared(&mut self, prepared: PreparedTransaction) {
        self.state = TransactionState::Prepared;
        self.prepared = Some(prepared);
    }

    fn become_abortable(&mut self) {
        self.state = TransactionState::AbortableError;
    }

    fn become_failed(&mut self) {
        self.state = TransactionState::FatalError;
    }

    // --- operations ---

    /// Starts to wait for what a call began.
    pub(super) fn begin_operation(&mut self, call: TransactionCall, now: Instant) -> OperationId {
        let id = self.next_operation_id();
        self.operation = Some(Operation {
            id,
            call,
            deadline: Some(now.after(self.settings.max_block)),
            result: None,
        });
        id
    }

    pub(super) fn next_operation_id(&mut self) -> OperationId {
        let id = OperationId(self.next_operation);
        self.next_operation = self.next_operation.wrapping_add(1);
        id
    }

    /// Waits once more for an operation of the same call that is under way.
    pub(super) fn join_operation(
        &mut self,
        call: TransactionCall,
        now: Instant,
    ) -> Option<OperationId> {
        let deadline = now.after(self.settings.max_block);
        let operation = self.operation.as_mut().filter(|one| one.call == call)?;
        operation.deadline = Some(deadline);
        let id = operation.id;
        if let Some(result) = operation.result.take() {
            self.conclude(result);
        }
        Some(id)
    }

    /// What the application asked for comes to nothing. Who has heard that it timed out hears of the end of
    /// the producer anyway.
    fn break_off_operation(&mut self, error: OperationError) {
        if let Some(one) = self.operation.take()
            && one.deadline.is_some()
        {
            self.announce(one.id, one.call, Err(error));
        }
    }

    /// What the application asked for has come to an end. It is told if somebody waits for it.
    pub(super) fn end_operation(&mut self, result: Ended) {
        match &mut self.operation {
            Some(one) if one.deadline.is_none() && !self.is_closing => one.result = Some(result),
            Some(_) | None => self.conclude(result),
        }
    }

    /// Takes the way out of the state that the result points to.
    fn conclude(&mut self, result: Ended) {
        match (self.state, result) {
            (_, Err(OperationError::Failed(_))) => self.become_failed(),
            (TransactionState::Initializing, Err(_)) => self.become_uninitialized(),
            (_, Ok(Some(prepared))) => self.become_prepared(prepared),
            (_, Ok(None)) => self.become_ready(),
            (_, Err(_)) => self.become_abortable(),
        }
        if let Some(operation) = self.operation.take() {
            self.announce(operation.id, operation.call, result);
        }
    }

    // --- closing ---

    /// The producer is being closed: an open transaction is aborted, a prepared one is left to whoever
    /// decides about it (KIP-939), and what is being ended goes on.
    pub(in super::super) fn close(&mut self) {
        self.is_closing = true;
        match self.state {
            TransactionState::Uninitialized
            | TransactionState::Ready
            | TransactionState::Prepared
            | TransactionState::FatalError => {}
            TransactionState::Initializing => {
                self.end_operation(Err(OperationError::Closed));
            }
            TransactionState::InTransaction | TransactionState::AbortableError => {
                self.start_aborting();
            }
            TransactionState::Preparing => {
                self.break_off_operation(OperationError::Closed);
                self.start_aborting();
            }
            TransactionState::Committing | TransactionState::Aborting => {
                let result = self.operation.as_mut().and_then(|one| one.result.take());
                if let Some(result) = result {
                    self.conclude(result);
                }
            }
        }
    }

    /// The time to close is over.
    pub(in super::super) fn abandon(&mut self) {
        self.end_offsets(Err(OperationError::Closed));
        self.break_off_operation(OperationError::Closed);
        if self.is_ending() {
            self.become_uninitialized();
        }
    }
}
