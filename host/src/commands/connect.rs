//! Builds the producer that the arguments ask for.

use odradek::cli::args::{Backend as BackendName, ConnectionArgs};
use odradek::cli::properties::{Configured, configure};
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

/// Checks the properties, prints what is worth knowing about them, and starts the producer.
///
/// # Errors
///
/// What is wrong with the arguments, for people to read.
pub(crate) fn connect(arguments: &ConnectionArgs) -> Result<Connected, String> {
    let Configured {
        pairs,
        config,
        notes,
    } = configure(arguments)?;
    for note in notes {
        eprintln!("odradek: note: {note}");
    }
    let builder = Producer::builder().properties(pairs);
    let producer = builder.backend(backend(arguments.backend)).build();
    Ok(Connected {
        producer: producer.map_err(|error| error.to_string())?,
        config,
    })
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
