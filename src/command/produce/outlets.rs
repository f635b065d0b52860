//! Where the lines of the ledger go.

use crate::connect::Connected;
use crate::failed_file::FailedFile;
use crate::output::Output;
use odradek::Instant;
use odradek::cli::ledger::{Ledger, Outlet};
use wasi::io::poll::Pollable;

/// The ledger, standard output and the file of failed records.
pub(super) struct Outlets {
    pub(super) ledger: Ledger,
    output: Option<Output>,
    failed: Option<FailedFile>,
}

impl Outlets {
    pub(super) const fn new(
        ledger: Ledger,
        output: Option<Output>,
        failed: Option<FailedFile>,
    ) -> Self {
        Self {
            ledger,
            output,
            failed,
        }
    }

    /// Whether so many lines wait that nothing should be settled.
    pub(super) fn is_full(&self) -> bool {
        self.output.as_ref().is_some_and(Output::is_full)
    }

    /// Writes as much as is taken without waiting. The file of failed records is not waited for either:
    /// it is a file.
    pub(super) fn write_out(&mut self) {
        if let Some(output) = &mut self.output {
            if let Some(lines) = self.ledger.gathered(Outlet::Reports) {
                output.push(lines);
            }
            if let Err(error) = output.write() {
                self.ledger.unwritable(Outlet::Reports, &error);
                self.output = None;
            }
        }
        if let Some(file) = &mut self.failed
            && let Some(lines) = self.ledger.gathered(Outlet::Failed)
        {
            let written = file.write_all(lines);
            lines.clear();
            if let Err(error) = written {
                self.ledger.unwritable(Outlet::Failed, &error.name());
            }
        }
    }

    /// Writes everything, and waits for that. The connections are still served.
    pub(super) fn write_all(&mut self, connected: &mut Connected) {
        self.write_out();
        while let Some(output) = &mut self.output
            && let Some(writable) = output.pollable()
        {
            connected.driver.turn();
            if !connected.driver.wait(None, &[writable]).is_empty() {
                output.set_ready();
            }
            self.write_out();
        }
        if let Some(output) = &self.output
            && let Err(error) = output.finish()
        {
            self.ledger.unwritable(Outlet::Reports, &error);
        }
    }

    /// Waits for anything to happen, until `until`; whether it was the input.
    pub(super) fn wait(
        &mut self,
        connected: &mut Connected,
        until: Option<Instant>,
        input: Option<&Pollable>,
    ) -> bool {
        let writable = self.output.as_ref().and_then(Output::pollable);
        let others: Vec<&Pollable> = [input, writable].into_iter().flatten().collect();
        let output_at = usize::from(input.is_some());
        let has_output = writable.is_some();
        let ready = connected.driver.wait(until, &others);
        if let Some(output) = &mut self.output
            && has_output
            && ready.contains(&output_at)
        {
            output.set_ready();
        }
        input.is_some() && ready.contains(&0)
    }
}
