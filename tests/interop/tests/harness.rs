//! Processes end with those who started them, and a machine that lacks Java is noticed.

use odradek_tests_interop::kafka::may_run;
use odradek_tests_interop::process::{Scratch, Watched, wait_until};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

const LIMIT: Duration = Duration::from_secs(10);

/// Names the file for the process id, in the process that is to be killed.
const OWNER: &str = "INTEROP_OWNER";

fn sleeper(folder: &Path) -> Watched {
    let data = folder.join("data");
    fs::create_dir_all(&data).expect("scratch is writable");
    Watched::start(
        "sleep",
        &["600".to_owned()],
        &folder.join("log"),
        Some(&data),
    )
}

fn is_alive(id: u32) -> bool {
    Path::new("/proc").join(id.to_string()).exists()
}

#[test]
fn a_dropped_process_ends_and_its_data_is_removed() {
    let scratch = Scratch::new("dropped");
    let mut watched = sleeper(scratch.path());
    let id = watched.id();
    assert!(is_alive(id) && watched.ended().is_none());
    drop(watched);
    assert!(!is_alive(id));
    assert!(!scratch.path().join("data").exists());
}

#[test]
fn a_process_ends_after_a_panic() {
    let scratch = Scratch::new("panic");
    let (sender, receiver) = std::sync::mpsc::channel();
    let caught = catch_unwind(move || {
        let watched = sleeper(scratch.path());
        sender.send(watched.id()).unwrap();
        panic!("as a failing test does");
    });
    assert!(caught.is_err());
    assert!(!is_alive(receiver.recv().unwrap()));
}

#[test]
fn an_end_by_itself_is_seen_with_its_status() {
    let scratch = Scratch::new("ended");
    let arguments = ["-c", "exit 7"].map(str::to_owned);
    let mut watched = Watched::start("sh", &arguments, &scratch.fresh("log"), None);
    let mut status = None;
    let _ = wait_until(LIMIT, || {
        status = watched.ended();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(7));
}

/// This test runs itself as the process that is killed.
#[test]
fn a_process_ends_when_its_owner_is_killed() {
    if let Some(file) = env::var_os(OWNER) {
        let watched = sleeper(Path::new(&file).parent().unwrap());
        fs::write(file, watched.id().to_string()).unwrap();
        loop {
            std::thread::park();
        }
    }
    let scratch = Scratch::new("owner");
    let file = scratch.fresh("id");
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_process_ends_when_its_owner_is_killed"])
        .env(OWNER, &file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut id = None;
    let _ = wait_until(LIMIT, || {
        id = fs::read_to_string(&file)
            .ok()
            .and_then(|text| text.parse().ok());
        id.is_some()
    });
    let alive = id.is_some_and(is_alive);
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(alive, "the owner started a process");
    assert!(wait_until(LIMIT, || !is_alive(id.unwrap())).is_some());
}

#[test]
fn a_test_that_lacks_something_does_not_run_and_is_named() {
    let mut said = Vec::new();
    assert!(may_run(Ok(()), true, "this", &mut said));
    assert!(said.is_empty());
    assert!(!may_run(Err("there is no java"), false, "this", &mut said));
    assert_eq!(said, b"\n*** NOT RUN: this: there is no java ***\n");
}

#[test]
#[should_panic(expected = "in CI that is a failure")]
fn a_test_that_lacks_something_fails_in_ci() {
    let _ = may_run(Err("there is no java"), true, "this", &mut std::io::sink());
}
