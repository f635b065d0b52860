//! From the inputs to steps: what there is to be read now, cut into groups.

use crate::input::{Chunk, Input};
use odradek::Instant;
use odradek::cli::course::{Course, LAST_PAUSE};
use odradek::cli::grouping::{Grouping, Step};
use odradek::cli::input::{Defaults, Format};
use wasi::io::poll::Pollable;

/// The inputs on their way.
#[derive(Debug)]
pub(super) struct Reading {
    input: Input,
    format: Format,
    line_limit: usize,
    grouping: Grouping,
    is_over: bool,
    /// When the pause of the input has been long enough, after the run was given up.
    pause_ends: Option<Instant>,
}

impl Reading {
    /// `request_size` is `max.request.size`.
    pub(super) fn new(format: Format, input: Input, request_size: u64) -> Self {
        let request_size = usize::try_from(request_size).unwrap_or(usize::MAX);
        let line_limit = format.line_limit(request_size);
        Self {
            input,
            grouping: Grouping::new(format.clone(), line_limit),
            format,
            line_limit,
            is_over: false,
            pause_ends: None,
        }
    }

    /// Whether everything was read.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether a read may bring something.
    pub(super) fn is_ready(&self) -> bool {
        !self.is_over && self.input.is_ready()
    }

    /// What to wait for while the input pauses.
    pub(super) fn pollable(&self) -> Option<&Pollable> {
        self.input.pollable().filter(|_| !self.is_over)
    }

    /// Notes that the pollable is ready.
    pub(super) const fn set_ready(&mut self) {
        self.input.set_ready();
    }

    /// Until when to wait for the input at most.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.pause_ends
    }

    /// The position among all of the input that is read.
    pub(super) const fn index(&self) -> usize {
        self.input.index()
    }

    /// The next step of what was read.
    pub(super) fn next_step(&mut self, defaults: &Defaults) -> Option<Step> {
        self.grouping.next_step(defaults)
    }

    /// Reads at most one chunk, when there is no step left. Where the input cannot be read on, it says why:
    /// that comes behind the steps there are.
    pub(super) fn read(&mut self, course: Course, now: Instant) -> Option<String> {
        match self.input.next_chunk() {
            Chunk::Begin => {
                self.grouping = Grouping::new(self.format.clone(), self.line_limit);
                self.pause_ends = None;
            }
            Chunk::Bytes(bytes) => {
                self.grouping.reader().push(&bytes);
                self.pause_ends = None;
            }
            Chunk::Pause if course == Course::GiveUp => {
                let ends = now.after(LAST_PAUSE);
                if *self.pause_ends.get_or_insert(ends) <= now {
                    self.grouping.reader().cut();
                    self.input.give_up();
                }
            }
            Chunk::Pause => {}
            Chunk::End => self.grouping.reader().finish(),
            Chunk::Failed(error) => {
                self.grouping.reader().cut();
                return Some(error);
            }
            Chunk::Over => self.is_over = true,
        }
        None
    }
}
