//! Builds the producer that the arguments ask for, and tells why brokers were not reached.

use odradek::cli::args::{Backend as BackendName, ConnectionArgs};
use odradek::cli::properties;
use odradek::config::{Acks, Config};
use odradek_host::{Backend, Producer};
use std::fmt::Write as _;

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
    let servers = arguments.bootstrap_servers.as_deref();
    let pairs = properties::merge(&arguments.properties_files, &arguments.settings, servers);
    let pairs = pairs.map_err(|error| error.to_string())?;
    let borrowed = pairs
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let (config, notes) = Config::from_properties(borrowed).map_err(|error| error.to_string())?;
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

/// Each address that failed, why and after how long; empty if none did.
pub(crate) fn describe_failures(producer: &Producer) -> String {
    let mut text = String::new();
    for failed in producer.connection_failures() {
        let failure = &failed.latest;
        let server = format!("{}:{}", failure.host, failure.port);
        let address = failure.address.map(|address| address.to_string());
        let place = match address {
            Some(address) if address != server => format!("{server} ({address})"),
            Some(_) | None => server,
        };
        let milliseconds = failure.after.as_secs_f64() * 1000.0;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  {place}: {} after {milliseconds:.1} ms",
            failure.reason
        );
        let _ = match failed.failures {
            1 => writeln!(text),
            count => writeln!(text, ", the last of {count} failures"),
        };
    }
    text
}

/// Whether nothing was ever heard from any broker.
pub(crate) fn is_unreached(producer: &Producer) -> bool {
    producer.stats().bytes_received == 0
}

/// Texts with the number of times that each occurred, as many as a person reads.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    texts: Vec<(String, u64)>,
    others: u64,
}

impl Complaints {
    /// Counts a text.
    pub(crate) fn add(&mut self, text: &str) {
        if let Some(known) = self.texts.iter_mut().find(|(known, _)| known == text) {
            known.1 += 1;
        } else if self.texts.len() < SHOWN {
            self.texts.push((text.to_owned(), 1));
        } else {
            self.others += 1;
        }
    }

    /// The texts, one per line.
    pub(crate) fn describe(&self) -> String {
        let mut lines = String::new();
        for (text, count) in &self.texts {
            // Writing to a String cannot fail.
            let _ = match count {
                1 => writeln!(lines, "odradek: {text}"),
                count => writeln!(lines, "odradek: {count} times: {text}"),
            };
        }
        if self.others > 0 {
            let _ = writeln!(lines, "odradek: and {} more failures", self.others);
        }
        lines
    }
}

/// How many different texts are shown.
const SHOWN: usize = 20;
