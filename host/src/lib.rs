//! The host of an Odradek producer: sockets, timers and names around the machine.

pub mod machine;
