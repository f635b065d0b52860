//! Building a producer: properties in, a running producer out.

use crate::driver::Driver;
use crate::machine::{self, Backend, Machine, MachineLost, OpenError, Opened};
use crate::metrics::{Sample, Samples, Waits};
use crate::notice::Notice;
use crate::partitioner::Partitioner;
use crate::producer::Producer;
use crate::shared::{Hook, Limits, Shared};
use odradek::config::{ConfigError, Note};
use odradek::{Bulk, Config, Instant};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant as Moment};
use tokio::runtime::Handle;

/// How long records may wait for company between two calls of the machine, unless `linger.ms` is
/// shorter: the first record after a pause goes at once, a steady stream in groups.
const GATHER: Duration = Duration::from_millis(1);

/// No record: the machine answers how much room it has.
const NOTHING: Bulk<'static> = Bulk {
    records: &[],
    headers: &[],
    data: &[],
};

/// Where the driver runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    OwnThread,
    CurrentRuntime,
}

/// Builds a [`Producer`] from Kafka properties.
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    properties: Vec<(String, String)>,
    backend: Backend,
    place: Place,
    hook: Hook,
    partitioner: Option<Box<dyn Partitioner>>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets one property, such as `bootstrap.servers` or `linger.ms`. Of several values for one key
    /// the last one counts.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// Sets many properties.
    pub fn properties<K: Into<String>, V: Into<String>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        self.properties
            .extend(pairs.map(|(key, value)| (key.into(), value.into())));
        self
    }

    /// Chooses where the machine runs; the component unless told otherwise.
    pub const fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Runs the driver as a task of the tokio runtime in which [`build`](Self::build) is called, which
    /// needs I/O and time enabled.
    ///
    /// Otherwise it has a thread and a small runtime of its own, so that the application and the
    /// machine use two cores, and neither can hold up the other. The task suits applications that
    /// must not start threads; the runtime must then live until the producer is closed.
    pub const fn on_current_runtime(mut self) -> Self {
        self.place = Place::CurrentRuntime;
        self
    }

    /// Calls `hook` for everything that is worth a line in a log, which otherwise goes to `tracing`. It
    /// runs in the driver, or in the drop of the last handle, and must not block.
    pub fn on_notice(mut self, hook: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.hook = Hook(Box::new(hook));
        self
    }

    /// Lets the application choose the partitions of records that name none, instead of the producer.
    /// Where it has no opinion, the producer's own partitioner chooses.
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Self {
        self.partitioner = Some(Box::new(partitioner));
        self
    }

    /// What is worth knowing about the properties: settings that have no effect, or another one than
    /// they seem to.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], as from [`build`](Self::build).
    pub fn notes(&self) -> Result<Vec<Note>, ConfigError> {
        self.config().map(|(_, notes)| notes)
    }

    fn config(&self) -> Result<(Config, Vec<Note>), ConfigError> {
        let pairs = self.properties.iter();
        Config::from_properties(pairs.map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// Checks the properties and starts the producer. It connects in the background: a cluster that
    /// cannot be reached shows in the reports, and in
    /// [`connection_failures`](Producer::connection_failures).
    ///
    /// With [`Backend::Component`] the first call in a process compiles the component, which takes some
    /// tenths of a second.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn build(self) -> Result<Producer, BuildError> {
        let (backend, seed) = (self.backend, machine::random_seed());
        let opened = machine::open(backend, &self.properties, seed, Instant::ZERO)?;
        self.start(opened)
    }

    /// Like [`build`](Self::build), around a machine of the caller's making. Its clock starts at
    /// [`Instant::ZERO`], with this call.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn build_with(self, machine: Box<dyn Machine>) -> Result<Producer, BuildError> {
        let notes = self.notes()?;
        self.start(Opened {
            machine,
            notes,
            component: None,
        })
    }

    fn start(self, opened: Opened) -> Result<Producer, BuildError> {
        let Opened {
            mut machine,
            notes,
            component,
        } = opened;
        let (config, _) = self.config()?;
        let origin = Moment::now();
        let outcome = machine.send_many(&NOTHING, 0, Instant::ZERO)?;
        let limits = Limits {
            max_block: config.max_block,
            buffer: outcome.free_bytes,
            gather: config.linger.min(GATHER),
        };
        let id = config.transactional.map(|transactional| transactional.id);
        let id = id.map(Into::into);
        let shared = Arc::new(Shared::new(limits, id, self.hook, self.partitioner));
        let first = Sample {
            machine: machine.metrics(Instant::ZERO)?,
            waits: Waits::default(),
        };
        let (window, count) = (config.metrics_sample_window, config.metrics_num_samples);
        let samples = Samples::new(window, count as usize, first);
        let driver = Driver::new(machine, Arc::clone(&shared), origin, samples);
        let producer = Producer::new(shared, notes, component);
        self.place.start(driver).map_err(BuildError::Runtime)?;
        Ok(producer)
    }
}

impl Place {
    fn start(self, driver: Driver) -> io::Result<()> {
        match self {
            Self::OwnThread => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                thread::Builder::new()
                    .name("odradek".to_owned())
                    .spawn(move || {
                        runtime.block_on(driver.run());
                        // A name that is still being looked up must not hold up the end.
                        runtime.shutdown_background();
                    })?;
            }
            Self::CurrentRuntime => {
                let runtime = Handle::try_current().map_err(io::Error::other)?;
                runtime.spawn(driver.run());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets.
        let keys: Vec<&str> = self.properties.iter().map(|(key, _)| &**key).collect();
        f.debug_struct("Builder")
            .field("keys", &keys)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// Why a producer could not be built.
#[derive(Debug)]
pub enum BuildError {
    /// The machine could not be opened: a wrong property, or no component.
    Open(OpenError),
    /// The machine broke before it did anything.
    Lost(MachineLost),
    /// The driver's thread or runtime could not be started, or there is no runtime here.
    Runtime(io::Error),
}

impl From<OpenError> for BuildError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        Self::Open(error.into())
    }
}

impl From<MachineLost> for BuildError {
    fn from(error: MachineLost) -> Self {
        Self::Lost(error)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Lost(error) => error.fmt(f),
            Self::Runtime(error) => write!(f, "the driver could not be started: {error}"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(error) => Some(error),
            Self::Lost(error) => Some(error),
            Self::Runtime(error) => Some(error),
        }
    }
}
