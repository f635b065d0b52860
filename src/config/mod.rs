//! The checked configuration of a producer.

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {}
