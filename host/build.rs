//! Builds the components from the core's sources, so that no step is needed before a build of the host.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of components that speak to their host through `wit/` and WASI's interfaces alone.
const BARE: &str = "wasm32-unknown-unknown";

/// The target of a program with the standard library, which its linker makes a component.
const WASI: &str = "wasm32-wasip2";

/// What the client component imports: sockets, clocks and chance, and nothing of files, environment or
/// standard streams.
const CLIENT_IMPORTS: [&str; 11] = [
    "wasi:clocks/monotonic-clock@0.2.12",
    "wasi:clocks/wall-clock@0.2.12",
    "wasi:io/error@0.2.12",
    "wasi:io/poll@0.2.12",
    "wasi:io/streams@0.2.12",
    "wasi:random/random@0.2.12",
    "wasi:sockets/instance-network@0.2.12",
    "wasi:sockets/ip-name-lookup@0.2.12",
    "wasi:sockets/network@0.2.12",
    "wasi:sockets/tcp-create-socket@0.2.12",
    "wasi:sockets/tcp@0.2.12",
];

/// The outer build's settings, which would leak into the component or make two cargos wait for each
/// other's target directory.
const OUTER_SETTINGS: [&str; 8] = [
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?)
        .join("..")
        .canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in ["src", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let bytes = build_component(&root, &out, "engine", &[])?;
    println!("cargo::rustc-env=ODRADEK_ENGINE_BYTES={bytes}");
    // The library drives the engine itself; the others are for other hosts, and the binary has them.
    if env::var_os("CARGO_FEATURE_CLI").is_some() {
        build_component(&root, &out, "client", &CLIENT_IMPORTS)?;
        build_command(&root, &out)?;
    }
    Ok(())
}

/// Builds the component of one world as `<world>.wasm` and returns its size.
fn build_component(
    root: &Path,
    out: &Path,
    world: &str,
    imports: &[&str],
) -> Result<usize, Box<dyn Error>> {
    let library = ["rustc", "--lib", "--crate-type", "cdylib"];
    let module = cargo(root, out, BARE, &library, world)?.join("odradek.wasm");
    let component = componentise(&read(&module)?)?;
    assert_imports(&component, imports)?;
    fs::write(out.join(format!("{world}.wasm")), &component)?;
    let (bytes, count) = (component.len(), imports.len());
    // A warning is the only line of a build script that cargo shows.
    println!("cargo::warning={world} component: {bytes} bytes, {count} imports");
    Ok(bytes)
}

/// Builds the program `odradek.wasm` as `command.wasm`.
fn build_command(root: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let program = ["build", "--bin", "odradek-wasi"];
    let component = read(&cargo(root, out, WASI, &program, "command")?.join("odradek-wasi.wasm"))?;
    fs::write(out.join("command.wasm"), &component)?;
    let bytes = component.len();
    println!("cargo::warning=command component: {bytes} bytes");
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Has cargo build something of the core with one feature, and returns the folder in which it is.
fn cargo(
    root: &Path,
    out: &Path,
    target: &str,
    what: &[&str],
    feature: &str,
) -> Result<PathBuf, Box<dyn Error>> {
    require_target(target)?;
    let target_dir = target_dir(out);
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo
        .current_dir(root)
        .args(what)
        .args(["--package", "odradek", "--features", feature])
        .args(["--target", target, "--profile", "component"])
        .arg("--target-dir")
        .arg(&target_dir);
    if root.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    for setting in OUTER_SETTINGS {
        cargo.env_remove(setting);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(root).join("\u{1f}"));
    // Standard output belongs to the directives for the outer cargo.
    cargo.stdout(Stdio::null());
    if !cargo.status()?.success() {
        return Err(format!(
            "the component `{feature}` does not build; cargo's messages are above"
        )
        .into());
    }
    Ok(target_dir.join(target).join("component"))
}

/// Where the components are built: one folder for a profile, beside `build`. Cargo gives this script an output
/// folder for each set of features, and another one for lints, in which everything would be built anew.
fn target_dir(out: &Path) -> PathBuf {
    let profile = out
        .ancestors()
        .find(|folder| folder.file_name() == Some(OsStr::new("build")))
        .and_then(Path::parent);
    profile.unwrap_or(out).join("components")
}

/// Vector instructions for checksums and copies, and paths that name no machine, so that the same
/// sources give the same component everywhere.
fn flags(root: &Path) -> Vec<String> {
    let mut flags = vec!["-Ctarget-feature=+simd128,+bulk-memory".to_owned()];
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let places = [(Some(root.to_owned()), "odradek"), (cargo_home, "cargo")];
    for (path, name) in places {
        if let Some(path) = path {
            flags.push(format!("--remap-path-prefix={}={name}", path.display()));
        }
    }
    flags
}

/// Makes sure that the standard library for the target is there, adding it where rustup can.
fn require_target(target: &str) -> Result<(), Box<dyn Error>> {
    let rustc = env::var("RUSTC")?;
    let answer = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .output()?;
    let directory = PathBuf::from(String::from_utf8(answer.stdout)?.trim());
    if directory.is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup")
        .args(["target", "add", target])
        .stdout(Stdio::null())
        .status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!("the Rust target {target} is missing; run: rustup target add {target}").into())
}

/// Wraps a core module, whose custom sections carry its world, into a component.
fn componentise(module: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let encoded = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| format!("wit-component: {error:#}").into())
}

/// Refuses a component that imports anything else than what its world is meant to.
fn assert_imports(component: &[u8], expected: &[&str]) -> Result<(), Box<dyn Error>> {
    let decoded = wit_component::decode(component).map_err(|error| format!("{error:#}"))?;
    let wit_component::DecodedWasm::Component(resolve, world) = decoded else {
        return Err("wit-component made a WIT package instead of a component".into());
    };
    let imports = &resolve.worlds[world].imports;
    let mut names: Vec<String> = imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    names.sort_unstable();
    if names == expected {
        Ok(())
    } else {
        Err(format!("the component imports {names:?}, it may import {expected:?}").into())
    }
}
