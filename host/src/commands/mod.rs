//! The commands of `odradek`, one file or room each.

pub(crate) mod bench;
pub(crate) mod component;
pub(crate) mod config;
pub(crate) mod connect;
pub(crate) mod demo;
pub(crate) mod process;
pub(crate) mod produce;
pub(crate) mod replay;
pub(crate) mod signals;
pub(crate) mod sink;
