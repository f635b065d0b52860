//! The record as the application writes it: borrowed pieces, copied once when it is sent.

use odradek::Header;
use std::borrow::Cow;

/// A record to send. Everything is borrowed; sending copies it once, so the pieces may be reused as
/// soon as [`Producer::send`](crate::Producer::send) has returned.
///
/// ```
/// use odradek_host::Record;
///
/// let record = Record::to("orders").key("42").value("3 spools").header("source", "till 7");
/// assert_eq!(record.key, Some(&b"42"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The partition; `None` lets the producer choose by the key, or stick to one where there is no
    /// key.
    pub partition: Option<i32>,
    /// Milliseconds since 1970; `None` is the time of the call. Never negative.
    pub timestamp: Option<i64>,
    /// The key. An empty key is a key, `None` is none.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone in a compacted topic.
    pub value: Option<&'a [u8]>,
    /// The headers in order; names may repeat.
    pub headers: Cow<'a, [Header<'a>]>,
}

impl<'a> Record<'a> {
    /// A record for `topic` with neither key nor value nor headers.
    pub const fn to(topic: &'a str) -> Self {
        Self {
            topic,
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: Cow::Borrowed(&[]),
        }
    }

    /// The same record for one partition.
    #[must_use]
    pub const fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The same record with a timestamp in ms since 1970.
    #[must_use]
    pub const fn timestamp(mut self, millis: i64) -> Self {
        self.timestamp = Some(millis);
        self
    }

    /// The same record with a key.
    #[must_use]
    pub fn key<B: AsRef<[u8]> + ?Sized>(mut self, key: &'a B) -> Self {
        self.key = Some(key.as_ref());
        self
    }

    /// The same record with a value.
    #[must_use]
    pub fn value<B: AsRef<[u8]> + ?Sized>(mut self, value: &'a B) -> Self {
        self.value = Some(value.as_ref());
        self
    }

    /// The same record with one more header. Allocates; a slice that lives elsewhere can be put into
    /// [`headers`](Self::headers) instead.
    #[must_use]
    pub fn header<B: AsRef<[u8]> + ?Sized>(mut self, name: &'a str, value: &'a B) -> Self {
        self.headers.to_mut().push(Header {
            name,
            value: Some(value.as_ref()),
        });
        self
    }

    /// How many bytes the record's pieces have together.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|header| header.name.len() + header.value.map_or(0, <[u8]>::len))
            .sum::<usize>();
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers
    }
}
