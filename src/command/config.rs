//! `odradek config`: the table of configuration keys.

use crate::terminal::{complain, print};
use odradek::cli::args::ConfigArgs;
use odradek::cli::exit::ExitStatus;

/// Prints the table.
pub(crate) fn run(arguments: &ConfigArgs) -> ExitStatus {
    match arguments.table() {
        Ok(table) if print(&table) => ExitStatus::Success,
        Ok(_) => ExitStatus::Undelivered,
        Err(error) => {
            complain(&error);
            ExitStatus::Usage
        }
    }
}
