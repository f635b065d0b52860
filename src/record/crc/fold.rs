//! CRC-32C of long pieces without hardware: the piece is folded into a short one of equal checksum.
//!
//! A checksum is the remainder of the message modulo the polynomial P. A sparse multiple of P says
//! that a byte may be replaced by XORing it into a few later bytes. For CRC-32C the bytes 65, 155,
//! 170, 195 and 209 positions later do, and, because squaring doubles every exponent, so do those
//! `g` times as far away for every power of two `g`. Folding needs neither tables nor
//! multiplication, only XORs of whole vectors (S. Russell's Chorba method, with a relation for this
//! polynomial).

/// Distances in bytes, times the granularity, at which a byte is XORed in.
const TAPS: [usize; 5] = [65, 155, 170, 195, 209];

/// The largest distance: how many bytes a fold leaves over at least, times the granularity.
const WINDOW: usize = 209;

/// Bytes folded at once, times the granularity. Below the shortest distance, so that no byte depends
/// on another one of the same chunk.
const CHUNK: usize = 64;

/// Room for the window and some chunks, times the granularity; the window moves back to the start
/// after that many chunks.
const SCRATCH: usize = WINDOW + 16 * CHUNK;

/// Room for what a fold leaves over at most, times the granularity.
const REST: usize = WINDOW + CHUNK;

/// From this many bytes on folding pays. Any value above `4 * WINDOW` is correct.
const FOLD_FROM: usize = 1_280;

/// The checksum of the bytes before, of which `crc` is the checksum, followed by `bytes`.
///
/// Granularity 4 is wide enough to keep vectors apart and narrow enough to leave little over;
/// granularity 1 shortens what is left.
pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
    if bytes.len() < FOLD_FROM {
        return crc32c::crc32c_append(crc, bytes);
    }
    // The state of the division is the complement of the checksum.
    let mut rest = [0; 4 * REST];
    let rest = fold::<4, { 4 * SCRATCH }>(!crc, bytes, &mut rest);
    let mut last = [0; REST];
    let last = fold::<1, SCRATCH>(0, rest, &mut last);
    // Complements to the register 0 that the folds leave behind.
    crc32c::crc32c_append(!0, last)
}

/// Writes to `rest` a piece that has from register 0 the checksum that `message` has from
/// `register`, and returns it. Of a message of at least `WINDOW * G` bytes that many are left over,
/// and fewer than `CHUNK * G` more.
fn fold<'a, const G: usize, const ROOM: usize>(
    register: u32,
    message: &[u8],
    rest: &'a mut [u8],
) -> &'a [u8] {
    let window = WINDOW * G;
    let chunk = CHUNK * G;
    let folded = message.len().saturating_sub(window) / chunk * chunk;
    let (message, left) = message.split_at(folded);

    let mut scratch = [0; ROOM];
    let mut at = window;
    let mut register = Some(register);
    for input in message.chunks_exact(chunk) {
        if at + chunk > ROOM {
            scratch.copy_within(at - window..at, 0);
            at = window;
        }
        let (past, out) = scratch.split_at_mut(at);
        gather(
            &mut out[..chunk],
            input,
            TAPS.map(|tap| &past[at - tap * G..][..chunk]),
        );
        if let Some(register) = register.take() {
            xor(&mut out[..4], &register.to_le_bytes());
        }
        at += chunk;
    }

    let rest = &mut rest[..left.len()];
    rest.copy_from_slice(left);
    for tap in TAPS {
        xor(&mut rest[..tap * G], &scratch[at - tap * G..at]);
    }
    if let Some(register) = register {
        xor(&mut rest[..4], &register.to_le_bytes());
    }
    rest
}

/// `out[i]` becomes the XOR of `input[i]` and every tap's `[i]`. All have the length of `out`, a
/// multiple of [`CHUNK`].
#[inline]
fn gather(out: &mut [u8], input: &[u8], taps: [&[u8]; 5]) {
    let [a, b, c, d, e] = taps.map(|tap| tap.as_chunks::<CHUNK>().0.iter());
    let input = input.as_chunks::<CHUNK>().0.iter();
    let out = out.as_chunks_mut::<CHUNK>().0.iter_mut();
    for ((((((out, input), a), b), c), d), e) in out.zip(input).zip(a).zip(b).zip(c).zip(d).zip(e) {
        *out = core::array::from_fn(|i| input[i] ^ a[i] ^ b[i] ^ c[i] ^ d[i] ^ e[i]);
    }
}

/// XORs `bytes` into `out`, as far as both reach.
#[inline]
fn xor(out: &mut [u8], bytes: &[u8]) {
    for (out, byte) in out.iter_mut().zip(bytes) {
        *out ^= byte;
    }
}

#[cfg(test)]
mod tests {
    use super::append;

    /// Bytes without a pattern: a hash of the position.
    fn varied(len: usize, seed: u64) -> Vec<u8> {
        let hash = |i: u64| {
            let x = (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
        };
        (0..len as u64).map(hash).collect()
    }

    #[test]
    fn folding_agrees_with_the_crate_on_every_length() {
        let bytes = varied(10_000, 7);
        for len in 0..bytes.len() {
            let expected = crc32c::crc32c_append(0x1234_5678, &bytes[..len]);
            assert_eq!(append(0x1234_5678, &bytes[..len]), expected, "{len} bytes");
        }
    }

    #[test]
    fn folding_agrees_with_the_crate_on_long_pieces_at_any_alignment() {
        let bytes = varied(1 << 20, 99);
        for (from, len) in [
            (1, 20_000),
            (3, 65_535),
            (7, 65_536),
            (13, 262_145),
            (0, 1 << 20),
        ] {
            let piece = &bytes[from..(from + len).min(bytes.len())];
            assert_eq!(
                append(0, piece),
                crc32c::crc32c(piece),
                "{len} bytes at {from}"
            );
        }
    }

    #[test]
    fn a_message_in_pieces_has_the_checksum_of_the_whole() {
        let bytes = varied(40_000, 3);
        let pieces = bytes.chunks(2_500).fold(0, append);
        assert_eq!(pieces, append(0, &bytes));
        assert_ne!(pieces, append(0, &bytes[..39_999]));
    }

    /// Zeros are where a lost register would not show by chance.
    #[test]
    fn zeros_and_ones_have_the_checksums_of_the_crate() {
        for byte in [0, 0xff] {
            for len in [1_279, 1_280, 4_932, 6_000, 16_384] {
                let bytes = vec![byte; len];
                assert_eq!(append(0, &bytes), crc32c::crc32c(&bytes), "{len} x {byte}");
            }
        }
    }
}
