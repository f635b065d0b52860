//! A name look-up under way.

use super::reasons::resolve_error;
use crate::driver::ResolveError;
use crate::ids::QueryId;
use ::wasi::io::poll::Pollable;
use ::wasi::sockets::instance_network::instance_network;
use ::wasi::sockets::ip_name_lookup::{ResolveAddressStream, resolve_addresses};
use ::wasi::sockets::network::{ErrorCode, IpAddress};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A question whose answers arrive one by one. The pollable is dropped before the stream, its parent.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) query: QueryId,
    pub(super) answered: Pollable,
    /// Whether the host may have something new.
    pub(super) is_ready: bool,
    stream: ResolveAddressStream,
    found: Vec<IpAddr>,
}

/// What a look-up ends with.
pub(super) type Answer = Result<Vec<IpAddr>, ResolveError>;

impl Lookup {
    /// Asks.
    ///
    /// # Errors
    ///
    /// The answer, where it is known at once. An address as text is its own answer: hosts that deny
    /// look-ups need not be asked.
    pub(super) fn start(query: QueryId, host: &str) -> Result<Self, Answer> {
        if let Ok(address) = host.parse() {
            return Err(Ok(vec![address]));
        }
        match resolve_addresses(&instance_network(), host) {
            Ok(stream) => Ok(Self {
                query,
                answered: stream.subscribe(),
                is_ready: true,
                stream,
                found: Vec::new(),
            }),
            Err(code) => Err(Err(resolve_error(code))),
        }
    }

    /// Takes what is there; `None` while the end is not.
    pub(super) fn turn(&mut self) -> Option<Answer> {
        while self.is_ready {
            match self.stream.resolve_next_address() {
                Ok(Some(address)) => self.found.push(ip_address(address)),
                Ok(None) => return Some(Ok(core::mem::take(&mut self.found))),
                Err(ErrorCode::WouldBlock) => self.is_ready = false,
                Err(code) if self.found.is_empty() => return Some(Err(resolve_error(code))),
                Err(_) => return Some(Ok(core::mem::take(&mut self.found))),
            }
        }
        None
    }

    /// Another pollable for the same, for somebody who drops it in time.
    pub(super) fn subscribe(&self) -> Pollable {
        self.stream.subscribe()
    }
}

fn ip_address(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(a, b, c, d).into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => Ipv6Addr::new(a, b, c, d, e, f, g, h).into(),
    }
}
