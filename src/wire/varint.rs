//! Variable-length integers: seven bits a byte, lowest first, signed ones in zig-zag form.
//!
//! A signed value has the same bytes as Kafka's 32-bit varint and 64-bit varlong, so one function
//! serves both.

use super::error::WireErrorKind;

/// Size in bytes of the largest unsigned varint of 32 bits.
const UNSIGNED_SIZE_MAX: usize = 5;

/// Size in bytes (1 to 10) of an unsigned varint.
pub(crate) const fn unsigned_size(value: u64) -> usize {
    // Zero takes a byte too, hence the `| 1`. Of 0 to 63, `9 n / 64` steps where `n / 7` does, without
    // the division, which costs as much as all else in sizing a record.
    let highest_bit = (value | 1).ilog2();
    ((highest_bit * 9 + 73) / 64) as usize
}

/// Size in bytes (1 to 10) of a signed varint.
pub(crate) const fn signed_size(value: i64) -> usize {
    unsigned_size(zig_zag(value))
}

/// Appends an unsigned varint.
#[inline]
pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed varint.
#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, zig_zag(value));
}

/// Reads an unsigned varint of 32 bits from the start of `bytes`: the value and its size in bytes (1
/// to 5).
///
/// # Errors
///
/// `UnexpectedEnd` when `bytes` ends inside it, `VarintTooLong` when it does not fit 32 bits.
pub(crate) fn read_unsigned(bytes: &[u8]) -> Result<(u32, usize), WireErrorKind> {
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().take(UNSIGNED_SIZE_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| WireErrorKind::VarintTooLong)?;
            return Ok((value, at + 1));
        }
    }
    if bytes.len() < UNSIGNED_SIZE_MAX {
        Err(WireErrorKind::UnexpectedEnd)
    } else {
        Err(WireErrorKind::VarintTooLong)
    }
}

/// Interleaves negative and positive values, so that small magnitudes have few bits: 0, -1, 1, -2
/// become 0, 1, 2, 3.
const fn zig_zag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use super::{
        WireErrorKind, put_signed, put_unsigned, read_unsigned, signed_size, unsigned_size,
    };

    #[test]
    fn values_have_the_published_bytes() {
        let unsigned: [(u64, &[u8]); 4] = [
            (0, &[0]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
        ];
        for (value, bytes) in unsigned {
            let mut out = Vec::new();
            put_unsigned(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
        let signed: [(i64, &[u8]); 6] = [
            (0, &[0]),
            (-1, &[1]),
            (1, &[2]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (i64::from(i32::MIN), &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ];
        for (value, bytes) in signed {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
    }

    #[test]
    fn sizes_are_those_of_the_bytes() {
        for value in (0..64)
            .flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit])
            .chain([u64::MAX])
        {
            let mut out = Vec::new();
            put_unsigned(&mut out, value);
            assert_eq!(out.len(), unsigned_size(value), "{value}");
            let (mut out, signed) = (Vec::new(), value as i64);
            put_signed(&mut out, signed);
            assert_eq!(out.len(), signed_size(signed), "{signed}");
        }
    }

    #[test]
    fn values_survive_and_every_cut_is_an_unexpected_end() {
        for value in (0..32)
            .flat_map(|bit| [(1_u32 << bit) - 1, 1 << bit])
            .chain([u32::MAX])
        {
            let mut out = Vec::new();
            put_unsigned(&mut out, value.into());
            assert_eq!(read_unsigned(&out), Ok((value, out.len())));
            for cut in 0..out.len() {
                assert_eq!(
                    read_unsigned(&out[..cut]),
                    Err(WireErrorKind::UnexpectedEnd)
                );
            }
        }
    }

    #[test]
    fn bits_beyond_32_are_refused() {
        let too_long = Err(WireErrorKind::VarintTooLong);
        assert_eq!(read_unsigned(&[0xff, 0xff, 0xff, 0xff, 0x10]), too_long);
        assert_eq!(read_unsigned(&[0x80, 0x80, 0x80, 0x80, 0x80]), too_long);
        assert_eq!(read_unsigned(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), too_long);
    }
}
