//! The runtimes of the command's tests run a small program as they should.

use odradek_tests_interop::process::{self, Scratch, wait_until};
use odradek_tests_wasi::kept;
use odradek_tests_wasi::runtime::{Runtime, jco_run, wasi_run};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

/// How long a program that waits for its reader is given to end by mistake.
const MISTAKE: Duration = Duration::from_millis(500);

/// How long a run may take on a busy machine, and the compilation.
const LIMIT: Duration = Duration::from_secs(120);

/// The component of `program.rs`.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = include_str!("program.rs");
        kept::file(&source, "program.wasm", |path| {
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runtime/program.rs");
            let mut rustc = Command::new("rustc");
            rustc.args(["--edition=2024", "--target=wasm32-wasip2", "-O", source]);
            rustc.arg("-o").arg(path);
            rustc.current_dir(env!("CARGO_MANIFEST_DIR"));
            let finished = run(&mut rustc);
            assert!(finished.status.success(), "{}", finished.stderr);
        })
    })
}

/// A run that has ended.
struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Ended {
    run_with(command, None)
}

fn run_with(command: &mut Command, input: Option<&Path>) -> Ended {
    let scratch = Scratch::new("runtime");
    let finished = process::run(command, input, &scratch, LIMIT);
    Ended {
        status: finished.status,
        stdout: finished.stdout_text(),
        stderr: finished.stderr,
    }
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

/// Whether a run ends in time; it is killed otherwise.
fn ends(child: &mut Child) -> bool {
    let ended = wait_until(LIMIT, || child.try_wait().is_ok_and(|end| end.is_some()));
    if ended.is_none() {
        // It is reported by the caller.
        let _ = child.kill();
    }
    ended.is_some()
}

#[test]
fn arguments_arrive_as_they_are() {
    let arguments = ["arguments", "--deny-tcp", "", "two words", "-x=ö"];
    under_both("arguments_arrive_as_they_are", |runtime| {
        let output = run(&mut runtime.command(program(), &arguments));
        assert_eq!(
            output.stdout,
            format!("{:?}\n", &arguments[1..]),
            "{}",
            output.stderr
        );
        assert_eq!(output.status.code(), Some(0));
    });
}

#[test]
fn jco_run_runs_it_too() {
    if Runtime::Jco.is_here("jco_run_runs_it_too") {
        let output = run(&mut jco_run(program(), &["arguments", "--help"]));
        assert_eq!(output.stdout, "[\"--help\"]\n");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn standard_input_reaches_the_program() {
    let scratch = Scratch::new("input");
    let input = scratch.fresh("input");
    fs::write(&input, "some\nlines").expect("the scratch folder is writable");
    under_both("standard_input_reaches_the_program", |runtime| {
        let output = run_with(&mut runtime.command(program(), &["copy"]), Some(&input));
        assert_eq!(output.stdout, "some\nlines", "{}", output.stderr);
        // And through a pipe, which ends when its writer does.
        let mut command = runtime.command(program(), &["copy"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the runtime starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // Less than a pipe holds, in both directions.
        stdin.write_all(b"some\nlines").expect("a pipe has room");
        drop(stdin);
        assert!(ends(&mut child), "it does not end");
        let output = child.wait_with_output().expect("the program has ended");
        assert_eq!(output.stdout, b"some\nlines");
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
        let (begun, has_begun) = mpsc::channel();
        let (read_on, may_read_on) = mpsc::channel();
        // A reader of its own: one that is never written to is left behind.
        let reader = thread::spawn(move || {
            let mut all = vec![0];
            stdout.read_exact(&mut all).expect("the program writes");
            begun.send(()).expect("the test waits");
            may_read_on.recv().expect("the test goes on");
            stdout.read_to_end(&mut all).expect("the program writes");
            all.len()
        });
        let waited = has_begun.recv_timeout(LIMIT);
        assert!(waited.is_ok(), "the program does not write");
        let ended = wait_until(MISTAKE, || child.try_wait().is_ok_and(|end| end.is_some()));
        read_on.send(()).expect("the reader waits");
        assert!(ends(&mut child), "it does not end");
        let count = reader.join().expect("the reader reads");
        assert_eq!(count, 1_000_000, "ended early: {ended:?}");
        assert_eq!(child.wait().expect("it has ended").code(), Some(0));
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
        assert_eq!(output.stdout, "content", "{}", output.stderr);
    });
    let output = run(&mut Runtime::Wasmtime.command(program(), &["read", path]));
    assert_eq!(output.stderr, "NotFound\n");
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
        assert_eq!(output.stderr, error, "{option:?} {to}");
        assert_eq!(output.status.success(), error.is_empty());
    }
}

#[test]
fn wasi_run_says_why_it_cannot_run_a_file() {
    let output = run(&mut wasi_run(Path::new("missing.wasm"), &[], &[]));
    assert!(output.stderr.contains("missing.wasm"));
    assert_eq!(output.status.code(), Some(134));
}
