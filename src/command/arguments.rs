//! The command line: the arguments that the native binary has, without the choice of a backend.

use crate::terminal::{complain, print, tell};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use odradek::cli::args::{BenchArgs, ConfigArgs, ProduceArgs};
use odradek::cli::exit::ExitStatus;
use std::ffi::OsString;

/// A Kafka producer in one file, with sockets of its own (WASI 0.2).
#[derive(Debug, Parser)]
#[command(name = "odradek", bin_name = "odradek", version, after_help = HELP)]
struct Tool {
    #[command(subcommand)]
    command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send lines or JSON objects to a Kafka topic.
    Produce(ProduceArgs),
    /// Measure throughput and latency.
    Bench(BenchArgs),
    /// Print the configuration keys: default, values, meaning, source.
    Config(ConfigArgs),
}

const HELP: &str = "\
Start with:
  odradek produce -b localhost:9092 -t numbers
  odradek help produce

Exit codes: 0 all delivered, 1 some records were not, 2 wrong usage or configuration.";

/// Reads the arguments.
///
/// # Errors
///
/// What the program ends with when there is nothing to do: what was wrong, or asked for, has been
/// printed.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, ExitStatus> {
    let parsed = tool().try_get_matches_from(arguments);
    let matches = parsed.map_err(|error| show(&error))?;
    if names_backend(&matches) {
        complain(
            "--backend is for the native binary: here the machine is part of this program, \
             which has no other backend",
        );
        return Err(ExitStatus::Usage);
    }
    let tool = Tool::from_arg_matches(&matches).map_err(|error| show(&error))?;
    Ok(tool.command)
}

/// The tool without what only the native binary can do.
fn tool() -> clap::Command {
    let mut tool = Tool::command();
    for name in ["produce", "bench"] {
        tool = tool.mut_subcommand(name, |command| {
            let help = command.get_after_help().map(ToString::to_string);
            let lines = help.as_deref().unwrap_or_default().lines();
            let lines: Vec<&str> = lines.filter(|line| !line.contains("--backend")).collect();
            command
                .after_help(lines.join("\n"))
                .mut_arg("backend", |backend| backend.hide(true))
        });
    }
    tool
}

fn names_backend(matches: &ArgMatches) -> bool {
    let Some((_, matches)) = matches.subcommand() else {
        return false;
    };
    // `config` has no such option, and clap panics when it is asked for one that is not defined.
    let has_option = matches.try_contains_id("backend").is_ok();
    has_option && matches.value_source("backend") == Some(ValueSource::CommandLine)
}

/// Prints what clap has to say, which may be the help that was asked for.
fn show(error: &clap::Error) -> ExitStatus {
    let text = error.render().to_string();
    if error.use_stderr() {
        tell(&text);
        ExitStatus::Usage
    } else if print(&text) {
        ExitStatus::Success
    } else {
        ExitStatus::Undelivered
    }
}
