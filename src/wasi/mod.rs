//! The driver over WASI 0.2: sockets, names, clocks and chance of `wasi:*`, and one `poll` for all of
//! them.
//!
//! It is the second driver of the core; the first one is in the host crate. What an application may ask
//! for and what the machine asks for is carried out here without ever blocking, except in
//! [`Driver::wait`] and what is made of it. Four traps of WASI 0.2 shape this room:
//!
//! - A write is only allowed as far as `check-write` has just permitted; more is a trap (`connection`).
//! - Streams are children of their socket, pollables children of what they watch; dropping a parent
//!   first is a trap (`streams`).
//! - A permit of 0 and a read of nothing say that the host has had enough for now, not that the transport
//!   has: only a poll finds out, and only a poll gives the host's runtime its turn (`sockets`).
//! - Dropping an output stream waits until its last write ends, without limit where the peer does not
//!   read (`parking`).

pub mod clock;

mod connection;
mod driver;
mod events;
mod lookup;
mod outgoing;
mod parking;
mod reasons;
mod sockets;
mod streams;
mod timers;
mod transact;

pub use driver::Driver;
