//! All connections and look-ups: the machine's outputs carried out, and what came of them.

use super::connection::{Connection, Side};
use super::lookup::Lookup;
use super::parking;
use crate::Producer;
use crate::driver::{DisconnectReason, Input};
use crate::ids::{ConnectionId, QueryId};
use crate::time::Instant;
use ::wasi::io::poll::{Pollable, poll};
use bytes::Bytes;
use core::net::SocketAddr;

/// Connections and look-ups.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    connections: Vec<Connection>,
    lookups: Vec<Lookup>,
    /// Ends that the machine has not heard of.
    ended: Vec<(ConnectionId, DisconnectReason)>,
    /// Where writes are put together.
    scratch: Vec<u8>,
    /// Whether anything was ever received.
    pub(super) has_heard: bool,
}

/// Whom a pollable belongs to.
#[derive(Clone, Copy)]
enum Owner {
    Connection(usize, Side),
    Lookup(usize),
}

impl Sockets {
    /// Starts to open a connection.
    pub(super) fn connect(&mut self, id: ConnectionId, address: SocketAddr) {
        match Connection::open(id, address) {
            Ok(connection) => self.connections.push(connection),
            Err(reason) => self.ended.push((id, reason)),
        }
    }

    /// Queues bytes. For a connection that is gone they are dropped: the machine is about to hear of it.
    pub(super) fn transmit(&mut self, id: ConnectionId, slices: Vec<Bytes>) {
        if let Some(connection) = self.connections.iter_mut().find(|c| c.id == id) {
            connection.transmit(slices);
        }
    }

    /// Closes a connection at once.
    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        if let Some(index) = self.connections.iter().position(|c| c.id == id) {
            self.connections.swap_remove(index).close();
            self.ended.push((id, DisconnectReason::Requested));
        }
    }

    /// Starts to look a name up, or answers at once.
    pub(super) fn resolve(
        &mut self,
        query: QueryId,
        host: &str,
        producer: &mut Producer,
        now: Instant,
    ) {
        match Lookup::start(query, host) {
            Ok(lookup) => self.lookups.push(lookup),
            Err(answer) => {
                let result = answer.as_deref().map_err(|error| *error);
                producer.handle_input(Input::Resolved { query, result }, now);
            }
        }
    }

    /// Ends all look-ups: nobody will hear of them.
    pub(super) fn forget_lookups(&mut self) {
        self.lookups.clear();
    }

    /// Whether a turn may move something without waiting.
    pub(super) fn is_ready(&self) -> bool {
        !self.ended.is_empty()
            || self.connections.iter().any(Connection::is_ready)
            || self.lookups.iter().any(|lookup| lookup.is_ready)
    }

    /// Moves everything on as far as it goes and tells the machine. Never blocks.
    pub(super) fn turn(&mut self, producer: &mut Producer, now: Instant) {
        parking::sweep();
        self.lookups.retain_mut(|lookup| {
            let Some(answer) = lookup.turn() else {
                return true;
            };
            let query = lookup.query;
            let result = answer.as_deref().map_err(|error| *error);
            producer.handle_input(Input::Resolved { query, result }, now);
            false
        });
        let mut index = 0;
        while let Some(connection) = self.connections.get_mut(index) {
            let turned = connection.turn(producer, &mut self.scratch, now);
            self.has_heard |= connection.has_heard;
            match turned {
                Ok(()) => index += 1,
                Err(reason) => {
                    let connection = self.connections.swap_remove(index);
                    self.ended.push((connection.id, reason));
                    connection.close();
                }
            }
        }
        for (connection, reason) in self.ended.drain(..) {
            producer.handle_input(Input::Disconnected { connection, reason }, now);
        }
    }

    /// Waits until something is ready, or `timer`, or one of `others`; says which of the others are.
    /// Returns at once when there is nothing that could become ready.
    pub(super) fn wait(&mut self, timer: Option<&Pollable>, others: &[&Pollable]) -> Vec<usize> {
        let mut pollables = others.to_vec();
        let mut owners = Vec::new();
        for (index, connection) in self.connections.iter().enumerate() {
            for (side, pollable) in connection.interests() {
                owners.push(Owner::Connection(index, side));
                pollables.push(pollable);
            }
        }
        for (index, lookup) in self.lookups.iter().enumerate() {
            owners.push(Owner::Lookup(index));
            pollables.push(&lookup.answered);
        }
        pollables.extend(timer);
        if pollables.is_empty() {
            return Vec::new();
        }
        let mut ready_others = Vec::new();
        for position in poll(&pollables) {
            let position = position as usize;
            match position
                .checked_sub(others.len())
                .map(|own| owners.get(own))
            {
                None => ready_others.push(position),
                Some(Some(Owner::Connection(index, side))) => {
                    self.connections[*index].set_ready(*side);
                }
                Some(Some(Owner::Lookup(index))) => self.lookups[*index].is_ready = true,
                // The timer.
                Some(None) => {}
            }
        }
        ready_others
    }

    /// Other pollables for what [`wait`](Self::wait) waits for, for somebody who drops them in time.
    pub(super) fn subscribe(&self) -> Vec<Pollable> {
        let connections = self.connections.iter().flat_map(Connection::subscribe);
        connections
            .chain(self.lookups.iter().map(Lookup::subscribe))
            .collect()
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for connection in self.connections.drain(..) {
            connection.close();
        }
    }
}
