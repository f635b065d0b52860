//! The command line tool `odradek`.

mod commands;

use clap::{Parser, Subcommand};
use commands::{bench, component, config, demo, produce, replay, sink};
use odradek::cli::args::{BenchArgs, ConfigArgs};
use odradek::cli::exit::ExitStatus;
use std::process::ExitCode;

/// A Kafka producer that is a state machine in a WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "odradek", version, after_help = HELP)]
struct Tool {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send records to a broker inside this process, read them back and compare.
    Demo(demo::DemoArgs),
    /// Send lines or JSON objects to a Kafka topic.
    Produce(produce::NativeProduceArgs),
    /// Run a recorded session again and compare every output.
    Replay(replay::ReplayArgs),
    /// Run a broker that acknowledges and discards, for benchmarks.
    Sink(sink::SinkArgs),
    /// Measure throughput, CPU, latency and memory.
    Bench(BenchArgs),
    /// Print the configuration keys: default, values, meaning, source.
    Config(ConfigArgs),
    /// Write a WebAssembly component that this binary carries.
    #[command(subcommand)]
    Component(component::ComponentCommand),
}

const HELP: &str = "\
Start with:
  odradek demo
  seq 1000 | odradek produce -b localhost:9092 -t numbers
  odradek help produce

Exit codes: 0 all delivered, 1 some records were not, 2 wrong usage or configuration.";

fn main() -> ExitCode {
    let status = match Tool::parse().command {
        Command::Demo(arguments) => run(2, demo::run(arguments)),
        Command::Produce(arguments) => run(0, produce::run(arguments)),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Sink(arguments) => run(0, sink::run(arguments)),
        Command::Bench(arguments) => run(2, bench::run(arguments)),
        Command::Config(arguments) => config::run(&arguments),
        Command::Component(command) => component::run(&command),
    };
    ExitCode::from(status.code())
}

/// Runs a command on so many threads beside this one. The producer's driver has its own.
fn run(threads: usize, command: impl Future<Output = ExitStatus>) -> ExitStatus {
    let mut builder = match threads {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    match builder.worker_threads(threads.max(1)).enable_all().build() {
        Ok(runtime) => {
            let status = runtime.block_on(command);
            runtime.shutdown_background();
            status
        }
        Err(error) => {
            eprintln!("odradek: no runtime could be started: {error}");
            ExitStatus::Undelivered
        }
    }
}
