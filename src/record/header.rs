//! The 61 bytes in front of the records of a batch.

use super::batch::SealedBatch;

/// Size in bytes of the header of a record batch of version 2.
pub const BATCH_HEADER_BYTES: usize = 61;

/// The checksum covers everything from the attributes on. Base offset, length and leader epoch are
/// outside, so that a broker can set them without computing it again.
pub(super) const CRC_COVERS_FROM: usize = 21;

/// Attribute bit 4: the batch belongs to a transaction.
const TRANSACTIONAL: i16 = 1 << 4;

/// Who wrote a batch, and where it belongs in that producer's sequence for the partition (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer id, or -1.
    pub producer_id: i64,
    /// The epoch of the producer id, or -1.
    pub producer_epoch: i16,
    /// The sequence number of the first record, 0 to 2^31 - 1, or -1. Those of the others follow from
    /// their position; after 2^31 - 1 comes 0.
    pub base_sequence: i32,
    /// Whether the batch belongs to a transaction.
    pub transactional: bool,
}

impl ProducerStamp {
    /// No identity: the broker does not look for duplicates.
    pub const NONE: Self = Self {
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        transactional: false,
    };
}

/// Renders the header with a checksum of zero.
pub(super) fn render(batch: &SealedBatch, stamp: ProducerStamp) -> [u8; BATCH_HEADER_BYTES] {
    let attributes = batch.codec().attribute_bits()
        | if stamp.transactional {
            TRANSACTIONAL
        } else {
            0
        };
    // Counts what follows this field. Batches below 2 GiB are the caller's duty.
    let length = i32::try_from(batch.encoded_len() - 12).unwrap_or(i32::MAX);
    let count = i32::try_from(batch.count()).unwrap_or(i32::MAX);

    let mut header = [0; BATCH_HEADER_BYTES];
    // Bytes 0 to 7: the base offset, which the broker sets. Bytes 17 to 20: the checksum.
    header[8..12].copy_from_slice(&length.to_be_bytes());
    // The leader epoch is the broker's business: -1.
    header[12..16].copy_from_slice(&(-1_i32).to_be_bytes());
    header[16] = 2;
    header[21..23].copy_from_slice(&attributes.to_be_bytes());
    header[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    header[27..35].copy_from_slice(&batch.base_timestamp().to_be_bytes());
    header[35..43].copy_from_slice(&batch.max_timestamp().to_be_bytes());
    header[43..51].copy_from_slice(&stamp.producer_id.to_be_bytes());
    header[51..53].copy_from_slice(&stamp.producer_epoch.to_be_bytes());
    header[53..57].copy_from_slice(&stamp.base_sequence.to_be_bytes());
    header[57..61].copy_from_slice(&count.to_be_bytes());
    header
}
