//! Compares the ways to run the core, side by side in one run against one sink: natively, in the engine
//! component, in the client component, and as a command under jco.
//!
//! What a run costs is measured from outside, the same way for all. Its start is subtracted: the processor
//! time of a run that sends a single record.

mod client;
mod measure;
mod table;

use clap::{Parser, Subcommand};
use measure::{Load, Ways};
use odradek::cli::args::BenchArgs;
use std::process::ExitCode;

/// Compares the ways to run the core.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Run every way and print a table. Needs Node and the binary `odradek` of the same profile.
    All(AllArgs),
    /// Run `bench` through the client component; what `all` runs for it.
    Client(BenchArgs),
}

/// The arguments of `all`.
#[derive(clap::Args)]
struct AllArgs {
    /// How many records a run sends for throughput; under jco a tenth of it.
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    records: u64,
    /// How many rounds, each with every way.
    #[arg(long, value_name = "N", default_value_t = 2)]
    rounds: u32,
    /// Leave jco out.
    #[arg(long)]
    without_jco: bool,
}

fn main() -> ExitCode {
    match Options::parse().what {
        What::Client(arguments) => client::run(&arguments),
        What::All(arguments) => {
            let ways = Ways::find(!arguments.without_jco);
            for round in 1..=arguments.rounds {
                eprintln!("round {round} of {}", arguments.rounds);
                for load in Load::all(arguments.records) {
                    table::print(&load, &ways.measure(&load));
                }
            }
            ExitCode::SUCCESS
        }
    }
}
