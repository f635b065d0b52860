//! Transactions of a toy: nothing is committed, but the order of what was asked is noted.

use odradek::{
    Event, OperationEnded, OperationError, OperationId, Output, TransactionCall, TransactionError,
    TransactionState,
};
use odradek_host::machine::TransactionCommand;

/// How much room offsets need, which they do not keep.
pub(crate) const OFFSETS_BYTES: u64 = 1000;

/// How far the toy's transactions are, and what the test makes of them.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    /// `None` for a toy without transactions.
    pub state: Option<TransactionState>,
    /// What was asked, in order; records of neighbouring calls together.
    pub log: Vec<String>,
    /// Operations do not end while this is set.
    pub hold: bool,
    /// What the next operation ends with, if it fails.
    pub failure: Option<OperationError>,
    next: u32,
    running: Vec<(OperationId, TransactionCall)>,
}

impl Transactions {
    /// Notes records, or refuses them.
    pub(super) fn send(&mut self, count: usize) -> Result<(), odradek::SendError> {
        match self.state {
            None => return Ok(()),
            Some(TransactionState::InTransaction) => {}
            Some(state) => return Err(odradek::SendError::NoTransaction { state }),
        }
        let before = self.log.last().and_then(|last| last.strip_prefix("send "));
        let before = before.and_then(|count| count.parse::<usize>().ok());
        if before.is_some() {
            self.log.pop();
        }
        self.log
            .push(format!("send {}", before.unwrap_or(0) + count));
        Ok(())
    }

    pub(super) fn transact(
        &mut self,
        command: &TransactionCommand,
        free: u64,
    ) -> Result<Option<OperationId>, TransactionError> {
        use TransactionState::{Aborting, Committing, InTransaction, Initializing, Preparing};
        let state = self.state.ok_or(TransactionError::NotTransactional)?;
        let (call, next) = match command {
            TransactionCommand::Init { .. } => (TransactionCall::Init, Initializing),
            TransactionCommand::Begin => (TransactionCall::Begin, InTransaction),
            TransactionCommand::SendOffsets(_) => (TransactionCall::SendOffsets, InTransaction),
            TransactionCommand::Prepare => (TransactionCall::Prepare, Preparing),
            TransactionCommand::Complete(_) => (TransactionCall::Complete, Committing),
            TransactionCommand::Commit => (TransactionCall::Commit, Committing),
            TransactionCommand::Abort => (TransactionCall::Abort, Aborting),
        };
        if !state.legal_calls().contains(&call) {
            return Err(TransactionError::IllegalState { call, state });
        }
        if call == TransactionCall::SendOffsets && free < OFFSETS_BYTES {
            let needed = OFFSETS_BYTES;
            return Err(TransactionError::BufferFull { needed, free });
        }
        self.log.push(call.to_string());
        self.state = Some(next);
        if call == TransactionCall::Begin {
            return Ok(None);
        }
        if let Some((operation, _)) = self.running.iter().find(|(_, running)| *running == call) {
            return Ok(Some(*operation));
        }
        self.next += 1;
        self.running.push((OperationId(self.next), call));
        Ok(Some(OperationId(self.next)))
    }

    /// Ends what runs, unless it is held.
    pub(super) fn act(&mut self, outputs: &mut Vec<Output>) {
        if self.hold {
            return;
        }
        for (operation, call) in self.running.drain(..) {
            let failure = self.failure.take();
            self.state = Some(match (failure, call) {
                (Some(OperationError::AbortRequired(_)), _) => TransactionState::AbortableError,
                (Some(OperationError::Failed(_)), _) => TransactionState::FatalError,
                (_, TransactionCall::SendOffsets) => TransactionState::InTransaction,
                (_, _) => TransactionState::Ready,
            });
            outputs.push(Output::Event(Event::OperationEnded(OperationEnded {
                operation,
                call,
                result: failure.map_or(Ok(None), Err),
            })));
        }
    }
}
