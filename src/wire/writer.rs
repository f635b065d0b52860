//! Appends the protocol's primitives to a request under construction.

use crate::ids::TopicUuid;

use super::varint;

/// The longest string in bytes that every version can carry. Names and ids that come from the
/// application are checked against it before they reach this room.
pub const STRING_LEN_MAX: usize = i16::MAX as usize;

/// Appends to a buffer of bytes. The compact encodings and tagged fields are used if `flexible`, as
/// in [`Reader`](super::Reader).
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    flexible: bool,
}

impl<'a> Writer<'a> {
    /// Appends to `out`, in classic encoding or with compact lengths and tagged fields.
    #[must_use]
    pub const fn new(out: &'a mut Vec<u8>, flexible: bool) -> Self {
        Self { out, flexible }
    }

    /// The position in bytes from the start of the buffer: where the next byte goes.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.out.len()
    }

    /// Appends a signed byte.
    pub fn i8(&mut self, value: i8) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Appends a big-endian 16-bit integer.
    pub fn i16(&mut self, value: i16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Appends a big-endian 32-bit integer.
    pub fn i32(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Appends a big-endian 64-bit integer.
    pub fn i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Appends a truth value as one byte, 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    /// Appends the 16 bytes of a topic id.
    pub fn uuid(&mut self, value: TopicUuid) {
        self.out.extend_from_slice(&value.0);
    }

    /// Appends an unsigned varint, in either encoding.
    pub fn unsigned_varint(&mut self, value: u32) {
        varint::put_unsigned(self.out, value.into());
    }

    /// Appends a string.
    ///
    /// # Panics
    ///
    /// When it is longer than [`STRING_LEN_MAX`].
    pub fn string(&mut self, value: &str) {
        self.nullable_string(Some(value));
    }

    /// Appends a string or null.
    ///
    /// # Panics
    ///
    /// When it is longer than [`STRING_LEN_MAX`].
    pub fn nullable_string(&mut self, value: Option<&str>) {
        if !self.flexible {
            return self.classic_nullable_string(value);
        }
        let len = value.map(str::len);
        assert!(
            len.is_none_or(|len| len <= STRING_LEN_MAX),
            "a string is too long"
        );
        self.nullable_array_len(len);
        self.out
            .extend_from_slice(value.unwrap_or_default().as_bytes());
    }

    /// Appends a string or null with a 16-bit length, whatever the version: the client id of the
    /// request header stays so for ever.
    ///
    /// # Panics
    ///
    /// When it is longer than [`STRING_LEN_MAX`].
    pub fn classic_nullable_string(&mut self, value: Option<&str>) {
        let Some(value) = value else {
            return self.i16(-1);
        };
        let Ok(len) = i16::try_from(value.len()) else {
            panic!("a string is too long");
        };
        self.i16(len);
        self.out.extend_from_slice(value.as_bytes());
    }

    /// Appends bytes with their length.
    ///
    /// # Panics
    ///
    /// When there are 2 GiB or more.
    pub fn bytes(&mut self, value: &[u8]) {
        self.array_len(value.len());
        self.out.extend_from_slice(value);
    }

    /// Appends the number of elements of an array, or the length of bytes that follow: both are
    /// encoded alike.
    ///
    /// # Panics
    ///
    /// When it is above `i32::MAX`.
    pub fn array_len(&mut self, len: usize) {
        self.nullable_array_len(Some(len));
    }

    /// Appends the number of elements of an array, or null.
    ///
    /// # Panics
    ///
    /// When it is above `i32::MAX`.
    pub fn nullable_array_len(&mut self, len: Option<usize>) {
        let len = len.map(|len| {
            let Ok(len) = i32::try_from(len) else {
                panic!("a length is too large")
            };
            len
        });
        if self.flexible {
            self.unsigned_varint(len.map_or(0, |len| len.cast_unsigned() + 1));
        } else {
            self.i32(len.unwrap_or(-1));
        }
    }

    /// Ends a structure: no tagged fields. Appends nothing in classic encoding.
    pub fn no_tagged_fields(&mut self) {
        if self.flexible {
            self.out.push(0);
        }
    }

    /// Overwrites the 32-bit integer at `at`, a position that was appended with [`Writer::i32`].
    ///
    /// # Panics
    ///
    /// When `at` is no such position.
    pub fn patch_i32(&mut self, at: usize, value: i32) {
        let Some(place) = self.out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) else {
            panic!("no integer was appended at this position");
        };
        *place = value.to_be_bytes();
    }
}
