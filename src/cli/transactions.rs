//! Transactions one after the other: retained records are sent and committed, or sent again, or given up.
//!
//! ```text
//!   start --> Init --> Begin --> Send --> Commit --> Committed
//!                        ^        |         |  '---> Unknown       no answer, or none that is the last word
//!                        |        '----.----'
//!                      pause           v
//!                        '---------- Abort --------> NotCommitted  no time is left
//! ```
//!
//! Init is called once. A call that timed out is made again: a commit never becomes an abort for want of
//! an answer. Whatever a transaction leaves undone is done before the next one begins. Nothing here does
//! I/O or reads a clock: whoever drives it makes the calls and says what came of them.

use crate::config::Config;
use crate::error::SendError;
use crate::time::Instant;
use crate::transaction::{OperationError, TransactionError};
use core::time::Duration;

/// What is asked of the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Take possession of the transactional id.
    Init,
    /// Open a transaction.
    Begin,
    /// Hand over all records. Ends when all of them are accepted.
    Send,
    /// Commit, or wait on for the end of the commit.
    Commit,
    /// Abort, or wait on for the end of the abort.
    Abort,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This call; its end is [told](Transactions::ended).
    Call(Call),
    /// Nothing before this instant, then [`Transactions::resume`].
    Pause(Instant),
    /// Nothing: the transaction is over.
    End(Ending),
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is committed.
    Committed,
    /// It is not, and never will be, and why.
    NotCommitted(String),
    /// A commit was asked for, and nobody told whether it happened, and why.
    Unknown(String),
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// `max.block.ms` passed. The same call may be made again.
    TimedOut,
    /// The transaction can only be aborted, and why.
    AbortRequired(String),
    /// The producer can do no more.
    Fatal {
        /// Why.
        why: String,
        /// Whether every record of the transaction is written. A commit is not asked for before.
        is_written: bool,
    },
}

/// The transactions of a run.
#[derive(Clone, Debug)]
pub struct Transactions {
    /// `transactional.id`, which fatal errors name.
    id: String,
    /// `delivery.timeout.ms`: how long a transaction is tried, from its first attempt on.
    timeout: Duration,
    /// `retry.backoff.ms` and `retry.backoff.max.ms`.
    backoff: Duration,
    backoff_max: Duration,
    position: Position,
    current: Current,
    failure: Option<String>,
}

/// Where the producer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Uninitialized,
    Ready,
    Open,
    Committing,
    Aborting,
}

/// The transaction that is being made.
#[derive(Clone, Debug, Default)]
struct Current {
    /// Until when it is tried.
    until: Instant,
    /// Whether its latest attempt has begun. What is committed or aborted before that is an earlier one.
    has_begun: bool,
    /// How many attempts were aborted.
    aborted: u32,
    /// Why the latest of them was.
    fault: Option<String>,
}

impl Transactions {
    /// None was made yet.
    pub fn new(config: &Config) -> Self {
        let transactional = config.transactional.as_ref();
        Self {
            id: transactional.map(|one| one.id.clone()).unwrap_or_default(),
            timeout: config.delivery_timeout,
            backoff: config.retry_backoff,
            backoff_max: config.retry_backoff_max,
            position: Position::Uninitialized,
            current: Current::default(),
            failure: None,
        }
    }

    /// Why nothing can be committed any more, if so.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Starts the next transaction. The one before it is over.
    pub fn start(&mut self, now: Instant) -> Next {
        self.current = Current {
            until: now.after(self.timeout),
            ..Current::default()
        };
        match &self.failure {
            Some(why) => Next::End(Ending::NotCommitted(why.clone())),
            None => self.next(),
        }
    }

    /// Goes on after a pause.
    pub const fn resume(&self) -> Next {
        self.next()
    }

    /// Notes the end of a call, and says what follows.
    pub fn ended(&mut self, call: Call, result: Result<(), Failure>, now: Instant) -> Next {
        match (result, call) {
            (Ok(()), _) => self.succeeded(call, now),
            (Err(Failure::TimedOut), _) => self.timed_out(call, now),
            (Err(Failure::AbortRequired(why)), Call::Send | Call::Commit) => {
                self.position = Position::Aborting;
                if self.current.has_begun {
                    self.current.fault = Some(why);
                }
                self.next()
            }
            (Err(Failure::AbortRequired(why)), Call::Init | Call::Begin | Call::Abort) => {
                self.fail(why, false)
            }
            (Err(Failure::Fatal { why, is_written }), _) => {
                let may_be_committed = call == Call::Commit && self.current.has_begun && is_written;
                self.fail(why, may_be_committed)
            }
        }
    }

    const fn next(&self) -> Next {
        Next::Call(match self.position {
            Position::Uninitialized => Call::Init,
            Position::Ready => Call::Begin,
            Position::Open => Call::Send,
            Position::Committing => Call::Commit,
            Position::Aborting => Call::Abort,
        })
    }

    fn succeeded(&mut self, call: Call, now: Instant) -> Next {
        let is_own = self.current.has_begun;
        self.position = match call {
            Call::Init | Call::Commit | Call::Abort => Position::Ready,
            Call::Begin => Position::Open,
            Call::Send => Position::Committing,
        };
        match call {
            Call::Commit if is_own => Next::End(Ending::Committed),
            Call::Abort if is_own => self.try_again(now),
            Call::Init | Call::Commit | Call::Abort | Call::Send => self.next(),
            Call::Begin => {
                self.current.has_begun = true;
                self.next()
            }
        }
    }

    /// The records are sent again as long as there is time.
    fn try_again(&mut self, now: Instant) -> Next {
        let factor = 1u32 << self.current.aborted.min(20);
        let pause = self.backoff.saturating_mul(factor).min(self.backoff_max);
        let begin = now.after(pause);
        if begin >= self.current.until {
            return Next::End(self.given_up());
        }
        self.current.aborted += 1;
        self.current.has_begun = false;
        Next::Pause(begin)
    }

    fn timed_out(&mut self, call: Call, now: Instant) -> Next {
        if call == Call::Send {
            let why = "the records were not accepted within max.block.ms".to_owned();
            return self.ended(call, Err(Failure::AbortRequired(why)), now);
        }
        if now < self.current.until {
            return Next::Call(call);
        }
        Next::End(match call {
            Call::Commit if self.current.has_begun => {
                Ending::Unknown("the commit was not answered within delivery.timeout.ms".to_owned())
            }
            Call::Init | Call::Begin | Call::Send | Call::Commit | Call::Abort => self.given_up(),
        })
    }

    fn given_up(&self) -> Ending {
        let why = match (&self.current.fault, self.position) {
            (Some(fault), _) => format!("the transaction was aborted: {fault}"),
            (None, Position::Uninitialized) => {
                "the transaction coordinator gave no producer id within delivery.timeout.ms"
                    .to_owned()
            }
            (None, _) => {
                "the transaction before it did not end within delivery.timeout.ms".to_owned()
            }
        };
        Ending::NotCommitted(why)
    }

    fn fail(&mut self, why: String, may_be_committed: bool) -> Next {
        let why = format!("{why} (transactional.id={})", self.id);
        self.failure = Some(why.clone());
        Next::End(if may_be_committed {
            Ending::Unknown(why)
        } else {
            Ending::NotCommitted(why)
        })
    }
}

impl Failure {
    /// The producer can do no more, and no commit was asked for.
    pub const fn fatal(why: String) -> Self {
        Self::Fatal {
            why,
            is_written: false,
        }
    }

    /// What the machine refused a command with. Whether the records are written is not known here.
    pub fn of_command(error: TransactionError) -> Self {
        match error {
            TransactionError::AbortRequired(fault) => Self::AbortRequired(fault.to_string()),
            TransactionError::NotTransactional
            | TransactionError::NotTwoPhase
            | TransactionError::IllegalState { .. }
            | TransactionError::InvalidGroup
            | TransactionError::InvalidOffset { .. }
            | TransactionError::BufferFull { .. }
            | TransactionError::Closed
            | TransactionError::Failed(_) => Self::fatal(error.to_string()),
        }
    }

    /// What an operation ended with. Whether the records are written is not known here.
    pub fn of_operation(error: OperationError) -> Self {
        match error {
            OperationError::TimedOut => Self::TimedOut,
            OperationError::AbortRequired(fault) => Self::AbortRequired(fault.to_string()),
            OperationError::Refused(_) | OperationError::Closed | OperationError::Failed(_) => {
                Self::fatal(error.to_string())
            }
        }
    }

    /// What a refusal means for the transaction; `None` where it concerns the record alone, which can
    /// never be sent.
    pub fn of_send(error: SendError) -> Option<Self> {
        match error {
            SendError::AbortRequired(fault) => Some(Self::AbortRequired(fault.to_string())),
            SendError::BufferFull { .. } | SendError::NoTransaction { .. } => {
                Some(Self::AbortRequired(error.to_string()))
            }
            SendError::Closed | SendError::Failed(_) => Some(Self::fatal(error.to_string())),
            SendError::RecordTooLarge { .. }
            | SendError::UnknownTopic
            | SendError::UnknownPartition { .. }
            | SendError::InvalidTimestamp { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    /// Ten seconds for each transaction, pauses of one second and more, at most three.
    fn transactions() -> Transactions {
        Transactions {
            id: "a".to_owned(),
            timeout: Duration::from_secs(10),
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(3),
            position: Position::Uninitialized,
            current: Current::default(),
            failure: None,
        }
    }

    /// One whose producer has a transaction behind it.
    fn ready() -> Transactions {
        Transactions {
            position: Position::Ready,
            ..transactions()
        }
    }

    /// Makes the calls, which are the expected ones and succeed at once; what follows.
    fn succeed(all: &mut Transactions, mut next: Next, calls: &[Call], now: Instant) -> Next {
        for call in calls {
            assert_eq!(next, Next::Call(*call));
            next = all.ended(*call, Ok(()), now);
        }
        next
    }

    fn abort_required() -> Result<(), Failure> {
        Err(Failure::AbortRequired("why".to_owned()))
    }

    fn fatal(is_written: bool) -> Result<(), Failure> {
        let why = "fenced".to_owned();
        Err(Failure::Fatal { why, is_written })
    }

    #[test]
    fn init_is_called_once_and_each_transaction_committed() {
        use Call::{Begin, Commit, Init, Send};
        let mut all = transactions();
        let start = all.start(at(0));
        let end = succeed(&mut all, start, &[Init, Begin, Send, Commit], at(0));
        assert_eq!(end, Next::End(Ending::Committed));
        let start = all.start(at(1));
        let end = succeed(&mut all, start, &[Begin, Send, Commit], at(1));
        assert_eq!(end, Next::End(Ending::Committed));
        assert_eq!(all.failure(), None);
    }

    #[test]
    fn an_aborted_transaction_is_sent_again_as_a_whole_after_a_growing_pause() {
        use Call::{Abort, Begin, Commit, Send};
        let mut all = ready();
        let start = all.start(at(0));
        let next = succeed(&mut all, start, &[Begin, Send], at(0));
        assert_eq!(next, Next::Call(Commit));
        assert_eq!(
            all.ended(Commit, abort_required(), at(0)),
            Next::Call(Abort)
        );
        assert_eq!(all.ended(Abort, Ok(()), at(1)), Next::Pause(at(2)));
        assert_eq!(all.resume(), Next::Call(Begin));
        assert_eq!(all.ended(Begin, Ok(()), at(2)), Next::Call(Send));
        assert_eq!(all.ended(Send, abort_required(), at(2)), Next::Call(Abort));
        assert_eq!(all.ended(Abort, Ok(()), at(2)), Next::Pause(at(4)));
        let resumed = all.resume();
        let end = succeed(&mut all, resumed, &[Begin, Send, Commit], at(4));
        assert_eq!(end, Next::End(Ending::Committed));
    }

    #[test]
    fn no_attempt_begins_after_the_delivery_timeout() {
        use Call::{Abort, Begin, Commit, Send};
        let mut all = ready();
        let start = all.start(at(0));
        succeed(&mut all, start, &[Begin, Send], at(0));
        all.ended(Commit, abort_required(), at(9));
        let why = "the transaction was aborted: why".to_owned();
        let ending = Next::End(Ending::NotCommitted(why));
        assert_eq!(all.ended(Abort, Ok(()), at(9)), ending);
        // The next one has its own time.
        let start = all.start(at(20));
        let end = succeed(&mut all, start, &[Begin, Send, Commit], at(20));
        assert_eq!(end, Next::End(Ending::Committed));
    }

    #[test]
    fn a_commit_without_an_answer_is_called_again_and_never_turned_round() {
        use Call::{Begin, Commit, Send};
        let mut all = ready();
        let start = all.start(at(0));
        succeed(&mut all, start, &[Begin, Send], at(0));
        for second in 1..10 {
            let next = all.ended(Commit, Err(Failure::TimedOut), at(second));
            assert_eq!(next, Next::Call(Commit));
        }
        let next = all.ended(Commit, Err(Failure::TimedOut), at(10));
        assert!(matches!(next, Next::End(Ending::Unknown(_))), "{next:?}");
        // The next transaction begins behind its end.
        let start = all.start(at(11));
        let end = succeed(&mut all, start, &[Commit, Begin, Send, Commit], at(11));
        assert_eq!(end, Next::End(Ending::Committed));
    }

    #[test]
    fn what_an_earlier_transaction_left_undone_says_nothing_about_the_next() {
        use Call::{Abort, Begin, Commit, Send};
        let mut all = ready();
        let start = all.start(at(0));
        succeed(&mut all, start, &[Begin, Send], at(0));
        all.ended(Commit, Err(Failure::TimedOut), at(10));
        assert_eq!(all.start(at(20)), Next::Call(Commit));
        let next = all.ended(Commit, Err(Failure::TimedOut), at(30));
        assert!(matches!(next, Next::End(Ending::NotCommitted(_))));
        assert_eq!(all.start(at(40)), Next::Call(Commit));
        assert_eq!(
            all.ended(Commit, abort_required(), at(40)),
            Next::Call(Abort)
        );
        let again = Next::Call(Abort);
        assert_eq!(all.ended(Abort, Err(Failure::TimedOut), at(41)), again);
        let end = succeed(&mut all, again, &[Abort, Begin, Send, Commit], at(41));
        assert_eq!(end, Next::End(Ending::Committed));
    }

    #[test]
    fn after_a_fatal_error_nothing_is_called() {
        let mut all = ready();
        assert_eq!(all.start(at(0)), Next::Call(Call::Begin));
        let named = "fenced (transactional.id=a)".to_owned();
        let ending = Next::End(Ending::NotCommitted(named));
        assert_eq!(all.ended(Call::Begin, fatal(true), at(0)), ending);
        assert_eq!(all.start(at(0)), ending);
        assert_eq!(all.failure(), Some("fenced (transactional.id=a)"));
    }

    #[test]
    fn a_fatal_error_leaves_a_commit_in_doubt_only_if_it_may_have_been_asked_for() {
        use Call::{Begin, Commit, Send};
        for is_written in [false, true] {
            let mut all = ready();
            let start = all.start(at(0));
            succeed(&mut all, start, &[Begin, Send], at(0));
            let why = "fenced (transactional.id=a)".to_owned();
            let ending = if is_written {
                Ending::Unknown(why)
            } else {
                Ending::NotCommitted(why)
            };
            let next = all.ended(Commit, fatal(is_written), at(1));
            assert_eq!(next, Next::End(ending));
        }
    }

    #[test]
    fn init_is_tried_as_long_as_a_transaction_is() {
        let mut all = transactions();
        assert_eq!(all.start(at(0)), Next::Call(Call::Init));
        let timed_out = || Err(Failure::TimedOut);
        let next = all.ended(Call::Init, timed_out(), at(9));
        assert_eq!(next, Next::Call(Call::Init));
        let next = all.ended(Call::Init, timed_out(), at(10));
        assert!(matches!(next, Next::End(Ending::NotCommitted(_))));
        assert_eq!(all.start(at(11)), Next::Call(Call::Init));
    }

    #[test]
    fn records_that_found_no_room_are_sent_again() {
        let mut all = ready();
        let start = all.start(at(0));
        succeed(&mut all, start, &[Call::Begin], at(0));
        let next = all.ended(Call::Send, Err(Failure::TimedOut), at(5));
        assert_eq!(next, Next::Call(Call::Abort));
        assert_eq!(all.ended(Call::Abort, Ok(()), at(5)), Next::Pause(at(6)));
    }

    #[test]
    fn only_refusals_that_concern_a_record_alone_leave_the_transaction() {
        let alone = SendError::InvalidTimestamp { timestamp: -1 };
        assert_eq!(Failure::of_send(alone), None);
        let closed = Failure::of_send(SendError::Closed);
        assert!(matches!(closed, Some(Failure::Fatal { .. })));
    }
}
