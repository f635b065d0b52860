//! The runtimes of the command's tests run a small program as they should.

use odradek_tests_interop::process::{Scratch, wait_until};
use odradek_tests_wasi::runtime::{Runtime, jco_run, wasi_run};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// How long a program that waits for its reader is given to end by mistake.
const MISTAKE: Duration = Duration::from_millis(500);

/// The component of `program.rs`.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(Scratch, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let scratch = Scratch::new("program");
        let path = scratch.path().join("program.wasm");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runtime/program.rs");
        let output = Command::new("rustc")
            .args(["--edition=2024", "--target=wasm32-wasip2", "-O", source])
            .arg("-o")
            .arg(&path)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("rustc starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
        (scratch, path)
    });
    path
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the runtime starts")
}

/// Runs a case under each runtime that is there.
fn under_both(test: &str, case: impl Fn(Runtime)) {
    for runtime in [Runtime::Wasmtime, Runtime::Jco] {
        if runtime.is_here(test) {
            eprintln!("under {runtime:?}");
            case(runtime);
        }
    }
}

#[test]
fn arguments_arrive_as_they_are() {
    let arguments = ["arguments", "--deny-tcp", "", "two words", "-x=ö"];
    under_both("arguments_arrive_as_they_are", |runtime| {
        let output = run(&mut runtime.command(program(), &arguments));
        assert_eq!(
            text(&output.stdout),
            format!("{:?}\n", &arguments[1..]),
            "{}",
            text(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(0));
    });
}

#[test]
fn jco_run_runs_it_too() {
    if Runtime::Jco.is_here("jco_run_runs_it_too") {
        let output = run(&mut jco_run(program(), &["arguments", "--help"]));
        assert_eq!(text(&output.stdout), "[\"--help\"]\n");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn standard_input_reaches_the_program() {
    under_both("standard_input_reaches_the_program", |runtime| {
        let mut command = runtime.command(program(), &["copy"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the runtime starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(b"some\nlines").expect("the program reads");
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!(text(&output.stdout), "some\nlines");
    });
}

/// A pipe holds 64 KiB; whoever does not wait for its reader loses the rest.
#[test]
fn output_waits_for_its_reader() {
    under_both("output_waits_for_its_reader", |runtime| {
        let mut command = runtime.command(program(), &["write", "1000000"]);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the runtime starts");
        let mut stdout = child.stdout.take().expect("it is piped");
        let mut all = vec![0];
        stdout.read_exact(&mut all).expect("the program writes");
        let ended = wait_until(MISTAKE, || child.try_wait().is_ok_and(|end| end.is_some()));
        stdout.read_to_end(&mut all).expect("the program writes");
        assert_eq!(all.len(), 1_000_000, "ended early: {ended:?}");
        assert_eq!(child.wait().expect("the program ends").code(), Some(0));
    });
}

#[test]
fn a_folder_is_seen_under_its_own_name() {
    let scratch = Scratch::new("folder");
    let file = scratch.fresh("file");
    fs::write(&file, "content").expect("the scratch folder is writable");
    let path = file.to_str().expect("the path is UTF-8");
    under_both("a_folder_is_seen_under_its_own_name", |runtime| {
        let output = run(&mut runtime.with_folder(scratch.path(), program(), &["read", path]));
        assert_eq!(text(&output.stdout), "content", "{}", text(&output.stderr));
    });
    let output = run(&mut Runtime::Wasmtime.command(program(), &["read", path]));
    assert_eq!(text(&output.stderr), "NotFound\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn wasi_run_denies_what_it_is_told_to() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound").to_string();
    let name = address.replace("127.0.0.1", "localhost");
    let denied = format!("--deny-address={address}");
    let outcomes = [
        (None, &address, ""),
        (None, &name, ""),
        (Some("--deny-tcp"), &address, "PermissionDenied\n"),
        (Some("--deny-names"), &address, ""),
        (Some("--deny-names"), &name, "Uncategorized\n"),
        (Some("--deny-address=127.0.0.1:1"), &address, ""),
        (Some(denied.as_str()), &address, "PermissionDenied\n"),
        (Some(denied.as_str()), &name, "PermissionDenied\n"),
    ];
    for (option, to, error) in outcomes {
        let options: Vec<&str> = option.into_iter().collect();
        let output = run(&mut wasi_run(program(), &options, &["connect", to]));
        assert_eq!(text(&output.stderr), error, "{option:?} {to}");
        assert_eq!(output.status.success(), error.is_empty());
    }
}

#[test]
fn wasi_run_says_why_it_cannot_run_a_file() {
    let output = run(&mut wasi_run(Path::new("missing.wasm"), &[], &[]));
    assert!(text(&output.stderr).contains("missing.wasm"));
    assert_eq!(output.status.code(), Some(134));
}
