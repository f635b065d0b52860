//! A proxy in front of a broker, which cuts, delays and changes what passes.

use crate::peers::conduct::{Conduct, FaultKind, Spoil};
use crate::peers::flow::{Frames, Passage};
use crate::peers::port::SilentPort;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// How much a connection carries at once.
const CHUNK: usize = 64 << 10;

/// How long a proxy that goes away may take to leave its port.
const AWAY_LIMIT: Duration = Duration::from_secs(10);

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 128;

/// What has passed since the conduct was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Bytes that came from clients.
    pub requests: u64,
    /// Bytes that went to clients.
    pub responses: u64,
    /// Faults and spoils that have not happened.
    pub left: usize,
}

/// A proxy in front of one broker.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Handle,
    running: Mutex<Running>,
}

/// Whether it listens. Its port is kept in both cases.
#[derive(Debug)]
enum Running {
    Listening(AbortHandle),
    Away(Option<SilentPort>),
}

#[derive(Debug)]
struct Shared {
    broker: SocketAddr,
    state: Mutex<State>,
    is_reading: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    requests: Passage,
    responses: Passage,
    connections: u64,
    responses_begun: u64,
    spoils: Vec<Spoil>,
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Responses,
}

/// How a connection ends.
enum End {
    Reset,
    Close,
}

impl Proxy {
    /// A proxy that listens at `address`; port 0 lets the system choose one. `receive_buffer` is the size
    /// in bytes of the kernel's buffer for requests, where it is not the usual one.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start(
        address: SocketAddr,
        broker: SocketAddr,
        receive_buffer: Option<u32>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        let _entered = runtime.enter();
        let socket = SilentPort::bind(address)?.into_socket();
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            broker,
            state: Mutex::default(),
            is_reading: watch::Sender::new(true),
        });
        let task = runtime.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            runtime: runtime.clone(),
            running: Mutex::new(Running::Listening(task.abort_handle())),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Behaves like this from now on, and counts from zero.
    pub fn behave(&self, conduct: Conduct) {
        *self.shared.state() = State {
            requests: Passage::new(conduct.requests),
            responses: Passage::new(conduct.responses),
            spoils: conduct.spoils,
            ..State::default()
        };
    }

    /// What has passed since the conduct was set.
    pub fn counts(&self) -> Counts {
        let state = self.shared.state();
        let faults = state.requests.faults_left() + state.responses.faults_left();
        Counts {
            connections: state.connections,
            requests: state.requests.passed(),
            responses: state.responses.passed(),
            left: faults + state.spoils.len(),
        }
    }

    /// Stops reading requests, which fills the buffers between client and proxy, or goes on.
    pub fn set_reading(&self, is_reading: bool) {
        self.shared.is_reading.send_replace(is_reading);
    }

    /// Closes all connections and refuses new ones, until it comes back.
    ///
    /// # Errors
    ///
    /// When the port was taken by somebody else meanwhile, or is not free in time.
    pub fn go_away(&self) -> io::Result<()> {
        let _entered = self.runtime.enter();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Running::Listening(task) = &*running {
            task.abort();
            // The task drops its listener when it is next looked at.
            let started = Instant::now();
            let port = loop {
                match SilentPort::bind(self.address) {
                    Err(error)
                        if error.kind() == io::ErrorKind::AddrInUse
                            && started.elapsed() < AWAY_LIMIT =>
                    {
                        std::thread::yield_now();
                    }
                    port => break port?,
                }
            };
            *running = Running::Away(Some(port));
        }
        Ok(())
    }

    /// Listens again.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn come_back(&self) -> io::Result<()> {
        let _entered = self.runtime.enter();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Running::Away(port) = &mut *running
            && let Some(port) = port.take()
        {
            let listener = port.into_socket().listen(BACKLOG)?;
            let task = self
                .runtime
                .spawn(accept(listener, Arc::clone(&self.shared)));
            *running = Running::Listening(task.abort_handle());
        }
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn passage(&mut self, direction: Direction) -> &mut Passage {
        match direction {
            Direction::Requests => &mut self.requests,
            Direction::Responses => &mut self.responses,
        }
    }

    /// A response begins: what is changed in it.
    fn begin_response(&mut self) -> Option<Spoil> {
        let number = self.responses_begun;
        self.responses_begun += 1;
        let index = self
            .spoils
            .iter()
            .position(|spoil| spoil.response == number)?;
        Some(self.spoils.swap_remove(index))
    }
}

/// Accepts connections; they end with this task.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        shared.state().connections += 1;
        connections.spawn(serve(client, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let Ok(mut broker) = TcpStream::connect(shared.broker).await else {
        return;
    };
    // A socket without the option still works.
    let _ = client.set_nodelay(true);
    let _ = broker.set_nodelay(true);
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let end = tokio::select! {
        end = pump(Direction::Requests, from_client, to_broker, &shared) => end,
        end = pump(Direction::Responses, from_broker, to_client, &shared) => end,
    };
    if matches!(end, End::Reset) {
        let _ = client.set_zero_linger();
    }
}

async fn pump(
    direction: Direction,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
) -> End {
    let mut buffer = vec![0; CHUNK];
    let (mut frames, mut is_muted) = (Frames::default(), false);
    let mut is_reading = shared.is_reading.subscribe();
    loop {
        until_reading(direction, true, &mut is_reading).await;
        let pace = shared.state().passage(direction).pace();
        if matches!(direction, Direction::Responses) {
            acknowledge_at_once(from.as_ref());
        }
        let room = pace.map_or(CHUNK, |pace| pace.bytes.min(CHUNK));
        let count = tokio::select! {
            biased;
            () = until_reading(direction, false, &mut is_reading) => continue,
            count = from.read(&mut buffer[..room]) => count.unwrap_or(0),
        };
        if count == 0 {
            return End::Close;
        }
        if is_muted {
            continue;
        }
        if matches!(direction, Direction::Responses) {
            let begin = || shared.state().begin_response();
            frames.pass(&mut buffer[..count], begin);
        }
        let (allowed, fault) = shared.state().passage(direction).pass(count);
        if to.write_all(&buffer[..allowed]).await.is_err() {
            return End::Close;
        }
        match fault {
            Some(FaultKind::Reset) => return End::Reset,
            Some(FaultKind::Close) => return End::Close,
            Some(FaultKind::HalfClose) => {
                is_muted = true;
                // Of responses: the client hears of it. The broker is not told that nobody listens.
                if matches!(direction, Direction::Responses) && to.shutdown().await.is_err() {
                    return End::Close;
                }
            }
            None => {}
        }
        if let Some(pace) = pace {
            tokio::time::sleep(pace.pause).await;
        }
    }
}

/// The broker behind coalesces small responses while one is not acknowledged (Nagle), which would cost
/// 40 ms each. The option does not last, and only makes it faster.
fn acknowledge_at_once(broker: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _ = broker.set_quickack(true);
    #[cfg(not(target_os = "linux"))]
    let _ = broker;
}

/// Waits until requests are read, or no longer read; responses always are.
async fn until_reading(direction: Direction, wanted: bool, is_reading: &mut watch::Receiver<bool>) {
    // The sender lives as long as the connections.
    let is_there = match direction {
        Direction::Requests => is_reading.wait_for(|now| *now == wanted).await.is_ok(),
        Direction::Responses => wanted,
    };
    if !is_there {
        pending::<()>().await;
    }
}
