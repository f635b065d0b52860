//! jco below the target folder: installed once per machine, and components translated once per content.

use crate::kept::once;
use odradek_tests_interop::process::{Scratch, run, target_dir};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

const MANIFEST: &str = include_str!("../../jco/package.json");
const LOCK: &str = include_str!("../../jco/package-lock.json");
const STDIO: &str = include_str!("../../jco/stdio.mjs");

/// The oldest Node that preview2-shim supports.
const NODE_MAJOR_MIN: u32 = 20;

/// How long npm may take to fetch 340 MB on a slow network.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// How long the translation of a component may take; it takes about one second per megabyte.
const TRANSLATE_LIMIT: Duration = Duration::from_secs(120);

/// Whether what jco needs is on the machine.
pub(super) fn check() -> Result<(), &'static str> {
    static CHECKED: OnceLock<Result<(), &'static str>> = OnceLock::new();
    *CHECKED.get_or_init(|| {
        let major = version("node").ok_or("there is no node")?;
        if major < NODE_MAJOR_MIN {
            return Err("node is older than version 20");
        }
        version("npm").map(|_| ()).ok_or("there is no npm")
    })
}

/// A command for jco itself.
pub(super) fn jco() -> Command {
    let mut command = Command::new("node");
    command.arg(home().join("node_modules/@bytecodealliance/jco/dist/jco.js"));
    command
}

/// A command that runs a component from its shared translation, with its output kept whole.
///
/// This is what `jco run` does after translating, without the parent process that would not pass on
/// signals.
pub(super) fn command(wasm: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.arg(translated(wasm).join("_run.js"));
    command.args(arguments);
    command
}

/// The folder of the installed jco. The first caller installs it; a file lock keeps others waiting.
fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let parent = target_dir().join("jco");
        once(&parent, &(MANIFEST, LOCK, STDIO), install)
    })
}

fn install(into: &Path) {
    let write = |name: &str, content| {
        fs::write(into.join(name), content).expect("the target folder is writable");
    };
    write("package.json", MANIFEST);
    write("package-lock.json", LOCK);
    write("stdio.mjs", STDIO);
    // Not `npm ci`: it refuses a lock that leaves out optional packages for other platforms.
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--ignore-scripts"])
        .args(["--no-audit", "--no-fund"])
        .current_dir(into);
    succeed(&mut npm, INSTALL_LIMIT);
}

/// The folder with the translation of a component.
fn translated(wasm: &Path) -> PathBuf {
    let bytes = fs::read(wasm).unwrap_or_else(|error| panic!("{}: {error}", wasm.display()));
    // The file's name becomes the program's.
    let key = (bytes, wasm.file_stem());
    once(&home().join("translated"), &key, |into| {
        let mut command = jco();
        command
            .arg("run")
            .arg("--jco-import")
            .arg(home().join("stdio.mjs"))
            .arg("--jco-dir")
            .arg(into)
            .arg(wasm)
            // The Node that would run the translation.
            .env("JCO_RUN_PATH", "true");
        succeed(&mut command, TRANSLATE_LIMIT);
    })
}

fn succeed(command: &mut Command, limit: Duration) {
    let scratch = Scratch::new("jco");
    let finished = run(command, None, &scratch, limit);
    assert!(
        finished.status.success(),
        "{command:?} ended with {}:\n{}{}",
        finished.status,
        finished.stdout_text(),
        finished.stderr
    );
}

/// The major version that a program names, or none if it is not there.
fn version(program: &str) -> Option<u32> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let digits = text.trim().trim_start_matches('v');
    digits.split('.').next()?.parse().ok()
}
