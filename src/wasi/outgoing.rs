//! The bytes that wait for one connection, and how they are cut into writes.

use bytes::Bytes;
use std::collections::VecDeque;

/// Requests in the order in which they are to be written.
///
/// WASI 0.2 has no TCP_NODELAY, so the kernel keeps a small segment back while earlier bytes are not
/// acknowledged (Nagle's algorithm). Requests that wait together are therefore written together, and a
/// long queue is cut such that no small piece is left for the end.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    slices: VecDeque<Bytes>,
    /// How many bytes of the first slice have been taken.
    taken: usize,
    /// How many bytes there are in all.
    total: usize,
}

impl Outgoing {
    pub(super) fn push(&mut self, slices: Vec<Bytes>) {
        for slice in slices {
            if !slice.is_empty() {
                self.total += slice.len();
                self.slices.push_back(slice);
            }
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How long the next write should be where so many bytes are permitted: all, as much as permitted,
    /// or half of what there is when the rest would be a small piece.
    pub(super) const fn next_length(&self, permitted: usize) -> usize {
        if self.total <= permitted {
            self.total
        } else if self.total < 2 * permitted {
            self.total.div_ceil(2)
        } else {
            permitted
        }
    }

    /// The first `length` bytes in one piece, at most all. They are put together in `scratch` unless
    /// they lie together already.
    pub(super) fn front<'a>(&'a self, length: usize, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let mut pieces = self.slices.iter().enumerate().map(|(index, slice)| {
            let start = if index == 0 { self.taken } else { 0 };
            &slice[start..]
        });
        let Some(first) = pieces.next() else {
            return &[];
        };
        if first.len() >= length {
            return &first[..length];
        }
        scratch.clear();
        scratch.extend_from_slice(first);
        for piece in pieces {
            let missing = length - scratch.len();
            if missing == 0 {
                break;
            }
            scratch.extend_from_slice(&piece[..missing.min(piece.len())]);
        }
        scratch
    }

    /// Drops what was written: before the machine hears of it, so that it may use the memory again.
    pub(super) fn forget(&mut self, mut length: usize) {
        self.total = self.total.saturating_sub(length);
        while let Some(front) = self.slices.front() {
            let left = front.len() - self.taken;
            if length < left {
                self.taken += length;
                return;
            }
            length -= left;
            self.taken = 0;
            self.slices.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(lengths: &[usize]) -> (Outgoing, Vec<u8>) {
        let mut all = Vec::new();
        let mut outgoing = Outgoing::default();
        for (index, length) in lengths.iter().enumerate() {
            let slice: Vec<u8> = (0..*length).map(|at| (at * 7 + index) as u8).collect();
            all.extend_from_slice(&slice);
            outgoing.push(vec![slice.into()]);
        }
        (outgoing, all)
    }

    fn write_all(mut outgoing: Outgoing, permitted: usize) -> (Vec<usize>, Vec<u8>) {
        let (mut lengths, mut written, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        while !outgoing.is_empty() {
            let length = outgoing.next_length(permitted);
            let piece = outgoing.front(length, &mut scratch);
            assert_eq!(piece.len(), length);
            written.extend_from_slice(piece);
            lengths.push(length);
            outgoing.forget(length);
        }
        (lengths, written)
    }

    #[test]
    fn requests_that_wait_together_are_one_write() {
        let (outgoing, all) = queue(&[10, 0, 300, 1]);
        assert_eq!(write_all(outgoing, 65_536), (vec![311], all));
    }

    #[test]
    fn no_small_piece_is_left_for_the_end() {
        let (outgoing, all) = queue(&[100, 65_536, 300]);
        assert_eq!(write_all(outgoing, 65_536), (vec![32_968, 32_968], all));
        let (outgoing, all) = queue(&[200_000]);
        let (lengths, written) = write_all(outgoing, 65_536);
        assert_eq!(lengths, [65_536, 65_536, 34_464, 34_464]);
        assert_eq!(written, all);
    }

    #[test]
    fn every_way_of_cutting_gives_the_same_bytes() {
        for permitted in 1..40 {
            let (outgoing, all) = queue(&[3, 17, 0, 1, 30, 12]);
            assert_eq!(write_all(outgoing, permitted).1, all);
        }
    }
}
