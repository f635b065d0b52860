//! Runs the binary and reads back what it produced, with a client that is not ours.

use krafka::Kafka;
use krafka::consumer::{AutoOffsetReset, ConsumerRecord};
use krafka::testing::FakeBroker;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a run may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The last line of standard error.
    pub(crate) fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }

    /// The lines of standard output as JSON.
    pub(crate) fn reports(&self) -> Vec<serde_json::Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("every line is JSON"))
            .collect()
    }
}

/// The binary with arguments, on the native backend, which starts faster.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_odradek"));
    command.args(arguments);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

/// Starts `produce` for a broker.
pub(crate) fn start_produce(servers: &str, arguments: &[&str]) -> Child {
    let fixed = ["produce", "--backend", "native", "-b", servers];
    let all: Vec<&str> = fixed.iter().chain(arguments).copied().collect();
    command(&all).spawn().expect("the binary starts")
}

/// Runs `produce` with an input to its end, away from the threads that serve the broker.
pub(crate) async fn produce(servers: &str, arguments: &[&str], input: &[u8]) -> Ended {
    end(start_produce(servers, arguments), input).await
}

/// Feeds the rest of the input, closes it and waits.
pub(crate) async fn end(mut child: Child, input: &[u8]) -> Ended {
    let input = input.to_vec();
    let wait = tokio::task::spawn_blocking(move || {
        let mut stdin = child.stdin.take().expect("the input is a pipe");
        // A tool that refuses its arguments does not read.
        let _ = stdin.write_all(&input);
        drop(stdin);
        child.wait_with_output().expect("the binary ends")
    });
    let output = tokio::time::timeout(LIMIT, wait);
    Ended::of(
        output
            .await
            .expect("the binary ends in time")
            .expect("no panic"),
    )
}

/// Waits until a run has read all its input, which nothing else may show: it is up, and signals are heard.
pub(crate) async fn wait_read(stdin: &ChildStdin) {
    let started = Instant::now();
    while rustix::io::ioctl_fionread(stdin).expect("pipes can be asked") > 0 {
        assert!(started.elapsed() < LIMIT, "the run does not read");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Asks a run to end.
pub(crate) fn terminate(child: &Child) {
    let kill = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(kill.expect("there is a kill").success());
}

/// Waits for a run whose input and output stay as they are, and whose standard error is short.
pub(crate) async fn wait(mut child: Child) -> Ended {
    let started = Instant::now();
    while child.try_wait().expect("the run is ours").is_none() {
        assert!(started.elapsed() < LIMIT, "the run does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ended::of(child.wait_with_output().expect("the run has ended"))
}

/// A broker with a topic `t` of so many partitions.
pub(crate) async fn broker(partitions: i32) -> FakeBroker {
    let broker = FakeBroker::start().await.expect("the broker starts");
    broker.create_topic("t", partitions);
    broker
}

/// Reads so many records of a topic with krafka's consumer.
pub(crate) async fn read(broker: &FakeBroker, topic: &str, count: usize) -> Vec<ConsumerRecord> {
    let kafka = Kafka::builder(broker.bootstrap_servers());
    let kafka = kafka.connect().await.expect("the broker is there");
    let consumer = kafka
        .consumer_without_group()
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await
        .expect("the settings are valid");
    consumer.subscribe([topic]).await.expect("the topic exists");
    let (mut records, started) = (Vec::new(), Instant::now());
    while records.len() < count && started.elapsed() < Duration::from_secs(10) {
        let more = consumer.poll(Duration::from_millis(100)).await;
        records.extend(more.expect("the broker answers"));
    }
    consumer.close().await.expect("the broker answers");
    assert_eq!(records.len(), count, "records of {topic}");
    records
}

/// A file in the temporary folder that goes when the test ends.
pub(crate) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub(crate) fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("odradek-cli-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("the temporary folder is writable");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("the path is text")
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        std::fs::read(Path::new(&self.0)).expect("the file exists")
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // A file that is gone already is as good.
        let _ = std::fs::remove_file(&self.0);
    }
}
