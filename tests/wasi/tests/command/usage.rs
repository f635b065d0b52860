//! Exit codes, and what is said with them.

use crate::delivery::cluster;
use crate::run::{Ended, Run, stored, wasm};
use odradek_tests_interop::process::Scratch;
use odradek_tests_wasi::runtime::{Runtime, jco_run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

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
    let bench = ["bench", "-b", "127.0.0.1:1", "-t", "t"];
    let benches: [(&[&str], &str); 2] = [
        (&["--backend", "native"], "--backend"),
        (&["-X", "transactional.id=a"], "transactional.id"),
    ];
    let produce = cases.map(|(arguments, expected)| ([&produce[..], arguments].concat(), expected));
    let benches = benches.map(|(arguments, expected)| ([&bench[..], arguments].concat(), expected));
    let all = produce.into_iter().chain(benches);
    for (arguments, expected) in all {
        let ended = run(runtime, &arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(expected),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

/// By its name, through a link, and as standard input, of which no host tells which file it is.
pub(crate) fn the_file_of_failed_records_never_overwrites_an_input(runtime: Runtime) {
    const CONTENT: &[u8] = b"one\ntwo\n";
    let scratch = Scratch::new("overwrite");
    let (file, link) = (scratch.path().join("both"), scratch.path().join("link"));
    fs::write(&file, CONTENT).expect("the scratch folder is writable");
    symlink("both", &link).expect("links are possible");
    for input in [file.as_path(), &link, Path::new("-")] {
        let paths = [file.to_str(), input.to_str()];
        let [file_name, input_name] = paths.map(|path| path.expect("the path is UTF-8"));
        let produce = ["produce", "-b", "127.0.0.1:1", "-t", "t", "--failed"];
        let arguments = [&produce[..], &[file_name, input_name]].concat();
        let command = runtime.with_folder(scratch.path(), wasm(), &arguments);
        let mut run = Run::start(command, Scratch::new("usage"));
        if input_name == "-" {
            run.write(CONTENT);
        }
        let ended = run.end();
        assert_eq!(ended.code, Some(2), "{input_name}: {}", ended.stderr);
        let is_named = ended.stderr.contains("is an input");
        assert!(is_named, "{input_name}: {}", ended.stderr);
        let content = fs::read(&file).expect("the file is there");
        assert_eq!(content, CONTENT, "{input_name}");
    }
}

/// Files in their order, each with its own line numbers; the last line of one has no newline.
pub(crate) fn several_files_are_read_in_order_and_named(runtime: Runtime) {
    let cluster = cluster();
    let scratch = Scratch::new("files");
    let names = ["one.txt", "two.txt", "none.txt"];
    for (name, content) in names.iter().zip(["a\nb", "c\n", ""]) {
        fs::write(scratch.path().join(name), content).expect("the scratch folder is writable");
    }
    let paths = names.map(|name| scratch.path().join(name));
    let paths = paths.each_ref().map(|path| path.to_str().expect("UTF-8"));
    let servers = cluster.bootstrap();
    let fixed = [
        "produce", "-b", &servers, "-t", "t", "-p", "0", "--report", "json",
    ];
    let command = runtime.with_folder(scratch.path(), wasm(), &[&fixed[..], &paths[..]].concat());
    let ended = Run::start(command, Scratch::new("usage")).end();
    assert_eq!((ended.code, ended.counts()), (Some(0), (3, 0, 0)));
    let reports = ended.stdout.lines().map(|line| {
        let report: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        let file = report["file"].as_str().map(ToOwned::to_owned);
        (file, report["line"].as_u64(), report["offset"].as_u64())
    });
    let expected = [(paths[0], 1, 0), (paths[0], 2, 1), (paths[1], 1, 2)];
    let expected =
        expected.map(|(path, line, offset)| (Some(path.to_owned()), Some(line), Some(offset)));
    assert_eq!(reports.collect::<Vec<_>>(), expected);
}

/// Relative paths begin where the program was started; under wasmtime that is what the host shows as `.`.
pub(crate) fn properties_and_relative_files_are_found(runtime: Runtime) {
    let cluster = cluster();
    let scratch = Scratch::new("relative");
    let write = |name: &str, content: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, content).expect("the scratch folder is writable");
        path
    };
    let properties = format!(
        "# where\nbootstrap.servers = {}\nlinger.ms: 5\ncompression.type=lz4\n",
        cluster.bootstrap()
    );
    write("client.properties", &properties);
    write("one.txt", "k:v:w\nno key\n");
    let two = write("two.txt", ":\n");
    let two = two.to_str().expect("the target folder's name is UTF-8");
    let arguments = [
        ["produce", "one.txt"],
        ["-F", "client.properties"],
        ["-t", "t"],
        ["-p", "0"],
        ["-K", ":"],
        ["-H", "from=test"],
        ["-H", "empty="],
        ["--report", "json"],
    ];
    let arguments = [arguments.as_flattened(), &[two]].concat();
    let command = runtime.started_in(scratch.path(), wasm(), &arguments);
    let ended = Run::start(command, Scratch::new("usage")).end();
    assert_eq!((ended.code, ended.counts()), (Some(0), (3, 0, 0)));
    let named = ended.stdout.lines().map(|line| {
        let report: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        report["file"].as_str().map(ToOwned::to_owned)
    });
    let names = ["one.txt", "one.txt", two].map(|name| Some(name.to_owned()));
    assert_eq!(named.collect::<Vec<_>>(), names);
    let expected: [(Option<&[u8]>, &[u8]); 3] =
        [(Some(b"k"), b"v:w"), (None, b"no key"), (Some(b""), b"")];
    let log = cluster.log("t");
    assert_eq!(log.len(), expected.len());
    for (record, (key, value)) in log.iter().zip(expected) {
        let stored = (record.key.as_deref(), record.value.as_deref());
        assert_eq!(stored, (key, Some(value)));
        let headers = [("from", &b"test"[..]), ("empty", b"")];
        let headers = headers.map(|(name, value)| (name.to_owned(), Some(value.to_vec())));
        assert_eq!(record.headers, headers);
    }
}

pub(crate) fn bench_prints_a_table(runtime: Runtime) {
    let cluster = cluster();
    let servers = cluster.bootstrap();
    let arguments = ["bench", "-b", &servers, "-t", "t", "--records", "1000"];
    let ended = run(runtime, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = |name: &str| ended.stdout.lines().find(|line| line.starts_with(name));
    let records = line("records").map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(records, Some(vec!["records", "1000"]), "{}", ended.stdout);
    let throughput = line("throughput").is_some_and(|line| line.contains("records/s"));
    assert!(throughput, "{}", ended.stdout);
    assert_eq!(stored(&cluster), 1000);
}

pub(crate) fn config_prints_the_keys(runtime: Runtime) {
    let ended = run(runtime, &["config", "linger.ms"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("\nlinger.ms "), "{}", ended.stdout);
    assert!(!ended.stdout.contains("\nacks "), "{}", ended.stdout);
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
