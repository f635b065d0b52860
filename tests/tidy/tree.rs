//! The source files of the project, read from the disk.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file, with its path from the root of the project, `/` between the parts.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file of the project; at least one, or the rules would hold of nothing.
pub(crate) fn rust_files() -> Vec<SourceFile> {
    let mut files = Vec::new();
    for folder in ["src", "host", "tests"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(
        files.len() > 50,
        "only {} Rust files were found",
        files.len()
    );
    files
}

fn collect(folder: &Path, files: &mut Vec<SourceFile>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            let path = path.strip_prefix(root()).expect("files lie below the root");
            let path = path.to_string_lossy().replace('\\', "/");
            files.push(SourceFile { path, text });
        }
    }
}
