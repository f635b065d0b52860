//! Records that carry their number, so that each can be found again whatever happened to a cluster.

use crate::readback::StoredRecord;
use crate::records::Random;

/// How many different keys there are.
const KEYS: u64 = 97;

/// One of so many records asks for a partition.
const PLACED: u64 = 16;

/// A record that is a function of its number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Numbered {
    /// Bytes of the key, if it has one. Two of three do.
    pub key: Option<Vec<u8>>,
    /// The number in eight bytes, then 20 to 200 bytes that follow from it.
    pub value: Vec<u8>,
    /// The partition asked for.
    pub partition: Option<i32>,
}

impl Numbered {
    /// The record of this number; partitions are asked for below `partitions`.
    #[must_use]
    pub fn new(number: u64, partitions: i32) -> Self {
        let mut random = Random::new(1, number);
        let mut value = number.to_be_bytes().to_vec();
        let length = 20 + random.below(181);
        value.extend(random.bytes(length));
        let key = (random.below(3) != 0).then(|| format!("key-{}", random.below(KEYS)));
        Self {
            key: key.map(String::into_bytes),
            value,
            partition: (random.below(PLACED) == 0).then(|| random.partition(partitions)),
        }
    }

    /// The number of the record that a broker stored at `partition`, if it is stored as it was sent.
    #[must_use]
    pub fn number(stored: &StoredRecord, partition: i32, partitions: i32) -> Option<u64> {
        let value = stored.value.as_deref()?;
        let number = u64::from_be_bytes(*value.first_chunk()?);
        let sent = Self::new(number, partitions);
        let same = sent.value == value && sent.key == stored.key && stored.headers.is_empty();
        let placed = sent.partition.is_none_or(|asked| asked == partition);
        (same && placed).then_some(number)
    }
}
