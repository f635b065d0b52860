//! A copy of the sources that may be broken.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The copy.
pub(crate) struct Tree {
    path: PathBuf,
}

impl Tree {
    /// Copies all that cargo needs into a folder of its own.
    pub(crate) fn copy(root: &Path, path: &Path) -> io::Result<Self> {
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        copy_folder(root, path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces a text of a file while `judge` runs. An error says that the text is not there exactly once.
    pub(crate) fn with<T>(
        &self,
        file: &str,
        original: &str,
        mutant: &str,
        judge: impl FnOnce() -> T,
    ) -> io::Result<T> {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path)?;
        let found = text.matches(original).count();
        if found != 1 {
            let why = format!("{file} has {found} times, not once: {original}");
            return Err(io::Error::other(why));
        }
        fs::write(&path, text.replace(original, mutant))?;
        let judged = judge();
        fs::write(&path, text)?;
        Ok(judged)
    }
}

/// Copies a folder but for what is built, fetched or hidden.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if is_hidden || ["target", "node_modules"].map(OsStr::new).contains(&&*name) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
