//! How the records of a batch are compressed. One file per codec; this one names them.

mod lz4;

/// A compression codec (`compression.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// No compression.
    #[default]
    None,
    /// An LZ4 frame.
    Lz4,
}

impl Codec {
    /// The value of bits 0 to 2 of a batch's attributes.
    pub const fn attribute_bits(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Lz4 => 3,
        }
    }

    /// The records compressed, or `None` where that would not make them smaller: then they go out as
    /// they are.
    pub(super) fn compress(self, records: &[u8]) -> Option<Vec<u8>> {
        let mut compressed = match self {
            Self::None => return None,
            Self::Lz4 => lz4::compress(records),
        };
        if compressed.len() >= records.len() {
            return None;
        }
        // The batch may stay in memory for minutes; the room for the worst case must not.
        compressed.shrink_to_fit();
        Some(compressed)
    }

    /// What [`compress`](Self::compress) made of `len` bytes, decompressed; `None` if it is not that.
    pub(super) fn decompress(self, compressed: &[u8], len: usize) -> Option<Vec<u8>> {
        match self {
            Self::None => (compressed.len() == len).then(|| compressed.to_vec()),
            Self::Lz4 => lz4::decompress(compressed, len),
        }
    }
}
