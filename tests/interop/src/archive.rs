//! Files inside the jars of Kafka's client: its message schemas and its compiled tests.

use crate::jars::{COPY_LIMIT, Release, answers};
use crate::kafka::may_run;
use crate::process::{Scratch, run};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// A jar of Kafka's client library.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientJar {
    /// The library, with the schema of every message below `common/message`.
    Library,
    /// Its compiled tests.
    Tests,
}

impl ClientJar {
    /// Whether the jar of a release can be read on this machine; if not, says on standard error that
    /// `test` does not run.
    ///
    /// # Panics
    ///
    /// If it cannot be read and the environment says `CI=true`.
    #[must_use]
    pub fn is_readable(self, release: Release, test: &str) -> bool {
        let missing = match self {
            Self::Library => Ok(()),
            Self::Tests if self.path(release).exists() || answers("mvn", "-version") => Ok(()),
            Self::Tests => Err("there is no mvn to fetch the jar of Kafka's tests"),
        };
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let check = release.check().and(missing);
        may_run(check, in_ci, test, &mut std::io::stderr())
    }

    /// The content of files in the jar, in the order of `names`.
    ///
    /// # Panics
    ///
    /// If Maven cannot provide the jar, or it holds no such file.
    #[must_use]
    pub fn read(self, release: Release, names: &[&str]) -> Vec<Vec<u8>> {
        // The jars of the library come with the class path.
        let _ = release.class_path();
        if self == Self::Tests {
            copy_tests(release);
        }
        let scratch = Scratch::new("entries");
        let program = scratch.path().join("Entries.java");
        fs::write(&program, include_str!("../java/Entries.java")).expect("scratch is writable");
        let folder = scratch.fresh("files");
        fs::create_dir(&folder).expect("scratch is writable");
        let paths = [&program, &self.path(release), &folder];
        let mut arguments = paths
            .map(|path| path.to_str().expect("paths are UTF-8"))
            .to_vec();
        arguments.extend(names);
        let _ = release.java(&arguments, None, &scratch);
        let read = |index: usize| fs::read(folder.join(index.to_string()));
        (0..names.len())
            .map(|index| read(index).expect("the program wrote each file"))
            .collect()
    }

    fn path(self, release: Release) -> PathBuf {
        let (folder, suffix) = match self {
            Self::Library => ("lib", ""),
            Self::Tests => ("tests", "-test"),
        };
        let name = format!("kafka-clients-{}{suffix}.jar", release.version());
        release.root_dir().join(folder).join(name)
    }
}

/// Has Maven copy the jar of the tests, once; a file lock keeps parallel runs apart.
fn copy_tests(release: Release) {
    let jar = ClientJar::Tests.path(release);
    let lock =
        File::create(release.root_dir().join("lock")).expect("the target folder is writable");
    lock.lock().expect("the lock file can be locked");
    if jar.exists() {
        return;
    }
    let scratch = Scratch::new("maven");
    let pom = scratch.path().join("pom.xml");
    fs::write(&pom, include_str!("../pom.xml")).expect("the scratch folder is writable");
    let part = scratch.path().join("part");
    let version = release.version();
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "dependency:copy"])
        .arg(format!(
            "-Dartifact=org.apache.kafka:kafka-clients:{version}:jar:test"
        ))
        .arg(format!("-DoutputDirectory={}", part.display()))
        .arg("-f")
        .arg(&pom);
    let finished = run(&mut maven, None, &scratch, COPY_LIMIT);
    assert!(
        finished.status.success(),
        "mvn could not copy the tests of Kafka {version}:\n{}{}",
        finished.stdout_text(),
        finished.stderr
    );
    fs::rename(&part, jar.parent().expect("a jar lies in a folder"))
        .expect("a folder can be renamed in the target folder");
}
