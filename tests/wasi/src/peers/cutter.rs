//! Proxies in front of real brokers that cut every connection after a random number of bytes, or swallow
//! responses first.

use odradek_tests_interop::records::Random;
use odradek_tests_interop::setup::Ports;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How much a connection carries at once.
const CHUNK: usize = 64 << 10;

/// A connection ends after at most 2 to the power of so many bytes in one direction, or more.
const LEAST: u32 = 7;

/// Responses are that much smaller than requests, as a power of 2.
const SMALLER: u32 = 5;

/// For how long responses are swallowed at most, in ms, before their connection is cut.
const SWALLOW_MS: u64 = 300;

/// Proxies in front of the nodes of a cluster. They end when dropped.
#[derive(Debug)]
pub struct Cutter {
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// What became of the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Those that were accepted.
    pub connections: u64,
    /// Those that were cut within, or between, requests.
    pub requests: u64,
    /// Those that were cut within, or between, responses.
    pub responses: u64,
    /// Those whose responses were swallowed before they were cut.
    pub swallowed: u64,
    /// The bytes of those responses.
    pub swallowed_bytes: u64,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    most: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    cuts: Cuts,
    is_calm: bool,
}

/// What is going to happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    kind: Kind,
    /// After so many bytes.
    after: u64,
    /// By a reset, or a close.
    is_reset: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is cut, counting requests.
    Requests,
    /// It is cut, counting responses.
    Responses,
    /// Responses are no longer passed on for a while, while requests still are; then it is cut.
    Swallow(Duration),
}

impl Cutter {
    /// Starts a proxy per node, whose connections end after at most 2 to the power of `most` bytes of
    /// requests, or less of responses; 12 is the least. What happens to the n-th connection follows from the
    /// seed alone.
    ///
    /// # Errors
    ///
    /// When a port is taken.
    ///
    /// # Panics
    ///
    /// When the system gives it no thread.
    pub fn start(nodes: &[Ports], seed: u64, most: u32) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let shared = Arc::new(Shared {
            seed,
            most,
            state: Mutex::default(),
        });
        for node in nodes {
            let listener =
                runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, node.front)))?;
            runtime.spawn(accept(listener, node.proxied, Arc::clone(&shared)));
        }
        Ok(Self {
            shared,
            _runtime: runtime,
        })
    }

    /// Lets everything pass from now on.
    pub fn calm(&self) {
        self.shared.state().is_calm = true;
    }

    /// What has been done so far.
    #[must_use]
    pub fn cuts(&self) -> Cuts {
        self.shared.state().cuts
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a connection is cut; false where it is not, for the proxies are calm.
    fn cut(&self, kind: Kind) -> bool {
        let mut state = self.state();
        if state.is_calm {
            return false;
        }
        match kind {
            Kind::Requests => state.cuts.requests += 1,
            Kind::Responses => state.cuts.responses += 1,
            Kind::Swallow(_) => state.cuts.swallowed += 1,
        }
        true
    }
}

impl Fate {
    fn of(seed: u64, connection: u64, most: u32) -> Self {
        let mut random = Random::new(seed, connection);
        let (kind, most) = match random.below(3) {
            0 => (Kind::Requests, most),
            1 => (Kind::Responses, most - SMALLER),
            _ => {
                let time = Duration::from_millis(random.below(SWALLOW_MS));
                (Kind::Swallow(time), most - SMALLER)
            }
        };
        // Small and large numbers alike.
        let power = u64::from(LEAST) + random.below(u64::from(most - LEAST) + 1);
        let after = 1 + random.below(1 << power);
        let is_reset = random.below(2) == 0;
        Self {
            kind,
            after,
            is_reset,
        }
    }
}

async fn accept(listener: TcpListener, back: u16, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        let fate = {
            let mut state = shared.state();
            state.cuts.connections += 1;
            Fate::of(shared.seed, state.cuts.connections, shared.most)
        };
        connections.spawn(serve(client, back, fate, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut client: TcpStream, back: u16, fate: Fate, shared: Arc<Shared>) {
    // A node that is down: the connection is closed at once.
    let Ok(mut broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, back)).await else {
        return;
    };
    // A socket without the option still works.
    let _ = client.set_nodelay(true);
    let _ = broker.set_nodelay(true);
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let is_cut = tokio::select! {
        is_cut = requests(from_client, to_broker, fate, &shared) => is_cut,
        is_cut = responses(from_broker, to_client, fate, &shared) => is_cut,
    };
    if is_cut && fate.is_reset {
        let _ = client.set_zero_linger();
    }
}

/// Passes requests on; whether the connection was cut.
async fn requests(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    fate: Fate,
    shared: &Shared,
) -> bool {
    let limit = matches!(fate.kind, Kind::Requests).then_some(fate.after);
    let Some(kept) = pass(&mut from, &mut to, limit).await else {
        return false;
    };
    if shared.cut(fate.kind) {
        return true;
    }
    if to.write_all(&kept).await.is_ok() {
        pass(&mut from, &mut to, None).await;
    }
    false
}

/// Passes responses on; whether the connection was cut.
async fn responses(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    fate: Fate,
    shared: &Shared,
) -> bool {
    let limit = (!matches!(fate.kind, Kind::Requests)).then_some(fate.after);
    let Some(kept) = pass(&mut from, &mut to, limit).await else {
        return false;
    };
    if !shared.cut(fate.kind) {
        if to.write_all(&kept).await.is_ok() {
            pass(&mut from, &mut to, None).await;
        }
        return false;
    }
    if let Kind::Swallow(time) = fate.kind {
        shared.state().cuts.swallowed_bytes += kept.len() as u64;
        let mut buffer = vec![0; CHUNK];
        let end = Instant::now() + time;
        while let Ok(Ok(count @ 1..)) = tokio::time::timeout_at(end, from.read(&mut buffer)).await {
            shared.state().cuts.swallowed_bytes += count as u64;
        }
    }
    true
}

/// Passes bytes on: so many at most, then gives back what was read beyond them; none when either side has
/// ended before.
async fn pass(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    limit: Option<u64>,
) -> Option<Vec<u8>> {
    let mut buffer = vec![0; CHUNK];
    let mut left = limit;
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return None;
        }
        let allowed = left.map_or(count, |left| count.min(left as usize));
        to.write_all(&buffer[..allowed]).await.ok()?;
        if let Some(left) = &mut left {
            *left -= allowed as u64;
            if *left == 0 {
                return Some(buffer[allowed..count].to_vec());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_fate_to_each_connection_and_all_kinds_occur() {
        let fates: Vec<Fate> = (0..100).map(|number| Fate::of(1, number, 16)).collect();
        let again: Vec<Fate> = (0..100).map(|number| Fate::of(1, number, 16)).collect();
        assert_eq!(fates, again);
        let other: Vec<Fate> = (0..100).map(|number| Fate::of(2, number, 16)).collect();
        assert_ne!(fates, other);
        let has = |what: fn(&Fate) -> bool| fates.iter().any(what);
        assert!(has(|fate| fate.kind == Kind::Requests));
        assert!(has(|fate| fate.kind == Kind::Responses));
        assert!(has(|fate| matches!(fate.kind, Kind::Swallow(_))));
        assert!(has(|fate| fate.after < 1 << LEAST) && has(|fate| fate.after > 1 << 14));
        assert!(fates.iter().all(|fate| (1..=1 << 16).contains(&fate.after)));
    }
}
