//! A histogram of durations with logarithmic buckets, exact to about one per cent.

/// Counts of values in buckets whose width grows with the value.
///
/// Values below 128 have a bucket each; above, each power of two has 64 buckets, so that a bucket is at
/// most 1/64 of its values wide. The memory is fixed: 3 776 counters.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Histogram {
    /// A histogram without values.
    pub fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            largest: 0,
        }
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.largest = self.largest.max(value);
    }

    /// How many values were counted.
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The value that a part of all values does not exceed, rounded up to the end of its bucket; `None`
    /// without values. `per_thousand` is 500 for the median, 990 for the 99th percentile.
    pub fn percentile(&self, per_thousand: u32) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        let wanted = u128::from(self.total) * u128::from(per_thousand.min(1000));
        let wanted = (wanted.div_ceil(1000) as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(bucket_end(index).min(self.largest));
            }
        }
        Some(self.largest)
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// Values below this have a bucket each.
const LINEAR: u64 = 128;
/// How many buckets a power of two has, as a power of two.
const STEP_BITS: u32 = 6;
const BUCKETS: usize = LINEAR as usize + (64 - 7) * (1 << STEP_BITS);

fn bucket(value: u64) -> usize {
    if value < LINEAR {
        return value as usize;
    }
    // 7 for 128..256; the bits below the highest one choose among 64 buckets.
    let power = value.ilog2();
    let within = (value >> (power - STEP_BITS)) & ((1 << STEP_BITS) - 1);
    LINEAR as usize + ((power - 7) << STEP_BITS) as usize + within as usize
}

/// The largest value of a bucket.
fn bucket_end(index: usize) -> u64 {
    let Some(above) = index.checked_sub(LINEAR as usize) else {
        return index as u64;
    };
    let power = 7 + (above >> STEP_BITS) as u32;
    let within = (above & ((1 << STEP_BITS) - 1)) as u64;
    let width = 1u64 << (power - STEP_BITS);
    (1u64 << power) + width * within + (width - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        let mut values: Vec<u64> = (0..2000).collect();
        for power in 11..64 {
            values.extend([
                (1 << power) - 1,
                1 << power,
                (1 << power) + (1 << (power - 1)) + 3,
            ]);
        }
        values.push(u64::MAX);
        for value in values {
            let index = bucket(value);
            assert!(value <= bucket_end(index), "{value}");
            assert!(index == 0 || value > bucket_end(index - 1), "{value}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_exact_to_a_bucket() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.percentile(500), None);
        for value in 1..=100_000 {
            histogram.record(value);
        }
        let near = |per_thousand, exact: u64| {
            let value = histogram
                .percentile(per_thousand)
                .expect("there are values");
            assert!(
                value >= exact && value - exact <= exact / 60,
                "{value} for {exact}"
            );
        };
        near(500, 50_000);
        near(990, 99_000);
        assert_eq!(histogram.percentile(1000), Some(100_000));
        assert_eq!(histogram.percentile(0), Some(1));
        assert_eq!(histogram.count(), 100_000);
    }

    #[test]
    fn few_values_give_the_smallest_that_is_enough() {
        let mut histogram = Histogram::new();
        for value in [3, 1, 2] {
            histogram.record(value);
        }
        assert_eq!(histogram.percentile(500), Some(2));
        assert_eq!(histogram.percentile(990), Some(3));
    }
}
