//! Which record a sequence stands for, so that another record under the same sequence is noticed.

use crate::cluster::batch::{Batch, BatchRecord};
use std::collections::BTreeMap;

/// The offset of every sequence that was appended, by producer id and epoch, as runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences {
    /// First sequence to its offset and the number of records, for each identity.
    runs: BTreeMap<(i64, i16), BTreeMap<i64, (i64, i64)>>,
}

impl Sequences {
    pub(super) fn appended(&mut self, batch: &Batch, offset: i64) {
        let identity = (batch.producer_id, batch.producer_epoch);
        let runs = self.runs.entry(identity).or_default();
        for (first, position, count) in pieces(batch) {
            runs.insert(first, (offset + position, count));
        }
    }

    /// Records of the batch whose sequences are in the log, with the offsets that they have there.
    pub(super) fn find<'a>(&self, batch: &'a Batch) -> Vec<(i64, &'a BatchRecord)> {
        let identity = (batch.producer_id, batch.producer_epoch);
        let Some(runs) = self.runs.get(&identity) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (first, position, count) in pieces(batch) {
            for step in 0..count {
                let sequence = first + step;
                if let Some((start, (offset, length))) = runs.range(..=sequence).next_back()
                    && sequence < start + length
                {
                    let record = &batch.records[(position + step) as usize];
                    found.push((offset + sequence - start, record));
                }
            }
        }
        found
    }
}

/// First sequence, position in the batch and number of records, for the part before the wrap and the
/// part behind it.
fn pieces(batch: &Batch) -> impl Iterator<Item = (i64, i64, i64)> {
    const SEQUENCES: i64 = 1 << 31;
    let first = i64::from(batch.base_sequence);
    let count = batch.records.len() as i64;
    let before = count.min(SEQUENCES - first);
    [(first, 0, before), (0, before, count - before)]
        .into_iter()
        .filter(|(_, _, count)| *count > 0)
}
