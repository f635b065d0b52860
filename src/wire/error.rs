//! Why bytes from a peer are refused, and where in the frame.

use core::fmt;

/// Why bytes from a peer are no valid answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError {
    /// Offset in bytes from the start of the response frame (after its length).
    pub at: usize,
    /// What is wrong there.
    pub kind: WireErrorKind,
}

/// What can be wrong with bytes from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireErrorKind {
    /// The frame ends inside a value.
    UnexpectedEnd,
    /// A frame or field length is negative, or larger than what is left or allowed.
    BadLength,
    /// A string is no UTF-8.
    NotUtf8,
    /// A variable-length integer has too many bytes.
    VarintTooLong,
    /// A value is null where the protocol demands one.
    UnexpectedNull,
    /// Bytes are left over after the last field.
    TrailingBytes,
    /// The answer carries another correlation id than the oldest open request.
    WrongCorrelationId,
    /// An answer came although no request was open.
    Unasked,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            WireErrorKind::UnexpectedEnd => "the frame ends inside a value",
            WireErrorKind::BadLength => "a length is negative or too large",
            WireErrorKind::NotUtf8 => "a string is not UTF-8",
            WireErrorKind::VarintTooLong => "a variable-length integer is too long",
            WireErrorKind::UnexpectedNull => "a value is null that must not be",
            WireErrorKind::TrailingBytes => "bytes are left over after the last field",
            WireErrorKind::WrongCorrelationId => "the correlation id is not the one expected",
            WireErrorKind::Unasked => "no request was open",
        };
        write!(f, "{what} (at byte {})", self.at)
    }
}

impl core::error::Error for WireError {}
