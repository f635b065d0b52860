//! A histogram with logarithmic buckets, exact to about one and a half per cent, in integers alone.

/// Counts of values in buckets whose width grows with the value.
///
/// Values below 128 have a bucket each; above, each power of two has 64 buckets, so that a bucket is at
/// most 1/64 of its values wide. The memory grows with the largest value, to 3 776 counters at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Up to the bucket of the largest value.
    counts: Vec<u64>,
    count: u64,
    sum: u64,
    /// 0 without values.
    smallest: u64,
    largest: u64,
}

impl Histogram {
    /// A histogram without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts a value so many times.
    pub fn record_many(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.add_to_bucket(bucket(value), times);
        self.smallest = if self.count == 0 {
            value
        } else {
            self.smallest.min(value)
        };
        self.largest = self.largest.max(value);
        self.count = self.count.saturating_add(times);
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
    }

    fn add_to_bucket(&mut self, index: usize, times: u64) {
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] = self.counts[index].saturating_add(times);
    }

    /// The histogram that [`buckets`](Self::buckets) and the numbers around them came from. A bucket is
    /// named by any value that lies in it.
    pub fn from_buckets(
        buckets: impl IntoIterator<Item = (u64, u64)>,
        sum: u64,
        min: Option<u64>,
        max: Option<u64>,
    ) -> Self {
        let mut histogram = Self {
            sum,
            smallest: min.unwrap_or(0),
            largest: max.unwrap_or(0),
            ..Self::default()
        };
        for (value, times) in buckets.into_iter().filter(|(_, times)| *times > 0) {
            histogram.add_to_bucket(bucket(value), times);
            histogram.count = histogram.count.saturating_add(times);
        }
        histogram
    }

    /// How many values were counted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all values; it stops at the largest number there is.
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The smallest value; `None` without values.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.smallest)
    }

    /// The largest value; `None` without values.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.largest)
    }

    /// The buckets that hold values, in order: the largest value that a bucket may hold, and how many
    /// values it does hold.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let counts = self.counts.iter().copied().enumerate();
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(index, count)| (bucket_end(index), count))
    }

    /// What was counted since `earlier`, a snapshot of the same histogram: count and sum are exact, the
    /// smallest and largest value are those of their buckets.
    pub fn since(&self, earlier: &Self) -> Self {
        let earlier_counts = earlier.counts.iter().copied();
        let counts: Vec<u64> = self
            .counts
            .iter()
            .zip(earlier_counts.chain(core::iter::repeat(0)))
            .map(|(now, before)| now.saturating_sub(before))
            .collect();
        let first = counts.iter().position(|count| *count > 0);
        let last = counts.iter().rposition(|count| *count > 0);
        Self {
            count: self.count.saturating_sub(earlier.count),
            sum: self.sum.saturating_sub(earlier.sum),
            smallest: first.map_or(0, |index| bucket_start(index).max(self.smallest)),
            largest: last.map_or(0, |index| bucket_end(index).min(self.largest)),
            counts,
        }
    }

    /// The value that a part of all values does not exceed, rounded up to the end of its bucket; `None`
    /// without values. `per_thousand` is 500 for the median, 990 for the 99th percentile.
    pub fn percentile(&self, per_thousand: u32) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let wanted = u128::from(self.count) * u128::from(per_thousand.min(1000));
        let wanted = (wanted.div_ceil(1000) as u64).max(1);
        let mut seen = 0;
        for (end, count) in self.buckets() {
            seen += count;
            if seen >= wanted {
                return Some(end.min(self.largest));
            }
        }
        Some(self.largest)
    }
}

/// Values below this have a bucket each.
const LINEAR: u64 = 128;
/// How many buckets a power of two has, as a power of two.
const STEP_BITS: u32 = 6;
fn bucket(value: u64) -> usize {
    if value < LINEAR {
        return value as usize;
    }
    // 7 for 128..256; the bits below the highest one choose among 64 buckets.
    let power = value.ilog2();
    let within = (value >> (power - STEP_BITS)) & ((1 << STEP_BITS) - 1);
    LINEAR as usize + ((power - 7) << STEP_BITS) as usize + within as usize
}

/// The smallest value of a bucket.
fn bucket_start(index: usize) -> u64 {
    index
        .checked_sub(1)
        .map_or(0, |before| bucket_end(before).saturating_add(1))
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
        assert_eq!(bucket(u64::MAX), 3_776 - 1);
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

    #[test]
    fn a_difference_holds_what_came_in_between() {
        let mut histogram = Histogram::new();
        histogram.record_many(7, 3);
        histogram.record(100_000);
        let earlier = histogram.clone();
        histogram.record_many(20, 2);
        histogram.record(1_000);
        let between = histogram.since(&earlier);
        assert_eq!((between.count(), between.sum()), (3, 1_040));
        assert_eq!(between.min(), Some(20));
        let max = between.max().expect("there are values");
        assert!((1_000..=1_016).contains(&max), "{max}");
        assert_eq!(between.percentile(500), Some(20));
        let none = histogram.since(&histogram);
        assert_eq!((none.count(), none.min(), none.max()), (0, None, None));
    }

    #[test]
    fn buckets_make_the_same_histogram_again() {
        let mut histogram = Histogram::new();
        for value in [0, 5, 5, 130, 77_777] {
            histogram.record(value);
        }
        let (min, max) = (histogram.min(), histogram.max());
        let again = Histogram::from_buckets(histogram.buckets(), histogram.sum(), min, max);
        assert_eq!(again, histogram);
        let none = Histogram::from_buckets([], 0, None, None);
        assert_eq!(none, Histogram::new());
    }

    #[test]
    fn sums_stop_at_the_largest_number() {
        let mut histogram = Histogram::new();
        histogram.record_many(u64::MAX, 3);
        histogram.record(u64::MAX);
        assert_eq!((histogram.sum(), histogram.count()), (u64::MAX, 4));
        assert_eq!(histogram.percentile(1), Some(u64::MAX));
    }
}
