//! Snappy in the framing that Java's library writes (xerial): a header, then chunks, each with its
//! length and a block of Snappy.
//!
//! Brokers and Java's consumers read bare blocks too, some other consumers only this framing, so this
//! is what everybody reads.

use snap::raw::max_compress_len;

/// The magic number, version 1, compatible with version 1 (both big-endian).
const HEADER: [u8; 16] = [
    0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1,
];

/// Bytes of input per chunk, at most.
const CHUNK_BYTES: usize = 32 * 1024;

/// What [`Encoder::compress`] made of `len` bytes; `None` if it is not that.
pub(super) fn decompress(framed: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut rest = framed.strip_prefix(&HEADER)?;
    let (mut out, mut at) = (vec![0; len], 0);
    while let Some((size, behind)) = rest.split_first_chunk() {
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        let (block, behind) = behind.split_at_checked(size)?;
        let room = out.get_mut(at..)?;
        at += snap::raw::Decoder::new().decompress(block, room).ok()?;
        rest = behind;
    }
    (rest.is_empty() && at == len).then_some(out)
}

/// A block encoder with its table, 34 KiB.
pub(super) struct Encoder {
    block: Box<snap::raw::Encoder>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            block: Box::new(snap::raw::Encoder::new()),
        }
    }

    /// The header and the chunks of the bytes given, if that is shorter than they are.
    pub(super) fn compress(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let slack = 4 + max_compress_len(bytes.len().min(CHUNK_BYTES));
        let mut out = Vec::with_capacity(HEADER.len() + bytes.len() + slack);
        out.extend_from_slice(&HEADER);
        for chunk in bytes.chunks(CHUNK_BYTES) {
            let at = out.len() + 4;
            out.resize(at + max_compress_len(chunk.len()), 0);
            // The only errors are too much input and too little room.
            let len = self.block.compress(chunk, &mut out[at..]).ok()?;
            out[at - 4..at].copy_from_slice(&u32::try_from(len).ok()?.to_be_bytes());
            out.truncate(at + len);
            if out.len() >= bytes.len() {
                return None;
            }
        }
        Some(out)
    }
}
