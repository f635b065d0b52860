//! What people read beside the reports: standard error, and short texts on standard output.

use std::io::Write as _;

/// Writes to standard error. A failure is passed over: nobody is left to be told.
pub(crate) fn tell(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes a line in the program's name to standard error.
pub(crate) fn complain(text: &str) {
    tell(&format!("odradek: {text}\n"));
}

/// Writes to standard output; whether that worked.
pub(crate) fn print(text: &str) -> bool {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(text.as_bytes());
    written.and_then(|()| output.flush()).is_ok()
}
