//! The reader: bytes are pushed in, records and bad lines are pulled out.

use crate::cli::splitter::{LinePiece, LineSplitter};
use crate::cli::{json, lines};
use core::fmt;

/// A record as the input states it; what it leaves open is chosen later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputRecord {
    /// The number of its line, from 1.
    pub line: u64,
    /// The topic, where the input names one.
    pub topic: Option<String>,
    /// The partition, where the input names one; never negative.
    pub partition: Option<i32>,
    /// Milliseconds since 1970, where the input names them; never negative.
    pub timestamp: Option<i64>,
    /// The key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is null.
    pub value: Option<Vec<u8>>,
    /// The headers in order; names may repeat.
    pub headers: Vec<InputHeader>,
}

/// A header as the input states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputHeader {
    /// The name.
    pub name: String,
    /// The value, which may be null.
    pub value: Option<Vec<u8>>,
}

/// What the command line states for all records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The topic of a record that names none.
    pub topic: Option<String>,
    /// The partition of a record that names none.
    pub partition: Option<i32>,
    /// Headers of every record, before its own ones.
    pub headers: Vec<InputHeader>,
}

impl Defaults {
    /// The record's topic; `None` if neither the record nor the command line names one.
    pub fn topic_of<'a>(&'a self, record: &'a InputRecord) -> Option<&'a str> {
        record.topic.as_deref().or(self.topic.as_deref())
    }

    /// The record's partition, if one is named.
    pub fn partition_of(&self, record: &InputRecord) -> Option<i32> {
        record.partition.or(self.partition)
    }

    /// All headers of the record in order.
    pub fn headers_of<'a>(
        &'a self,
        record: &'a InputRecord,
    ) -> impl Iterator<Item = &'a InputHeader> {
        self.headers.iter().chain(&record.headers)
    }
}

impl InputRecord {
    /// How many bytes of memory the record takes, roughly: its contents and a fixed overhead.
    pub fn held_bytes(&self) -> u64 {
        let optional = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len) as u64;
        let headers: u64 = self
            .headers
            .iter()
            .map(|header| header.name.len() as u64 + optional(&header.value) + HELD_OVERHEAD)
            .sum();
        let topic = self.topic.as_ref().map_or(0, String::len) as u64;
        HELD_OVERHEAD + topic + optional(&self.key) + optional(&self.value) + headers
    }
}

/// What a record or a header is charged with beside its bytes.
const HELD_OVERHEAD: u64 = 128;

/// A line that holds no record, or a part of one that is too long to be held whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The number of the line, from 1.
    pub line: u64,
    /// The bytes of the line or of this part of it.
    pub bytes: Vec<u8>,
    /// Why it holds no record. `None` in every part but the last of a line that is too long: the line
    /// counts once, when its length is known.
    pub reason: Option<BadLineReason>,
}

/// Why a line holds no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadLineReason {
    /// The line is longer than any record could be.
    TooLong {
        /// Its length in bytes.
        length: u64,
        /// The longest line in bytes that is read.
        limit: u64,
    },
    /// It is no JSON object.
    Json(String),
    /// A member has the wrong type or is out of range.
    Member {
        /// The name of the member.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Two members state the same thing in two forms.
    Both(&'static str, &'static str),
    /// The line was bad in an earlier run and stands in the file of failed records as it was.
    FailedBefore,
    /// Neither the line nor the command line names a topic.
    NoTopic,
    /// Nobody knows how the line goes on: a signal or an error ended the input before its end.
    Cut,
}

/// What the reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record.
    Record(InputRecord),
    /// A line without a record.
    Bad(BadLine),
}

/// How a line states a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// The line is the value, or key, separator and value.
    Lines {
        /// What separates key and value, if there are keys.
        separator: Option<Vec<u8>>,
    },
    /// The line is a JSON object.
    Json,
}

impl Format {
    /// The longest line in bytes that is read whole, when records may take `max_request_size` bytes.
    ///
    /// It is more than any acceptable record needs (in JSON one byte takes up to six), so that a record
    /// which is only too large for the broker is refused as a record, with both sizes.
    pub fn line_limit(&self, max_request_size: usize) -> usize {
        let factor = match self {
            Self::Lines { .. } => 2,
            Self::Json => 6,
        };
        max_request_size.saturating_mul(factor).max(LINE_LIMIT_MIN)
    }
}

/// Lines up to this length are always read whole: 8 MiB.
const LINE_LIMIT_MIN: usize = 8 * 1024 * 1024;

/// Turns a stream of bytes into records.
#[derive(Debug)]
pub struct Reader {
    splitter: LineSplitter,
    format: Format,
    /// Whether the stream was left before its end.
    is_cut: bool,
}

impl Reader {
    /// A reader at the start of a stream. Lines longer than `line_limit` bytes are bad.
    pub fn new(format: Format, line_limit: usize) -> Self {
        Self {
            splitter: LineSplitter::new(line_limit),
            format,
            is_cut: false,
        }
    }

    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.splitter.push(bytes);
    }

    /// Says that nothing follows; a last line without a newline counts.
    pub fn finish(&mut self) {
        self.splitter.finish();
    }

    /// Says that nothing more is read although the stream may go on. A last line without a newline
    /// is bad then: it may lack its end, so it must not be sent as a whole one.
    pub fn cut(&mut self) {
        self.is_cut = true;
        self.splitter.finish();
    }

    /// The next record or bad line; `None` when more bytes are needed.
    pub fn next_found(&mut self) -> Option<Found> {
        loop {
            let piece = self.splitter.next_piece()?;
            let is_cut = self.is_cut && !piece.is_terminated;
            if piece.start > 0 || !piece.is_last {
                return Some(Found::Bad(self.too_long(piece, is_cut)));
            }
            match &self.format {
                // Blank lines hold no object and no data: they are passed over.
                Format::Json if piece.bytes.trim_ascii().is_empty() => {}
                Format::Lines { .. } | Format::Json if is_cut => {
                    return Some(Found::Bad(BadLine {
                        line: piece.line,
                        bytes: piece.bytes,
                        reason: Some(BadLineReason::Cut),
                    }));
                }
                Format::Lines { separator } => {
                    let separator = separator.as_deref();
                    return Some(Found::Record(lines::parse(
                        piece.line,
                        piece.bytes,
                        separator,
                    )));
                }
                Format::Json => return Some(json::parse(piece.line, piece.bytes)),
            }
        }
    }

    fn too_long(&self, piece: LinePiece, is_cut: bool) -> BadLine {
        let whole = BadLineReason::TooLong {
            length: piece.start + piece.bytes.len() as u64,
            limit: self.splitter.limit() as u64,
        };
        let reason = if is_cut { BadLineReason::Cut } else { whole };
        BadLine {
            line: piece.line,
            bytes: piece.bytes,
            reason: piece.is_last.then_some(reason),
        }
    }
}

impl fmt::Display for BadLineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, limit } => {
                write!(
                    f,
                    "the line has {length} bytes, more than the {limit} that are read"
                )
            }
            Self::Json(error) => write!(f, "no JSON object: {error}"),
            Self::Member { name, expected } => write!(f, "'{name}' is not {expected}"),
            Self::Both(one, other) => write!(f, "both '{one}' and '{other}' are given"),
            Self::FailedBefore => {
                f.write_str("it was a bad line before and stands in 'line_base64' as it was")
            }
            Self::NoTopic => f.write_str("it names no topic, and there is no -t"),
            Self::Cut => f.write_str("the input ended inside the line"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, limit: usize, bytes: &[u8]) -> Vec<Found> {
        let mut reader = Reader::new(format, limit);
        reader.push(bytes);
        reader.finish();
        core::iter::from_fn(|| reader.next_found()).collect()
    }

    #[test]
    fn a_line_that_is_too_long_is_one_bad_line_and_the_rest_goes_on() {
        let found = read(Format::Lines { separator: None }, 4, b"aaaabbbbc\nok\n");
        let bad = |bytes: &[u8], reason| {
            Found::Bad(BadLine {
                line: 1,
                bytes: bytes.to_vec(),
                reason,
            })
        };
        let reason = BadLineReason::TooLong {
            length: 9,
            limit: 4,
        };
        assert_eq!(found[0], bad(b"aaaa", None));
        assert_eq!(found[1], bad(b"bbbb", None));
        assert_eq!(found[2], bad(b"c", Some(reason)));
        assert!(matches!(&found[3], Found::Record(record) if record.line == 2));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn blank_lines_are_passed_over_in_json_and_count_as_lines() {
        let found = read(Format::Json, 100, b"\n \r\n{}\n");
        assert_eq!(found.len(), 1);
        assert!(matches!(&found[0], Found::Record(record) if record.line == 3));
    }

    #[test]
    fn a_line_that_was_cut_is_bad_and_keeps_its_bytes() {
        let cut = |format, limit, bytes: &[u8]| -> Vec<Found> {
            let mut reader = Reader::new(format, limit);
            reader.push(bytes);
            reader.cut();
            core::iter::from_fn(|| reader.next_found()).collect()
        };
        let bad = |line, bytes: &[u8], reason| {
            Found::Bad(BadLine {
                line,
                bytes: bytes.to_vec(),
                reason,
            })
        };
        let lines = || Format::Lines { separator: None };
        let found = cut(lines(), 9, b"whole\npart");
        assert!(matches!(&found[0], Found::Record(record) if record.line == 1));
        assert_eq!(found[1..], [bad(2, b"part", Some(BadLineReason::Cut))]);
        // An object may look whole and yet lack what follows it on the line.
        let found = cut(Format::Json, 9, b"{}");
        assert_eq!(found, [bad(1, b"{}", Some(BadLineReason::Cut))]);
        let found = cut(lines(), 4, b"aaaabb");
        let end = bad(1, b"bb", Some(BadLineReason::Cut));
        assert_eq!(found, [bad(1, b"aaaa", None), end]);
        assert_eq!(cut(lines(), 9, b"whole\n").len(), 1);
        assert_eq!(cut(lines(), 9, b""), []);
        assert_eq!(cut(Format::Json, 9, b" "), []);
    }

    #[test]
    fn an_incomplete_line_waits_for_its_end() {
        let mut reader = Reader::new(Format::Lines { separator: None }, 100);
        reader.push(b"on");
        assert_eq!(reader.next_found(), None);
        reader.push(b"e\n");
        assert!(matches!(reader.next_found(), Some(Found::Record(_))));
        assert_eq!(reader.next_found(), None);
    }
}
