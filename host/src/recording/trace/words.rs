//! Words that several answers have in common.

use odradek::ErrorCode;

/// An error code without its meaning.
pub(super) fn code(code: ErrorCode) -> String {
    if code == ErrorCode(0) {
        return "no error".to_owned();
    }
    let text = code.to_string();
    text.split(':').next().unwrap_or_default().to_owned()
}

/// The pause that a broker asks for, where it asks for one.
pub(super) fn throttled(millis: i32) -> String {
    if millis > 0 {
        format!(", silence for {millis} ms")
    } else {
        String::new()
    }
}
