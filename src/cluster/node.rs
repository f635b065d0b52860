//! One place to connect to, a broker or a bootstrap address: its addresses, its attempts, its
//! back-off.

use crate::ids::{ConnectionId, QueryId};
use crate::time::Instant;
use core::net::{IpAddr, SocketAddr};

/// A broker of the cluster, or an entry of `bootstrap.servers`.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) link: Link,
    /// Rounds through all addresses that failed in a row; the exponent of the back-off.
    pub(crate) failures: u32,
    /// Not before this instant is the next round of attempts.
    pub(crate) retry_at: Instant,
    /// What the last resolution gave and was not tried yet in this round, last one first.
    untried: Vec<IpAddr>,
}

/// How far the way to a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// No connection and no attempt.
    Idle,
    /// The name is being resolved.
    Resolving {
        /// The question.
        query: QueryId,
        /// When it was asked.
        since: Instant,
        /// When it is given up (`socket.connection.setup.timeout.ms`).
        deadline: Instant,
    },
    /// A connection exists, from the attempt to open it on.
    Connection(ConnectionId),
}

impl Node {
    pub(crate) const fn new(host: String, port: u16) -> Self {
        Self {
            host,
            port,
            link: Link::Idle,
            failures: 0,
            retry_at: Instant::ZERO,
            untried: Vec::new(),
        }
    }

    /// Takes the addresses of a fresh resolution, to be tried in order.
    pub(crate) fn set_addresses(&mut self, addresses: &[IpAddr]) {
        self.untried = addresses.iter().rev().copied().collect();
    }

    /// The next address of this round.
    pub(crate) fn next_address(&mut self) -> Option<SocketAddr> {
        self.untried
            .pop()
            .map(|address| SocketAddr::new(address, self.port))
    }

    pub(crate) const fn has_untried_address(&self) -> bool {
        !self.untried.is_empty()
    }

    /// Whether an attempt may start: none is under way and the back-off has passed, or an address of
    /// this round is left.
    pub(crate) fn may_start(&self, now: Instant) -> bool {
        self.link == Link::Idle && (self.has_untried_address() || self.retry_at <= now)
    }
}
