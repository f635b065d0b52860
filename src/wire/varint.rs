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

#[cfg(test)]
mod tests {
    use super::{put_signed, put_unsigned, signed_size, unsigned_size};

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
}
