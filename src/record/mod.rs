//! The record batch format, version 2: what a record is, how records become a batch.

mod batch;
mod codec;
mod crc;
mod decode;
mod described;
mod encode;
mod header;

pub use batch::{BatchBuilder, SealedBatch, first_record_size};
pub use codec::{Codec, Compressor};
pub(crate) use decode::RecordReader;
pub(crate) use described::first_described_size;
pub use header::{BATCH_HEADER_BYTES, ProducerStamp};

use crate::ids::TopicHandle;

/// A record as the application hands it over; everything is borrowed and copied once, into the
/// batch.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The topic, interned with [`Producer::topic`](crate::Producer::topic).
    pub topic: TopicHandle,
    /// The partition, or `None` to let the partitioner choose.
    pub partition: Option<i32>,
    /// Milliseconds since 1970. Stamped by the driver where the application gave none; never
    /// negative.
    pub timestamp: i64,
    /// The key. An empty key is a key (it is hashed), `None` is none.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers in order; names may repeat.
    pub headers: &'a [Header<'a>],
}

/// A record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name.
    pub name: &'a str,
    /// The value, which may be null.
    pub value: Option<&'a [u8]>,
}
