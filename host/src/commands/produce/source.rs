//! Reads files and standard input on a thread of its own, because reading them blocks.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;

/// One input that is open.
pub(super) struct Source {
    /// What it is called in reports.
    pub(super) name: String,
    /// Which file it is, if it is one that writing could harm.
    identity: Option<Identity>,
    reader: Box<dyn Read + Send>,
}

/// The device and the inode of a regular file, whatever names lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Option<Self> {
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// What the thread has to say.
pub(super) enum Chunk {
    /// The next input begins; its position among the sources.
    Begin(usize),
    /// Bytes of the current input.
    Bytes(Vec<u8>),
    /// The current input has been read to its end.
    End,
    /// The current input cannot be read on; the next one follows.
    Failed(io::Error),
}

/// What a thread reads, as it reads it.
pub(super) struct Chunks {
    receiver: mpsc::Receiver<Chunk>,
    is_stopped: Arc<AtomicBool>,
}

impl Chunks {
    /// The next chunk; `None` when everything has been read.
    pub(super) async fn next(&mut self) -> Option<Chunk> {
        self.receiver.recv().await
    }

    /// The next chunk; `None` when everything has been read, and when the input has paused for so long.
    pub(super) async fn next_within(&mut self, pause: Duration) -> Option<Chunk> {
        tokio::time::timeout(pause, self.next()).await.ok()?
    }

    /// Begins no further read, and gives what was read before; `None` when that was all.
    pub(super) async fn next_without_reading(&mut self) -> Option<Chunk> {
        self.is_stopped.store(true, Ordering::Relaxed);
        // The thread may hold a chunk that does not fit the channel, so the channel stays open. When
        // nothing comes, the thread waits in a read, which has taken nothing from the input.
        self.next_within(HANDED_OVER).await
    }
}

/// Opens all files, so that a wrong name is told before anything is sent. No name means standard input,
/// and so does `-`.
///
/// # Errors
///
/// The first file that cannot be opened, for people to read.
pub(super) fn open(paths: &[PathBuf]) -> Result<Vec<Source>, String> {
    if paths.is_empty() {
        return Ok(vec![standard_input()?]);
    }
    paths.iter().map(|path| open_one(path)).collect()
}

/// Opens a file for writing and empties it, unless that would destroy one of the inputs, or what is written
/// to `other`.
///
/// # Errors
///
/// Why the file cannot be written, for people to read; it is as it was then.
pub(super) fn create_beside(
    sources: &[Source],
    other: Option<&File>,
    path: &Path,
) -> Result<File, String> {
    let describe = |error: io::Error| format!("{}: {error}", path.display());
    // What is opened is what is compared, so that no other file can take its name in between.
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false).open(path);
    let file = file.map_err(describe)?;
    let identity = Identity::of(&file.metadata().map_err(describe)?);
    if identity.is_some() {
        if sources.iter().any(|source| source.identity == identity) {
            return Err(format!(
                "{}: the file is an input and would be overwritten",
                path.display()
            ));
        }
        let other = other.map(File::metadata).transpose().map_err(describe)?;
        if other.is_some_and(|other| Identity::of(&other) == identity) {
            let path = path.display();
            return Err(format!("{path}: the file cannot take two kinds of output"));
        }
        file.set_len(0).map_err(describe)?;
    }
    Ok(file)
}

/// Starts to read. At most [`WAITING`] chunks wait, so a slow consumer slows the reading down. The thread
/// is left behind in a read that never returns when the process ends first.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn start(sources: Vec<Source>) -> io::Result<Chunks> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let is_stopped = Arc::new(AtomicBool::new(false));
    let chunks = Chunks {
        receiver,
        is_stopped: Arc::clone(&is_stopped),
    };
    let thread = thread::Builder::new().name("input".to_owned());
    thread.spawn(move || {
        for (index, source) in sources.into_iter().enumerate() {
            let is_wanted = sender.blocking_send(Chunk::Begin(index)).is_ok();
            if !is_wanted || !read_all(source, &sender, &is_stopped) {
                return;
            }
        }
    })?;
    Ok(chunks)
}

/// How many bytes are read at once.
const CHUNK: usize = 128 * 1024;
/// How many chunks wait for the consumer.
const WAITING: usize = 4;
/// How long a chunk that was read takes at most until it is in the channel.
const HANDED_OVER: Duration = Duration::from_millis(100);

fn standard_input() -> Result<Source, String> {
    let input = io::stdin();
    let describe = |error: io::Error| format!("standard input: {error}");
    let duplicate = input.as_fd().try_clone_to_owned().map_err(describe)?;
    let metadata = File::from(duplicate).metadata().map_err(describe)?;
    Ok(Source {
        name: "-".to_owned(),
        identity: Identity::of(&metadata),
        reader: Box::new(input),
    })
}

fn open_one(path: &Path) -> Result<Source, String> {
    if path == Path::new("-") {
        return standard_input();
    }
    let describe = |error: io::Error| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(describe)?;
    let metadata = file.metadata().map_err(describe)?;
    if metadata.is_dir() {
        return Err(describe(io::ErrorKind::IsADirectory.into()));
    }
    Ok(Source {
        name: path.display().to_string(),
        identity: Identity::of(&metadata),
        reader: Box::new(file),
    })
}

/// Reads to the end; whether anybody still wants to hear of the next input.
fn read_all(mut source: Source, sender: &mpsc::Sender<Chunk>, is_stopped: &AtomicBool) -> bool {
    let mut buffer = vec![0; CHUNK];
    loop {
        if is_stopped.load(Ordering::Relaxed) {
            return false;
        }
        let chunk = match source.reader.read(&mut buffer) {
            Ok(0) => return sender.blocking_send(Chunk::End).is_ok(),
            Ok(count) => Chunk::Bytes(buffer[..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return sender.blocking_send(Chunk::Failed(error)).is_ok(),
        };
        if sender.blocking_send(chunk).is_err() {
            return false;
        }
    }
}
