//! WASI hosts and what runs in them: the client component and the command component.

pub mod client;
pub mod policy;
pub mod sink;
pub mod runtime;
