//! What `produce` says and keeps when something is wrong.

use crate::tool::{TemporaryFile, broker, command, end, produce, read};

/// A server that refuses connections: a port below 1024 that nobody uses, and that the system gives nobody.
const CLOSED: &str = "127.0.0.1:1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreached_brokers_are_explained_and_the_records_are_kept() {
    let failed = TemporaryFile::new("unreached", b"");
    let arguments = [
        "-t",
        "t",
        "-K",
        ":",
        "-H",
        "from=test",
        "-X",
        "max.block.ms=500",
        "--failed",
        failed.path(),
    ];
    let ended = produce(CLOSED, &arguments, b"k:v\n\xff\n").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.last_line(), "delivered=0 failed=2 possibly=0");
    assert!(
        ended.stderr.contains("no broker could be reached"),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stderr
            .contains(&format!("{CLOSED}: connection refused after "))
    );

    let broker = broker(1).await;
    let again = ["--format", "json", failed.path()];
    let ended = produce(&broker.bootstrap_servers(), &again, b"").await;
    assert_eq!(ended.last_line(), "delivered=2 failed=0 possibly=0");
    let records = read(&broker, "t", 2).await;
    assert_eq!(records[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(records[0].value.as_deref(), Some(&b"v"[..]));
    assert_eq!(records[1].value.as_deref(), Some(&b"\xff"[..]));
    assert_eq!(records[1].headers.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_line_is_kept_as_it_was() {
    let broker = broker(1).await;
    let failed = TemporaryFile::new("bad-line", b"");
    let arguments = ["-t", "t", "--format", "json", "--failed", failed.path()];
    let ended = produce(&broker.bootstrap_servers(), &arguments, b"oops\n{}\n").await;
    assert_eq!(ended.last_line(), "delivered=1 failed=1 possibly=0");
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("line 1: no JSON object"),
        "{}",
        ended.stderr
    );
    let kept: serde_json::Value =
        serde_json::from_slice(&failed.content()).expect("one object is kept");
    assert_eq!(kept["line_base64"], "b29wcw==");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_failed_records_never_overwrites_an_input() {
    let file = TemporaryFile::new("input-and-output", b"{}\n");
    let other = TemporaryFile::new("other-input", b"{}\n");
    let link = TemporaryFile::new("link", b"");
    std::fs::remove_file(link.path()).expect("the file is there");
    std::os::unix::fs::symlink(file.path(), link.path()).expect("links are possible");
    let as_input: [&[&str]; 3] = [&[file.path()], &[other.path(), link.path()], &["-"]];
    for inputs in as_input {
        let fixed = ["produce", "--backend", "native", "-b", "127.0.0.1:1"];
        let more = ["-t", "t", "--format", "json", "--failed", file.path()];
        let mut command = command(&[&fixed[..], &more, inputs].concat());
        if inputs == ["-"] {
            let input = std::fs::File::open(file.path()).expect("the file is there");
            command.stdin(input);
        }
        let output = command.output().expect("the binary starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{inputs:?}: {stderr}");
        assert!(stderr.contains("is an input"), "{inputs:?}: {stderr}");
        assert!(stderr.contains(file.path()), "{inputs:?}: {stderr}");
        assert_eq!(file.content(), b"{}\n", "{inputs:?}");
    }
    // A device is not harmed.
    let null = ["-t", "t", "--failed", "/dev/null", "/dev/null"];
    let ended = produce("127.0.0.1:1", &null, b"").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // A file that is no input is emptied.
    let arguments = ["-t", "t", "--failed", file.path(), "/dev/null"];
    let ended = produce("127.0.0.1:1", &arguments, b"").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(file.content(), b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_can_never_fit_is_refused_alone_with_both_sizes() {
    let broker = broker(1).await;
    let mut input = vec![b'x'; 5000];
    input.extend_from_slice(b"\nsmall\n");
    let arguments = ["-t", "t", "-X", "max.request.size=4000", "--report", "json"];
    let ended = produce(&broker.bootstrap_servers(), &arguments, &input).await;
    assert_eq!(ended.last_line(), "delivered=1 failed=1 possibly=0");
    let reports = ended.reports();
    assert!(reports[0]["ticket"].is_null());
    let error = reports[0]["error"].as_str().expect("there is a reason");
    assert!(error.contains("50") && error.contains("4000"), "{error}");
    assert_eq!(reports[1]["outcome"], "written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_not_created_is_named() {
    let broker = broker(1).await;
    let arguments = [
        "-t",
        "nowhere",
        "-X",
        "allow.auto.create.topics=false",
        "-X",
        "max.block.ms=500",
    ];
    let ended = produce(&broker.bootstrap_servers(), &arguments, b"a\n").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("topic nowhere: "), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_usage_exits_2_and_says_what_is_wrong() {
    let cases: [(&[&str], &str); 7] = [
        (&["-t", "t", "-X", "linger.msec=1"], "linger.ms"),
        (&["-t", "t", "-X", "linger.ms=-1"], "linger.ms"),
        (&["-t", "t", "-X", "acks"], "KEY=VALUE"),
        (&[], "-t TOPIC"),
        (
            &["-t", "t", "-F", "/nonexistent.properties"],
            "/nonexistent.properties",
        ),
        (&["-t", "t", "/nonexistent.txt"], "/nonexistent.txt"),
        (
            &["-t", "t", "--format", "json", "-K", ","],
            "--format lines",
        ),
    ];
    for (arguments, expected) in cases {
        let ended = produce("127.0.0.1:1", arguments, b"").await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(expected),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    let no_servers = command(&["produce", "-t", "t", "--backend", "native"]);
    let mut no_servers = no_servers;
    let ended = end(no_servers.spawn().expect("the binary starts"), b"").await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("bootstrap.servers"),
        "{}",
        ended.stderr
    );
}
