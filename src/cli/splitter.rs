//! Cuts a stream of bytes into lines, with a limit on what is held of a line.

/// Cuts a stream of bytes into lines at `\n`.
///
/// Bytes are [pushed](Self::push) as they arrive and [pieces](Self::next_piece) are pulled. A line that
/// is longer than the limit comes in several pieces, so that nothing of it is lost and no more
/// than the limit and one push is ever held.
#[derive(Debug)]
pub struct LineSplitter {
    buffer: Vec<u8>,
    /// Where in `buffer` the bytes begin that were not given out.
    start: usize,
    /// Up to where in `buffer` no newline follows `start`.
    scanned: usize,
    limit: usize,
    /// The number of the line that `start` lies in, from 1.
    line: u64,
    /// How many bytes of that line have been given out in pieces.
    given: u64,
    is_finished: bool,
}

/// A line, or a part of one that is longer than the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePiece {
    /// The number of the line, from 1.
    pub line: u64,
    /// The bytes without the newline.
    pub bytes: Vec<u8>,
    /// How many bytes of the same line earlier pieces held; 0 in a line's first piece.
    pub start: u64,
    /// Whether this is the end of the line.
    pub is_last: bool,
    /// Whether a newline ended the line, rather than the end of the stream.
    pub is_terminated: bool,
}

impl LineSplitter {
    /// A splitter that gives out lines of up to `limit` bytes in one piece. A limit of 0 counts as 1.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            limit: limit.max(1),
            line: 1,
            given: 0,
            is_finished: false,
        }
    }

    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that nothing follows. What is left counts as a line, if there is anything left.
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// The longest line in bytes that comes in one piece.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// The next line or part of a line; `None` when more bytes are needed.
    pub fn next_piece(&mut self) -> Option<LinePiece> {
        let held = self.buffer.len() - self.start;
        match self.find_newline() {
            Some(length) if length <= self.limit => {
                let piece = self.take(length, true);
                self.start += 1;
                self.scanned = self.start;
                Some(LinePiece {
                    is_terminated: true,
                    ..piece
                })
            }
            Some(_) | None if held > self.limit => Some(self.take(self.limit, false)),
            Some(_) | None if self.is_finished && (held > 0 || self.given > 0) => {
                Some(self.take(held, true))
            }
            Some(_) | None => None,
        }
    }

    /// How many bytes from `start` the next newline is away.
    fn find_newline(&mut self) -> Option<usize> {
        let unscanned = &self.buffer[self.scanned..];
        let found = unscanned.iter().position(|byte| *byte == b'\n');
        self.scanned += found.unwrap_or(unscanned.len());
        found.map(|_| self.scanned - self.start)
    }

    fn take(&mut self, length: usize, is_last: bool) -> LinePiece {
        let end = self.start + length;
        let piece = LinePiece {
            line: self.line,
            bytes: self.buffer[self.start..end].to_vec(),
            start: self.given,
            is_last,
            is_terminated: false,
        };
        self.start = end;
        self.given += length as u64;
        if is_last {
            self.line += 1;
            self.given = 0;
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(limit: usize, pushes: &[&[u8]]) -> Vec<(u64, Vec<u8>, u64, bool)> {
        let mut splitter = LineSplitter::new(limit);
        let mut pieces = Vec::new();
        for push in pushes {
            splitter.push(push);
            while let Some(piece) = splitter.next_piece() {
                pieces.push(piece);
            }
        }
        splitter.finish();
        while let Some(piece) = splitter.next_piece() {
            pieces.push(piece);
        }
        pieces
            .into_iter()
            .map(|piece| (piece.line, piece.bytes, piece.start, piece.is_last))
            .collect()
    }

    #[test]
    fn the_cut_of_the_input_does_not_matter() {
        let text = b"one\n\ntwo\r\n\xff\x00three";
        let expected = vec![
            (1, b"one".to_vec(), 0, true),
            (2, Vec::new(), 0, true),
            (3, b"two\r".to_vec(), 0, true),
            (4, b"\xff\x00three".to_vec(), 0, true),
        ];
        assert_eq!(lines(100, &[text]), expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(100, &bytes), expected);
    }

    #[test]
    fn a_final_newline_starts_no_line() {
        assert_eq!(lines(9, &[b"a\n"]), vec![(1, b"a".to_vec(), 0, true)]);
        assert_eq!(lines(9, &[b""]), Vec::new());
        assert_eq!(lines(9, &[b"\n"]), vec![(1, Vec::new(), 0, true)]);
    }

    #[test]
    fn a_long_line_comes_in_pieces_and_loses_nothing() {
        let expected = vec![
            (1, b"abcd".to_vec(), 0, false),
            (1, b"efgh".to_vec(), 4, false),
            (1, b"i".to_vec(), 8, true),
            (2, b"abcd".to_vec(), 0, true),
            (3, b"wxyz".to_vec(), 0, false),
            (3, b"!".to_vec(), 4, true),
        ];
        let text = b"abcdefghi\nabcd\nwxyz!";
        assert_eq!(lines(4, &[text]), expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(4, &bytes), expected);
    }

    #[test]
    fn a_long_line_is_not_held_beyond_the_limit() {
        let mut splitter = LineSplitter::new(10);
        for _ in 0..1000 {
            splitter.push(&[b'x'; 10]);
            while splitter.next_piece().is_some() {}
            assert!(splitter.buffer.len() <= 20);
        }
    }
}
