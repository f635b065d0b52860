//! The fields of a recording's entries: numbers in LEB128, and bytes behind their length.

/// Appends an unsigned number: seven bits per byte, the lowest first, the top bit set while more follow.
pub(super) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number in zigzag form: 0, -1, 1, -2 become 0, 1, 2, 3.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_number(out, (value << 1 ^ value >> 63) as u64);
}

/// Appends bytes behind their number.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads fields off the front of an entry. Every method gives `None` where the entry does not hold what
/// is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn new(entry: &'a [u8]) -> Self {
        Self { rest: entry }
    }

    /// What has not been read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number that fits a smaller type.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    /// A signed number that fits a smaller type.
    pub(super) fn small_signed<T: TryFrom<i64>>(&mut self) -> Option<T> {
        T::try_from(self.signed()?).ok()
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.small()?;
        self.take(count)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_went_in() {
        let mut out = Vec::new();
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let signed = [0, -1, 1, -64, 64, i64::MIN, i64::MAX];
        for number in numbers {
            put_number(&mut out, number);
        }
        for number in signed {
            put_signed(&mut out, number);
        }
        put_bytes(&mut out, "text".as_bytes());
        let mut fields = Fields::new(&out);
        for number in numbers {
            assert_eq!(fields.number(), Some(number));
        }
        for number in signed {
            assert_eq!(fields.signed(), Some(number));
        }
        assert_eq!(fields.text(), Some("text"));
        assert_eq!(fields.byte(), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(Fields::new(&[0xff; 10]).number(), None);
        assert_eq!(Fields::new(&[0x80]).number(), None);
        assert_eq!(Fields::new(&[3, 1, 2]).bytes(), None);
        assert_eq!(Fields::new(&[0x80, 2]).small::<u8>(), None);
        assert_eq!(Fields::new(&[2, 0xff, 0xff]).text(), None);
    }
}
