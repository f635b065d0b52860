//! The producer: everything between a record that is accepted and its report.

/// The machine.
#[derive(Debug)]
pub struct Producer {}
