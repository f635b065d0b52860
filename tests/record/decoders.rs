//! Decompression by others: the C libraries of gzip and lz4, another crate for zstd, and Snappy by its
//! description. What the C libraries of all four read is shown by Kafka itself, in `tests/interop`.

use kafka_protocol::records::Compression;
use std::io::Read;

/// What a batch's records were before compression.
///
/// # Panics
///
/// If the bytes are not as the format has them.
pub(crate) fn decompress(bytes: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => gunzip(bytes),
        Compression::Snappy => xerial(bytes),
        Compression::Lz4 => {
            let mut plain = Vec::new();
            let mut decoder = lz4::Decoder::new(bytes).expect("memory");
            decoder.read_to_end(&mut plain).expect("an lz4 frame");
            let (rest, end) = decoder.finish();
            end.expect("the end of the frame");
            assert!(rest.is_empty(), "bytes after the frame");
            plain
        }
        Compression::Zstd => unzstd(bytes),
    }
}

/// One member and nothing behind it; checks its checksum and length.
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.last_chunk::<4>().expect("a trailer");
    let mut plain = vec![0; u32::from_le_bytes(*len) as usize];
    let decoded = libdeflater::Decompressor::new().gzip_decompress(bytes, &mut plain);
    assert_eq!(decoded, Ok(plain.len()));
    plain
}

/// One frame and nothing behind it.
fn unzstd(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = bytes;
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(&mut rest).expect("a zstd frame");
    decoder.read_to_end(&mut plain).expect("a zstd frame");
    assert!(rest.is_empty(), "bytes after the frame");
    plain
}

/// Chunks of Snappy in the framing of Java's library.
fn xerial(bytes: &[u8]) -> Vec<u8> {
    let (header, mut rest) = bytes.split_at(16);
    assert_eq!(header, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let mut plain = Vec::new();
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        let (block, behind) = behind.split_at(u32::from_be_bytes(*len) as usize);
        let chunk = snappy_block(block);
        assert!((1..=32 * 1024).contains(&chunk.len()), "{}", chunk.len());
        plain.extend_from_slice(&chunk);
        rest = behind;
    }
    assert!(rest.is_empty(), "a piece of a length");
    plain
}

/// A block as the format's description has it: the length as a varint, then literals and copies.
fn snappy_block(block: &[u8]) -> Vec<u8> {
    let mut rest = block.iter().copied();
    let mut next = |bytes: u32| {
        (0..bytes).fold(0_usize, |value, i| {
            value | usize::from(rest.next().expect("a byte")) << (8 * i)
        })
    };
    let (mut len, mut shift) = (0, 0);
    loop {
        let byte = next(1);
        len |= (byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            break;
        }
    }
    let mut plain = Vec::with_capacity(len);
    while plain.len() < len {
        let tag = next(1);
        let (count, offset) = match tag & 3 {
            0 => {
                let extra = (tag >> 2).saturating_sub(59) as u32;
                let count = if extra == 0 { tag >> 2 } else { next(extra) } + 1;
                (0..count).for_each(|_| plain.push(next(1) as u8));
                continue;
            }
            1 => (4 + (tag >> 2 & 7), (tag >> 5) << 8 | next(1)),
            2 => (1 + (tag >> 2), next(2)),
            _ => (1 + (tag >> 2), next(4)),
        };
        assert!((1..=plain.len()).contains(&offset), "a copy from outside");
        for _ in 0..count {
            plain.push(plain[plain.len() - offset]);
        }
    }
    assert_eq!(plain.len(), len);
    assert_eq!(rest.next(), None, "bytes after the block");
    plain
}
