//! The components for other hosts that this crate carries; the one that it drives itself is
//! [`ENGINE_COMPONENT`](crate::ENGINE_COMPONENT).

/// The client component: world `client` of `wit/`, a producer that opens its own connections in any host
/// with WASI 0.2.
pub const CLIENT_COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/client.wasm"));

/// The command component, `odradek.wasm`: `odradek produce` and `odradek bench` as a `wasi:cli` program.
pub const COMMAND_COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/command.wasm"));
