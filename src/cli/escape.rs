//! Backslash escapes in arguments: how a tab or any byte is written on a command line.

use core::fmt;

/// Why a text with escapes was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeError {
    /// There is nothing between the quotes.
    Empty,
    /// A backslash is the last character.
    Unfinished,
    /// A backslash is followed by something that is no escape.
    Unknown(char),
    /// `\x` is not followed by two hexadecimal digits.
    Hex,
    /// The separator holds a newline, which ends a line and so never stands within one.
    Newline,
}

/// Replaces `\t`, `\n`, `\r`, `\0`, `\\` and `\xNN` with the bytes that they stand for.
///
/// # Errors
///
/// When a backslash begins none of these.
pub fn unescape(text: &str) -> Result<Vec<u8>, EscapeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match rest.next().ok_or(EscapeError::Unfinished)? {
            't' => b'\t',
            'n' => b'\n',
            'r' => b'\r',
            '0' => 0,
            '\\' => b'\\',
            'x' => hex_digit(rest.next())? << 4 | hex_digit(rest.next())?,
            other => return Err(EscapeError::Unknown(other)),
        });
    }
    Ok(bytes)
}

/// Reads the separator between key and value, with escapes.
///
/// # Errors
///
/// When an escape is unknown, or when the separator is empty or holds a newline and so could never
/// separate anything.
pub fn separator(text: &str) -> Result<Vec<u8>, EscapeError> {
    let bytes = unescape(text)?;
    if bytes.is_empty() {
        return Err(EscapeError::Empty);
    }
    if bytes.contains(&b'\n') {
        return Err(EscapeError::Newline);
    }
    Ok(bytes)
}

fn hex_digit(digit: Option<char>) -> Result<u8, EscapeError> {
    let value = digit.and_then(|digit| digit.to_digit(16));
    value.map(|value| value as u8).ok_or(EscapeError::Hex)
}

impl fmt::Display for EscapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a separator has at least one byte"),
            Self::Unfinished => f.write_str("a backslash is written as '\\\\'"),
            Self::Unknown(character) => write!(
                f,
                "'\\{character}' is no escape; known are \\t \\n \\r \\0 \\\\ and \\xNN"
            ),
            Self::Hex => f.write_str("'\\x' takes two hexadecimal digits"),
            Self::Newline => f.write_str("a newline ends a line, so it separates nothing in one"),
        }
    }
}

impl core::error::Error for EscapeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_stands_for_its_byte() {
        assert_eq!(
            unescape(r"a\t\n\r\0\\\x00\xfF|"),
            Ok(b"a\t\n\r\0\\\x00\xff|".to_vec())
        );
        assert_eq!(unescape("\u{e9}"), Ok("\u{e9}".as_bytes().to_vec()));
    }

    #[test]
    fn what_is_no_escape_is_refused() {
        assert_eq!(unescape(r"a\"), Err(EscapeError::Unfinished));
        assert_eq!(unescape(r"\q"), Err(EscapeError::Unknown('q')));
        assert_eq!(unescape(r"\x1"), Err(EscapeError::Hex));
        assert_eq!(unescape(r"\xzz"), Err(EscapeError::Hex));
    }

    #[test]
    fn a_separator_that_can_never_be_found_is_refused() {
        assert_eq!(separator(""), Err(EscapeError::Empty));
        assert_eq!(separator(r"\n"), Err(EscapeError::Newline));
        assert_eq!(separator(r"\t"), Ok(vec![b'\t']));
    }
}
