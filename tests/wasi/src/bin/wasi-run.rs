//! Runs a `wasi:cli` command component in wasmtime's own WASI implementation, with a policy for its network.

use clap::Parser;
use odradek_tests_wasi::policy::Policy;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx, WasiCtxView, WasiView};

/// Runs a command component with TCP and name look-ups, less what is denied.
#[derive(Parser)]
struct Options {
    /// The component.
    file: PathBuf,
    /// Deny all TCP.
    #[arg(long)]
    deny_tcp: bool,
    /// Deny name look-ups.
    #[arg(long)]
    deny_names: bool,
    /// Deny connections to an address; may be given more than once.
    #[arg(long, value_name = "IP:PORT")]
    deny_address: Vec<SocketAddr>,
    /// Show a folder of this machine to the component, for reading and writing; may be given more than once.
    #[arg(long, value_name = "HOST=GUEST", value_parser = directory)]
    dir: Vec<(PathBuf, String)>,
    /// The program's arguments.
    #[arg(last = true)]
    arguments: Vec<String>,
}

fn directory(text: &str) -> Result<(PathBuf, String), String> {
    let (host, guest) = text.split_once('=').ok_or("HOST=GUEST is expected")?;
    Ok((host.into(), guest.to_owned()))
}

struct State {
    context: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.context,
            table: &mut self.table,
        }
    }
}

/// What the program ends with if it traps, or cannot be started, as under wasmtime's command line.
const TRAPPED: u8 = 134;

fn main() -> ExitCode {
    let options = Options::parse();
    // More than one thread: a write that goes on in the background does not wait for the program.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let ended = runtime.map_err(wasmtime::Error::from).and_then(|runtime| {
        let ended = runtime.block_on(run(&options));
        // A look-up or a read that is under way must not keep the program from ending.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(std::io::stderr(), "wasi-run: {error:?}");
        TRAPPED.into()
    })
}

async fn run(options: &Options) -> Result<ExitCode> {
    let engine = Engine::default();
    let component = Component::from_file(&engine, &options.file)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let state = State {
        context: context(options)?,
        table: ResourceTable::new(),
    };
    let mut store = Store::new(&engine, state);
    let command = Command::instantiate_async(&mut store, &component, &linker).await?;
    match command.wasi_cli_run().call_run(&mut store).await {
        Ok(Ok(())) => Ok(ExitCode::SUCCESS),
        Ok(Err(())) => Ok(ExitCode::FAILURE),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            // The interface takes a u8.
            Some(exit) => Ok(u8::try_from(exit.0).unwrap_or(TRAPPED).into()),
            None => Err(error),
        },
    }
}

fn context(options: &Options) -> Result<WasiCtx> {
    let policy = Policy {
        deny_tcp: options.deny_tcp,
        deny_names: options.deny_names,
        deny_addresses: options.deny_address.clone(),
    };
    let mut builder = policy.context();
    builder.inherit_stdio();
    builder.arg(options.file.to_string_lossy());
    builder.args(&options.arguments);
    for (host, guest) in &options.dir {
        builder.preopened_dir(host, guest, FsPerms::ReadWrite)?;
    }
    Ok(builder.build())
}
