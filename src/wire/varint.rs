//! Variable-length integers: unsigned varint, and zig-zag varint and varlong, with exact sizes.
//!
//! Seven bits per byte, lowest first; the high bit says that another byte follows. Zig-zag maps small
//! negative numbers to small unsigned ones. Sizes are in bytes.

use super::error::WireErrorKind;

<<<<<<< HEAD
/// The most bytes that an unsigned varint or a varint takes.
pub const VARINT_LEN_MAX: usize = 5;

/// The most bytes that a varlong takes.
pub const VARLONG_LEN_MAX: usize = 10;

/// The encoded size of an unsigned varint, 1 to 5 bytes.
#[must_use]
pub const fn unsigned_len(value: u32) -> usize {
    len_of(value as u64)
=======
/// Size in bytes of the largest unsigned varint of 32 bits.
const UNSIGNED_SIZE_MAX: usize = 5;

/// Size in bytes (1 to 10) of an unsigned varint.
pub(crate) const fn unsigned_size(value: u64) -> usize {
    // Seven bits a byte, and at least one byte for zero.
    (63 - (value | 1).leading_zeros() as usize) / 7 + 1
>>>>>>> wire
}

/// The encoded size of a zig-zag varint, 1 to 5 bytes.
#[must_use]
pub const fn varint_len(value: i32) -> usize {
    len_of(zig_zag(value as i64))
}

/// The encoded size of a zig-zag varlong, 1 to 10 bytes.
#[must_use]
pub const fn varlong_len(value: i64) -> usize {
    len_of(zig_zag(value))
}

/// Appends an unsigned varint.
pub fn write_unsigned(out: &mut Vec<u8>, value: u32) {
    write(out, u64::from(value));
}

/// Appends a zig-zag varint.
pub fn write_varint(out: &mut Vec<u8>, value: i32) {
    write(out, zig_zag(i64::from(value)));
}

/// Appends a zig-zag varlong.
pub fn write_varlong(out: &mut Vec<u8>, value: i64) {
    write(out, zig_zag(value));
}

/// Reads an unsigned varint from the start of `bytes`: the value and how many bytes it took.
///
/// # Errors
///
/// `UnexpectedEnd` when `bytes` ends inside it, `VarintTooLong` when it does not fit 32 bits.
pub fn read_unsigned(bytes: &[u8]) -> Result<(u32, usize), WireErrorKind> {
    let (value, len) = read(bytes, VARINT_LEN_MAX)?;
    let Ok(value) = u32::try_from(value) else {
        return Err(WireErrorKind::VarintTooLong);
    };
    Ok((value, len))
}

/// Reads a zig-zag varint from the start of `bytes`: the value and how many bytes it took.
///
/// # Errors
///
/// As [`read_unsigned`].
pub fn read_varint(bytes: &[u8]) -> Result<(i32, usize), WireErrorKind> {
    let (value, len) = read_unsigned(bytes)?;
    Ok(((value >> 1).cast_signed() ^ -(value & 1).cast_signed(), len))
}

/// Reads a zig-zag varlong from the start of `bytes`: the value and how many bytes it took.
///
/// # Errors
///
/// `UnexpectedEnd` when `bytes` ends inside it, `VarintTooLong` when it does not fit 64 bits.
pub fn read_varlong(bytes: &[u8]) -> Result<(i64, usize), WireErrorKind> {
    let (value, len) = read(bytes, VARLONG_LEN_MAX)?;
    Ok(((value >> 1).cast_signed() ^ -(value & 1).cast_signed(), len))
}

/// The zig-zag form. Sign extension makes the 64-bit form of an `i32` equal to its 32-bit form.
const fn zig_zag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn len_of(value: u64) -> usize {
    // Zero takes a byte too, hence the `| 1`. Of 0 to 63, `9 n / 64` steps where `n / 7` does, without
    // the division, which costs as much as all else in sizing a record.
    let highest_bit = (value | 1).ilog2();
    ((highest_bit * 9 + 73) / 64) as usize
}

fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

<<<<<<< HEAD
fn read(bytes: &[u8], len_max: usize) -> Result<(u64, usize), WireErrorKind> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().take(len_max).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * at as u32;
        // The tenth byte has room for one bit only.
        if bits.leading_zeros() < shift {
            return Err(WireErrorKind::VarintTooLong);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok((value, at + 1));
        }
    }
    if bytes.len() < len_max {
=======
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
>>>>>>> wire
        Err(WireErrorKind::UnexpectedEnd)
    } else {
        Err(WireErrorKind::VarintTooLong)
    }
<<<<<<< HEAD
=======
}

/// Interleaves negative and positive values, so that small magnitudes have few bits: 0, -1, 1, -2
/// become 0, 1, 2, 3.
const fn zig_zag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
>>>>>>> wire
}

#[cfg(test)]
mod tests {
<<<<<<< HEAD
    use super::*;

    const EDGES: [i64; 15] = [
        0,
        1,
        -1,
        63,
        64,
        -64,
        -65,
        8191,
        8192,
        1 << 20,
        i32::MAX as i64,
        i32::MIN as i64,
        1 << 55,
        i64::MAX,
        i64::MIN,
    ];
=======
    use super::{
        WireErrorKind, put_signed, put_unsigned, read_unsigned, signed_size, unsigned_size,
    };
>>>>>>> wire

    #[test]
    fn known_vectors() {
        let mut out = Vec::new();
        write_unsigned(&mut out, 300);
        write_varint(&mut out, -1);
        write_varint(&mut out, 64);
        write_varlong(&mut out, i64::MIN);
        let expected = [
            0xac, 0x02, 0x01, 0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0x01,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn values_survive_and_sizes_are_exact() {
        for value in EDGES {
            let mut out = Vec::new();
            write_varlong(&mut out, value);
            assert_eq!(out.len(), varlong_len(value), "{value}");
            assert_eq!(read_varlong(&out), Ok((value, out.len())));
            let small = value as i32;
            out.clear();
            write_varint(&mut out, small);
            assert_eq!(out.len(), varint_len(small), "{small}");
            assert_eq!(read_varint(&out), Ok((small, out.len())));
            let unsigned = value as u32;
            out.clear();
            write_unsigned(&mut out, unsigned);
            assert_eq!(out.len(), unsigned_len(unsigned), "{unsigned}");
            assert_eq!(read_unsigned(&out), Ok((unsigned, out.len())));
        }
    }

    #[test]
    fn every_cut_is_an_unexpected_end() {
        let mut out = Vec::new();
        write_varlong(&mut out, i64::MIN);
        for cut in 0..out.len() {
            assert_eq!(read_varlong(&out[..cut]), Err(WireErrorKind::UnexpectedEnd));
        }
    }

    #[test]
<<<<<<< HEAD
    fn bits_beyond_the_width_are_refused() {
        let too_long = Err(WireErrorKind::VarintTooLong);
        assert_eq!(
            read_unsigned(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
            Ok((u32::MAX, 5))
        );
        assert_eq!(read_unsigned(&[0xff, 0xff, 0xff, 0xff, 0x1f]), too_long);
        assert_eq!(read_unsigned(&[0x80, 0x80, 0x80, 0x80, 0x80]), too_long);
        let mut long = [0xff; 10];
        long[9] = 2;
        assert_eq!(read_varlong(&long), Err(WireErrorKind::VarintTooLong));
        assert_eq!(read_varlong(&[0x80; 11]), Err(WireErrorKind::VarintTooLong));
=======
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
>>>>>>> wire
    }
}
