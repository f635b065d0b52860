//! Ports at which nobody answers: one that refuses, one that says nothing.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

/// A port that is taken and refuses connections, for as long as this lives.
#[derive(Debug)]
pub struct SilentPort {
    socket: TcpSocket,
}

impl SilentPort {
    /// Takes a port of this address; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// When the port cannot be taken.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = match address.ip() {
            IpAddr::V4(_) => TcpSocket::new_v4()?,
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { socket })
    }

    /// The address that refuses.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) fn into_socket(self) -> TcpSocket {
        self.socket
    }
}

/// A listener that has all the connections it takes and accepts none: the system drops what further
/// clients send, so that they neither are connected nor refused.
#[derive(Debug)]
pub struct FullBacklog {
    listener: TcpListener,
    _taken: TcpStream,
}

impl FullBacklog {
    /// A full one on the loopback interface.
    ///
    /// # Errors
    ///
    /// When the system gives no port, or takes more connections than it was told to.
    pub fn new() -> io::Result<Self> {
        // Sockets that are not streams yet belong to a runtime.
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let _entered = runtime.enter();
        let port = SilentPort::bind(([127, 0, 0, 1], 0).into())?;
        // With a backlog of 0 the system keeps one connection that nobody has accepted.
        let listener = port.into_socket().listen(0)?.into_std()?;
        let address = listener.local_addr()?;
        let taken = TcpStream::connect(address)?;
        match TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(Self {
                listener,
                _taken: taken,
            }),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("the backlog is not full")),
        }
    }

    /// The address that is silent.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
