//! `odradek component`: writes the components that the binary carries.

use clap::{Args, Subcommand};
use odradek::cli::exit::ExitStatus;
use odradek_host::ENGINE_COMPONENT;
use std::path::PathBuf;

/// Which component.
#[derive(Debug, Subcommand)]
pub(crate) enum ComponentCommand {
    /// Write the engine component, which imports nothing: world `engine` of package `odradek:kafka`.
    Engine(EngineArgs),
}

/// The arguments of `component engine`.
#[derive(Args, Debug)]
pub(crate) struct EngineArgs {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the file.
pub(crate) fn run(command: &ComponentCommand) -> ExitStatus {
    let ComponentCommand::Engine(arguments) = command;
    match std::fs::write(&arguments.out, ENGINE_COMPONENT) {
        Ok(()) => {
            let path = arguments.out.display();
            eprintln!("{path}: {} bytes", ENGINE_COMPONENT.len());
            ExitStatus::Success
        }
        Err(error) => {
            eprintln!("odradek: {}: {error}", arguments.out.display());
            ExitStatus::Usage
        }
    }
}
