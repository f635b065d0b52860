//! Records of every shape: with and without key, value and headers, of many sizes, for any partition.

use odradek::cli::workload::{Random, Workload};
use odradek_host::{Header, Record};
use std::borrow::Cow;

/// A record that is kept to be compared with what is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DemoRecord {
    pub(super) partition: Option<i32>,
    pub(super) timestamp: Option<i64>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl DemoRecord {
    /// The record as the producer takes it.
    pub(super) fn borrow<'a>(&'a self, topic: &'a str) -> Record<'a> {
        let headers = self.headers.iter().map(|(name, value)| Header {
            name,
            value: value.as_deref(),
        });
        Record {
            topic,
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: Cow::Owned(headers.collect()),
        }
    }

    /// How many bytes key, value and headers have.
    pub(super) fn bytes(&self) -> usize {
        let optional = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.len() + optional(value))
            .sum();
        optional(&self.key) + optional(&self.value) + headers
    }
}

/// Makes records; the same seed makes the same ones.
pub(super) fn generate(count: u32, partitions: i32, seed: u64) -> Vec<DemoRecord> {
    let mut random = Random::new(seed);
    let mut workload = Workload::new(seed, VALUE_MAX, 500);
    (0..count)
        .map(|_| {
            let (mut key, mut value) = (Vec::new(), Vec::new());
            workload.append_record(&mut key, &mut value);
            value.truncate(random.below(VALUE_MAX as u64 + 1) as usize);
            if random.below(8) == 0 {
                // Bytes that are no text.
                value
                    .iter_mut()
                    .for_each(|byte| *byte = random.next_u64() as u8);
            }
            let key = match random.below(16) {
                0..4 => None,
                4 => Some(Vec::new()),
                _ => Some(key),
            };
            DemoRecord {
                partition: (random.below(8) == 0).then(|| random.below(partitions as u64) as i32),
                timestamp: (random.below(4) == 0).then(|| random.below(1 << 41) as i64),
                key,
                value: (random.below(16) > 0).then_some(value),
                headers: headers(&mut random),
            }
        })
        .collect()
}

/// The longest value in bytes.
const VALUE_MAX: usize = 600;

fn headers(random: &mut Random) -> Vec<(String, Option<Vec<u8>>)> {
    let count = random.below(4);
    (0..count)
        .map(|_| {
            let name = ["trace", "source", "", "na\u{ef}ve"][random.below(4) as usize];
            let value = match random.below(4) {
                0 => None,
                1 => Some(Vec::new()),
                _ => Some(random.next_u64().to_le_bytes().to_vec()),
            };
            (name.to_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_occurs() {
        let records = generate(2000, 6, 1);
        assert_eq!(records, generate(2000, 6, 1));
        let any = |shape: &dyn Fn(&DemoRecord) -> bool| records.iter().any(shape);
        assert!(any(&|record| record.key.is_none()));
        assert!(any(&|record| record
            .key
            .as_ref()
            .is_some_and(Vec::is_empty)));
        assert!(any(&|record| record.value.is_none()));
        assert!(any(&|record| record
            .value
            .as_ref()
            .is_some_and(Vec::is_empty)));
        assert!(any(&|record| record.headers.len() == 3));
        assert!(any(&|record| record
            .headers
            .iter()
            .any(|(_, value)| value.is_none())));
        assert!((0..6).all(|partition| any(&|record| record.partition == Some(partition))));
    }
}
