//! Groups of generated records for `bench`, in memory that is used again.

use crate::cli::args::BenchArgs;
use crate::cli::workload::Workload;
use core::ops::Range;

/// Makes groups of records. The same arguments give the same records.
#[derive(Clone, Debug)]
pub struct Generator {
    workload: Workload,
    keys: Vec<u8>,
    values: Vec<u8>,
    pieces: Vec<(Option<Range<usize>>, Range<usize>)>,
}

impl Generator {
    /// A generator before its first record.
    pub fn new(arguments: &BenchArgs) -> Self {
        Self {
            workload: Workload::new(arguments.seed, arguments.size as usize, arguments.keys),
            keys: Vec::new(),
            values: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Key and value of the next `count` records.
    pub fn next_group(
        &mut self,
        count: u64,
    ) -> impl ExactSizeIterator<Item = (Option<&[u8]>, &[u8])> {
        self.keys.clear();
        self.values.clear();
        self.pieces.clear();
        for _ in 0..count {
            let (key, value) = (self.keys.len(), self.values.len());
            let has_key = self
                .workload
                .append_record(&mut self.keys, &mut self.values);
            let key = has_key.then_some(key..self.keys.len());
            self.pieces.push((key, value..self.values.len()));
        }
        self.pieces.iter().map(|(key, value)| {
            let key = key.as_ref().map(|key| &self.keys[key.clone()]);
            (key, &self.values[value.clone()])
        })
    }
}
