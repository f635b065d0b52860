//! `odradek.wasm`: `produce` and `bench` of the native binary as one `wasi:cli` program, with sockets of
//! its own.
//!
//! One thread, one loop: standard input, sockets, timers and standard output are waited for in one poll.

#[cfg(target_os = "wasi")]
mod arguments;
#[cfg(target_os = "wasi")]
mod bench;
#[cfg(target_os = "wasi")]
mod config;
#[cfg(target_os = "wasi")]
mod connect;
#[cfg(target_os = "wasi")]
mod failed_file;
#[cfg(target_os = "wasi")]
mod input;
#[cfg(target_os = "wasi")]
mod offer;
#[cfg(target_os = "wasi")]
mod output;
#[cfg(target_os = "wasi")]
mod paths;
#[cfg(target_os = "wasi")]
mod produce;
#[cfg(target_os = "wasi")]
mod staged;
#[cfg(target_os = "wasi")]
mod terminal;
#[cfg(target_os = "wasi")]
mod topics;

#[cfg(target_os = "wasi")]
fn main() {
    use arguments::Command;

    paths::enter_working_directory();
    let status = match arguments::parse(std::env::args_os()) {
        Ok(Command::Produce(arguments)) => produce::run(&arguments),
        Ok(Command::Bench(arguments)) => bench::run(&arguments),
        Ok(Command::Config(arguments)) => config::run(&arguments),
        Err(status) => status,
    };
    // `std::process::exit` knows only success and failure where WASI is older.
    wasi::cli::exit::exit_with_code(status.code());
}

#[cfg(not(target_os = "wasi"))]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;

    let text = b"odradek-wasi is a WASI program: build it with --target wasm32-wasip2\n";
    // Nobody is left to be told of a failure.
    let _ = std::io::stderr().write_all(text);
    std::process::ExitCode::from(2)
}
