//! Transactions: what is asked of the machine, behind the records that it concerns, and who waits for the end.

use super::Driver;
use crate::deliveries::Verdict;
use crate::machine::{MachineLost, TransactionCommand};
use crate::report::ReportCause;
use crate::staging::{CommandKind, Transact, TransactionResult};
use crate::transaction::TransactionError;
use odradek::{Cause, OperationEnded, OperationId, TransactionState};
use std::sync::Arc;
use std::time::Instant as Moment;
use tokio::sync::oneshot;

/// What the driver knows of transactions.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// Who waits for the end of which operation.
    waiting: Vec<(OperationId, oneshot::Sender<TransactionResult>)>,
    /// Why a record was refused that had been taken for the open transaction. The machine does not know of
    /// it and would commit the others.
    refused: Option<ReportCause>,
    /// Operations that have ended since the staging place was told how far the machine is.
    ended: Vec<OperationEnded>,
    /// How many bytes of room the offsets need that are the next command.
    pub(super) needed: Option<u64>,
}

impl Driver {
    /// Carries a command out, or gives it back if it has to wait for room; in a transaction that is given up
    /// nothing waits. Whether its records have reached the machine has been looked at.
    pub(super) fn transact(
        &mut self,
        transact: Transact,
        is_given_up: bool,
    ) -> Result<Option<Transact>, MachineLost> {
        let answer = self.ask(&transact.command)?;
        if let Err(TransactionError::BufferFull { needed, .. }) = answer
            && !is_given_up
            && self.waits_for_room(needed, transact.deadline)?
        {
            self.transactions.needed = Some(needed);
            return Ok(Some(transact));
        }
        // Whoever is told that a transaction is open may send at once.
        self.shared.staging().carried_out(&transact);
        self.tell_state()?;
        let Some(done) = transact.done else {
            return Ok(None);
        };
        match answer {
            Ok(Some(operation)) => self.transactions.waiting.push((operation, done)),
            Ok(None) => tell(done, Ok(None)),
            Err(error) => tell(done, Err(error)),
        }
        Ok(None)
    }

    /// Whether offsets that need so many bytes wait for them until `deadline`: not if that much will never be
    /// free, nor if the transaction can only be aborted.
    fn waits_for_room(&mut self, needed: u64, deadline: Moment) -> Result<bool, MachineLost> {
        if needed > self.shared.limits.buffer || deadline <= Moment::now() {
            return Ok(false);
        }
        self.shared.counters.machine_calls.add(1);
        let state = self.machine.transaction_state()?;
        Ok(state == Some(TransactionState::InTransaction))
    }

    fn ask(
        &mut self,
        command: &TransactionCommand,
    ) -> Result<Result<Option<OperationId>, TransactionError>, MachineLost> {
        let Some(id) = self.shared.transactional_id.as_ref().map(Arc::clone) else {
            return Ok(Err(TransactionError::NotTransactional));
        };
        let ends_well = match command {
            TransactionCommand::SendOffsets(_)
            | TransactionCommand::Prepare
            | TransactionCommand::Commit => true,
            TransactionCommand::Init { .. }
            | TransactionCommand::Begin
            | TransactionCommand::Complete(_)
            | TransactionCommand::Abort => false,
        };
        if let Some(cause) = self.transactions.refused.filter(|_| ends_well) {
            return Ok(Err(TransactionError::RecordRefused(cause)));
        }
        self.shared.counters.machine_calls.add(1);
        let answer = self.machine.transact(command, self.now())?;
        if answer.is_ok() {
            self.turn_over(command);
        }
        Ok(answer.map_err(|error| TransactionError::of_command(error, &id)))
    }

    /// Forgets the records of a transaction that is over.
    fn turn_over(&mut self, command: &TransactionCommand) {
        match command {
            TransactionCommand::Abort => {
                let cause = ReportCause::Delivery(Cause::TransactionAborted);
                self.refuse_all(&Verdict::refused(cause));
                self.transactions.refused = None;
            }
            TransactionCommand::Begin => self.transactions.refused = None,
            TransactionCommand::Init { .. }
            | TransactionCommand::SendOffsets(_)
            | TransactionCommand::Prepare
            | TransactionCommand::Complete(_)
            | TransactionCommand::Commit => {}
        }
    }

    /// Notes that a record will be missing in the open transaction, if one is.
    pub(super) fn miss(&mut self, cause: ReportCause) {
        self.transactions.refused.get_or_insert(cause);
    }

    /// Tells whoever waits for a command that waits for records, or behind another, that its time is over. The
    /// command stays.
    pub(super) fn put_off(&self, mut transact: Transact) -> Transact {
        if transact.deadline <= Moment::now()
            && let Some(done) = transact.done.take()
        {
            tell(done, Err(TransactionError::TimedOut));
        }
        transact
    }

    /// When the first of those who wait for such a command is to be told.
    pub(super) fn put_off_until(&self) -> Option<Moment> {
        let deadlines = self.commands.iter().filter_map(|command| {
            if let CommandKind::Transact(transact) = &command.kind
                && transact.done.is_some()
            {
                Some(transact.deadline)
            } else {
                None
            }
        });
        deadlines.min()
    }

    /// Notes the end of an operation.
    pub(super) fn operation_ended(&mut self, ended: OperationEnded) {
        self.transactions.ended.push(ended);
    }

    /// Tells the staging place how far the machine is after the end of operations, and then whoever waits for
    /// them.
    pub(super) fn end_operations(&mut self) -> Result<(), MachineLost> {
        if self.transactions.ended.is_empty() {
            return Ok(());
        }
        self.tell_state()?;
        let id = self.shared.transactional_id.clone().unwrap_or_default();
        let Transactions { waiting, ended, .. } = &mut self.transactions;
        for ended in ended.drain(..) {
            let is_of = |(operation, _): &mut (OperationId, _)| *operation == ended.operation;
            for (_, done) in waiting.extract_if(.., is_of) {
                let failed = |error| TransactionError::of_operation(error, &id);
                tell(done, ended.result.map_err(failed));
            }
        }
        Ok(())
    }

    /// Lets records be staged, or not, as the machine will take them.
    pub(super) fn tell_state(&mut self) -> Result<(), MachineLost> {
        self.shared.counters.machine_calls.add(1);
        let state = self.machine.transaction_state()?;
        self.shared.staging().set_transaction(state);
        Ok(())
    }
}

/// Whoever gave up waiting wants no answer.
fn tell(done: oneshot::Sender<TransactionResult>, result: TransactionResult) {
    let _ = done.send(result);
}
