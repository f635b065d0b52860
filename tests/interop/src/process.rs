//! Child processes that cannot outlive the test run, and the folders they write to.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a child is asked whether it has ended. Its end cannot be awaited with a limit in std.
const POLL: Duration = Duration::from_millis(20);

/// How long a killed process may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Starts `"$@"` with its output in `$LOG`, ends it when standard input ends, then removes `$DATA`.
///
/// The pipe to standard input is held by the test process alone, so that it ends however that
/// process ends. The first line of standard output is the process id. Exits as the process did.
const WATCH: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- >"$LOG" 2>&1 &
watched=$!
echo "$watched"
{ while read -r line <&3; do :; done; kill -9 "$watched"; } >/dev/null 2>&1 &
reader=$!
exec 3<&-
wait "$watched"
status=$?
kill "$reader" 2>/dev/null
if [ -n "$DATA" ]; then rm -rf "$DATA"; fi
exit "$status"
"#;

/// A process that ends at the latest when the process that started it ends, even by SIGKILL.
#[derive(Debug)]
pub struct Watched {
    shell: Child,
    id: u32,
}

impl Watched {
    /// Starts `program` with its standard output and error in the file `log`. After its end the
    /// folder `data` is removed.
    ///
    /// # Panics
    ///
    /// If `sh` cannot be started.
    #[must_use]
    pub fn start(program: &str, arguments: &[String], log: &Path, data: Option<&Path>) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", WATCH, "sh", program])
            .args(arguments)
            .env("LOG", log)
            .env(
                "DATA",
                data.map_or_else(|| Path::new("").as_os_str(), Path::as_os_str),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Shells announce the end of a killed job here.
            .stderr(Stdio::null())
            // A group of its own: an interrupt typed at the terminal ends the tests, the tests'
            // end ends this.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let mut output = shell.stdout.take().expect("standard output is piped");
        let id = first_line(&mut output)
            .parse()
            .expect("sh prints a process id");
        Self { shell, id }
    }

    /// The process id of the watched program.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How the program ended, or none while it runs.
    ///
    /// # Panics
    ///
    /// If the operating system does not answer.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.shell
            .try_wait()
            .expect("a child can be asked for its state")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Nothing better than killing the shell can be done if it does not end, and a panic here
        // could hide the one that is under way.
        if wait_until(END_LIMIT, || {
            self.shell.try_wait().is_ok_and(|end| end.is_some())
        })
        .is_none()
        {
            let _ = self.shell.kill();
            let _ = self.shell.wait();
        }
    }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// The file that holds its standard output.
    pub stdout: PathBuf,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// Its standard output, which must be UTF-8.
    ///
    /// # Panics
    ///
    /// If the file cannot be read.
    #[must_use]
    pub fn stdout_text(&self) -> String {
        fs::read_to_string(&self.stdout).expect("standard output is readable text")
    }
}

/// Runs a program to its end with `input` as standard input and its outputs in files of `scratch`.
///
/// # Panics
///
/// If it cannot be started or runs longer than `limit`; it is killed then.
#[must_use]
pub fn run(
    command: &mut Command,
    input: Option<&Path>,
    scratch: &Scratch,
    limit: Duration,
) -> Finished {
    let (stdout, stderr) = (scratch.fresh("stdout"), scratch.fresh("stderr"));
    let stdin = input.map_or_else(Stdio::null, |path| {
        File::open(path)
            .unwrap_or_else(|error| panic!("open {}: {error}", path.display()))
            .into()
    });
    let mut child = command
        .stdin(stdin)
        .stdout(File::create(&stdout).expect("the scratch folder is writable"))
        .stderr(File::create(&stderr).expect("the scratch folder is writable"))
        .spawn()
        .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
    let mut status = None;
    let ended = wait_until(limit, || {
        status = child
            .try_wait()
            .expect("a child can be asked for its state");
        status.is_some()
    });
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
        panic!(
            "{command:?} did not end in {limit:?}: {}",
            tail(&stderr, 4096)
        );
    }
    let status = status.expect("a child that ended has a status");
    let errors = fs::read(&stderr).expect("standard error was captured");
    Finished {
        status,
        stdout,
        stderr: String::from_utf8_lossy(&errors).into_owned(),
    }
}

/// A folder of its own under the target folder, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    files: AtomicU32,
}

impl Scratch {
    /// Creates an empty folder; `purpose` becomes a part of its name.
    ///
    /// # Panics
    ///
    /// If it cannot be created.
    #[must_use]
    pub fn new(purpose: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{purpose}-{}-{count}", std::process::id());
        let path = target_dir().join("interop").join(name);
        fs::create_dir_all(&path).expect("the target folder is writable");
        Self {
            path,
            files: AtomicU32::new(0),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of a file in the folder that was not handed out before.
    #[must_use]
    pub fn fresh(&self, purpose: &str) -> PathBuf {
        let count = self.files.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{purpose}-{count}"))
    }

    /// Leaves the folder to a process that removes it.
    pub(crate) fn hand_over(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The folder of the running program's profile, such as `target/debug`.
///
/// # Panics
///
/// If the running program lies neither there, where Cargo puts binaries, nor in its folder `deps`, where
/// Cargo puts tests.
#[must_use]
pub fn profile_dir() -> PathBuf {
    let program = std::env::current_exe().expect("the running program has a path");
    let folder = program.parent().expect("a program lies in a folder");
    let profile = match folder.file_name() {
        Some(name) if name == "deps" => folder.parent(),
        Some(_) | None => Some(folder),
    };
    profile.expect("cargo's folders lie in one").to_path_buf()
}

/// Cargo's target folder.
///
/// # Panics
///
/// As [`profile_dir`].
#[must_use]
pub fn target_dir() -> PathBuf {
    profile_dir()
        .parent()
        .expect("a profile's folder lies in the target folder")
        .to_path_buf()
}

/// Asks until the answer is yes; how long that took, or none when `limit` has passed first.
pub fn wait_until(limit: Duration, mut ask: impl FnMut() -> bool) -> Option<Duration> {
    let start = Instant::now();
    loop {
        if ask() {
            return Some(start.elapsed());
        }
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(POLL);
    }
}

/// At most the last `bytes` bytes of a file, as text; empty if it cannot be read.
#[must_use]
pub fn tail(path: &Path, bytes: u64) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        std::io::Result::Ok(end)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

fn first_line(from: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while from.read_exact(&mut byte).is_ok() && byte != *b"\n" {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).into_owned()
}
