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
                    // A connection without a bind asks for the wildcard address first.
                    SocketAddrUse::TcpBind => address.ip().is_unspecified(),
                    SocketAddrUse::TcpConnect => !denied.contains(&address),
                    _ => false,
                };
                Box::pin(async move { is_allowed })
            });
        builder
    }
}
