//! The seam between the driver and the producer's state machine: one trait, two implementations.
//!
//! A driver is written once against [`Machine`]. Behind it stands the core itself
//! ([`NativeMachine`]) or the engine component in wasmtime ([`ComponentMachine`]); given the same
//! configuration, seed and calls, both answer the same, byte for byte.

mod bindings;
mod command;
mod component;
mod convert;
mod engine;
mod metrics;
mod native;
mod parts;
mod sandbox;
mod transaction;

pub use command::{GroupOffset, GroupOffsets, TransactionCommand};
pub use component::ComponentMachine;
pub use engine::{ComponentInfo, ENGINE_COMPONENT};
pub use native::NativeMachine;
pub use odradek::Step;

use odradek::config::{ConfigError, Note};
use odradek::{
    Bulk, BulkOutcome, FlushId, Input, Instant, Metrics, OperationId, Output, TopicError,
    TopicHandle, TransactionError, TransactionState,
};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// A producer's state machine, wherever it runs.
///
/// Every method may fail with [`MachineLost`]. That error is sticky: all later calls fail with it,
/// and records without a report are possibly written.
pub trait Machine: Send {
    /// Interns a topic name.
    ///
    /// # Errors
    ///
    /// [`MachineLost`] outside; inside, what is wrong with the name.
    fn topic(&mut self, name: &str) -> Result<Result<TopicHandle, TopicError>, MachineLost>;

    /// Offers records; a prefix of them is accepted, perhaps all. `wall` is the wall clock time in
    /// ms since 1970 for records without a timestamp. The rest of a bulk is offered again with
    /// [`Bulk::split_at`].
    ///
    /// # Errors
    ///
    /// [`MachineLost`]; refusals are part of the outcome.
    fn send_many(
        &mut self,
        bulk: &Bulk<'_>,
        wall: i64,
        now: Instant,
    ) -> Result<BulkOutcome, MachineLost>;

    /// Asks for a topic's partitions: `Event::Partitions` follows, and again whenever they change.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn watch(&mut self, topic: TopicHandle, now: Instant) -> Result<(), MachineLost>;

    /// Says that somebody waits for so many bytes of room, for a record that is not even offered.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn want_room(&mut self, bytes: u64) -> Result<(), MachineLost>;

    /// Overrides linger for everything accepted so far; ends with `Event::Flushed`.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn flush(&mut self, now: Instant) -> Result<FlushId, MachineLost>;

    /// Drops everything that was never handed out; with reports.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn purge(&mut self, now: Instant) -> Result<(), MachineLost>;

    /// Asks something that has to do with transactions. `None` is the answer to
    /// [`Begin`](TransactionCommand::Begin); every other command begins an operation, or joins one, which ends
    /// with `Event::OperationEnded`.
    ///
    /// # Errors
    ///
    /// [`MachineLost`] outside; inside, why the command was refused.
    fn transact(
        &mut self,
        command: &TransactionCommand,
        now: Instant,
    ) -> Result<Result<Option<OperationId>, TransactionError>, MachineLost>;

    /// How far the machine is with its transactions; `None` without `transactional.id`.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn transaction_state(&mut self) -> Result<Option<TransactionState>, MachineLost>;

    /// Sends what it can within `timeout` (whole ms), then reports the rest; ends with
    /// `Event::Closed`.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn close(&mut self, timeout: Duration, now: Instant) -> Result<(), MachineLost>;

    /// Tells what happened and collects what the machine asks for: appends to `outputs`, in order,
    /// never an [`Output::Wait`], which is what the returned [`Step`] says instead. Work is bounded:
    /// while [`Step::more`] is set, the driver calls again, with no inputs or with fresh ones, before
    /// it waits. To be called after every command, too.
    ///
    /// A driver hands over at most [`STEP_INPUT_BYTES`] of received bytes in one call.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn step(
        &mut self,
        inputs: &[Input<'_>],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Result<Step, MachineLost>;

    /// A snapshot of everything that the machine counts. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`MachineLost`].
    fn metrics(&mut self, now: Instant) -> Result<Metrics, MachineLost>;

    /// How many calls have crossed the boundary of the component; 0 natively.
    fn calls(&self) -> u64;

    /// Bytes of the component's linear memory, which never shrinks; 0 natively and once it is lost.
    fn linear_memory_bytes(&self) -> u64 {
        0
    }
}

/// Where a producer's machine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// In the engine component.
    #[default]
    Component,
    /// In this process, without a sandbox.
    Native,
}

/// A machine that was opened.
pub struct Opened {
    /// The machine.
    pub machine: Box<dyn Machine>,
    /// What is worth knowing about the configuration.
    pub notes: Vec<Note>,
    /// What the component cost; `None` natively.
    pub component: Option<ComponentInfo>,
}

/// Opens a producer behind the seam. `properties` are Kafka's property names and values, of two with
/// the same name the later counts; `seed` makes every random choice.
///
/// # Errors
///
/// [`OpenError`]: a refused configuration, or what wasmtime cannot do.
pub fn open(
    backend: Backend,
    properties: &[(String, String)],
    seed: u64,
    now: Instant,
) -> Result<Opened, OpenError> {
    match backend {
        Backend::Component => {
            let (machine, notes) = ComponentMachine::open(properties, seed, now)?;
            let component = Some(machine.info());
            Ok(Opened {
                machine: Box::new(machine),
                notes,
                component,
            })
        }
        Backend::Native => {
            let (machine, notes) = NativeMachine::open(properties, seed, now)?;
            Ok(Opened {
                machine: Box::new(machine),
                notes,
                component: None,
            })
        }
    }
}

/// A seed that nobody can foresee.
pub fn random_seed() -> u64 {
    // The hasher's keys are the standard library's only source of randomness.
    RandomState::new().hash_one(0)
}

/// Why a machine could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The configuration was refused.
    Config(ConfigError),
    /// The configuration asks for more memory than a component can have.
    BufferTooLarge {
        /// `buffer.memory` in bytes.
        buffer_memory: u64,
        /// The largest one in bytes that a component can serve.
        limit: u64,
    },
    /// wasmtime could not compile, link or start the component; with its description.
    Runtime(Arc<str>),
}

impl From<ConfigError> for OpenError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::BufferTooLarge {
                buffer_memory,
                limit,
            } => write!(
                f,
                "buffer.memory={buffer_memory} is more than a component can have; it takes at most \
                 {limit}, or the native backend"
            ),
            Self::Runtime(what) => write!(f, "the engine component does not start: {what}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// How many received bytes a driver hands over in one [`Machine::step`] at most: 1 MiB. They are
/// copied into the component, whose memory is bounded.
pub const STEP_INPUT_BYTES: usize = 1 << 20;

/// The machine is gone: its runtime stopped, and nothing brings it back. Sticky.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineLost {
    /// The component trapped; with the runtime's description.
    Trapped(Arc<str>),
    /// The component's answer does not keep the contract of `wit/machine.wit`; with what is wrong.
    BrokenContract(&'static str),
}

impl fmt::Display for MachineLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trapped(what) => write!(f, "the engine component trapped: {what}"),
            Self::BrokenContract(what) => {
                write!(f, "the engine component broke its contract: {what}")
            }
        }
    }
}

impl std::error::Error for MachineLost {}
