//! The binary `odradek` against an embedded broker: what it sends, says and returns.

mod bench;
mod components;
mod config;
mod failures;
mod produce;
mod replay;
mod signals;
mod tool;
mod transaction_cases;
mod transactions;
