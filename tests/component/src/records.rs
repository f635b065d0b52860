//! Varied records from a seed: keys, values, headers, partitions and timestamps in all combinations.

use crate::cluster::PARTITIONS;
use crate::trace::Records;
use odradek::{BulkHeader, BulkRecord, TopicHandle};

/// Numbers that look random and are the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts over from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Appends up to `bound` bytes that compress a little; with their number, or -1 for null, which
    /// appends nothing.
    fn piece(&mut self, data: &mut Vec<u8>, bound: u64) -> i32 {
        if self.below(8) == 0 {
            return -1;
        }
        let length = self.below(bound + 1);
        for _ in 0..length {
            data.push(b'a' + self.below(6) as u8);
        }
        length as i32
    }
}

/// So many records with values of at most `value_bytes` bytes.
pub fn varied_records(
    dice: &mut Dice,
    topics: &[TopicHandle],
    count: u32,
    value_bytes: u64,
) -> Records {
    let mut records = Records {
        wall: 1_700_000_000_000,
        ..Records::default()
    };
    for _ in 0..count {
        let data = &mut records.data;
        let key_length = if dice.below(2) == 0 {
            dice.piece(data, 20)
        } else {
            -1
        };
        let value_length = dice.piece(data, value_bytes);
        let header_count = dice.below(3);
        for _ in 0..header_count {
            let name_length = dice.piece(data, 12).max(0) as u32;
            let value_length = dice.piece(data, 30);
            records.headers.push(BulkHeader {
                name_length,
                value_length,
            });
        }
        let partition = match dice.below(4) {
            0 => dice.below(PARTITIONS as u64) as i32,
            _ => -1,
        };
        let timestamp = match dice.below(3) {
            0 => records.wall - dice.below(100_000) as i64,
            _ => -1,
        };
        records.records.push(BulkRecord {
            topic: topics[dice.below(topics.len() as u64) as usize],
            partition,
            timestamp,
            key_length,
            value_length,
            header_count: header_count as u32,
        });
    }
    records
}
