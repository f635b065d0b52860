//! The application of a transactional producer: what it calls, what it is told, what it may conclude.

use super::World;
use super::coverage::Situation;
use crate::cluster::TransactionState as AtBroker;
use odradek::{
    FatalError, GroupMetadata, OffsetToCommit, OperationEnded, OperationError, OperationId,
    PreparedTransaction, SendError, TransactionCall, TransactionError,
};
use std::collections::BTreeMap;

/// The transactional id of every world.
pub(crate) const TRANSACTIONAL_ID: &str = "the-id";
/// The consumer group whose offsets are committed.
pub(crate) const GROUP: &str = "the-group";
/// The topic that is consumed.
pub(crate) const INPUT: &str = "input";
/// The generation and the member of the group.
pub(crate) const MEMBER: (i32, &str) = (5, "the-member");

/// What the application knows of the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was not ended, or was to be aborted: it may never count.
    NotCommitted,
    /// A commit was asked for and nobody said what came of it.
    Unknown,
    /// The commit succeeded.
    Committed,
    /// The abort succeeded.
    Aborted,
}

/// One transaction.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) fate: Fate,
    /// The offset that it commits for the group; greater than all before it.
    pub(crate) offset: Option<i64>,
    /// It was prepared for somebody else to decide (KIP-939).
    prepared: Option<PreparedTransaction>,
    is_decided_against: bool,
    level: i16,
    was_ongoing: bool,
    /// An EndTxn left that commits it.
    is_committing: bool,
}

/// Where the application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// `init_transactions` is to be called.
    Start,
    /// An operation is under way.
    Waiting(OperationId, TransactionCall),
    /// No transaction is open.
    Ready,
    /// Records are sent; so many are left.
    Open(u64),
    /// The call is to be made, or to be made again.
    Next(TransactionCall),
    /// The producer failed or was closed.
    Over,
}

/// The transactions of a world.
#[derive(Debug)]
pub(crate) struct Transactions {
    stage: Stage,
    pub(crate) list: Vec<Transaction>,
    /// Offsets that were sent and not answered for.
    sending: BTreeMap<OperationId, usize>,
    /// The id was taken over by somebody else.
    pub(super) is_taken_over: bool,
    /// How many transactions the coordinator had ended by itself when the last one began.
    pub(super) timed_out_before: u64,
    pub(super) is_two_phase: bool,
}

impl Transactions {
    pub(super) const fn new(is_two_phase: bool) -> Self {
        Self {
            stage: Stage::Start,
            list: Vec::new(),
            sending: BTreeMap::new(),
            is_taken_over: false,
            timed_out_before: 0,
            is_two_phase,
        }
    }

    /// Whether no transaction is open and nothing is under way.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.stage, Stage::Ready | Stage::Over) && self.sending.is_empty()
    }

    /// The transaction that records belong to, if one is open.
    pub(super) fn current(&self) -> Option<usize> {
        matches!(self.stage, Stage::Open(_)).then(|| self.list.len() - 1)
    }

    fn last(&mut self) -> Option<&mut Transaction> {
        self.list.last_mut()
    }
}

impl World {
    fn transactions(&mut self) -> &mut Transactions {
        let transactions = self.application.transactions.as_mut();
        transactions.expect("a transactional world")
    }

    /// The next step of a transactional application.
    pub(super) fn work_transactionally(&mut self) {
        self.watch_broker();
        let stage = self.transactions().stage;
        match stage {
            Stage::Start => self.call(TransactionCall::Init),
            Stage::Next(call) => self.call(call),
            Stage::Waiting(..) | Stage::Over => {}
            Stage::Ready => self.begin(),
            Stage::Open(0) => self.end(),
            Stage::Open(left) => {
                self.act_inside();
                if let Stage::Open(_) = self.transactions().stage {
                    self.transactions().stage = Stage::Open(left - 1);
                }
            }
        }
    }

    fn begin(&mut self) {
        if self.application.is_out_of_records() {
            return;
        }
        let now = self.instant();
        let level = self.level;
        match self.producer.begin_transaction(now) {
            Ok(()) => {
                let steps = self.application.dice.below(6);
                self.note(|_| "   begin".to_owned());
                let timed_out = self.cluster.timed_out_transactions();
                let transactions = self.transactions();
                let changed = transactions.last().is_some_and(|last| last.level != level);
                transactions.timed_out_before = timed_out;
                transactions.stage = Stage::Open(steps);
                transactions.list.push(Transaction {
                    fate: Fate::NotCommitted,
                    offset: None,
                    prepared: None,
                    is_decided_against: false,
                    level,
                    was_ongoing: false,
                    is_committing: false,
                });
                self.coverage.hit_if(changed, Situation::VersionChanged);
            }
            Err(error) => self.on_refused(TransactionCall::Begin, error),
        }
    }

    /// Something that belongs into a transaction.
    fn act_inside(&mut self) {
        match self.application.dice.below(100) {
            0..=5 => self.flush(),
            6..=14 => self.send_offsets(),
            _ => self.send_some(),
        }
    }

    fn send_offsets(&mut self) {
        let offset = self.transactions().list.len() as i64;
        let is_stale = self.application.dice.chance(60);
        let (generation, member_id) = MEMBER;
        let group = GroupMetadata {
            group_id: GROUP,
            generation_id: generation - i32::from(is_stale),
            member_id,
            group_instance_id: None,
        };
        let offsets = [OffsetToCommit {
            topic: INPUT,
            partition: 0,
            offset,
            leader_epoch: None,
            metadata: None,
        }];
        let now = self.instant();
        match self.producer.send_offsets(&offsets, &group, now) {
            Ok(operation) => {
                self.note(|_| format!("   {operation}: send offset {offset}"));
                let transactions = self.transactions();
                let transaction = transactions.list.len() - 1;
                transactions.list[transaction].offset = Some(offset);
                transactions.sending.insert(operation, transaction);
                self.coverage.hit_if(is_stale, Situation::StaleMember);
            }
            Err(TransactionError::BufferFull { .. }) => {}
            Err(error) => self.on_refused(TransactionCall::SendOffsets, error),
        }
    }

    fn end(&mut self) {
        let is_two_phase = self.transactions().is_two_phase;
        let call = match self.application.dice.below(100) {
            0..=19 => TransactionCall::Abort,
            _ if is_two_phase => TransactionCall::Prepare,
            _ => TransactionCall::Commit,
        };
        self.call(call);
    }

    /// Makes a call that begins or joins an operation.
    fn call(&mut self, call: TransactionCall) {
        let now = self.instant();
        let prepared = self.transactions().last().and_then(|last| last.prepared);
        let producer = &mut self.producer;
        let result = match call {
            TransactionCall::Init => producer.init_transactions(false, now),
            TransactionCall::Prepare => producer.prepare_transaction(now),
            TransactionCall::Commit => producer.commit_transaction(now),
            TransactionCall::Abort => producer.abort_transaction(now),
            TransactionCall::Complete => match prepared {
                Some(prepared) => producer.complete_transaction(prepared, now),
                None => panic!("nothing is prepared"),
            },
            TransactionCall::Begin | TransactionCall::Send | TransactionCall::SendOffsets => {
                panic!("{call} begins no operation")
            }
        };
        match result {
            Ok(operation) => {
                self.note(|_| format!("   {operation}: {call}"));
                let out = self.ledger.requests_out(None) > 0;
                let transactions = self.transactions();
                transactions.stage = Stage::Waiting(operation, call);
                let commits = matches!(call, TransactionCall::Commit | TransactionCall::Complete);
                let last = transactions.last().filter(|_| commits);
                if let Some(last) = last.filter(|last| !last.is_decided_against) {
                    last.fate = Fate::Unknown;
                }
                let is_dropping = call == TransactionCall::Abort && out;
                self.coverage
                    .hit_if(is_dropping, Situation::AbortWithBatchesOut);
            }
            Err(error) => self.on_refused(call, error),
        }
    }

    fn on_refused(&mut self, call: TransactionCall, error: TransactionError) {
        self.note(|_| format!("   {call} is refused: {error}"));
        let stage = match error {
            TransactionError::AbortRequired(_) => Stage::Next(TransactionCall::Abort),
            TransactionError::Closed | TransactionError::Failed(_) => Stage::Over,
            TransactionError::NotTransactional
            | TransactionError::NotTwoPhase
            | TransactionError::IllegalState { .. }
            | TransactionError::InvalidGroup
            | TransactionError::InvalidOffset { .. }
            | TransactionError::BufferFull { .. } => {
                self.complain(format!("{call} is refused: {error}"));
                Stage::Over
            }
        };
        self.transactions().stage = stage;
    }

    /// A record was refused because of its transaction.
    pub(super) fn on_send_refused(&mut self, error: SendError) {
        if self.application.transactions.is_none() {
            self.complain(format!("refused: {error}"));
            return;
        }
        if let SendError::AbortRequired(_) = error {
            self.transactions().stage = Stage::Next(TransactionCall::Abort);
        } else {
            self.complain(format!("a record of a transaction is refused: {error}"));
        }
    }

    pub(super) fn on_operation_ended(&mut self, ended: OperationEnded) {
        let OperationEnded {
            operation,
            call,
            result,
        } = ended;
        self.note(|_| format!("   {operation}: {call} ended: {result:?}"));
        if self.application.transactions.is_none() {
            self.complain(format!("{operation} ended and was never begun"));
            return;
        }
        if self.transactions().sending.remove(&operation).is_some() {
            self.on_offsets_sent(result);
            return;
        }
        // A transaction is completed by a commit or an abort, and is told as such.
        let stage = self.transactions().stage;
        let is_completed = stage == Stage::Waiting(operation, TransactionCall::Complete)
            && matches!(call, TransactionCall::Commit | TransactionCall::Abort);
        let told = call;
        let call = if is_completed {
            TransactionCall::Complete
        } else {
            call
        };
        // After its time is up an operation may still be told to have failed.
        let is_late = matches!(stage, Stage::Next(_))
            && matches!(
                result,
                Err(OperationError::Failed(_) | OperationError::Closed)
            );
        if stage != Stage::Waiting(operation, call) && !is_late {
            let stage = self.transactions().stage;
            self.complain(format!("{operation}: {call} ended in {stage:?}"));
            return;
        }
        let stage = match result {
            Ok(prepared) => self.on_success(call, prepared),
            Err(OperationError::TimedOut) => {
                self.coverage.hit(Situation::OperationTimedOut);
                Stage::Next(told)
            }
            Err(OperationError::Refused(_)) if call == TransactionCall::Init => Stage::Start,
            Err(OperationError::AbortRequired(_)) if call != TransactionCall::Init => {
                if let Some(last) = self.transactions().last() {
                    last.fate = Fate::NotCommitted;
                }
                self.coverage.hit(Situation::CommitRefused);
                Stage::Next(TransactionCall::Abort)
            }
            Err(OperationError::Failed(error)) => {
                let fenced = error == FatalError::Fenced && call == TransactionCall::Commit;
                self.coverage.hit_if(fenced, Situation::FencedDuringCommit);
                Stage::Over
            }
            Err(OperationError::Closed) => Stage::Over,
            Err(error) => {
                self.complain(format!("{operation}: {call} ended with {error}"));
                Stage::Over
            }
        };
        self.transactions().stage = stage;
    }

    fn on_success(
        &mut self,
        call: TransactionCall,
        prepared: Option<PreparedTransaction>,
    ) -> Stage {
        let (fate, situation) = match call {
            TransactionCall::Init => return Stage::Ready,
            TransactionCall::Prepare => {
                if prepared.is_none() {
                    self.complain("a prepared transaction has no name".to_owned());
                }
                // Whoever decides may also decide against it: then it has another name.
                let mut prepared = prepared;
                let commits = self.application.dice.chance(700);
                if let Some(prepared) = prepared.as_mut().filter(|_| !commits) {
                    prepared.producer_epoch ^= 1;
                }
                if let Some(last) = self.transactions().last() {
                    last.prepared = prepared;
                    last.is_decided_against = !commits;
                }
                return Stage::Next(TransactionCall::Complete);
            }
            TransactionCall::Complete
                if self
                    .transactions()
                    .list
                    .last()
                    .is_some_and(|t| t.is_decided_against) =>
            {
                (Fate::Aborted, Situation::AbortedInTwoPhases)
            }
            TransactionCall::Complete => (Fate::Committed, Situation::CommittedInTwoPhases),
            TransactionCall::Commit
                if self
                    .transactions()
                    .list
                    .last()
                    .is_some_and(|t| t.level >= 2) =>
            {
                (Fate::Committed, Situation::CommittedUnderV2)
            }
            TransactionCall::Commit => (Fate::Committed, Situation::CommittedUnderV1),
            TransactionCall::Abort => (Fate::Aborted, Situation::Aborted),
            TransactionCall::Begin | TransactionCall::Send | TransactionCall::SendOffsets => {
                panic!("{call} begins no such operation")
            }
        };
        self.coverage.hit(situation);
        if let Some(last) = self.transactions().last() {
            last.fate = fate;
            let with_offsets = last.offset.is_some() && fate == Fate::Committed;
            self.coverage
                .hit_if(with_offsets, Situation::OffsetsCommitted);
        }
        Stage::Ready
    }

    /// An EndTxn leaves: never in the other direction than one before it, which may have been carried out.
    pub(super) fn watch_end(&mut self, commits: bool) {
        let Some(last) = self.transactions().last() else {
            self.complain("EndTxn without a transaction".to_owned());
            return;
        };
        let turns = last.is_committing && !commits;
        last.is_committing |= commits;
        if turns {
            self.complain("EndTxn aborts what another was to commit".to_owned());
        }
    }

    fn on_offsets_sent(&mut self, result: Result<Option<PreparedTransaction>, OperationError>) {
        match result {
            Ok(_) | Err(OperationError::TimedOut | OperationError::Closed) => {}
            Err(OperationError::AbortRequired(_)) => {
                let transactions = self.transactions();
                if let Stage::Open(_) = transactions.stage {
                    transactions.stage = Stage::Next(TransactionCall::Abort);
                }
            }
            // Whatever else is under way ends as well.
            Err(OperationError::Failed(_)) => {
                let transactions = self.transactions();
                if !matches!(transactions.stage, Stage::Waiting(..)) {
                    transactions.stage = Stage::Over;
                }
            }
            Err(error) => self.complain(format!("offsets: {error}")),
        }
    }

    /// Whether the coordinator ended the open transaction by itself.
    fn watch_broker(&mut self) {
        let view = self.cluster.transaction(TRANSACTIONAL_ID);
        let transactions = self.transactions();
        let (is_open, is_taken_over) = (
            matches!(transactions.stage, Stage::Open(_)),
            transactions.is_taken_over,
        );
        let Some(view) = view else { return };
        let Some(last) = transactions.last().filter(|_| is_open) else {
            return;
        };
        match view.state {
            AtBroker::Ongoing => last.was_ongoing = true,
            AtBroker::PrepareAbort | AtBroker::CompleteAbort if last.was_ongoing => {
                last.was_ongoing = false;
                self.coverage
                    .hit_if(!is_taken_over, Situation::TimedOutByBroker);
            }
            AtBroker::Empty
            | AtBroker::PrepareCommit
            | AtBroker::PrepareAbort
            | AtBroker::CompleteCommit
            | AtBroker::CompleteAbort => {}
        }
    }
}
