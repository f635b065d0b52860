//! What was compressed in a batch, made readable by codecs that the producer does not use.

use kafka_protocol::records::Compression;
use std::io::Read;

/// More than any batch of a test holds: a wrong length must not ask for the machine's memory.
const PLAIN_MAX: usize = 256 << 20;

/// What a batch's records were before compression.
///
/// # Errors
///
/// Says what is wrong with the bytes.
pub(crate) fn decompress(bytes: &[u8], compression: Compression) -> Result<Vec<u8>, String> {
    match compression {
        Compression::None => Ok(bytes.to_vec()),
        Compression::Gzip => gunzip(bytes),
        Compression::Snappy => xerial(bytes),
        Compression::Lz4 => unlz4(bytes),
        Compression::Zstd => unzstd(bytes),
    }
}

/// One member and nothing behind it, with its checksum and length.
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let length = bytes.last_chunk::<4>().ok_or("gzip: no trailer")?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > PLAIN_MAX {
        return Err(format!("gzip: {length} bytes"));
    }
    let mut plain = vec![0; length];
    match libdeflater::Decompressor::new().gzip_decompress(bytes, &mut plain) {
        Ok(read) if read == length => Ok(plain),
        other => Err(format!("gzip: {other:?} of {length} bytes")),
    }
}

/// One frame and nothing behind it.
fn unlz4(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let said = |error| format!("lz4: {error}");
    let mut decoder = lz4::Decoder::new(bytes).map_err(said)?;
    decoder.read_to_end(&mut plain).map_err(said)?;
    let (rest, end) = decoder.finish();
    end.map_err(said)?;
    all_read(plain, rest)
}

/// One frame and nothing behind it.
fn unzstd(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let mut rest = bytes;
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(&mut rest)
        .map_err(|error| format!("zstd: {error}"))?;
    decoder
        .read_to_end(&mut plain)
        .map_err(|error| format!("zstd: {error}"))?;
    drop(decoder);
    all_read(plain, rest)
}

fn all_read(plain: Vec<u8>, rest: &[u8]) -> Result<Vec<u8>, String> {
    if rest.is_empty() {
        Ok(plain)
    } else {
        Err(format!("{} bytes behind the frame", rest.len()))
    }
}

/// Snappy as Java's library frames it: a header of 16 bytes, then blocks with their lengths.
fn xerial(bytes: &[u8]) -> Result<Vec<u8>, String> {
    const HEADER: &[u8] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
    let mut rest = bytes.strip_prefix(HEADER).ok_or("snappy: no header")?;
    let mut plain = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (block, behind) = behind
            .split_at_checked(u32::from_be_bytes(*length) as usize)
            .ok_or("snappy: a cut block")?;
        snappy_block(block, &mut plain).ok_or("snappy: a broken block")?;
        rest = behind;
    }
    all_read(plain, rest)
}

/// A block as the format's description has it: the length as a varint, then literals and copies.
fn snappy_block(block: &[u8], plain: &mut Vec<u8>) -> Option<()> {
    let start = plain.len();
    let mut rest = block.iter().copied();
    let mut length = 0_usize;
    for shift in (0..32).step_by(7) {
        let byte = rest.next()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    if length > PLAIN_MAX {
        return None;
    }
    while let Some(tag) = rest.next() {
        let kind = tag & 3;
        let upper = usize::from(tag >> 2);
        if kind == 0 {
            let length = match upper {
                60.. => little_endian(&mut rest, upper - 59)?,
                _ => upper,
            };
            for _ in 0..=length {
                plain.push(rest.next()?);
            }
            continue;
        }
        let (copied, distance) = match kind {
            1 => (
                4 + (upper & 7),
                (upper >> 3) << 8 | usize::from(rest.next()?),
            ),
            2 => (1 + upper, little_endian(&mut rest, 2)?),
            _ => (1 + upper, little_endian(&mut rest, 4)?),
        };
        let from = plain
            .len()
            .checked_sub(distance)
            .filter(|from| *from >= start)?;
        if distance == 0 {
            return None;
        }
        for at in from..from + copied {
            plain.push(plain[at]);
        }
    }
    (plain.len() - start == length).then_some(())
}

fn little_endian(rest: &mut impl Iterator<Item = u8>, bytes: usize) -> Option<usize> {
    (0..bytes).try_fold(0, |value, i| {
        Some(value | usize::from(rest.next()?) << (8 * i))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snappy_block_of_literals_and_overlapping_copies_is_read() {
        // "abab" + copy of 8 at distance 2, + literal "c".
        let block = [13, 3 << 2, b'a', b'b', b'a', b'b', (4 << 2) | 1, 2, 0, b'c'];
        let mut plain = Vec::new();
        assert_eq!(snappy_block(&block, &mut plain), Some(()));
        assert_eq!(plain, b"ababababababc");
        assert_eq!(snappy_block(&block[..8], &mut Vec::new()), None);
    }

    #[test]
    fn broken_payloads_are_told_apart_from_whole_ones() {
        for compression in [
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ] {
            assert!(decompress(b"no such thing at all", compression).is_err());
        }
        assert_eq!(
            decompress(b"plain", Compression::None).as_deref(),
            Ok(&b"plain"[..])
        );
    }
}
