//! The binary `odradek` against an embedded broker: what it sends, says and returns.

mod bench;
mod failures;
mod produce;
mod signals;
mod tool;
