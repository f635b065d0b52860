//! Which values a served key takes, and how an error says so.

use core::fmt;

/// Which values a served key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// A comma-separated list of `host:port`.
    Servers,
    /// Any text without control characters, at most 255 bytes of it.
    Text,
    /// `true` or `false`, without regard to case.
    Boolean,
    /// A decimal integer in a range.
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
        /// What is counted, in the plural.
        unit: &'static str,
    },
    /// How hard a codec tries: a decimal integer in a range, or the default where that is outside.
    Level {
        /// The least effort.
        min: i64,
        /// The most effort.
        max: i64,
        /// The default.
        default: i64,
    },
    /// One of some words, exactly.
    OneOf {
        /// The words that are obeyed.
        served: &'static [&'static str],
        /// Words of the Java producer that are not served yet.
        not_served: &'static [&'static str],
    },
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Servers => f.write_str("a list of HOST:PORT separated by commas"),
            Self::Text => write!(
                f,
                "text of at most {TEXT_BYTES_MAX} bytes without control characters"
            ),
            Self::Boolean => f.write_str("true or false"),
            Self::Integer { min, max, unit } => write!(f, "{min} to {max} {unit}"),
            Self::Level { min, max, default } => match (min == max, min <= default) {
                (true, _) => write!(f, "no level but {min}"),
                (false, true) => write!(f, "a level from {min} to {max}"),
                (false, false) => write!(f, "a level from {min} to {max}, or {default}"),
            },
            Self::OneOf {
                served,
                not_served: _,
            } => write_list(f, served),
        }
    }
}

/// Writes words as "a, b or c".
pub(super) fn write_list(f: &mut fmt::Formatter<'_>, words: &[&str]) -> fmt::Result {
    for (index, word) in words.iter().enumerate() {
        let left = words.len() - index;
        f.write_str(if word.is_empty() {
            "an empty value"
        } else {
            word
        })?;
        f.write_str(match left {
            1 => "",
            2 => " or ",
            _ => ", ",
        })?;
    }
    Ok(())
}

/// How many bytes of text a key takes: it travels in every request header, whose length is an i16.
pub(super) const TEXT_BYTES_MAX: usize = 255;
