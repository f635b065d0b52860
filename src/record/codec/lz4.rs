//! The LZ4 frame format, written over the block encoder of `lz4_flex`.
//!
//! The frame encoder of that crate gives other bytes on 32-bit than on 64-bit targets. Its block
//! encoder does not as long as it uses its table of 16-bit positions, which it does for blocks below
//! 65 535 bytes.

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

/// Magic number 0x184D2204 (little-endian), then FLG, BD and their checksum.
///
/// FLG 0x60: version 1, independent blocks (Kafka's Java client rejects linked ones), no checksums,
/// no content size, no dictionary. BD 0x40: blocks of at most 64 KiB. The last byte is the second
/// byte of the xxHash-32 of FLG and BD; brokers before 0.10 wanted the magic number in it as well.
const FRAME_HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];

/// A block of size zero ends the frame.
const END_MARK: [u8; 4] = [0; 4];

/// Bytes of input per block, at most.
const BLOCK_BYTES: usize = 65_534;

/// Set in the size of a block that is stored as it is.
const STORED: u32 = 1 << 31;

/// One whole frame with the bytes given.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; worst_case(bytes.len())];
    out[..FRAME_HEADER.len()].copy_from_slice(&FRAME_HEADER);
    let mut at = FRAME_HEADER.len();
    let mut table = CompressTable::small();
    for block in bytes.chunks(BLOCK_BYTES) {
        at += put_block(&mut out[at..], block, &mut table);
    }
    out[at..at + END_MARK.len()].copy_from_slice(&END_MARK);
    out.truncate(at + END_MARK.len());
    out
}

/// Writes one block with its size and returns the length of both.
fn put_block(out: &mut [u8], block: &[u8], table: &mut CompressTable) -> usize {
    let (size_field, body) = out.split_at_mut(4);
    let (flag, len) = match compress_into_with_table(block, body, table) {
        Ok(len) if len < block.len() => (0, len),
        // The only error is too little room, which the worst case rules out.
        Ok(_) | Err(_) => {
            body[..block.len()].copy_from_slice(block);
            (STORED, block.len())
        }
    };
    size_field.copy_from_slice(&(flag | len as u32).to_le_bytes());
    4 + len
}

/// Room for a frame in which no block gets smaller, and for the slack that the block encoder demands
/// while it writes the last one.
fn worst_case(len: usize) -> usize {
    let blocks = len.div_ceil(BLOCK_BYTES);
    let slack = get_maximum_output_size(len.min(BLOCK_BYTES));
    FRAME_HEADER.len() + len + 4 * blocks + slack + END_MARK.len()
}
