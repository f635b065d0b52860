//! Rules about single files: a first line that says what the file holds, and a bounded length.

use crate::tree::{read, rust_files};

/// Lines of a file without its tests. A file that needs more holds two things.
const FILE_LINES_MAX: usize = 500;
const README_LINES_MAX: usize = 150;

#[test]
fn every_file_begins_with_a_line_on_what_it_holds() {
    let silent: Vec<String> = rust_files()
        .into_iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    assert!(silent.is_empty(), "no `//!` on the first line: {silent:#?}");
}

#[test]
fn files_stay_within_their_length() {
    let too_long: Vec<(String, usize)> = rust_files()
        .into_iter()
        .map(|file| {
            let lines = file
                .text
                .lines()
                .take_while(|line| line.trim() != "#[cfg(test)]");
            (file.path, lines.count())
        })
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .collect();
    assert!(
        too_long.is_empty(),
        "more than {FILE_LINES_MAX} lines: {too_long:#?}"
    );
}

#[test]
fn the_readme_can_be_read_in_one_sitting() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES_MAX, "{lines} lines");
}
