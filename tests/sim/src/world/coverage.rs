//! Which interesting situations a run reached.

use std::collections::BTreeMap;
use std::fmt::Write as _;

macro_rules! situations {
    ($($(#[$doc:meta])* $name:ident $text:literal;)*) => {
        /// Something that is worth being reached, seen from outside of the machine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Situation {
            $(#[doc = $text] $name,)*
        }

        impl Situation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What happened, in a few words.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

situations! {
    EpochBump "a batch went out under another producer id or epoch than the one before it";
    EpochsUsedUp "the epochs of a producer id were used up, and a batch went out under another one";
    BumpWithFiveInFlight "five requests were unanswered when the identity of a partition came to its end";
    WrapInsideBatch "the sequences of a batch went beyond 2^31 - 1 and on from 0";
    WrapWhileRetrying "such a batch went out again";
    RetryWithFourBehind "a batch went out again after four batches behind it had been out";
    DuplicateAnswered "a broker found a batch that it had and told its offset";
    DuplicateForgotten "a broker answered DUPLICATE_SEQUENCE_NUMBER";
    OutOfOrder "a broker answered OUT_OF_ORDER_SEQUENCE_NUMBER";
    UnknownProducerId "a broker answered UNKNOWN_PRODUCER_ID";
    StaleEpoch "a broker answered INVALID_PRODUCER_EPOCH";
    ProducerStateLost "a partition lost its producer state while batches were out";
    SplitFirst "a batch was too large at its first attempt";
    SplitWhileRetrying "a batch was too large at a later attempt";
    SplitWithOthersOut "a batch was too large while others of its partition were out";
    ExpiredInFlight "a batch expired while a request was out with it";
    ExpiredInDoubt "a batch expired that may be in the log";
    ExpiredInQueue "a batch expired that was never handed out";
    GivenUpNotWritten "a batch that had been handed out was reported as not written";
    PossiblyWrittenIsThere "a record that is possibly written is in the log";
    PossiblyWrittenIsNotThere "a record that is possibly written is not in the log";
    AppendedAfterTheEnd "a broker appended a batch whose connection the machine had given up";
    RequestCut "a connection ended inside a request";
    ResponseCut "a connection ended inside a response";
    ResponseLost "a response was lost whole after an append";
    RequestTimedOut "the machine closed a connection with requests out";
    ResponsesJoined "two responses arrived in one read";
    LeaderMoved "a leader moved while batches of its partition were out";
    LeaderStopped "a broker stopped while requests were out at it";
    AllStopped "every broker was down at once";
    Throttled "a broker asked for a pause";
    TopicReplaced "a topic was created again while batches for it were out";
    ClockJumped "time jumped while requests were out";
    ClockWentBack "the clock went back";
    BufferFull "a record was refused because the buffer was full";
    EventsHeld "the application let events wait";
    FlushDuringFaults "a flush ended before the faults did";
    PurgedInFlight "a purge left batches in flight alone";
    ClosedInTime "a close ended with everything reported as it is";
    ClosedTooEarly "a close had to give records up";
    CommittedUnderV1 "a transaction was committed at level 0 or 1 of transaction.version";
    CommittedUnderV2 "a transaction was committed at level 2 of transaction.version";
    CommittedInTwoPhases "a prepared transaction was committed (KIP-939)";
    AbortedInTwoPhases "a prepared transaction was aborted (KIP-939)";
    Aborted "a transaction was aborted";
    AbortWithBatchesOut "a transaction was aborted while batches were out";
    CommitRefused "a commit ended with the transaction having to be aborted";
    OffsetsCommitted "a transaction with offsets was committed";
    StaleMember "offsets were sent for a generation of the group that is over";
    VersionChanged "transaction.version changed between two transactions";
    OperationTimedOut "an operation took longer than max.block.ms and was called again";
    FencedDuringCommit "another producer took over during a commit";
    CoordinatorMovedDuringEnd "the coordinator moved between EndTxn and its answer";
    EndTxnAnswerLost "the answer to an EndTxn that was carried out was lost";
    ConcurrentTransactions "a coordinator answered CONCURRENT_TRANSACTIONS";
    TimedOutByBroker "the coordinator ended a transaction that had taken too long";
    OtherIdInTransactions "a transactional producer went on under another producer id";
    ReorderedWithoutIdempotence "without idempotence the order was lost";
    WrittenTwiceWithoutIdempotence "without idempotence a record was written twice";
}

/// How often each situation was reached.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<Situation, u64>);

impl Coverage {
    /// Notes that a situation was reached.
    pub fn hit(&mut self, situation: Situation) {
        *self.0.entry(situation).or_default() += 1;
    }

    /// Notes it if the condition holds.
    pub fn hit_if(&mut self, condition: bool, situation: Situation) {
        if condition {
            self.hit(situation);
        }
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (situation, count) in &other.0 {
            *self.0.entry(*situation).or_default() += count;
        }
    }

    /// How often a situation was reached.
    pub fn count(&self, situation: Situation) -> u64 {
        self.0.get(&situation).copied().unwrap_or(0)
    }

    /// What was never reached.
    pub fn missing(&self) -> Vec<Situation> {
        let all = Situation::ALL.iter().copied();
        all.filter(|situation| self.count(*situation) == 0)
            .collect()
    }

    /// One line for each situation.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for situation in Situation::ALL {
            let _ = writeln!(table, "{:>9}  {}", self.count(*situation), situation.text());
        }
        table
    }
}
