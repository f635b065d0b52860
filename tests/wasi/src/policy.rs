//! What a host lets a component do with the network.

use std::net::SocketAddr;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

/// A policy that allows outgoing TCP connections and name look-ups, except what is denied.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// No TCP at all.
    pub deny_tcp: bool,
    /// No name look-ups.
    pub deny_names: bool,
    /// No connections to these addresses.
    pub deny_addresses: Vec<SocketAddr>,
}

impl Policy {
    /// A WASI context with this policy and nothing else.
    pub fn context(&self) -> WasiCtxBuilder {
        let denied = self.deny_addresses.clone();
        let mut builder = WasiCtxBuilder::new();
        builder
            .allow_tcp(!self.deny_tcp)
            .allow_udp(false)
            .allow_ip_name_lookup(!self.deny_names)
            .socket_addr_check(move |address, usage| {
                let is_allowed = match usage {
                    SocketAddrUse::TcpConnect => !denied.contains(&address),
                    // Connecting without binding asks for this first.
                    SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
                    SocketAddrUse::TcpListen
                    | SocketAddrUse::TcpAccept
                    | SocketAddrUse::UdpBind
                    | SocketAddrUse::UdpSend
                    | SocketAddrUse::UdpReceive => false,
                };
                Box::pin(std::future::ready(is_allowed))
            });
        builder
    }
}
