//! The producer under test: the binary `odradek`, found or built, and run.

use crate::process::{Finished, Scratch, profile_dir, run, target_dir};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// How long a cold build of the host and its component may take.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// How long a run may take beyond its delivery timeout, at full size through a debug build.
const RUN_LIMIT: Duration = Duration::from_secs(600);

/// Runs `odradek config --json` and returns what it prints: an object per key.
///
/// # Panics
///
/// If the binary cannot be built, fails, or prints something else.
#[must_use]
pub fn configuration_keys(scratch: &Scratch) -> Vec<serde_json::Value> {
    let finished = run(
        odradek().args(["config", "--json"]),
        None,
        scratch,
        RUN_LIMIT,
    );
    assert!(finished.status.success(), "{}", finished.stderr);
    let text = finished.stdout_text();
    let objects = text.lines().map(serde_json::from_str);
    objects
        .collect::<Result<_, _>>()
        .expect("each line is an object")
}

/// Runs `odradek produce` with `arguments` and the file `input` as standard input.
///
/// # Panics
///
/// If the binary cannot be built, or runs for more than ten minutes.
#[must_use]
pub fn produce(arguments: &[&str], input: &Path, scratch: &Scratch) -> Finished {
    let mut command = odradek();
    command.arg("produce").args(arguments);
    run(&mut command, Some(input), scratch, RUN_LIMIT)
}

fn odradek() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    Command::new(BINARY.get_or_init(binary))
}

/// The binary of the profile that the tests were built with. Cargo offers a binary only to tests of
/// its own package; one that is missing or older than its sources is built, so that no stale binary
/// is judged.
fn binary() -> PathBuf {
    let path = profile_dir().join(format!("odradek{}", std::env::consts::EXE_SUFFIX));
    let built = fs::metadata(&path).and_then(|metadata| metadata.modified());
    if built.is_ok_and(|built| built >= newest_source()) {
        return path;
    }
    let _ = writeln!(std::io::stderr(), "\nbuilding {}", path.display());
    let profile = profile_dir();
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(name) => name,
        None => panic!("the profile's folder {} has no name", profile.display()),
    };
    let scratch = Scratch::new("build");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut build = Command::new(cargo);
    // All members are named so that features are those of the run that built the tests.
    build
        .args([
            "build",
            "--workspace",
            "--bin",
            "odradek",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(workspace());
    let finished = run(&mut build, None, &scratch, BUILD_LIMIT);
    assert!(
        finished.status.success(),
        "cargo could not build odradek:\n{}",
        finished.stderr
    );
    assert!(path.exists(), "cargo built no {}", path.display());
    path
}

/// When the newest file was changed that the binary is built from.
fn newest_source() -> SystemTime {
    let roots = ["Cargo.toml", "Cargo.lock", "src", "wit", "host"];
    let times = roots.iter().map(|root| newest(&workspace().join(root)));
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn newest(path: &Path) -> SystemTime {
    if let Ok(entries) = fs::read_dir(path) {
        let times = entries.flatten().map(|entry| newest(&entry.path()));
        return times.max().unwrap_or(SystemTime::UNIX_EPOCH);
    }
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package
        .ancestors()
        .nth(2)
        .expect("the package lies in tests/interop");
    root.to_path_buf()
}
