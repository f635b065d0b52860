//! `odradek config`: the table of configuration keys.

use odradek::cli::args::ConfigArgs;
use odradek::cli::exit::ExitStatus;
use std::io::Write as _;

/// Prints the table.
pub(crate) fn run(arguments: &ConfigArgs) -> ExitStatus {
    match arguments.table() {
        Ok(table) => match std::io::stdout().lock().write_all(table.as_bytes()) {
            Ok(()) => ExitStatus::Success,
            Err(_) => ExitStatus::Undelivered,
        },
        Err(error) => {
            eprintln!("odradek: {error}");
            ExitStatus::Usage
        }
    }
}
