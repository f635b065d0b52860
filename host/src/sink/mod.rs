//! A broker that acknowledges and discards: the other end of benchmarks and of tests with a stalled peer.

mod answer;
mod topics;

use answer::{Refusal, answer};
use bytes::{Buf, BytesMut};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use topics::Topics;

/// A broker that acknowledges every record batch and discards it.
///
/// It is the only broker of its cluster and leads every partition. Any topic exists as soon as it is
/// named. Offsets grow as in a log; nothing is checked and nothing can be read back.
#[derive(Debug)]
pub struct Sink {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// Controls a sink that runs, and tells what it has taken.
#[derive(Clone, Debug)]
pub struct SinkHandle {
    shared: Arc<Shared>,
}

/// What a sink has taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Record batches that were acknowledged.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    /// How long an answer is kept back.
    delay: Duration,
    topics: Mutex<Topics>,
    /// Whether connections read; a paused one leaves bytes in the kernel's buffers.
    is_reading: watch::Sender<bool>,
    connections: AtomicU64,
    bytes: AtomicU64,
    batches: AtomicU64,
    records: AtomicU64,
}

impl Sink {
    /// Listens at an address; port 0 lets the system choose one. Topics have `partition_count`
    /// partitions.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened at.
    pub async fn bind(address: SocketAddr, partition_count: i32) -> io::Result<Self> {
        Self::bind_delayed(address, partition_count, Duration::ZERO).await
    }

    /// The same, and every answer is kept back for `delay`, as a broker that waits for its replicas
    /// does; the requests behind it are read meanwhile.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_delayed(
        address: SocketAddr,
        partition_count: i32,
        delay: Duration,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let shared = Shared {
            address: listener.local_addr()?,
            delay,
            topics: Mutex::new(Topics::new(partition_count)),
            is_reading: watch::Sender::new(true),
            connections: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            records: AtomicU64::new(0),
        };
        Ok(Self {
            listener,
            shared: Arc::new(shared),
        })
    }

    /// A handle that outlives [`run`](Self::run).
    pub fn handle(&self) -> SinkHandle {
        SinkHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Serves until the future is dropped. Connections run as tasks of their own and end with their
    /// peers. `on_refused` hears of those that sent what is no request.
    ///
    /// # Errors
    ///
    /// When the listener fails.
    pub async fn run(
        self,
        on_refused: impl Fn(SocketAddr, &io::Error) + Send + Sync + 'static,
    ) -> io::Result<()> {
        let on_refused = Arc::new(on_refused);
        loop {
            let (stream, peer) = self.listener.accept().await?;
            self.shared.connections.fetch_add(1, Ordering::Relaxed);
            let (shared, on_refused) = (Arc::clone(&self.shared), Arc::clone(&on_refused));
            tokio::spawn(async move {
                // Peers come and go; only what they say can be wrong.
                if let Err(error) = serve(stream, &shared).await
                    && error.kind() == io::ErrorKind::InvalidData
                {
                    on_refused(peer, &error);
                }
            });
        }
    }
}

impl SinkHandle {
    /// Where the sink listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What has been taken so far.
    pub fn counts(&self) -> SinkCounts {
        SinkCounts {
            connections: self.shared.connections.load(Ordering::Relaxed),
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            batches: self.shared.batches.load(Ordering::Relaxed),
            records: self.shared.records.load(Ordering::Relaxed),
        }
    }

    /// Stops reading from all connections, which fills the buffers between peer and sink, or goes on.
    pub fn set_reading(&self, is_reading: bool) {
        self.shared.is_reading.send_replace(is_reading);
    }
}

/// How much room a read finds at least.
const READ_ROOM: usize = 256 * 1024;

/// The largest frame that is read: 256 MiB.
const FRAME_MAX: usize = 256 * 1024 * 1024;

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut stream, writer) = stream.into_split();
    let mut answers = Answers::new(writer, shared.delay);
    let mut is_reading = shared.is_reading.subscribe();
    let (mut input, mut output) = (BytesMut::new(), Vec::new());
    loop {
        // The sender lives in `shared`, so waiting cannot fail.
        let _ = is_reading.wait_for(|is_reading| *is_reading).await;
        input.reserve(READ_ROOM);
        let count = stream.read_buf(&mut input).await?;
        if count == 0 {
            return Ok(());
        }
        shared.bytes.fetch_add(count as u64, Ordering::Relaxed);
        take_frames(&mut input, shared, &mut output)?;
        if !output.is_empty() {
            answers.give(&mut output).await?;
        }
    }
}

/// The way back to a peer.
enum Answers {
    AtOnce(OwnedWriteHalf),
    /// To a task that keeps them back.
    Later(Duration, mpsc::UnboundedSender<(Instant, Vec<u8>)>),
}

impl Answers {
    fn new(mut writer: OwnedWriteHalf, delay: Duration) -> Self {
        if delay.is_zero() {
            return Self::AtOnce(writer);
        }
        let (sender, mut queue) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        tokio::spawn(async move {
            while let Some((due, bytes)) = queue.recv().await {
                tokio::time::sleep_until(due).await;
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        Self::Later(delay, sender)
    }

    /// Takes the bytes out of `output`.
    async fn give(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::AtOnce(writer) => {
                writer.write_all(output).await?;
                output.clear();
            }
            Self::Later(delay, sender) => {
                let due = Instant::now() + *delay;
                // The peer is gone if nobody listens; the next read tells.
                let _ = sender.send((due, std::mem::take(output)));
            }
        }
        Ok(())
    }
}

/// Answers every whole frame in `input` and removes it.
fn take_frames(input: &mut BytesMut, shared: &Shared, output: &mut Vec<u8>) -> io::Result<()> {
    while let Some(length) = input.first_chunk() {
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > FRAME_MAX {
            let text = format!("a frame of {length} bytes is too large");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let Some(frame) = input.get(4..4 + length) else {
            return Ok(());
        };
        let mut topics = shared.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = answer(frame, shared.address, &mut topics, output);
        drop(topics);
        let answered = answered
            .map_err(|refusal| io::Error::new(io::ErrorKind::InvalidData, describe(refusal)))?;
        shared
            .batches
            .fetch_add(answered.batches, Ordering::Relaxed);
        shared
            .records
            .fetch_add(answered.records, Ordering::Relaxed);
        input.advance(4 + length);
    }
    Ok(())
}

fn describe(refusal: Refusal) -> String {
    match refusal {
        Refusal::Malformed(error) => format!("malformed request: {error}"),
        Refusal::UnknownApi(key) => format!("API {key} is not served"),
        Refusal::UnknownVersion(key, version) => format!("{key} v{version} is not served"),
    }
}
