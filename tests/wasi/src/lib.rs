//! WASI hosts and what runs in them: the client component and the command component.

pub mod client;
pub mod kept;
pub mod peers;
pub mod policy;
pub mod runtime;
pub mod sink;
