//! An operator of a cluster: Kafka's admin client in one Java process that takes commands.

use crate::jars::Release;
use crate::process::Scratch;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running admin client. It ends when dropped, or with this process: its standard input ends then.
#[derive(Debug)]
pub struct Admin {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// One partition as the cluster sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Led {
    /// The node that leads it; -1 if none does.
    pub leader: i32,
    /// How many replicas are in sync, the leader among them.
    pub in_sync: usize,
}

impl Admin {
    /// Starts an admin client of the release for these bootstrap servers. Its files lie in `scratch`.
    ///
    /// # Panics
    ///
    /// If Java cannot be started.
    #[must_use]
    pub fn start(release: Release, servers: &str, scratch: &Scratch) -> Self {
        let program = scratch.path().join("Admin.java");
        fs::write(&program, include_str!("../java/Admin.java")).expect("scratch is writable");
        let log = File::create(scratch.path().join("admin.log")).expect("scratch is writable");
        let mut process = Command::new("java")
            .args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-cp")
            .arg(release.class_path())
            .arg(program)
            .arg(servers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("java starts");
        let answers = process.stdout.take().expect("standard output is piped");
        Self {
            commands: process.stdin.take(),
            answers: BufReader::new(answers),
            process,
        }
    }

    /// Gives a command and waits for the answer.
    ///
    /// # Errors
    ///
    /// What the cluster, or the client, has against it.
    ///
    /// # Panics
    ///
    /// If the process is gone.
    pub fn ask(&mut self, command: &str) -> Result<String, String> {
        let commands = self.commands.as_mut().expect("it is open until the drop");
        writeln!(commands, "{command}").expect("the admin client runs");
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        assert!(
            read.is_ok_and(|bytes| bytes > 0),
            "the admin client ended at: {command}"
        );
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "ok" => Ok(rest.to_owned()),
            _ => Err(format!("{command}: {rest}")),
        }
    }

    /// Gives a command that must succeed.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn tell(&mut self, command: &str) -> String {
        self.ask(command).unwrap_or_else(|error| panic!("{error}"))
    }

    /// How many nodes the cluster counts as alive; 0 where nobody knows.
    pub fn nodes(&mut self) -> usize {
        let answer = self.ask("nodes").unwrap_or_default();
        answer.parse().unwrap_or(0)
    }

    /// The partitions of a topic in order; none while nobody knows it.
    ///
    /// # Panics
    ///
    /// If the answer is not understood.
    pub fn partitions(&mut self, topic: &str) -> Vec<Led> {
        let answer = self.ask(&format!("leaders {topic}")).unwrap_or_default();
        let led = |word: &str| {
            let (leader, in_sync) = word.split_once('/')?;
            Some(Led {
                leader: leader.parse().ok()?,
                in_sync: in_sync.parse().ok()?,
            })
        };
        let parts = answer.split_whitespace();
        parts
            .map(|word| led(word).unwrap_or_else(|| panic!("not understood: {answer}")))
            .collect()
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.commands.take());
        // Its end is as good as certain, and a panic could hide the one that is under way.
        let _ = self.process.wait();
    }
}
