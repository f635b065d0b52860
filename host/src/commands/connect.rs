//! Builds the producer that the arguments ask for.

use odradek::cli::args::Backend as BackendName;
use odradek::cli::properties::Configured;
use odradek::config::{Acks, Config};
use odradek_host::{Backend, Producer};

/// A producer and the properties that it was built from.
pub(crate) struct Connected {
    /// The running producer.
    pub(crate) producer: Producer,
    /// Its checked configuration.
    pub(crate) config: Config,
}

impl Connected {
    /// Whether no broker answers for records.
    pub(crate) fn is_acks_zero(&self) -> bool {
        self.config.acks == Acks::None
    }
}

/// Prints what is worth knowing about the properties, and starts the producer.
///
/// # Errors
///
/// What is wrong with the arguments, for people to read.
pub(crate) fn connect(
    configured: Configured,
    backend_name: BackendName,
) -> Result<Connected, String> {
    print_notes(&configured);
    let builder = Producer::builder().properties(configured.pairs);
    let producer = builder.backend(backend(backend_name)).build();
    Ok(Connected {
        producer: producer.map_err(|error| error.to_string())?,
        config: configured.config,
    })
}

/// Prints what is worth knowing about the properties.
pub(crate) fn print_notes(configured: &Configured) {
    for note in &configured.notes {
        eprintln!("odradek: note: {note}");
    }
}

/// The library's word for a backend.
pub(crate) const fn backend(name: BackendName) -> Backend {
    match name {
        BackendName::Component => Backend::Component,
        BackendName::Native => Backend::Native,
    }
}

/// The word for a backend in tables.
pub(crate) const fn backend_name(name: BackendName) -> &'static str {
    match name {
        BackendName::Component => "component",
        BackendName::Native => "native",
    }
}

/// Whether nothing was ever heard from any broker.
pub(crate) fn is_unreached(producer: &Producer) -> bool {
    producer.stats().bytes_received == 0
}
