//! Files below the target folder that are made once per content and outlive the run: nothing is left behind
//! that grows with each run.

use odradek_host::COMMAND_COMPONENT;
use odradek_tests_interop::process::target_dir;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The command component as the file `odradek.wasm`.
///
/// # Panics
///
/// If the target folder is not writable.
#[must_use]
pub fn command_file() -> PathBuf {
    file(&COMMAND_COMPONENT, "odradek.wasm", |path| {
        fs::write(path, COMMAND_COMPONENT).expect("the target folder is writable");
    })
}

/// A file of this name that `make` writes, unless it has been written for the same key.
///
/// # Panics
///
/// If the target folder is not writable.
pub fn file(key: &impl Hash, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let parent = target_dir().join("wasi");
    once(&parent, key, |folder| make(&folder.join(name))).join(name)
}

/// A folder in `parent` that `make` fills, unless it has been filled for the same key. It is filled under
/// another name first, so that it is never half full; a file lock keeps others waiting, also those in other
/// processes.
pub(crate) fn once(parent: &Path, key: &impl Hash, make: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let folder = parent.join(format!("{:016x}", hasher.finish()));
    fs::create_dir_all(parent).expect("the target folder is writable");
    let lock = File::create(folder.with_extension("lock")).expect("the target folder is writable");
    lock.lock().expect("the lock file can be locked");
    if folder.exists() {
        return folder;
    }
    let part = folder.with_extension("part");
    let _ = fs::remove_dir_all(&part);
    fs::create_dir(&part).expect("the target folder is writable");
    make(&part);
    fs::rename(&part, &folder).expect("a folder can be renamed in the target folder");
    folder
}
