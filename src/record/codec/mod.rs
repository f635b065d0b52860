//! How the records of a batch are compressed. One file per codec; this one names them.

mod gzip;
mod lz4;
mod snappy;
mod zstd;

use core::fmt;

/// A compression codec (`compression.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// No compression.
    #[default]
    None,
    /// A gzip member (RFC 1952).
    Gzip,
    /// Snappy blocks in the framing of Java's library (xerial).
    Snappy,
    /// An LZ4 frame.
    Lz4,
    /// A Zstandard frame (RFC 8878); needs Produce 7 (KIP-110).
    Zstd,
}

impl Codec {
    /// The value of bits 0 to 2 of a batch's attributes.
    pub const fn attribute_bits(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// What a [`Compressor`] made of `len` bytes, decompressed; `None` if it is not that.
    pub(super) fn decompress(self, compressed: &[u8], len: usize) -> Option<Vec<u8>> {
        match self {
            Self::None => (compressed.len() == len).then(|| compressed.to_vec()),
            Self::Gzip => gzip::decompress(compressed, len),
            Self::Snappy => snappy::decompress(compressed, len),
            Self::Lz4 => lz4::decompress(compressed, len),
            Self::Zstd => zstd::decompress(compressed, len),
        }
    }
}

/// Compresses batch after batch with one codec and level.
///
/// What a codec needs while it works is kept from batch to batch and is bounded: 0.3 MiB for gzip,
/// 1.5 MiB for zstd at its default level and 3 MiB at level 4, 40 KiB for the others. It is no part of
/// `buffer.memory`. The bytes that come out depend on the records, codec and level alone: not on the
/// batches before, nor on the platform.
pub struct Compressor {
    codec: Codec,
    encoder: Encoder,
}

/// What a codec keeps between batches.
enum Encoder {
    None,
    Gzip(gzip::Encoder),
    Snappy(snappy::Encoder),
    Lz4,
    Zstd(zstd::Encoder),
}

impl Compressor {
    /// A compressor at the level that Java's producer has by default.
    pub fn new(codec: Codec) -> Self {
        match codec {
            Codec::Gzip => Self::with_level(codec, gzip::DEFAULT_LEVEL),
            Codec::Zstd => Self::with_level(codec, zstd::DEFAULT_LEVEL),
            Codec::None | Codec::Snappy | Codec::Lz4 => Self::with_level(codec, 0),
        }
    }

    /// A compressor at a level, which gzip and zstd have: 1 to 9 or -1 for gzip, -7 to 4 for zstd. The
    /// nearest one is taken for a level that there is not.
    pub fn with_level(codec: Codec, level: i32) -> Self {
        let encoder = match codec {
            Codec::None => Encoder::None,
            Codec::Gzip => Encoder::Gzip(gzip::Encoder::new(level)),
            Codec::Snappy => Encoder::Snappy(snappy::Encoder::new()),
            Codec::Lz4 => Encoder::Lz4,
            Codec::Zstd => Encoder::Zstd(zstd::Encoder::new(level)),
        };
        Self { codec, encoder }
    }

    /// The codec.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The records compressed, or `None` where that would not make them smaller: then they go out as
    /// they are.
    pub(super) fn compress(&mut self, records: &[u8]) -> Option<Vec<u8>> {
        let mut compressed = match &mut self.encoder {
            Encoder::None => None,
            Encoder::Gzip(encoder) => encoder.compress(records),
            Encoder::Snappy(encoder) => encoder.compress(records),
            Encoder::Lz4 => Some(lz4::compress(records)),
            Encoder::Zstd(encoder) => encoder.compress(records),
        }?;
        if compressed.len() >= records.len() {
            return None;
        }
        // The batch may stay in memory for minutes; the room for the worst case must not.
        compressed.shrink_to_fit();
        Some(compressed)
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
