//! The partitions that Kafka's Java producer chooses.

use crate::jars::Release;
use crate::process::Scratch;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;

/// The partition for each key, chosen by the built-in partitioner of the release's client.
///
/// # Panics
///
/// If Java does not give one answer for each key.
#[must_use]
pub fn partitions(
    release: Release,
    keys: BTreeSet<Vec<u8>>,
    partitions: i32,
) -> HashMap<Vec<u8>, i32> {
    let scratch = Scratch::new("java");
    let program = scratch.path().join("Partitions.java");
    fs::write(&program, include_str!("../java/Partitions.java")).expect("scratch is writable");
    let mut lines = String::new();
    for key in &keys {
        for byte in key {
            write!(lines, "{byte:02x}").expect("a string grows");
        }
        lines.push('\n');
    }
    let input = scratch.fresh("keys");
    fs::write(&input, lines).expect("scratch is writable");
    let program = program.to_str().expect("the target folder's name is UTF-8");
    let finished = release.java(&[program, &partitions.to_string()], Some(&input), &scratch);
    let text = finished.stdout_text();
    let chosen: Vec<i32> = text
        .lines()
        .map(|line| line.parse().expect("Java prints a partition per line"))
        .collect();
    assert_eq!(chosen.len(), keys.len(), "Java answers for each key");
    keys.into_iter().zip(chosen).collect()
}
