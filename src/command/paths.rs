//! Paths as the user means them: relative to where the program was started, where the host tells.

use std::env;
use std::path::Path;
use wasi::cli::environment::initial_cwd;
use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{Descriptor, ErrorCode};

/// Makes relative paths begin where the program was started. The standard library would begin at the
/// root of what the host shows.
pub(crate) fn enter_working_directory() {
    if let Some(directory) = initial_cwd() {
        // What the host does not show cannot be entered; its files cannot be opened either.
        let _ = env::set_current_dir(directory);
    }
}

/// The directory of the host that a path lies in, and the way from there; `None` where the host shows
/// none.
pub(crate) fn locate(path: &Path) -> Option<(Descriptor, String)> {
    let from = env::current_dir().unwrap_or_else(|_| Path::new("/").into());
    let path = from.join(path);
    let path = path.to_str()?;
    let ways = get_directories()
        .into_iter()
        .filter_map(|(directory, name)| {
            let way = way_from(&name, path)?.to_owned();
            Some((directory, way))
        });
    // The deepest directory is the one that the host means.
    ways.min_by_key(|(_, way)| way.len())
}

/// What is wrong with a path, for people to read.
pub(crate) fn describe(path: &Path, error: ErrorCode) -> String {
    // The bindings go on with the name of the error in POSIX.
    let message = error.message().split(", similar to").next();
    format!("{}: {}", path.display(), message.unwrap_or_default())
}

/// What follows the directory's name in the path, `.` if that is nothing.
fn way_from<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    let directory = plain(directory);
    let way = plain(path).strip_prefix(directory)?;
    match (directory, way.strip_prefix('/')) {
        (_, Some(way)) => Some(way.trim_start_matches('/')),
        (_, None) if way.is_empty() => Some("."),
        ("", None) => Some(way),
        (_, None) => None,
    }
}

/// A path without what stands for the root or the working directory at its beginning.
fn plain(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = if path == "." { "" } else { path };
    path.trim_end_matches('/')
}
