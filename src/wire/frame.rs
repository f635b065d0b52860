//! Cuts a byte stream into response frames.

use bytes::{Bytes, BytesMut};

use super::error::{WireError, WireErrorKind};

/// The length before every frame, a big-endian `i32`.
const LENGTH_LEN: usize = size_of::<i32>();

/// A buffer that held a frame above this many bytes is given back once the frame is taken.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Takes a stream in arbitrary pieces and gives whole frames.
///
/// Memory grows with the bytes that arrive, never with the length that a peer announces. Frames share
/// the buffer: taking one copies nothing.
#[derive(Debug)]
pub struct Deframer {
    buffer: BytesMut,
    frame_len_max: usize,
}

impl Deframer {
    /// A deframer that refuses frames of more than `frame_len_max` bytes (their length not counted).
    #[must_use]
    pub fn new(frame_len_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            frame_len_max,
        }
    }

    /// Appends a piece of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes are held: frames not taken yet and the incomplete tail.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next whole frame without its length, or `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// `BadLength` when the next length is negative or above the maximum. The stream has no way on
    /// from there: every further call returns the same.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, WireError> {
        let Some(&length) = self.buffer.first_chunk() else {
            return Ok(None);
        };
        let frame_len = match usize::try_from(i32::from_be_bytes(length)) {
            Ok(len) if len <= self.frame_len_max => len,
            Ok(_) | Err(_) => {
                return Err(WireError {
                    at: 0,
                    kind: WireErrorKind::BadLength,
                });
            }
        };
        if self.buffer.len() - LENGTH_LEN < frame_len {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(LENGTH_LEN + frame_len);
        let frame = frame.split_off(LENGTH_LEN).freeze();
        // Otherwise the connection would hold the memory of its largest frame as long as it lives.
        // A tail shorter than the frame keeps this linear in the bytes received.
        if frame_len > KEPT_BYTES_MAX && self.buffer.len() < frame_len {
            self.buffer = BytesMut::from(self.buffer.as_ref());
        }
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_LARGE: WireError = WireError {
        at: 0,
        kind: WireErrorKind::BadLength,
    };

    #[test]
    fn frames_come_out_whole_and_in_order_for_every_cut_size() {
        let frames: [&[u8]; 4] = [b"one", b"", b"three", &[9; 300]];
        let mut stream = Vec::new();
        for frame in frames {
            stream.extend_from_slice(&(frame.len() as i32).to_be_bytes());
            stream.extend_from_slice(frame);
        }
        for cut in 1..=stream.len() {
            let mut deframer = Deframer::new(300);
            let mut taken = Vec::new();
            for piece in stream.chunks(cut) {
                deframer.push(piece);
                while let Some(frame) = deframer.next_frame().unwrap() {
                    taken.push(frame);
                }
            }
            assert_eq!(taken, frames, "cut {cut}");
            assert_eq!(deframer.held_bytes(), 0);
        }
    }

    #[test]
    fn negative_and_too_large_lengths_are_refused_for_good() {
        for length in [-1, i32::MIN, 301, i32::MAX] {
            let mut deframer = Deframer::new(300);
            deframer.push(&length.to_be_bytes());
            assert_eq!(deframer.next_frame(), Err(TOO_LARGE), "{length}");
            deframer.push(&[0; 400]);
            assert_eq!(deframer.next_frame(), Err(TOO_LARGE), "{length}");
        }
    }

    #[test]
    fn announced_length_reserves_nothing() {
        let mut deframer = Deframer::new(1 << 30);
        deframer.push(&(1i32 << 30).to_be_bytes());
        assert_eq!(deframer.next_frame(), Ok(None));
        deframer.push(&[0; 100]);
        assert_eq!(deframer.next_frame(), Ok(None));
        assert!(deframer.buffer.capacity() < 1024);
    }

    #[test]
    fn memory_of_a_large_frame_is_given_back() {
        let mut deframer = Deframer::new(1 << 20);
        deframer.push(&(1i32 << 20).to_be_bytes());
        deframer.push(&vec![0; 1 << 20]);
        deframer.push(&[0, 0]);
        assert_eq!(
            deframer.next_frame().unwrap().map(|frame| frame.len()),
            Some(1 << 20)
        );
        deframer.push(&[0, 1, 7]);
        assert_eq!(deframer.next_frame().unwrap().as_deref(), Some(&[7u8][..]));
        assert!(deframer.buffer.capacity() < 1024);
    }
}
