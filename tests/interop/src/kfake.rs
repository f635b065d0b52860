//! franz-go's in-memory Kafka cluster of three brokers, built from the Go program beside this package.

use crate::kafka::may_run;
use crate::process::{Scratch, Watched, run, tail, target_dir, wait_until};
use std::env::consts::EXE_SUFFIX;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// How long Go may take to fetch and build it on a slow network and a busy machine.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// How long it may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running cluster.
#[derive(Debug)]
pub struct Kfake {
    bootstrap: String,
    _watched: Watched,
}

impl Kfake {
    /// The cluster that the tests of this process share, or none, said loudly, where Go or Java is
    /// missing (Java chooses the partitions to compare with). `test` is the name of the test that would
    /// not run.
    ///
    /// # Panics
    ///
    /// If something is missing and the environment says `CI=true`, or it cannot be built or started.
    #[must_use]
    pub fn shared(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Kfake> = OnceLock::new();
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let check = check_go().and_then(|()| crate::jars::Release::V4_3_0.check());
        if !may_run(check, in_ci, test, &mut std::io::stderr()) {
            return None;
        }
        Some(SHARED.get_or_init(Self::start))
    }

    fn start() -> Self {
        let program = build();
        let home = Scratch::new("kfake");
        let log = home.path().join("log");
        let program = program.to_str().expect("the target folder's name is UTF-8");
        let home = home.hand_over();
        let mut watched = Watched::start(program, &[], &log, Some(&home));
        let mut said = String::new();
        let _ = wait_until(START_LIMIT, || {
            said = fs::read_to_string(&log).unwrap_or_default();
            said.ends_with('\n') || watched.ended().is_some()
        });
        assert!(
            said.starts_with("127.0.0.1:") && watched.ended().is_none(),
            "kfake did not start: {}",
            tail(&log, 4096)
        );
        Self {
            bootstrap: said.trim().to_owned(),
            _watched: watched,
        }
    }

    /// Hosts and ports, as `bootstrap.servers` takes them.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }
}

/// Builds the program where it is missing or older than its sources; a file lock keeps parallel runs apart.
fn build() -> PathBuf {
    let root = target_dir().join("kfake");
    fs::create_dir_all(&root).expect("the target folder is writable");
    let lock = File::create(root.join("lock")).expect("the target folder is writable");
    lock.lock().expect("the lock file can be locked");
    let program = root.join(format!("kfake{EXE_SUFFIX}"));
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("kfake");
    let changed = |path: &Path| fs::metadata(path).and_then(|it| it.modified());
    let newest = ["main.go", "go.mod", "go.sum"]
        .map(|name| changed(&sources.join(name)).expect("the sources lie here"))
        .into_iter()
        .max();
    if changed(&program).is_ok_and(|built| Some(built) >= newest) {
        return program;
    }
    let scratch = Scratch::new("go");
    let mut go = Command::new("go");
    // The sources are read alone: whatever is missing in go.sum is a failure.
    go.args(["build", "-mod=readonly", "-trimpath", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(&sources);
    let finished = run(&mut go, None, &scratch, BUILD_LIMIT);
    assert!(
        finished.status.success(),
        "go could not build kfake:\n{}",
        finished.stderr
    );
    program
}

fn check_go() -> Result<(), &'static str> {
    let mut version = Command::new("go");
    version
        .arg("version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match version.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) | Err(_) => Err("there is no go (1.26 or later)"),
    }
}
