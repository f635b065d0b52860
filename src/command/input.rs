//! Files and standard input, read as streams: nothing is ever waited for here.

use crate::paths::{describe, locate};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use wasi::cli::stdin::get_stdin;
use wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};
use wasi::io::poll::Pollable;
use wasi::io::streams::{InputStream, StreamError};

/// All inputs in their order.
#[derive(Debug)]
pub(crate) struct Input {
    waiting: VecDeque<Source>,
    current: Option<Reading>,
    /// How many inputs have begun.
    begun: usize,
    names: Vec<String>,
}

/// An input that can be read.
#[derive(Debug)]
enum Source {
    /// Standard input is touched when its turn comes: some hosts are busy with it from then on.
    Standard,
    File(Descriptor),
}

/// An input that is being read. The pollable is dropped before the stream, its parent, and that before the
/// file.
#[derive(Debug)]
struct Reading {
    readable: Pollable,
    stream: InputStream,
    /// The open file, if it is one.
    file: Option<Descriptor>,
    /// Whether a read may bring something.
    is_ready: bool,
}

/// What a look at the inputs brought.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// The next input begins.
    Begin,
    /// Bytes of the current input.
    Bytes(Vec<u8>),
    /// Nothing now.
    Pause,
    /// The current input has been read to its end.
    End,
    /// The current input cannot be read on; the next one follows.
    Failed(String),
    /// All inputs have been read.
    Over,
}

/// How many bytes are read at once: of standard input as much as hosts give, of files more, because each
/// read is a job for another thread of the host.
const STANDARD_CHUNK: u64 = 64 * 1024;
const FILE_CHUNK: u64 = 256 * 1024;

impl Input {
    /// Opens all files, so that a wrong name is told before anything is sent. No name means standard
    /// input, and so does `-`.
    ///
    /// # Errors
    ///
    /// The first file that cannot be opened, for people to read.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, String> {
        let standard = [PathBuf::from("-")];
        let paths = if paths.is_empty() { &standard } else { paths };
        let mut input = Self {
            waiting: VecDeque::new(),
            current: None,
            begun: 0,
            names: paths
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        };
        for path in paths {
            if path == Path::new("-") {
                input.waiting.push_back(Source::Standard);
                continue;
            }
            let file = open_file(path)?;
            input.waiting.push_back(Source::File(file));
        }
        Ok(input)
    }

    /// What the inputs are called in reports.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The files among the inputs that have not begun.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Descriptor> {
        self.waiting.iter().filter_map(|source| match source {
            Source::File(file) => Some(file),
            Source::Standard => None,
        })
    }

    /// Whether standard input is one of the inputs that have not begun.
    pub(crate) fn has_standard(&self) -> bool {
        let is_standard = |source: &Source| matches!(source, Source::Standard);
        self.waiting.iter().any(is_standard)
    }

    /// The position among all of the input that began last.
    pub(crate) const fn index(&self) -> usize {
        self.begun.saturating_sub(1)
    }

    /// What there is now.
    pub(crate) fn next_chunk(&mut self) -> Chunk {
        let Some(current) = &mut self.current else {
            return self.begin();
        };
        let chunk = current.next_chunk();
        if matches!(chunk, Chunk::End | Chunk::Failed(_)) {
            self.current = None;
        }
        chunk
    }

    /// Whether [`next_chunk`](Self::next_chunk) may have something else to say than that there is a pause.
    pub(crate) fn is_ready(&self) -> bool {
        self.current.as_ref().is_none_or(|current| current.is_ready)
    }

    /// What to wait for when there is a pause; only then, because a host may begin a read of its own where a
    /// file is waited for.
    pub(crate) fn pollable(&self) -> Option<&Pollable> {
        let pausing = self.current.as_ref().filter(|current| !current.is_ready);
        pausing.map(|current| &current.readable)
    }

    /// Notes that the pollable is ready.
    pub(crate) const fn set_ready(&mut self) {
        if let Some(current) = &mut self.current {
            current.is_ready = true;
        }
    }

    /// Reads nothing more.
    pub(crate) fn give_up(&mut self) {
        self.waiting.clear();
        self.current = None;
    }

    fn begin(&mut self) -> Chunk {
        let Some(source) = self.waiting.pop_front() else {
            return Chunk::Over;
        };
        self.begun += 1;
        self.current = match source {
            Source::Standard => Some(Reading::new(get_stdin(), None)),
            Source::File(file) => match file.read_via_stream(0) {
                Ok(stream) => Some(Reading::new(stream, Some(file))),
                Err(error) => return Chunk::Failed(error.message().to_owned()),
            },
        };
        Chunk::Begin
    }
}

impl Reading {
    fn new(stream: InputStream, file: Option<Descriptor>) -> Self {
        Self {
            readable: stream.subscribe(),
            stream,
            // Standard input may be idle, and a read is dear where that is asked for on another thread.
            is_ready: file.is_some(),
            file,
        }
    }

    fn next_chunk(&mut self) -> Chunk {
        if !self.is_ready {
            return Chunk::Pause;
        }
        let chunk = match self.file {
            Some(_) => FILE_CHUNK,
            None => STANDARD_CHUNK,
        };
        match self.stream.read(chunk) {
            Ok(bytes) if bytes.is_empty() => {
                self.is_ready = false;
                Chunk::Pause
            }
            Ok(bytes) => {
                // Of standard input that was all there is now.
                self.is_ready = self.file.is_some();
                Chunk::Bytes(bytes)
            }
            Err(StreamError::Closed) => Chunk::End,
            Err(StreamError::LastOperationFailed(error)) => Chunk::Failed(error.to_debug_string()),
        }
    }
}

/// Opens a file that can be read by position, which is how WASI reads files.
fn open_file(path: &Path) -> Result<Descriptor, String> {
    let describe = |error| describe(path, error);
    let (directory, way) = locate(path).ok_or_else(|| describe(ErrorCode::NoEntry))?;
    let flags = (PathFlags::SYMLINK_FOLLOW, OpenFlags::empty());
    let file = directory.open_at(flags.0, &way, flags.1, DescriptorFlags::READ);
    let file = file.map_err(describe)?;
    match file.get_type().map_err(describe)? {
        DescriptorType::Directory => Err(describe(ErrorCode::IsDirectory)),
        DescriptorType::Fifo | DescriptorType::Socket => Err(format!(
            "{}: a WASI host cannot read this by position: give it as standard input",
            path.display()
        )),
        DescriptorType::Unknown
        | DescriptorType::BlockDevice
        | DescriptorType::CharacterDevice
        | DescriptorType::SymbolicLink
        | DescriptorType::RegularFile => Ok(file),
    }
}
