//! The producer: everything between a record that is accepted and its report.

#[cfg(test)]
mod murmur2;
/// The machine.
#[derive(Debug)]
pub struct Producer {}
