//! Exit codes, and what is said with them.

use crate::delivery::cluster;
use crate::run::{Ended, Run, wasm};
use odradek_tests_interop::process::Scratch;
use odradek_tests_wasi::runtime::{Runtime, jco_run};

fn run(runtime: Runtime, arguments: &[&str]) -> Ended {
    let command = runtime.command(wasm(), arguments);
    Run::start(command, Scratch::new("usage")).end()
}

pub(crate) fn a_bad_line_is_kept_and_the_run_exits_1(runtime: Runtime) {
    let cluster = cluster();
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &["--format", "json"]);
    run.write(b"oops\n{}\n");
    let ended = run.end();
    assert_eq!((ended.code, ended.counts()), (Some(1), (1, 1, 0)));
    assert!(
        ended.stderr.contains("line 1: no JSON object"),
        "{}",
        ended.stderr
    );
    let kept: serde_json::Value = serde_json::from_str(&ended.failed).expect("one object is kept");
    assert_eq!(kept["line_base64"], "b29wcw==");
}

pub(crate) fn wrong_usage_exits_2_and_says_what_is_wrong(runtime: Runtime) {
    let produce = ["produce", "-b", "127.0.0.1:1"];
    let cases: [(&[&str], &str); 5] = [
        (&["-t", "t", "-X", "linger.msec=1"], "linger.ms"),
        (&[], "-t TOPIC"),
        (
            &["-t", "t", "-F", "/nonexistent.properties"],
            "/nonexistent.properties",
        ),
        (&["-t", "t", "/nonexistent.txt"], "/nonexistent.txt"),
        (&["-t", "t", "--backend", "native"], "--backend"),
    ];
    for (arguments, expected) in cases {
        let ended = run(runtime, &[&produce[..], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(expected),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

pub(crate) fn help_exits_0(runtime: Runtime) {
    let ended = run(runtime, &["produce", "--help"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("--report"), "{}", ended.stdout);
}

/// As a user types it, with the translation that belongs to it.
#[test]
fn jco_run_passes_everything_on() {
    if !Runtime::Jco.is_here("jco_run_passes_everything_on") {
        return;
    }
    let cluster = cluster();
    let servers = cluster.bootstrap();
    let arguments = ["produce", "-b", &servers, "-t", "t", "--report", "json"];
    let command = jco_run(wasm(), &arguments);
    let mut run = Run::start(command, Scratch::new("jco-run"));
    run.write(b"one\ntwo\n");
    let ended = run.end();
    assert_eq!((ended.code, ended.counts()), (Some(0), (2, 0, 0)));
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
    let ended = Run::start(jco_run(wasm(), &["produce"]), Scratch::new("jco-run")).end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}
