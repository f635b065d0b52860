//! A bounded cursor over the bytes of one response frame.

use crate::ids::TopicUuid;

use super::error::{WireError, WireErrorKind};
use super::varint;

/// A cursor over bytes from a peer. It never reads past their end, never allocates, and strings and
/// bytes borrow from the frame.
///
/// Strings, bytes and arrays have two encodings: classic (fixed-width length, -1 is null) and
/// compact (unsigned varint of length + 1, 0 is null; KIP-482). [`Reader::flexible`] chooses for all
/// of them at once, and in classic encoding there are no tagged fields.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of `rest` from the start of the frame, for errors.
    at: usize,
    flexible: bool,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of a frame (after its length), in classic encoding.
    #[must_use]
    pub const fn new(frame: &'a [u8]) -> Self {
        Self {
            rest: frame,
            at: 0,
            flexible: false,
        }
    }

    /// The same position, with the compact encodings and tagged fields if `flexible`.
    #[must_use]
    pub const fn flexible(self, flexible: bool) -> Self {
        Self { flexible, ..self }
    }

    /// The offset in bytes from the start of the frame.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// An error at the current position.
    #[must_use]
    pub const fn error(&self, kind: WireErrorKind) -> WireError {
        WireError { at: self.at, kind }
    }

    /// Reads a signed byte.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`.
    pub fn i8(&mut self) -> Result<i8, WireError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    /// Reads a big-endian 16-bit integer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`.
    pub fn i16(&mut self) -> Result<i16, WireError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// Reads a big-endian 32-bit integer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`.
    pub fn i32(&mut self) -> Result<i32, WireError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Reads a big-endian 64-bit integer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`.
    pub fn i64(&mut self) -> Result<i64, WireError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// Reads a byte as a truth value: everything but 0 is true, as in Kafka's own reader.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`.
    pub fn bool(&mut self) -> Result<bool, WireError> {
        Ok(self.i8()? != 0)
    }

    /// Reads the 16 bytes of a topic id.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`.
    pub fn uuid(&mut self) -> Result<TopicUuid, WireError> {
        Ok(TopicUuid(self.array()?))
    }

    /// Reads an unsigned varint, in either encoding.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`, or `VarintTooLong` when it does not fit 32 bits.
    pub fn unsigned_varint(&mut self) -> Result<u32, WireError> {
        let (value, len) = varint::read_unsigned(self.rest).map_err(|kind| self.error(kind))?;
        self.take(len)?;
        Ok(value)
    }

    /// Reads a string.
    ///
    /// # Errors
    ///
    /// As [`Reader::nullable_string`], and `UnexpectedNull`.
    pub fn string(&mut self) -> Result<&'a str, WireError> {
        let at = self.at;
        self.nullable_string()?.ok_or(WireError {
            at,
            kind: WireErrorKind::UnexpectedNull,
        })
    }

    /// Reads a string or null.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd` or `VarintTooLong` in its length, `BadLength` when the length is below -1 or
    /// larger than what is left, `NotUtf8`.
    pub fn nullable_string(&mut self) -> Result<Option<&'a str>, WireError> {
        let Some(len) = self.nullable_len(LengthWidth::Bits16)? else {
            return Ok(None);
        };
        let at = self.at;
        match core::str::from_utf8(self.take(len)?) {
            Ok(string) => Ok(Some(string)),
            Err(error) => {
                let at = at.saturating_add(error.valid_up_to());
                Err(WireError {
                    at,
                    kind: WireErrorKind::NotUtf8,
                })
            }
        }
    }

    /// Reads bytes.
    ///
    /// # Errors
    ///
    /// As [`Reader::nullable_bytes`], and `UnexpectedNull`.
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let at = self.at;
        self.nullable_bytes()?.ok_or(WireError {
            at,
            kind: WireErrorKind::UnexpectedNull,
        })
    }

    /// Reads bytes or null.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd` or `VarintTooLong` in its length, `BadLength` when the length is below -1 or
    /// larger than what is left.
    pub fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match self.nullable_len(LengthWidth::Bits32)? {
            Some(len) => Ok(Some(self.take(len)?)),
            None => Ok(None),
        }
    }

    /// Reads the number of elements of an array.
    ///
    /// Every element takes at least one byte, so the number is never above [`Reader::remaining`]. An
    /// element can be larger in memory than on the wire: do not reserve for all of them, push.
    ///
    /// # Errors
    ///
    /// As [`Reader::nullable_array_len`], and `UnexpectedNull`.
    pub fn array_len(&mut self) -> Result<usize, WireError> {
        let at = self.at;
        self.nullable_array_len()?.ok_or(WireError {
            at,
            kind: WireErrorKind::UnexpectedNull,
        })
    }

    /// Reads the number of elements of an array that may be null. See [`Reader::array_len`].
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd` or `VarintTooLong` in the number, `BadLength` when it is below -1 or larger
    /// than the bytes left.
    pub fn nullable_array_len(&mut self) -> Result<Option<usize>, WireError> {
        self.nullable_len(LengthWidth::Bits32)
    }

    /// Steps over an array of 32-bit integers.
    ///
    /// # Errors
    ///
    /// As [`Reader::array_len`], and `UnexpectedEnd`.
    pub fn skip_i32_array(&mut self) -> Result<(), WireError> {
        let len = self.array_len()?;
        self.take(len.saturating_mul(size_of::<i32>()))?;
        Ok(())
    }

    /// Reads the tagged fields that end a structure, in order; none in classic encoding.
    ///
    /// `visit` gets each tag and a reader bounded to that field's bytes. It ignores tags that it does
    /// not know, and ends a field that it knows with [`Reader::finish`].
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`, `VarintTooLong`, `BadLength`, and whatever `visit` returns.
    pub fn tagged_fields<F>(&mut self, mut visit: F) -> Result<(), WireError>
    where
        F: FnMut(u32, Self) -> Result<(), WireError>,
    {
        if !self.flexible {
            return Ok(());
        }
        let at = self.at;
        let count = self.unsigned_varint()?;
        for _ in 0..self.within(at, count)? {
            let tag = self.unsigned_varint()?;
            let at = self.at;
            let len = self.unsigned_varint()?;
            let len = self.within(at, len)?;
            let at = self.at;
            visit(
                tag,
                Self {
                    rest: self.take(len)?,
                    at,
                    flexible: true,
                },
            )?;
        }
        Ok(())
    }

    /// Steps over the tagged fields that end a structure; does nothing in classic encoding.
    ///
    /// # Errors
    ///
    /// `UnexpectedEnd`, `VarintTooLong`, `BadLength`.
    pub fn skip_tagged_fields(&mut self) -> Result<(), WireError> {
        self.tagged_fields(|_, _| Ok(()))
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// `TrailingBytes` when something is left.
    pub fn finish(self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.error(WireErrorKind::TrailingBytes))
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.error(WireErrorKind::UnexpectedEnd));
        };
        self.rest = rest;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(self.error(WireErrorKind::UnexpectedEnd));
        };
        self.rest = rest;
        self.at += N;
        Ok(*taken)
    }

    /// A length of at most the bytes that are left, or `None` for null.
    fn nullable_len(&mut self, width: LengthWidth) -> Result<Option<usize>, WireError> {
        let at = self.at;
        let len = if self.flexible {
            self.unsigned_varint()?.checked_sub(1)
        } else {
            let len = match width {
                LengthWidth::Bits16 => i32::from(self.i16()?),
                LengthWidth::Bits32 => self.i32()?,
            };
            match len {
                -1 => None,
                _ => {
                    let bad_length = WireError {
                        at,
                        kind: WireErrorKind::BadLength,
                    };
                    Some(u32::try_from(len).map_err(|_| bad_length)?)
                }
            }
        };
        len.map(|len| self.within(at, len)).transpose()
    }

    /// `len` as a size, if that many bytes are left. `at` is where the length was read.
    fn within(&self, at: usize, len: u32) -> Result<usize, WireError> {
        match usize::try_from(len) {
            Ok(len) if len <= self.remaining() => Ok(len),
            Ok(_) | Err(_) => Err(WireError {
                at,
                kind: WireErrorKind::BadLength,
            }),
        }
    }
}

/// The width of a length in classic encoding.
#[derive(Clone, Copy)]
enum LengthWidth {
    /// Strings.
    Bits16,
    /// Bytes and arrays.
    Bits32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn error(at: usize, kind: WireErrorKind) -> WireError {
        WireError { at, kind }
    }

    #[test]
    fn both_encodings_tell_null_from_empty() {
        let mut classic = Reader::new(&[255, 255, 0, 0, 0, 1, b'k']);
        assert_eq!(classic.nullable_string(), Ok(None));
        assert_eq!(classic.nullable_string(), Ok(Some("")));
        assert_eq!(classic.string(), Ok("k"));
        assert_eq!(classic.finish(), Ok(()));
        let mut compact = Reader::new(&[0, 1, 2, b'k']).flexible(true);
        assert_eq!(compact.nullable_bytes(), Ok(None));
        assert_eq!(compact.nullable_bytes(), Ok(Some(&[][..])));
        assert_eq!(compact.bytes(), Ok(&b"k"[..]));
        assert_eq!(compact.finish(), Ok(()));
    }

    #[test]
    fn lengths_beyond_the_frame_or_below_null_are_refused_where_they_stand() {
        let bad_length = Err(error(1, WireErrorKind::BadLength));
        for len in [-2, i16::MIN, 1, i16::MAX] {
            let [high, low] = len.to_be_bytes();
            let bytes = [0, high, low];
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.i8(), Ok(0));
            assert_eq!(reader.nullable_string(), bad_length, "{len}");
        }
        let mut reader = Reader::new(&[0, 255, 255, 255, 255, 15]).flexible(true);
        assert_eq!(reader.i8(), Ok(0));
        assert_eq!(reader.array_len(), Err(error(1, WireErrorKind::BadLength)));
    }

    #[test]
    fn an_array_may_count_at_most_the_bytes_left() {
        assert_eq!(Reader::new(&[0, 0, 0, 2, 7, 7]).array_len(), Ok(2));
        let too_many = Reader::new(&[0, 0, 0, 3, 7, 7]).array_len();
        assert_eq!(too_many, Err(error(0, WireErrorKind::BadLength)));
        let null = Reader::new(&[255; 4]).array_len();
        assert_eq!(null, Err(error(0, WireErrorKind::UnexpectedNull)));
    }

    #[test]
    fn bad_utf8_is_named_by_its_first_bad_byte() {
        let result = Reader::new(&[0, 3, b'a', 0xff, b'b']).string();
        assert_eq!(result, Err(error(3, WireErrorKind::NotUtf8)));
    }

    #[test]
    fn a_tagged_field_is_read_within_its_bounds() {
        // Two fields: tag 4 with one byte, tag 6 with two; then a byte that is not theirs.
        let mut reader = Reader::new(&[2, 4, 1, 9, 6, 2, 1, 2, 77]).flexible(true);
        let mut seen = Vec::new();
        let result = reader.tagged_fields(|tag, mut field| {
            seen.push((tag, field.at(), field.remaining()));
            field.i8()?;
            Ok(())
        });
        assert_eq!(result, Ok(()));
        assert_eq!(seen, [(4, 3, 1), (6, 6, 2)]);
        assert_eq!(reader.i8(), Ok(77));
    }

    #[test]
    fn reading_past_a_tagged_field_is_refused_even_if_the_frame_goes_on() {
        let mut reader = Reader::new(&[1, 0, 1, 9, 77, 77]).flexible(true);
        let result = reader.tagged_fields(|_, mut field| field.i16().map(drop));
        assert_eq!(result, Err(error(3, WireErrorKind::UnexpectedEnd)));
    }

    #[test]
    fn leftovers_are_refused() {
        let mut reader = Reader::new(&[1, 2]);
        assert_eq!(reader.i8(), Ok(1));
        assert_eq!(reader.finish(), Err(error(1, WireErrorKind::TrailingBytes)));
    }
}
