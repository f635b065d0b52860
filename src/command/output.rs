//! Standard output, written as far as the host takes it.

use wasi::cli::stdout::get_stdout;
use wasi::io::poll::Pollable;
use wasi::io::streams::{OutputStream, StreamError};

/// The reports on their way out. The pollable is dropped before the stream, its parent.
#[derive(Debug)]
pub(crate) struct Output {
    /// Made when the host first takes nothing.
    writable: Option<Pollable>,
    stream: OutputStream,
    backlog: Vec<u8>,
    /// How many bytes of the backlog have been written.
    written: usize,
    is_blocked: bool,
}

/// How many bytes may wait before nothing more is settled.
const BACKLOG: usize = 256 * 1024;

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            writable: None,
            stream: get_stdout(),
            backlog: Vec::new(),
            written: 0,
            is_blocked: false,
        }
    }

    /// Takes lines over.
    pub(crate) fn push(&mut self, lines: &mut Vec<u8>) {
        self.backlog.drain(..self.written);
        self.written = 0;
        self.backlog.append(lines);
    }

    /// Whether so much waits that nothing should be added.
    pub(crate) const fn is_full(&self) -> bool {
        self.backlog.len() - self.written >= BACKLOG
    }

    /// Whether everything has been written.
    pub(crate) const fn is_empty(&self) -> bool {
        self.backlog.len() == self.written
    }

    /// What to wait for when the host takes nothing now.
    pub(crate) fn pollable(&self) -> Option<&Pollable> {
        self.writable.as_ref().filter(|_| self.is_blocked)
    }

    /// Notes that the pollable is ready.
    pub(crate) const fn set_ready(&mut self) {
        self.is_blocked = false;
    }

    /// Writes as much as the host takes.
    ///
    /// # Errors
    ///
    /// Why nothing more can be written, for people to read.
    pub(crate) fn write(&mut self) -> Result<(), String> {
        while !self.is_empty() && !self.is_blocked {
            let permitted = self.stream.check_write().map_err(describe)?;
            let permitted = usize::try_from(permitted).unwrap_or(usize::MAX);
            if permitted == 0 {
                self.is_blocked = true;
                let stream = &self.stream;
                self.writable.get_or_insert_with(|| stream.subscribe());
                return Ok(());
            }
            let rest = &self.backlog[self.written..];
            let piece = &rest[..rest.len().min(permitted)];
            self.stream.write(piece).map_err(describe)?;
            self.written += piece.len();
        }
        Ok(())
    }

    /// Waits until the host has passed everything on.
    ///
    /// # Errors
    ///
    /// Why it could not, for people to read.
    pub(crate) fn finish(&self) -> Result<(), String> {
        self.stream.blocking_flush().map_err(describe)
    }
}

fn describe(error: StreamError) -> String {
    match error {
        StreamError::Closed => "nobody reads it any more".to_owned(),
        StreamError::LastOperationFailed(error) => error.to_debug_string(),
    }
}
