//! Record and replay: everything that a machine is told, in a file, and the same told again.
//!
//! The core is a function of its configuration, its seed and the calls of its [`Machine`] trait; nothing
//! else reaches it. A [`Recorder`] stands around a machine and writes each call down with its answer
//! ([`format`]). A [`Replay`] makes the calls again, in this process and in the engine component at once,
//! and compares every answer. A [`Timeline`] tells a replay in words.
//!
//! Secrets are not in a file: of the properties only those that the machine obeys are written, and of these
//! none whose name says that it may hold a secret.

mod answer;
mod call;
mod fields;
pub mod format;
mod happening;
mod mask;
mod recorder;
mod replayer;
mod request;
mod response_mask;
#[cfg(test)]
mod tests;
mod trace;
mod transact;

pub use answer::Answer;
pub use call::{Call, Records};
pub use format::{Damage, FormatError, Opening, Recording};
pub use happening::Happening;
pub use recorder::{Recorder, RecordingEnd};
pub use replayer::{Difference, Progress, Replay, ReplayError, Replayed};
pub use trace::Timeline;

use crate::machine::{Backend, ComponentInfo, ENGINE_COMPONENT, Machine, OpenError, Opened, open};
use crate::partitioner::Partitioner;
use odradek::Instant;
use odradek::config::keys::{Service, find};
use odradek::config::{Acks, Compression, Config, ConfigError, may_be_secret};
use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;

/// The version of the core that this binary carries.
pub const fn core_version() -> &'static str {
    // One version for the whole workspace.
    env!("CARGO_PKG_VERSION")
}

/// Tells builds of one version apart: the CRC-32 of the engine component, which is the core.
pub fn build_of_this_core() -> u32 {
    static BUILD: OnceLock<u32> = OnceLock::new();
    *BUILD.get_or_init(|| crc32fast::hash(ENGINE_COMPONENT))
}

/// A machine that is being recorded.
pub struct Recorded {
    /// The machine, for [`Builder::build_with`](crate::Builder::build_with).
    pub machine: Box<dyn Machine>,
    /// What the component cost; `None` natively.
    pub component: Option<ComponentInfo>,
    /// How the recording ends.
    pub end: RecordingEnd,
}

/// Opens a machine, as [`machine::open`](crate::machine::open) does at [`Instant::ZERO`], and records it
/// into `file`. With `is_masked`, keys, values and header values stay out of the file; the records that the
/// machine is offered must then name a partition wherever [`key_partitioner`] has one for them.
///
/// # Errors
///
/// [`RecordError`].
pub fn record<W: Write + Send + 'static>(
    backend: Backend,
    properties: &[(String, String)],
    seed: u64,
    is_masked: bool,
    file: W,
) -> Result<Recorded, RecordError> {
    let pairs = properties.iter().map(|(key, value)| (key, value));
    let (config, _) = Config::from_properties(pairs)?;
    if is_masked && config.compression != Compression::None {
        return Err(RecordError::Compressed(config.compression));
    }
    let Opened {
        machine, component, ..
    } = open(backend, properties, seed, Instant::ZERO)?;
    let opening = Opening {
        core: core_version().to_owned(),
        build: build_of_this_core(),
        backend,
        is_masked,
        seed,
        properties: without_secrets(properties),
    };
    let acks_zero = config.acks == Acks::None;
    let (recorder, end) = Recorder::new(machine, file, &opening, acks_zero)?;
    Ok(Recorded {
        machine: Box::new(recorder),
        component,
        end,
    })
}

/// A partitioner that gives every record with a key the partition that the machine would give it. Masked
/// recordings need it: a key that is left out cannot choose.
pub fn key_partitioner(config: &Config) -> impl Partitioner + 'static {
    mask::key_partitioner(config.partitioning)
}

/// The properties that a file may have. What the machine does not obey is no input of it.
fn without_secrets(properties: &[(String, String)]) -> Vec<(String, String)> {
    let is_served =
        |name: &str| find(name).is_some_and(|key| matches!(key.service, Service::Served(_)));
    let may_be_written = |(key, _): &&(String, String)| {
        let name = key.trim();
        is_served(name) && !may_be_secret(name)
    };
    properties.iter().filter(may_be_written).cloned().collect()
}

/// Why a machine cannot be recorded.
#[derive(Debug)]
pub enum RecordError {
    /// It does not open.
    Open(OpenError),
    /// Payloads cannot be masked under this `compression.type`: the length of a batch depends on them.
    Compressed(Compression),
    /// The file cannot be written.
    Write(io::Error),
}

impl From<OpenError> for RecordError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<ConfigError> for RecordError {
    fn from(error: ConfigError) -> Self {
        Self::Open(error.into())
    }
}

impl From<io::Error> for RecordError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Compressed(codec) => write!(
                f,
                "payloads can be masked with compression.type=none only, and it is {codec}: how long \
                 a compressed batch is depends on what is in it"
            ),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecordError {}
