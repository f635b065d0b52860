//! The words of transactions: states, calls, what a call is refused with, how an operation ends.
//!
//! The commands are those of [`Producer`](crate::Producer); the machine that carries them out is drawn
//! in `src/producer/transaction/mod.rs`. Sources: KIP-98, KIP-360, KIP-447, KIP-588, KIP-654, KIP-890,
//! KIP-939.

use crate::error::{Cause, FatalError};
use crate::error_code::ErrorCode;
use crate::ids::OperationId;
use core::fmt;
use core::str::FromStr;

/// How far a transactional producer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionState {
    /// Nothing is known of the transactional id yet.
    Uninitialized,
    /// The coordinator is asked for a producer id; a transaction of a former producer is ended.
    Initializing,
    /// No transaction is open.
    Ready,
    /// Records and offsets belong to the open transaction.
    InTransaction,
    /// The records of the transaction are written before it counts as prepared (KIP-939).
    Preparing,
    /// Everything is written; somebody else decides whether it is committed (KIP-939).
    Prepared,
    /// The transaction is being committed.
    Committing,
    /// The transaction is being aborted.
    Aborting,
    /// The transaction is lost, the producer is not.
    AbortableError,
    /// The producer can do no more.
    FatalError,
}

/// What an application asks of a transactional producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionCall {
    /// [`Producer::init_transactions`](crate::Producer::init_transactions)
    Init,
    /// [`Producer::begin_transaction`](crate::Producer::begin_transaction)
    Begin,
    /// [`Producer::send`](crate::Producer::send)
    Send,
    /// [`Producer::send_offsets`](crate::Producer::send_offsets)
    SendOffsets,
    /// [`Producer::prepare_transaction`](crate::Producer::prepare_transaction)
    Prepare,
    /// [`Producer::complete_transaction`](crate::Producer::complete_transaction)
    Complete,
    /// [`Producer::commit_transaction`](crate::Producer::commit_transaction)
    Commit,
    /// [`Producer::abort_transaction`](crate::Producer::abort_transaction)
    Abort,
}

/// Why a transaction can only be aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionFault {
    /// A record of it is not, or not surely, written.
    Record(Cause),
    /// A broker said so.
    Broker(ErrorCode),
}

/// Why a command was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionError {
    /// `transactional.id` is not set.
    NotTransactional,
    /// `transaction.two.phase.commit.enable` is not set.
    NotTwoPhase,
    /// The call is not legal in this state.
    IllegalState {
        /// What was called.
        call: TransactionCall,
        /// Where the producer is.
        state: TransactionState,
    },
    /// The transaction can only be aborted.
    AbortRequired(TransactionFault),
    /// The consumer group has no id, a generation without a member, or a text of more than 32767 bytes.
    InvalidGroup,
    /// An offset is negative, or its topic, partition or text can be none.
    InvalidOffset {
        /// Which of the offsets, counted from 0.
        index: usize,
    },
    /// The offsets do not fit into what is free of `buffer.memory`.
    /// [`Producer::want_room`](crate::Producer::want_room) asks to be told when they do.
    BufferFull {
        /// Bytes of `buffer.memory` that they need.
        needed: u64,
        /// Bytes of `buffer.memory` that are free.
        free: u64,
    },
    /// [`Producer::close`](crate::Producer::close) has been called.
    Closed,
    /// The producer has failed for good.
    Failed(FatalError),
}

/// The end of an operation that a transactional command began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationEnded {
    /// The operation, as the command returned it.
    pub operation: OperationId,
    /// The command.
    pub call: TransactionCall,
    /// What came of it: the prepared transaction after [`Prepare`](TransactionCall::Prepare), and after
    /// [`Init`](TransactionCall::Init) if one was kept; nothing otherwise.
    pub result: Result<Option<PreparedTransaction>, OperationError>,
}

/// Why an operation did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationError {
    /// `max.block.ms` passed. The machine goes on with it; the same call again joins it and waits for as
    /// long once more. The opposite call stays illegal: nobody knows how far the coordinator came.
    TimedOut,
    /// The transaction can only be aborted now.
    AbortRequired(TransactionFault),
    /// The cluster does not allow it at present: [`Init`](TransactionCall::Init) may be called again.
    Refused(ErrorCode),
    /// The producer was closed before.
    Closed,
    /// The producer failed for good.
    Failed(FatalError),
}

/// What an offset is charged beside its texts, in bytes.
const OFFSET_BYTES: u64 = 64;

/// What a group is charged beside its texts, in bytes.
const GROUP_BYTES: u64 = 128;

/// The member of a consumer group on whose behalf offsets are committed (KIP-447). A coordinator that is
/// told generation and member refuses offsets of a member that the group has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMetadata<'a> {
    /// `group.id`.
    pub group_id: &'a str,
    /// The generation (or member epoch) of the consumer, -1 for none.
    pub generation_id: i32,
    /// The consumer's member id, empty for none.
    pub member_id: &'a str,
    /// `group.instance.id` of a static member.
    pub group_instance_id: Option<&'a str>,
}

impl<'a> GroupMetadata<'a> {
    /// A group without the metadata of a member: nothing is fenced.
    #[must_use]
    pub const fn of_group(group_id: &'a str) -> Self {
        Self {
            group_id,
            generation_id: -1,
            member_id: "",
            group_instance_id: None,
        }
    }

    /// What a call with offsets of the group holds of `buffer.memory`, in bytes, beside what each
    /// [offset](OffsetToCommit::charge) does.
    #[must_use]
    pub fn charge(&self) -> u64 {
        let instance = self.group_instance_id.map_or(0, str::len);
        GROUP_BYTES + (self.group_id.len() + self.member_id.len() + instance) as u64
    }
}

/// An offset to be committed with the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetToCommit<'a> {
    /// The topic that was consumed.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// The offset of the next record to be consumed.
    pub offset: i64,
    /// The leader epoch of the last consumed record, if known.
    pub leader_epoch: Option<i32>,
    /// A text that goes with the offset.
    pub metadata: Option<&'a str>,
}

impl OffsetToCommit<'_> {
    /// What it holds of `buffer.memory` until a coordinator has it, in bytes.
    #[must_use]
    pub fn charge(&self) -> u64 {
        OFFSET_BYTES + (self.topic.len() + self.metadata.map_or(0, str::len)) as u64
    }
}

/// The name of a prepared transaction, for whoever decides about it (KIP-939). As text it is the producer
/// id and the epoch with a colon between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PreparedTransaction {
    /// The producer id.
    pub producer_id: i64,
    /// The producer epoch.
    pub producer_epoch: i16,
}

/// The text names no prepared transaction: `<producer id>:<producer epoch>`, both not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPrepared;

impl FromStr for PreparedTransaction {
    type Err = NotPrepared;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, epoch) = text.split_once(':').ok_or(NotPrepared)?;
        let producer_id: i64 = id.parse().map_err(|_| NotPrepared)?;
        let producer_epoch: i16 = epoch.parse().map_err(|_| NotPrepared)?;
        if producer_id < 0 || producer_epoch < 0 {
            return Err(NotPrepared);
        }
        Ok(Self {
            producer_id,
            producer_epoch,
        })
    }
}

impl fmt::Display for PreparedTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.producer_id, self.producer_epoch)
    }
}

impl TransactionState {
    /// The calls that are legal here. One whose operation is under way already joins it.
    #[must_use]
    pub const fn legal_calls(self) -> &'static [TransactionCall] {
        use TransactionCall::{Abort, Begin, Commit, Complete, Init, Prepare, Send, SendOffsets};
        match self {
            Self::Uninitialized | Self::Initializing => &[Init],
            Self::Ready => &[Begin],
            Self::InTransaction => &[Send, SendOffsets, Prepare, Commit, Abort],
            Self::Preparing => &[Prepare],
            Self::Prepared => &[Complete, Commit, Abort],
            Self::Committing => &[Commit],
            Self::Aborting | Self::AbortableError => &[Abort],
            Self::FatalError => &[],
        }
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uninitialized => "uninitialized",
            Self::Initializing => "initializing",
            Self::Ready => "ready",
            Self::InTransaction => "in transaction",
            Self::Preparing => "preparing",
            Self::Prepared => "prepared",
            Self::Committing => "committing",
            Self::Aborting => "aborting",
            Self::AbortableError => "abortable error",
            Self::FatalError => "fatal error",
        })
    }
}

impl fmt::Display for TransactionCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "init_transactions",
            Self::Begin => "begin_transaction",
            Self::Send => "send",
            Self::SendOffsets => "send_offsets",
            Self::Prepare => "prepare_transaction",
            Self::Complete => "complete_transaction",
            Self::Commit => "commit_transaction",
            Self::Abort => "abort_transaction",
        })
    }
}

impl fmt::Display for TransactionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(cause) => write!(f, "a record of it was not written: {cause}"),
            Self::Broker(code) => write!(f, "a broker answered {code}"),
        }
    }
}

/// Writes that `call` is not legal in `state`, and what is.
pub(crate) fn write_illegal(
    f: &mut fmt::Formatter<'_>,
    call: TransactionCall,
    state: TransactionState,
) -> fmt::Result {
    write!(f, "{call} is not legal while the state is '{state}'; ")?;
    match state.legal_calls() {
        [] => f.write_str("only close is"),
        [call] => write!(f, "only {call} is"),
        [first, rest @ ..] => {
            write!(f, "legal there: {first}")?;
            rest.iter().try_for_each(|call| write!(f, ", {call}"))
        }
    }
}

/// Writes that the transaction is lost, and why.
pub(crate) fn write_abort_required(
    f: &mut fmt::Formatter<'_>,
    fault: TransactionFault,
) -> fmt::Result {
    write!(f, "the transaction has to be aborted: {fault}")
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTransactional => {
                f.write_str("the producer is not transactional; set transactional.id")
            }
            Self::NotTwoPhase => f.write_str(
                "somebody else may only decide about transactions with transaction.two.phase.commit.enable=true",
            ),
            Self::IllegalState { call, state } => write_illegal(f, *call, *state),
            Self::AbortRequired(fault) => write_abort_required(f, *fault),
            Self::InvalidGroup => f.write_str(
                "a consumer group needs a group id, and its texts have at most 32767 bytes",
            ),
            Self::InvalidOffset { index } => write!(
                f,
                "offset {index} of those to commit is negative, or its topic, partition or text can be none"
            ),
            Self::BufferFull { needed, free } => write!(
                f,
                "the buffer is full: the offsets need {needed} bytes, {free} of buffer.memory are free"
            ),
            Self::Closed => f.write_str("the producer is closed"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str(
                "max.block.ms passed without an answer; the same call again goes on waiting",
            ),
            Self::AbortRequired(fault) => write_abort_required(f, *fault),
            Self::Refused(code) => write!(f, "the cluster does not allow it at present: {code}"),
            Self::Closed => f.write_str("the producer was closed"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for NotPrepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a prepared transaction is <producer id>:<producer epoch>")
    }
}

impl core::error::Error for TransactionError {}
impl core::error::Error for OperationError {}
impl core::error::Error for NotPrepared {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prepared_transaction_is_read_as_it_is_written() {
        let prepared = PreparedTransaction {
            producer_id: 4711,
            producer_epoch: 3,
        };
        assert_eq!(prepared.to_string(), "4711:3");
        assert_eq!("4711:3".parse(), Ok(prepared));
        for text in ["", ":", "1", "1:", ":1", "-1:0", "1:-1", "1:40000", "a:b"] {
            assert_eq!(text.parse::<PreparedTransaction>(), Err(NotPrepared));
        }
    }

    #[test]
    fn an_illegal_call_names_the_state_and_the_legal_ones() {
        let error = TransactionError::IllegalState {
            call: TransactionCall::Abort,
            state: TransactionState::Committing,
        };
        assert_eq!(
            error.to_string(),
            "abort_transaction is not legal while the state is 'committing'; only commit_transaction is"
        );
    }
}
