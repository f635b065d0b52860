//! The transactions of a producer: where it is, what the coordinators are asked next, what their answers
//! mean. The producer acts on it; this room only knows.
//!
//! ```text
//!                     init                    granted
//!   Uninitialized ----------> Initializing --------------> Ready <-----------------------------.
//!         ^                     |      | granted, and one was kept (KIP-939)       finished    |
//!         '------- refused -----'      v                                                       |
//!                            .----- Prepared --- commit, complete -----> Committing -----------|
//!                            |         ^                                   ^   |               |
//!                            |         | everything written         commit |   | fault         |
//!           begin            |         |                                   |   v               |
//!   Ready ----------> InTransaction -- prepare -> Preparing               |  AbortableError    |
//!                            |   |  '--------------------------------------'   ^   |             |
//!                            |   '------------------ fault ---------------------'   | abort       |
//!                            '----------- abort (also from Prepared) ------- --> Aborting ----'
//!
//!   every state -- fatal --> FatalError
//! ```
//!
//! A *fault* is a record that is not surely written, or an answer that says so: the transaction can only
//! be aborted. Each arrow is a function in `transitions`. A commit or abort whose answer is lost goes on
//! in its direction until there is one, for the coordinator may have acted on it: nothing leads from
//! Committing to Aborting but a coordinator's own word.
//!
//! An operation that nobody waits for any more (`max.block.ms`) keeps its result, and the state, until
//! the same call is made again: otherwise its caller would never hear what became of it.
//!
//! There are two kinds of transaction (KIP-890). In the first, partitions and groups are registered with
//! the coordinator before anything is written to them, and the epoch stays. In the second, a write
//! registers by itself, and each end raises the epoch. Which one it is, the finalized feature
//! `transaction.version` says; it is looked at between transactions.
//!
//! `calls` is what the application asks for, `requests` what a coordinator is asked and in which order,
//! `answers` what it says, `coordinators` where they are, `offsets` what is committed for groups.

mod answers;
mod calls;
mod coordinators;
mod offsets;
mod requests;
mod transitions;

use super::accumulator::Slot;
use crate::backoff::Backoff;
use crate::config::{Config, Transactional};
use crate::error::{FatalError, SendError};
use crate::ids::OperationId;
use crate::random::Random;
use crate::time::{Instant, earliest};
use crate::transaction::{
    OperationEnded, OperationError, PreparedTransaction, TransactionCall, TransactionFault,
    TransactionState,
};
use coordinators::Coordinators;
use core::time::Duration;
use offsets::PendingOffsets;
use std::collections::{BTreeSet, VecDeque};

pub(super) use answers::{Effect, fatal};
pub(super) use coordinators::Destination;
pub(super) use requests::Request;

/// The level of the feature `transaction.version` from which transactions are of the second kind.
const SECOND_KIND_FROM: i16 = 2;

/// The first wait after CONCURRENT_TRANSACTIONS, if `retry.backoff.ms` is not shorter: the markers of
/// the transaction before are written within milliseconds.
const CONCURRENT_BACKOFF: Duration = Duration::from_millis(20);

/// The transactions of one producer.
#[derive(Debug)]
pub(super) struct Transactions {
    settings: Settings,
    state: TransactionState,
    /// Why the transaction can only be aborted.
    fault: Option<TransactionFault>,
    /// Why nothing goes on.
    fatal: Option<FatalError>,
    operation: Option<Operation>,
    next_operation: u32,
    current: Current,
    offsets: VecDeque<PendingOffsets>,
    coordinators: Coordinators,
    /// The request that is out; there is one at a time.
    in_flight: Option<Request>,
    /// Failures in a row, and when the next request may leave.
    failures: u32,
    retry_at: Instant,
    /// The transaction that is prepared.
    prepared: Option<PreparedTransaction>,
    /// Operations whose end the application has not heard of yet.
    ended: VecDeque<OperationEnded>,
    /// Bytes of `buffer.memory` that offsets no longer need.
    freed: u64,
    is_closing: bool,
    /// What is queued has to be dropped.
    has_to_drop: bool,
}

/// What does not change.
#[derive(Debug)]
struct Settings {
    transactional: Transactional,
    max_block: Duration,
    backoff: Backoff,
}

/// The transaction that is open, or that was last.
#[derive(Debug)]
struct Current {
    /// Counts transactions from 1.
    number: u64,
    kind: Kind,
    /// The coordinator knows of it, or will as soon as a write reaches it: it has to be ended there.
    is_started: bool,
    /// The coordinator answered that it is ended.
    is_ended: bool,
    /// Another epoch is needed before the next one, and ending this one does not bring it (KIP-360).
    needs_new_epoch: bool,
    /// Whether a prepared transaction is to be kept (KIP-939).
    keeps_prepared: bool,
    /// Partitions that the coordinator has to be told of.
    unregistered: BTreeSet<Slot>,
    /// What it is being told, or was without an answer.
    registering: Option<Registration>,
    /// The coordinator may have noted it, though it did not say so: an abort asks once more, and ends it there
    /// unless the answer says that nothing was noted.
    may_be_registered: bool,
}

/// How partitions and groups become part of a transaction (KIP-890).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// By requests of their own, before anything is written.
    First,
    /// By the first write.
    Second,
}

/// What a coordinator is told that the transaction will write to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Registration {
    Partitions(Vec<Slot>),
    Group(String),
}

/// What the application waits for.
#[derive(Debug)]
struct Operation {
    id: OperationId,
    call: TransactionCall,
    /// Until when somebody waits; `None` when nobody does any more.
    deadline: Option<Instant>,
    /// What came of it while nobody waited.
    result: Option<Ended>,
}

type Ended = Result<Option<PreparedTransaction>, OperationError>;

impl Transactions {
    pub(super) fn new(config: &Config) -> Option<Self> {
        let transactional = config.transactional.clone()?;
        Some(Self {
            settings: Settings {
                transactional,
                max_block: config.max_block,
                backoff: Backoff {
                    base: config.retry_backoff,
                    max: config.retry_backoff_max,
                },
            },
            state: TransactionState::Uninitialized,
            fault: None,
            fatal: None,
            operation: None,
            next_operation: 0,
            current: Current::new(0, Kind::First),
            offsets: VecDeque::new(),
            coordinators: Coordinators::default(),
            in_flight: None,
            failures: 0,
            retry_at: Instant::ZERO,
            prepared: None,
            ended: VecDeque::new(),
            freed: 0,
            is_closing: false,
            has_to_drop: false,
        })
    }

    pub(super) const fn state(&self) -> TransactionState {
        self.state
    }

    /// `transactional.id`.
    pub(super) fn id(&self) -> &str {
        &self.settings.transactional.id
    }

    /// `transaction.two.phase.commit.enable`.
    pub(super) const fn is_two_phase(&self) -> bool {
        self.settings.transactional.two_phase
    }

    /// Whether a record may be accepted.
    pub(super) const fn check_send(&self) -> Result<(), SendError> {
        match (self.fault, self.state) {
            (None, TransactionState::InTransaction) => Ok(()),
            (Some(fault), TransactionState::InTransaction | TransactionState::AbortableError) => {
                Err(SendError::AbortRequired(fault))
            }
            (_, state) => Err(SendError::NoTransaction { state }),
        }
    }

    /// Whether what is queued is not sent any more.
    pub(super) fn is_dropping(&self) -> bool {
        self.fault.is_some() || self.state == TransactionState::Aborting
    }

    /// True once when what is queued has to be dropped.
    pub(super) const fn take_drop(&mut self) -> bool {
        core::mem::replace(&mut self.has_to_drop, false)
    }

    /// Whether everything accepted is to leave without waiting for company.
    pub(super) const fn is_finishing(&self) -> bool {
        matches!(
            self.state,
            TransactionState::Preparing | TransactionState::Committing
        )
    }

    /// Whether a transaction is being ended: a close waits for it.
    pub(super) const fn is_ending(&self) -> bool {
        matches!(
            self.state,
            TransactionState::Committing | TransactionState::Aborting
        )
    }

    /// Whether partitions have to be registered before they are written to, which also keeps Produce at
    /// the versions that do not register by themselves.
    pub(super) fn registers(&self) -> bool {
        self.current.kind == Kind::First
    }

    /// The number of the open transaction.
    pub(super) const fn number(&self) -> u64 {
        self.current.number
    }

    /// A record of the open transaction goes to a partition for the first time. Returns whether the
    /// partition has to wait for the coordinator.
    pub(super) fn enlist(&mut self, slot: Slot) -> bool {
        if self.registers() {
            self.current.unregistered.insert(slot);
        }
        self.registers()
    }

    /// A request with records of the transaction was handed out.
    pub(super) const fn on_produce(&mut self) {
        self.current.is_started = true;
    }

    /// Sequences of the identity are missing from now on, in some partition, or a broker does not take
    /// it any more.
    pub(super) fn on_gap(&mut self) {
        self.current.needs_new_epoch = true;
    }

    /// The next operation whose end the application has not heard of.
    pub(super) fn take_ended(&mut self) -> Option<OperationEnded> {
        self.ended.pop_front()
    }

    /// Bytes of `buffer.memory` that became free.
    pub(super) const fn take_freed(&mut self) -> u64 {
        core::mem::replace(&mut self.freed, 0)
    }

    /// When time alone changes something for the application.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let operation = self.operation.as_ref().and_then(|one| one.deadline);
        let offsets = self.offsets.iter().filter_map(PendingOffsets::deadline);
        earliest(operation, offsets.min())
    }

    /// Tells those who have waited for `max.block.ms`; true if there was anybody.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        if self.next_deadline().is_none_or(|at| at > now) {
            return false;
        }
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        if let Some(operation) = &mut self.operation
            && is_over(operation.deadline)
        {
            operation.deadline = None;
            let (id, call) = (operation.id, operation.call);
            self.announce(id, call, Err(OperationError::TimedOut));
        }
        for index in 0..self.offsets.len() {
            if is_over(self.offsets[index].deadline()) {
                self.answer_offsets(index, Err(OperationError::TimedOut));
            }
        }
        true
    }

    fn announce(&mut self, operation: OperationId, call: TransactionCall, result: Ended) {
        self.ended.push_back(OperationEnded {
            operation,
            call,
            result,
        });
    }

    /// Something has to be tried again: after a wait that grows.
    fn back_off(&mut self, base: Duration, random: &mut Random, now: Instant) {
        let backoff = Backoff {
            base: base.min(self.settings.backoff.base),
            ..self.settings.backoff
        };
        self.retry_at = now.after(backoff.delay(self.failures, random));
        self.failures = self.failures.saturating_add(1);
    }
}

impl Current {
    const fn new(number: u64, kind: Kind) -> Self {
        Self {
            number,
            kind,
            is_started: false,
            is_ended: false,
            needs_new_epoch: false,
            keeps_prepared: false,
            unregistered: BTreeSet::new(),
            registering: None,
            may_be_registered: false,
        }
    }
}

impl Kind {
    /// The kind by the finalized level of `transaction.version`.
    const fn of(level: i16) -> Self {
        if level >= SECOND_KIND_FROM {
            Self::Second
        } else {
            Self::First
        }
    }
}
