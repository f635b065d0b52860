//! The producer that the arguments ask for, and what it is told beside its records.

use crate::terminal::tell;
use odradek::cli::args::ConnectionArgs;
use odradek::cli::properties::configure;
use odradek::config::Acks;
use odradek::wasi::Driver;
use odradek::{Config, DeliveryReport, Event, FailedAddress, Failures, OperationEnded};
use std::time::Duration;

/// The largest `buffer.memory` in bytes: what is kept of records until they are reported may take as much
/// again.
const BUFFER_MEMORY_MAX: u64 = 1 << 30;

/// A producer with its configuration and the addresses that failed.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) driver: Driver,
    pub(crate) config: Config,
    failures: Failures,
}

/// What the machine has to say about what it was asked.
#[derive(Debug)]
pub(crate) enum Heard {
    Report(DeliveryReport),
    Operation(OperationEnded),
}

impl Connected {
    /// Checks the properties, prints what is worth knowing about them, and makes the producer.
    ///
    /// # Errors
    ///
    /// What is wrong with the arguments, for people to read.
    pub(crate) fn new(arguments: &ConnectionArgs) -> Result<Self, String> {
        let configured = configure(arguments)?;
        let buffer_memory = configured.config.buffer_memory;
        if buffer_memory > BUFFER_MEMORY_MAX {
            return Err(format!(
                "buffer.memory={buffer_memory} is more than a program of 32 bits can have beside all \
                 else; it takes at most {BUFFER_MEMORY_MAX}"
            ));
        }
        for note in configured.notes {
            tell(&format!("odradek: note: {note}\n"));
        }
        Ok(Self {
            driver: Driver::new(&configured.config),
            config: configured.config,
            failures: Failures::default(),
        })
    }

    /// The next report. What else happened is noted.
    pub(crate) fn next_report(&mut self) -> Option<DeliveryReport> {
        loop {
            if let Heard::Report(report) = self.next_heard()? {
                return Some(report);
            }
        }
    }

    /// The next report or end of an operation. What else happened is noted.
    pub(crate) fn next_heard(&mut self) -> Option<Heard> {
        loop {
            match self.driver.next_event()? {
                Event::Delivered(report) => return Some(Heard::Report(report)),
                Event::OperationEnded(ended) => return Some(Heard::Operation(ended)),
                Event::ConnectionFailed(failure) => self.failures.add(failure),
                // Records are refused from a failure on; the rest is asked of the driver itself.
                Event::Failed(_)
                | Event::BufferAvailable { .. }
                | Event::Flushed { .. }
                | Event::Partitions(_)
                | Event::Closed => {}
            }
        }
    }

    /// Closes. Everything has been reported, so there is nothing to wait for but the connections.
    pub(crate) fn close(&mut self, timeout: Duration) {
        self.driver.close_within(timeout);
        while self.next_report().is_some() {}
    }

    /// The addresses that failed.
    pub(crate) fn failures(&self) -> Vec<FailedAddress> {
        self.failures.list()
    }

    /// Whether nothing was ever heard from any broker.
    pub(crate) const fn is_unreached(&self) -> bool {
        !self.driver.has_heard()
    }

    /// Whether no broker answers for records.
    pub(crate) fn is_acks_zero(&self) -> bool {
        self.config.acks == Acks::None
    }
}
