//! An open stream with everything that WASI hangs on it.

use ::wasi::io::poll::Pollable;
use ::wasi::io::streams::{InputStream, OutputStream};
use ::wasi::sockets::tcp::TcpSocket;

/// The two halves of a TCP connection, its socket and what is waited on.
///
/// Rust drops fields in the order in which they are declared, and WASI wants children gone before their
/// parents: pollables, then streams, then the socket.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) readable: Pollable,
    pub(super) writable: Pollable,
    pub(super) input: InputStream,
    pub(super) output: OutputStream,
    pub(super) socket: TcpSocket,
}

impl Streams {
    pub(super) fn new(input: InputStream, output: OutputStream, socket: TcpSocket) -> Self {
        Self {
            readable: input.subscribe(),
            writable: output.subscribe(),
            input,
            output,
            socket,
        }
    }

    /// Whether the host still has bytes of ours that the transport has not taken, or has no room for
    /// more. Only then does dropping the output stream wait.
    pub(super) fn is_stalled(&self) -> bool {
        matches!(self.output.check_write(), Ok(0))
    }
}
