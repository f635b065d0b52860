//! What the application asks for: each call is checked against the state, and begins or joins an
//! operation.

use super::offsets::PendingOffsets;
use super::{Kind, Transactions};
use crate::ids::OperationId;
use crate::time::Instant;
use crate::transaction::{
    GroupMetadata, OffsetToCommit, PreparedTransaction, TransactionCall, TransactionError,
    TransactionState,
};

impl Transactions {
    pub(in super::super) fn init(
        &mut self,
        keeps_prepared: bool,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        if keeps_prepared && !self.settings.transactional.two_phase {
            return Err(TransactionError::NotTwoPhase);
        }
        if self.state == TransactionState::Uninitialized {
            self.start_initializing(keeps_prepared);
            return Ok(self.begin_operation(TransactionCall::Init, now));
        }
        self.join(TransactionCall::Init, now)
    }

    /// `level` is the finalized level of the feature `transaction.version`.
    pub(in super::super) fn begin(&mut self, level: i16) -> Result<(), TransactionError> {
        if self.state != TransactionState::Ready {
            return Err(self.illegal(TransactionCall::Begin));
        }
        self.open(Kind::of(level));
        Ok(())
    }

    /// Checks whether offsets may be sent, and what they are charged.
    pub(in super::super) fn check_offsets(
        &self,
        offsets: &[OffsetToCommit<'_>],
        group: &GroupMetadata<'_>,
    ) -> Result<u64, TransactionError> {
        if self.state != TransactionState::InTransaction || self.fault.is_some() {
            return Err(self.illegal(TransactionCall::SendOffsets));
        }
        PendingOffsets::check(offsets, group)
    }

    /// Takes offsets that were checked and paid for with `charge`.
    pub(in super::super) fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit<'_>],
        group: &GroupMetadata<'_>,
        charge: u64,
        now: Instant,
    ) -> OperationId {
        let id = self.next_operation_id();
        let deadline = now.after(self.settings.max_block);
        let mut pending = PendingOffsets::new(id, offsets, group, charge, deadline);
        pending.is_registered = !self.registers();
        self.offsets.push_back(pending);
        id
    }

    pub(in super::super) fn prepare(
        &mut self,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        if !self.settings.transactional.two_phase {
            return Err(TransactionError::NotTwoPhase);
        }
        if self.state == TransactionState::InTransaction {
            self.start_preparing();
            return Ok(self.begin_operation(TransactionCall::Prepare, now));
        }
        self.join(TransactionCall::Prepare, now)
    }

    pub(in super::super) fn complete(
        &mut self,
        prepared: PreparedTransaction,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        if !self.settings.transactional.two_phase {
            return Err(TransactionError::NotTwoPhase);
        }
        // Once completing is under way, the same call joins it.
        let is_same = self.prepared == Some(prepared);
        let is_legal = self.prepared.is_some()
            && match self.state {
                TransactionState::Prepared => true,
                TransactionState::Committing => is_same,
                TransactionState::Aborting => !is_same,
                TransactionState::Uninitialized
                | TransactionState::Initializing
                | TransactionState::Ready
                | TransactionState::InTransaction
                | TransactionState::Preparing
                | TransactionState::AbortableError
                | TransactionState::FatalError => false,
            };
        match (is_legal, is_same) {
            (false, _) => Err(self.illegal(TransactionCall::Complete)),
            (true, true) => self.commit(now),
            (true, false) => self.abort(now),
        }
    }

    pub(in super::super) fn commit(
        &mut self,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        let is_open = matches!(
            self.state,
            TransactionState::InTransaction | TransactionState::Prepared
        );
        if is_open {
            self.start_committing();
            return Ok(self.begin_operation(TransactionCall::Commit, now));
        }
        self.join(TransactionCall::Commit, now)
    }

    pub(in super::super) fn abort(
        &mut self,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        let is_open = matches!(
            self.state,
            TransactionState::InTransaction
                | TransactionState::Prepared
                | TransactionState::AbortableError
        );
        if is_open {
            self.start_aborting();
            return Ok(self.begin_operation(TransactionCall::Abort, now));
        }
        self.join(TransactionCall::Abort, now)
    }

    /// Joins the operation of the same call, or refuses.
    fn join(
        &mut self,
        call: TransactionCall,
        now: Instant,
    ) -> Result<OperationId, TransactionError> {
        let is_legal = self.state.legal_calls().contains(&call);
        let joined = if is_legal {
            self.join_operation(call, now)
        } else {
            None
        };
        joined.ok_or_else(|| self.illegal(call))
    }

    fn illegal(&self, call: TransactionCall) -> TransactionError {
        match (self.fatal, self.fault, self.state) {
            (Some(error), ..) => TransactionError::Failed(error),
            (
                None,
                Some(fault),
                TransactionState::InTransaction | TransactionState::AbortableError,
            ) => TransactionError::AbortRequired(fault),
            (None, _, state) => TransactionError::IllegalState { call, state },
        }
    }
}
