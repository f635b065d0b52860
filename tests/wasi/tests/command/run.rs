//! Runs of the command, and what they leave behind.

use odradek_host::COMMAND_COMPONENT;
use odradek_tests_interop::process::{Scratch, wait_until};
use odradek_tests_interop::report::Summary;
use odradek_tests_wasi::peers::Cluster;
use odradek_tests_wasi::runtime::Runtime;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// How long a run may take, also at full size on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// The command as a file.
pub(crate) fn wasm() -> &'static Path {
    static WASM: OnceLock<(Scratch, PathBuf)> = OnceLock::new();
    let (_, path) = WASM.get_or_init(|| {
        let scratch = Scratch::new("command");
        let path = scratch.path().join("odradek.wasm");
        fs::write(&path, COMMAND_COMPONENT).expect("the scratch folder is writable");
        (scratch, path)
    });
    path
}

/// A run with its standard input open.
pub(crate) struct Run {
    child: Child,
    scratch: Scratch,
    pub(crate) stdin: Option<ChildStdin>,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// What is in the file of `--failed`.
    pub(crate) failed: String,
}

impl Run {
    /// Starts a command, whose output goes to files.
    pub(crate) fn start(mut command: Command, scratch: Scratch) -> Self {
        let file =
            |name| File::create(scratch.path().join(name)).expect("the scratch folder is writable");
        command
            .stdin(Stdio::piped())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        let mut child = command.spawn().expect("the runtime starts");
        let stdin = child.stdin.take();
        Self {
            child,
            scratch,
            stdin,
        }
    }

    /// Starts `produce` for a cluster and its topic `t`, with what fails going to a file.
    pub(crate) fn produce(runtime: Runtime, servers: &str, arguments: &[&str]) -> Self {
        let scratch = Scratch::new("produce");
        let failed = scratch.path().join("failed");
        let failed = failed.to_str().expect("the target folder's name is UTF-8");
        let fixed = ["produce", "-b", servers, "-t", "t", "--failed", failed];
        let all = [&fixed[..], arguments].concat();
        Self::start(runtime.with_folder(scratch.path(), wasm(), &all), scratch)
    }

    /// What has been written to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        let bytes = fs::read(self.scratch.path().join("stdout")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Writes to standard input.
    pub(crate) fn write(&mut self, input: &[u8]) {
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(input).expect("the command reads");
    }

    /// Closes standard input and waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        self.stdin = None;
        let mut status = None;
        let waited = wait_until(LIMIT, || {
            status = self.child.try_wait().expect("the run is ours");
            status.is_some()
        });
        let read = |name| {
            let bytes = fs::read(self.scratch.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let ended = Ended {
            code: status.and_then(|status| status.code()),
            stdout: read("stdout"),
            stderr: read("stderr"),
            failed: read("failed"),
        };
        assert!(waited.is_some(), "the run does not end: {}", ended.stderr);
        ended
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The counts of the last line on standard error: delivered, failed, possibly.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let summary = Summary::parse(&self.stderr);
        let summary = summary.unwrap_or_else(|| panic!("there is no summary: {self:?}"));
        (summary.delivered, summary.failed, summary.possibly)
    }
}

/// How many records lie in the topic `t`.
pub(crate) fn stored(cluster: &Cluster) -> usize {
    cluster.log("t").len()
}

/// Waits until so many records lie in the topic `t`.
pub(crate) fn wait_stored(cluster: &Cluster, count: usize, limit: Duration) {
    let waited = wait_until(limit, || stored(cluster) >= count);
    assert!(waited.is_some(), "{} of {count} records", stored(cluster));
}
