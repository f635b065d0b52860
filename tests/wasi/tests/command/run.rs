//! Runs of the command, and what they leave behind.

use odradek_tests_interop::process::{Scratch, wait_until};
use odradek_tests_interop::report::Summary;
use odradek_tests_wasi::kept::command_file;
use odradek_tests_wasi::peers::Cluster;
use odradek_tests_wasi::runtime::Runtime;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a run may take, also at full size on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// The command as a file.
pub(crate) fn wasm() -> &'static Path {
    static WASM: OnceLock<PathBuf> = OnceLock::new();
    WASM.get_or_init(command_file)
}

/// A run with its standard input open.
pub(crate) struct Run {
    child: Child,
    scratch: Scratch,
    input: Option<Feeder>,
}

/// Writes to standard input from a thread, so that a run that does not read keeps no test waiting.
struct Feeder {
    pieces: Sender<Vec<u8>>,
    /// How many bytes are not written yet.
    left: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
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
        let stdin = child.stdin.take().expect("it is piped");
        Self {
            child,
            scratch,
            input: Some(Feeder::start(stdin)),
        }
    }

    /// Starts `produce` for a cluster and its topic `t`, with what fails going to a file.
    pub(crate) fn produce(runtime: Runtime, servers: &str, arguments: &[&str]) -> Self {
        Self::produce_in(servers, arguments, |folder, all| {
            runtime.with_folder(folder, wasm(), all)
        })
    }

    /// The same in a host that `command` makes for a folder and the arguments.
    pub(crate) fn produce_in(
        servers: &str,
        arguments: &[&str],
        command: impl FnOnce(&Path, &[&str]) -> Command,
    ) -> Self {
        let scratch = Scratch::new("produce");
        let failed = scratch.path().join("failed");
        let failed = failed.to_str().expect("the target folder's name is UTF-8");
        let fixed = ["produce", "-b", servers, "-t", "t", "--failed", failed];
        let command = command(scratch.path(), &[&fixed[..], arguments].concat());
        Self::start(command, scratch)
    }

    /// What has been written to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// Writes to standard input, behind what is not written yet, without waiting.
    pub(crate) fn write(&mut self, input: &[u8]) {
        let feeder = self.input.as_ref().expect("the input is open");
        feeder.left.fetch_add(input.len(), Ordering::SeqCst);
        // Who has stopped reading has ended, which the caller finds out.
        let _ = feeder.pieces.send(input.to_vec());
    }

    /// Waits until the pipe has taken all input; whether it has.
    pub(crate) fn wait_written(&self, limit: Duration) -> bool {
        let feeder = self.input.as_ref().expect("the input is open");
        wait_until(limit, || feeder.left.load(Ordering::SeqCst) == 0).is_some()
    }

    /// Waits until so many records lie in the topic `t`; how long that took.
    pub(crate) fn wait_stored(
        &mut self,
        cluster: &Cluster,
        count: usize,
        limit: Duration,
    ) -> Duration {
        let mut ended = None;
        let waited = wait_until(limit, || {
            ended = self.child.try_wait().expect("the run is ours");
            ended.is_some() || stored(cluster) >= count
        });
        let there = stored(cluster);
        let stderr = self.read("stderr");
        assert!(there >= count, "{there} of {count}, {ended:?}: {stderr}");
        waited.unwrap_or(limit)
    }

    /// Closes standard input behind what is not written yet and waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let feeder = self.input.take().map(|feeder| feeder.thread);
        let mut status = None;
        let waited = wait_until(LIMIT, || {
            status = self.child.try_wait().expect("the run is ours");
            status.is_some()
        });
        let ended = Ended {
            code: status.and_then(|status| status.code()),
            stdout: self.read("stdout"),
            stderr: self.read("stderr"),
            failed: self.read("failed"),
        };
        assert!(waited.is_some(), "the run does not end: {}", ended.stderr);
        // Nobody reads any more.
        let joined = feeder.map(JoinHandle::join);
        assert!(joined.is_none_or(|joined| joined.is_ok()));
        ended
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.scratch.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Feeder {
    fn start(mut stdin: ChildStdin) -> Self {
        let (pieces, given) = mpsc::channel::<Vec<u8>>();
        let left = Arc::new(AtomicUsize::new(0));
        let unwritten = Arc::clone(&left);
        let thread = thread::spawn(move || {
            for piece in given {
                // A run that ends without reading says why by its code.
                if stdin.write_all(&piece).is_err() {
                    return;
                }
                unwritten.fetch_sub(piece.len(), Ordering::SeqCst);
            }
        });
        Self {
            pieces,
            left,
            thread,
        }
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
