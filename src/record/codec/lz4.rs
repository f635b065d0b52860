//! The LZ4 frame format, written over the block encoder of `lz4_flex`.
//!
//! The frame encoder of that crate gives other bytes on 32-bit than on 64-bit targets. Its block
//! encoder does not as long as it uses its table of 16-bit positions, which it does for blocks below
//! 65 535 bytes.

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};

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
const _: () = assert!(BLOCK_BYTES < u16::MAX as usize);

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

/// What a frame of [`compress`] holds; `None` if it is no such frame of exactly `len` bytes.
pub(super) fn decompress(frame: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut rest = frame.strip_prefix(&FRAME_HEADER)?;
    let (mut out, mut at) = (vec![0; len], 0);
    loop {
        let (size_field, behind) = rest.split_first_chunk()?;
        let field = u32::from_le_bytes(*size_field);
        if field == 0 {
            return (behind.is_empty() && at == len).then_some(out);
        }
        let (block, behind) = behind.split_at_checked((field & !STORED) as usize)?;
        let room = &mut out[at..];
        at += if field & STORED == 0 {
            decompress_into(block, room).ok()?
        } else {
            room.get_mut(..block.len())?.copy_from_slice(block);
            block.len()
        };
        rest = behind;
    }
}

/// Room for a frame in which no block gets smaller, and for the slack that the block encoder demands
/// while it writes the last one.
fn worst_case(len: usize) -> usize {
    let blocks = len.div_ceil(BLOCK_BYTES);
    let slack = get_maximum_output_size(len.min(BLOCK_BYTES));
    FRAME_HEADER.len() + len + 4 * blocks + slack + END_MARK.len()
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, FRAME_HEADER, compress, decompress};
    use lz4_frames::frame::FrameDecoder;
    use std::io::Read;

    /// Bytes of which each run of 64 starts with `repeated` bytes that come back, the others never.
    fn mixed(len: usize, repeated: usize) -> Vec<u8> {
        let random = |i: usize| {
            let x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
        };
        (0..len)
            .map(|i| {
                if i % 64 < repeated {
                    i as u8 % 64
                } else {
                    random(i)
                }
            })
            .collect()
    }

    fn decoded(frame: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        FrameDecoder::new(frame).read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// The xxHash-32 of fewer than four bytes, from seed 0.
    fn short_xxh32(bytes: &[u8]) -> u32 {
        let mut h = 374_761_393_u32.wrapping_add(bytes.len() as u32);
        for &byte in bytes {
            h = h
                .wrapping_add(u32::from(byte).wrapping_mul(374_761_393))
                .rotate_left(11);
            h = h.wrapping_mul(2_654_435_761);
        }
        h = (h ^ (h >> 15)).wrapping_mul(2_246_822_519);
        h = (h ^ (h >> 13)).wrapping_mul(3_266_489_917);
        h ^ (h >> 16)
    }

    #[test]
    fn the_header_checksum_is_that_of_flags_and_block_size() {
        // The published value of the hash of nothing.
        assert_eq!(short_xxh32(b""), 0x02cc_5d05);
        assert_eq!(
            FRAME_HEADER[6],
            (short_xxh32(&FRAME_HEADER[4..6]) >> 8) as u8
        );
    }

    #[test]
    fn an_outside_decoder_reads_frames_of_every_size() {
        let edges = [
            0,
            1,
            12,
            13,
            64,
            1_000,
            BLOCK_BYTES - 1,
            BLOCK_BYTES,
            BLOCK_BYTES + 1,
        ];
        for len in edges
            .into_iter()
            .chain([2 * BLOCK_BYTES + 1, 200_000, 1 << 20])
        {
            for repeated in [0, 16, 60, 64] {
                let bytes = mixed(len, repeated);
                assert!(
                    decoded(&compress(&bytes)) == bytes,
                    "{len} bytes, {repeated} of 64"
                );
            }
        }
    }

    #[test]
    fn own_frames_are_read_back_and_cut_ones_are_not() {
        for (len, repeated) in [
            (0, 0),
            (1, 0),
            (64, 60),
            (BLOCK_BYTES + 1, 0),
            (200_000, 16),
        ] {
            let bytes = mixed(len, repeated);
            let frame = compress(&bytes);
            assert!(decompress(&frame, len).as_ref() == Some(&bytes), "{len}");
            assert_eq!(decompress(&frame, len + 1), None);
            if len > 0 {
                assert_eq!(decompress(&frame, len - 1), None);
            }
            for cut in 0..frame.len().min(40) {
                assert_eq!(decompress(&frame[..cut], len), None, "cut at {cut}");
                assert_eq!(decompress(&frame[..frame.len() - 1 - cut], len), None);
            }
        }
    }

    #[test]
    fn repetition_is_removed_and_noise_is_stored() {
        assert!(compress(&mixed(1 << 20, 60)).len() < 300_000);
        // Two blocks, each with its size, the header and the end mark.
        let noise = mixed(BLOCK_BYTES + 100, 0);
        let frame = compress(&noise);
        assert_eq!(frame.len(), noise.len() + 7 + 2 * 4 + 4);
        assert_eq!(frame[7..11], (BLOCK_BYTES as u32 | 1 << 31).to_le_bytes());
    }

    #[test]
    fn an_empty_frame_is_a_header_and_an_end() {
        assert_eq!(
            compress(b""),
            [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0]
        );
    }
}
