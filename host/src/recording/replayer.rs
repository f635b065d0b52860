//! The replay: a recording asked of a machine in this process and of one in the component, both compared
//! with what was recorded.

use super::answer::{Answer, describe};
use super::call::Call;
use super::fields::Fields;
use super::format::{Damage, Recording};
use super::{build_of_this_core, core_version};
use crate::machine::{Backend, Machine, OpenError, open};
use odradek::{Instant, Output};
use std::fmt;
use std::io::Read;

/// What is recorded of a call that never came back: an answer without items.
const PANICKED: [u8; 1] = [0];

/// One call that was made again.
#[derive(Clone, Copy, Debug)]
pub struct Replayed<'c, 'o> {
    /// The driver's clock.
    pub now: Instant,
    /// What was asked.
    pub call: &'c Call<'c>,
    /// What the machine in this process answered.
    pub answer: &'c Answer<'o>,
}

/// How far a replay came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many calls were made and answered alike.
    pub calls: u64,
    /// How many records were accepted.
    pub records: u64,
    /// How many outputs there were.
    pub outputs: u64,
    /// The driver's clock at the last call.
    pub now: Instant,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            calls,
            records,
            outputs,
            now,
        } = self;
        let time = now.since(Instant::ZERO);
        write!(
            f,
            "{calls} calls, {outputs} outputs and {records} records in {time:.3?}"
        )
    }
}

/// A replay under way.
pub struct Replay<R: Read> {
    recording: Recording<R>,
    machines: [(Backend, Box<dyn Machine>); 2],
    progress: Progress,
    outputs: Vec<Output>,
    answer: Vec<u8>,
}

impl<R: Read> Replay<R> {
    /// Opens both machines as the recorded one was.
    ///
    /// # Errors
    ///
    /// [`ReplayError`]: another version of the core, unless `any_version`, or a machine that does not open.
    pub fn new(recording: Recording<R>, any_version: bool) -> Result<Self, ReplayError> {
        let opening = recording.opening();
        if opening.core != core_version() && !any_version {
            return Err(ReplayError::OtherVersion {
                recorded: opening.core.clone(),
            });
        }
        let machine = |backend| {
            let opened = open(backend, &opening.properties, opening.seed, Instant::ZERO);
            opened.map(|opened| (backend, opened.machine))
        };
        let machines = [machine(Backend::Native)?, machine(Backend::Component)?];
        Ok(Self {
            recording,
            machines,
            progress: Progress::default(),
            outputs: Vec::new(),
            answer: Vec::new(),
        })
    }

    /// Whether the recording was made by another build of the same version, which may answer otherwise.
    pub fn is_other_build(&self) -> bool {
        self.recording.opening().build != build_of_this_core()
    }

    /// How far it has come.
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Makes the next call on both machines; `watch` is told of it before answers are compared. Whether
    /// there was one: after the last call of a whole recording there is none.
    ///
    /// # Errors
    ///
    /// [`ReplayError`]: the replay cannot go on.
    pub fn next(&mut self, watch: &mut dyn FnMut(&Replayed<'_, '_>)) -> Result<bool, ReplayError> {
        let is_masked = self.recording.opening().is_masked;
        let Some(entry) = self.recording.next_entry().map_err(ReplayError::Damaged)? else {
            return Ok(false);
        };
        let mut fields = Fields::new(entry);
        let Some((elapsed, call)) = Call::decode(&mut fields, is_masked) else {
            let at = self.recording.start();
            return Err(ReplayError::Damaged(Damage::Corrupt { at }));
        };
        let recorded = fields.rest();
        let nanos = self.progress.now.as_nanos();
        let now = Instant::from_nanos(nanos.wrapping_add(elapsed.cast_unsigned()));
        self.progress.now = now;
        for (backend, machine) in &mut self.machines {
            self.outputs.clear();
            self.answer.clear();
            let answer = call.make(&mut **machine, now, &mut self.outputs);
            if *backend == Backend::Native {
                count(&mut self.progress, &answer);
                watch(&Replayed {
                    now,
                    call: &call,
                    answer: &answer,
                });
            }
            answer.encode(now, is_masked, &mut self.answer);
            if self.answer != recorded && recorded != PANICKED {
                let different = Difference::between(recorded, &self.answer);
                return Err(ReplayError::Different {
                    backend: *backend,
                    call: call.name(),
                    number: self.progress.calls,
                    now,
                    different,
                });
            }
        }
        self.progress.calls += 1;
        Ok(true)
    }
}

fn count(progress: &mut Progress, answer: &Answer<'_>) {
    if let Answer::Sent(outcome) = answer {
        progress.records += u64::from(outcome.accepted);
    }
    if let Answer::Step(outputs, _) = answer {
        progress.outputs += outputs.len() as u64;
    }
}

/// The first thing that a machine said otherwise, in words; `None` where it said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What the recording has.
    pub recorded: Option<String>,
    /// What the machine said.
    pub replayed: Option<String>,
}

impl Difference {
    fn between(recorded: &[u8], replayed: &[u8]) -> Self {
        let (mut recorded, mut replayed) = (
            describe(recorded).into_iter(),
            describe(replayed).into_iter(),
        );
        loop {
            let (one, other) = (recorded.next(), replayed.next());
            if one != other || one.is_none() {
                return Self {
                    recorded: one,
                    replayed: other,
                };
            }
        }
    }
}

/// Why a replay ended before the recording, or did not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// The recording was made with another version of the core.
    OtherVersion {
        /// That version.
        recorded: String,
    },
    /// A machine could not be opened.
    Open(OpenError),
    /// A machine answered otherwise than the recorded one.
    Different {
        /// Where the machine runs.
        backend: Backend,
        /// What was asked.
        call: &'static str,
        /// The call's number, from 0.
        number: u64,
        /// The driver's clock.
        now: Instant,
        /// What was said.
        different: Difference,
    },
    /// The file makes no sense from here on.
    Damaged(Damage),
}

impl From<OpenError> for ReplayError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherVersion { recorded } => write!(
                f,
                "the recording was made with version {recorded} of the core, and this is version {}",
                core_version()
            ),
            Self::Open(error) => error.fmt(f),
            Self::Damaged(damage) => damage.fmt(f),
            Self::Different {
                backend,
                call,
                number,
                now,
                different,
            } => {
                let place = match backend {
                    Backend::Component => "the component",
                    Backend::Native => "the native machine",
                };
                let nothing = "nothing";
                let time = now.since(Instant::ZERO);
                let recorded = different.recorded.as_deref().unwrap_or(nothing);
                let replayed = different.replayed.as_deref().unwrap_or(nothing);
                write!(
                    f,
                    "{place} answers otherwise to call {number} ({call}) at {time:.6?}\n  \
                     recorded: {recorded}\n  replayed: {replayed}"
                )
            }
        }
    }
}

impl std::error::Error for ReplayError {}
