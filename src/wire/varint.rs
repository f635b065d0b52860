//! Variable-length integers: seven bits a byte, lowest first, signed ones in zig-zag form.
//!
//! A signed value has the same bytes as Kafka's 32-bit varint and 64-bit varlong, so one function
//! serves both.

/// Size in bytes (1 to 10) of an unsigned varint.
pub(crate) const fn unsigned_size(value: u64) -> usize {
    // Seven bits a byte, and at least one byte for zero.
    (63 - (value | 1).leading_zeros() as usize) / 7 + 1
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

/// Interleaves negative and positive values, so that small magnitudes have few bits: 0, -1, 1, -2
/// become 0, 1, 2, 3.
const fn zig_zag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}
