//! The timestamps of records that were accepted together.

/// Timestamps in ms since 1970, in the order of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// All have this one.
    Same(i64),
    /// One for each.
    Each(Vec<i64>),
}

impl Timestamps {
    /// Keeps them.
    pub fn of(all: impl Iterator<Item = i64> + Clone) -> Self {
        let first = all.clone().next().unwrap_or_default();
        if all.clone().all(|timestamp| timestamp == first) {
            Self::Same(first)
        } else {
            Self::Each(all.collect())
        }
    }

    /// The timestamp of a record; -1 where there are not so many.
    pub fn get(&self, index: usize) -> i64 {
        match self {
            Self::Same(timestamp) => *timestamp,
            Self::Each(timestamps) => timestamps.get(index).copied().unwrap_or(-1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_keeps_its_own() {
        let different = [5, 5, 7, 6];
        let kept = Timestamps::of(different.iter().copied());
        let got: Vec<i64> = (0..4).map(|index| kept.get(index)).collect();
        assert_eq!(got, different);
        assert_eq!(Timestamps::of([3, 3].into_iter()), Timestamps::Same(3));
        assert_eq!(Timestamps::of(std::iter::empty()), Timestamps::Same(0));
    }
}
