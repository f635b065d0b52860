//! What every form of the command line shares: arguments, readers, report writers, exit codes.
//!
//! Nothing here does I/O except reading a properties file: bytes are pushed in and pulled out, so that
//! the native binary and the WASI command are made of the same sources.

pub mod args;
pub mod bench_report;
pub mod causes;
pub mod complaints;
pub mod config_table;
pub mod connections;
pub mod course;
pub mod escape;
pub mod exit;
pub mod failed;
pub mod figures;
pub mod generator;
pub mod grouping;
pub mod input;
pub mod json;
pub mod kept;
pub mod ledger;
pub mod lines;
pub mod pace;
pub mod properties;
pub mod report;
pub mod retained;
pub mod splitter;
pub mod tickets;
pub mod timestamps;
pub mod transactions;
pub mod window;
pub mod workload;
