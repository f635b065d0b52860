//! The two hosts that run a command component: wasmtime's own WASI implementation, and jco on Node.

mod jco;

use odradek_tests_interop::kafka::may_run;
use odradek_tests_interop::process::profile_dir;
use std::path::Path;
use std::process::Command;

/// A WASI host for a program of the world `wasi:cli/command`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Runtime {
    /// The binary `wasi-run` of this package: `wasmtime-wasi` as it is, with a policy for its network.
    Wasmtime,
    /// `jco run`, which translates the component to JavaScript and runs it on Node.
    Jco,
}

impl Runtime {
    /// Whether what this runtime needs is on the machine; said loudly if it is not. `test` is the name
    /// of the test that would not run.
    ///
    /// # Panics
    ///
    /// If it is missing and the environment says `CI=true`.
    #[must_use]
    pub fn is_here(self, test: &str) -> bool {
        let check = match self {
            Self::Wasmtime => Ok(()),
            Self::Jco => jco::check(),
        };
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        // Written past the test runner, which keeps the output of tests that pass to itself.
        may_run(check, in_ci, test, &mut std::io::stderr())
    }

    /// A command that runs the component in `wasm` with the program's arguments.
    ///
    /// What it writes to standard output and error arrives complete, also through a pipe. Files are
    /// shown to it by [`with_folder`](Self::with_folder). The first call installs jco below the target
    /// folder, and translates the component.
    ///
    /// # Panics
    ///
    /// If the runtime cannot be installed, or the component not be translated for it.
    #[must_use]
    pub fn command(self, wasm: &Path, arguments: &[&str]) -> Command {
        match self {
            Self::Wasmtime => wasi_run(wasm, &[], arguments),
            Self::Jco => jco::command(wasm, arguments),
        }
    }

    /// As [`command`](Self::command), and the program can read and write the files in `folder`, under the
    /// names that they have outside. Under jco it sees all files anyway.
    ///
    /// # Panics
    ///
    /// As [`command`](Self::command), and if the name of the folder is not UTF-8.
    #[must_use]
    pub fn with_folder(self, folder: &Path, wasm: &Path, arguments: &[&str]) -> Command {
        let folder = folder.to_str().expect("the folder's name is UTF-8");
        match self {
            Self::Wasmtime => {
                let shown = format!("--dir={folder}={folder}");
                wasi_run(wasm, &[&shown], arguments)
            }
            Self::Jco => jco::command(wasm, arguments),
        }
    }

    /// As [`with_folder`](Self::with_folder), and the program is started in the folder: relative paths
    /// begin there.
    ///
    /// # Panics
    ///
    /// As [`with_folder`](Self::with_folder).
    #[must_use]
    pub fn started_in(self, folder: &Path, wasm: &Path, arguments: &[&str]) -> Command {
        let name = folder.to_str().expect("the folder's name is UTF-8");
        let mut command = match self {
            Self::Wasmtime => {
                let shown = [format!("--dir={name}={name}"), "--dir=.=.".to_owned()];
                wasi_run(wasm, &shown.each_ref().map(String::as_str), arguments)
            }
            Self::Jco => jco::command(wasm, arguments),
        };
        command.current_dir(folder);
        command
    }
}

/// A command that runs a component in `wasi-run` with options of `wasi-run`, such as `--deny-tcp`.
///
/// # Panics
///
/// As [`profile_dir`]: if the running program is not one that Cargo built.
#[must_use]
pub fn wasi_run(wasm: &Path, options: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(profile_dir().join("wasi-run"));
    command.arg(wasm).args(options).arg("--").args(arguments);
    command
}

/// A command for `jco run FILE ARGUMENTS` as a user types it: it translates the component each time.
///
/// Where its standard output is a pipe, the end of the output may be lost. Killing it does not end the
/// program, which is a child of it.
///
/// # Panics
///
/// If jco cannot be installed.
#[must_use]
pub fn jco_run(wasm: &Path, arguments: &[&str]) -> Command {
    let mut command = jco::jco();
    command.arg("run").arg(wasm).args(arguments);
    command
}
