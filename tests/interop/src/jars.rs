//! The jars of Apache Kafka: which releases, where they lie, and programs run from them.

use crate::process::{Finished, Scratch, run, target_dir};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long Maven may take to fetch one release on a slow network.
pub(crate) const COPY_LIMIT: Duration = Duration::from_secs(600);

/// How long a program from the jars may take. Dumping a million records takes seconds.
const TOOL_LIMIT: Duration = Duration::from_secs(300);

/// A release of Apache Kafka that the producer is tested against.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Release {
    /// The newest: transactions of the second kind (KIP-890), Produce up to version 13.
    V4_3_0,
    /// The last before 4.0: no `transaction.version` finalized, Produce up to version 11.
    V3_9_1,
}

impl Release {
    /// The version as Maven spells it.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::V4_3_0 => "4.3.0",
            Self::V3_9_1 => "3.9.1",
        }
    }

    /// The class that dumps log segments. Kafka 4 moved it.
    #[must_use]
    pub fn dump_class(self) -> &'static str {
        match self {
            Self::V4_3_0 => "org.apache.kafka.tools.DumpLogSegments",
            Self::V3_9_1 => "kafka.tools.DumpLogSegments",
        }
    }

    /// Whether everything that this release needs is on the machine.
    ///
    /// # Errors
    ///
    /// Says what is missing.
    pub fn check(self) -> Result<(), &'static str> {
        if !answers("java", "-version") {
            return Err("there is no java (17 or later)");
        }
        if !self.lib_dir().exists() && !answers("mvn", "-version") {
            return Err("there is no mvn to fetch Kafka's jars");
        }
        Ok(())
    }

    /// The class path of the release, as `java -cp` takes it. The jars are copied once, into
    /// `kafka/<version>/lib` of the target folder; a file lock keeps parallel runs apart.
    ///
    /// # Panics
    ///
    /// If Maven cannot provide the jars.
    #[must_use]
    pub fn class_path(self) -> String {
        let lib = self.lib_dir();
        let root = lib.parent().expect("lib lies in the folder of its release");
        fs::create_dir_all(root).expect("the target folder is writable");
        let lock = File::create(root.join("lock")).expect("the target folder is writable");
        lock.lock().expect("the lock file can be locked");
        if !lib.exists() {
            self.copy_jars(&lib);
        }
        lib.join("*")
            .to_str()
            .expect("the target folder's name is UTF-8")
            .to_owned()
    }

    /// Runs a class of the release, or a Java source file that uses its classes.
    ///
    /// # Panics
    ///
    /// If it cannot be run or fails.
    #[must_use]
    pub fn java(self, arguments: &[&str], input: Option<&Path>, scratch: &Scratch) -> Finished {
        let mut command = Command::new("java");
        command
            .args([
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
            ])
            .arg(self.class_path())
            .args(arguments);
        let finished = run(&mut command, input, scratch, TOOL_LIMIT);
        assert!(
            finished.status.success(),
            "java {arguments:?} ended with {}:\n{}{}",
            finished.status,
            finished.stdout_text(),
            finished.stderr
        );
        finished
    }

    /// Where everything of this release lies.
    pub(crate) fn root_dir(self) -> PathBuf {
        target_dir().join("kafka").join(self.version())
    }

    fn lib_dir(self) -> PathBuf {
        self.root_dir().join("lib")
    }

    /// Copies into a folder beside `lib` and renames it, so that `lib` is never half full.
    fn copy_jars(self, lib: &Path) {
        let part = lib.with_extension("part");
        let _ = fs::remove_dir_all(&part);
        let scratch = Scratch::new("maven");
        let pom = scratch.path().join("pom.xml");
        fs::write(&pom, include_str!("../pom.xml")).expect("the scratch folder is writable");
        let mut maven = Command::new("mvn");
        maven
            .args(["-q", "-B", "dependency:copy-dependencies"])
            .arg(format!("-Dkafka.version={}", self.version()))
            .arg(format!("-DoutputDirectory={}", part.display()))
            .arg("-f")
            .arg(&pom);
        let finished = run(&mut maven, None, &scratch, COPY_LIMIT);
        assert!(
            finished.status.success(),
            "mvn could not copy the jars of Kafka {}:\n{}{}",
            self.version(),
            finished.stdout_text(),
            finished.stderr
        );
        fs::rename(&part, lib).expect("a folder can be renamed in the target folder");
    }
}

pub(crate) fn answers(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
