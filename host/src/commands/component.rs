//! `odradek component`: writes the components that the binary carries.

use clap::{Args, Subcommand};
use odradek::cli::exit::ExitStatus;
use odradek_host::{CLIENT_COMPONENT, COMMAND_COMPONENT, ENGINE_COMPONENT};
use std::path::PathBuf;

/// Which component.
#[derive(Debug, Subcommand)]
pub(crate) enum ComponentCommand {
    /// Write the engine component, which imports nothing: world `engine` of package `odradek:kafka`.
    Engine(OutArgs),
    /// Write the client component, which opens its own connections over WASI 0.2: world `client`.
    Client(OutArgs),
    /// Write odradek.wasm, this program's produce and bench for any host with wasi:cli.
    Command(OutArgs),
}

/// Where the component goes.
#[derive(Args, Debug)]
pub(crate) struct OutArgs {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the file.
pub(crate) fn run(command: &ComponentCommand) -> ExitStatus {
    let (arguments, component) = match command {
        ComponentCommand::Engine(arguments) => (arguments, ENGINE_COMPONENT),
        ComponentCommand::Client(arguments) => (arguments, CLIENT_COMPONENT),
        ComponentCommand::Command(arguments) => (arguments, COMMAND_COMPONENT),
    };
    let path = arguments.out.display();
    match std::fs::write(&arguments.out, component) {
        Ok(()) => {
            eprintln!("{path}: {} bytes", component.len());
            ExitStatus::Success
        }
        Err(error) => {
            eprintln!("odradek: {path}: {error}");
            ExitStatus::Usage
        }
    }
}
