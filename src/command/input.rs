//! Files and standard input, read without ever waiting for standard input.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use wasi::cli::stdin::get_stdin;
use wasi::io::poll::Pollable;
use wasi::io::streams::{InputStream, StreamError};

/// All inputs in their order.
#[derive(Debug)]
pub(crate) struct Input {
    waiting: VecDeque<Source>,
    current: Option<Current>,
    /// How many inputs have begun.
    begun: usize,
    buffer: Vec<u8>,
}

/// An input that can be opened.
#[derive(Debug)]
enum Source {
    /// Standard input is touched when its turn comes: some hosts are busy with it from then on.
    Standard,
    File(File),
}

#[derive(Debug)]
enum Current {
    Standard(StandardInput),
    File(File),
}

/// The pollable is dropped before the stream, its parent.
#[derive(Debug)]
struct StandardInput {
    readable: Pollable,
    stream: InputStream,
    is_ready: bool,
}

/// What a look at the inputs brought.
#[derive(Debug)]
pub(crate) enum Chunk<'a> {
    /// The next input begins.
    Begin,
    /// Bytes of the current input.
    Bytes(&'a [u8]),
    /// Nothing now.
    Pause,
    /// The current input has been read to its end.
    End,
    /// The current input cannot be read on; the next one follows.
    Failed(String),
    /// All inputs have been read.
    Over,
}

/// The inputs before they are read.
#[derive(Debug)]
pub(crate) struct Sources {
    /// What they are called in reports.
    pub(crate) names: Vec<String>,
    /// The files among them.
    pub(crate) files: Vec<PathBuf>,
    sources: VecDeque<Source>,
}

/// Opens all files, so that a wrong name is told before anything is sent. No name means standard input,
/// and so does `-`.
///
/// # Errors
///
/// The first file that cannot be opened, for people to read.
pub(crate) fn open(paths: &[PathBuf]) -> Result<Sources, String> {
    let mut opened = Sources {
        names: Vec::new(),
        files: Vec::new(),
        sources: VecDeque::new(),
    };
    let standard = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &standard } else { paths };
    for path in paths {
        opened.names.push(path.display().to_string());
        if path == Path::new("-") {
            opened.sources.push_back(Source::Standard);
            continue;
        }
        let file = open_file(path).map_err(|error| format!("{}: {error}", path.display()))?;
        opened.sources.push_back(Source::File(file));
        opened.files.push(path.clone());
    }
    Ok(opened)
}

fn open_file(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// How many bytes are read at once.
const CHUNK: usize = 128 * 1024;
const STANDARD_CHUNK: u64 = 64 * 1024;

impl Input {
    pub(crate) fn new(sources: Sources) -> Self {
        Self {
            waiting: sources.sources,
            current: None,
            begun: 0,
            buffer: vec![0; CHUNK],
        }
    }

    /// The position among all of the input that began last.
    pub(crate) const fn index(&self) -> usize {
        self.begun.saturating_sub(1)
    }

    /// What there is now.
    pub(crate) fn next_chunk(&mut self) -> Chunk<'_> {
        let Some(current) = &mut self.current else {
            return self.begin();
        };
        let read = match current {
            Current::Standard(input) => input.read(&mut self.buffer),
            Current::File(file) => read_file(file, &mut self.buffer),
        };
        match read {
            Ok(Some(0)) => {
                self.current = None;
                Chunk::End
            }
            Ok(Some(count)) => Chunk::Bytes(&self.buffer[..count]),
            Ok(None) => Chunk::Pause,
            Err(error) => {
                self.current = None;
                Chunk::Failed(error)
            }
        }
    }

    /// Whether [`next_chunk`](Self::next_chunk) has something else to say than that there is a pause.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.current {
            Some(Current::Standard(input)) => input.is_ready,
            Some(Current::File(_)) | None => true,
        }
    }

    /// What to wait for when there is a pause.
    pub(crate) fn pollable(&self) -> Option<&Pollable> {
        match &self.current {
            Some(Current::Standard(input)) => Some(&input.readable),
            Some(Current::File(_)) | None => None,
        }
    }

    /// Notes that the pollable is ready.
    pub(crate) const fn set_ready(&mut self) {
        if let Some(Current::Standard(input)) = &mut self.current {
            input.is_ready = true;
        }
    }

    /// Reads nothing more.
    pub(crate) fn give_up(&mut self) {
        self.waiting.clear();
        self.current = None;
    }

    fn begin(&mut self) -> Chunk<'_> {
        let Some(source) = self.waiting.pop_front() else {
            return Chunk::Over;
        };
        self.begun += 1;
        self.current = Some(match source {
            Source::Standard => Current::Standard(StandardInput::new()),
            Source::File(file) => Current::File(file),
        });
        Chunk::Begin
    }
}

impl StandardInput {
    fn new() -> Self {
        let stream = get_stdin();
        Self {
            readable: stream.subscribe(),
            stream,
            is_ready: false,
        }
    }

    /// How many bytes were read: 0 at the end, `None` when there are none now.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, String> {
        if !self.is_ready {
            return Ok(None);
        }
        self.is_ready = false;
        match self.stream.read(STANDARD_CHUNK) {
            Ok(bytes) if bytes.is_empty() => Ok(None),
            Ok(bytes) => {
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                Ok(Some(count))
            }
            Err(StreamError::Closed) => Ok(Some(0)),
            Err(StreamError::LastOperationFailed(error)) => Err(error.to_debug_string()),
        }
    }
}

fn read_file(file: &mut File, buffer: &mut [u8]) -> Result<Option<usize>, String> {
    loop {
        match file.read(buffer) {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}
