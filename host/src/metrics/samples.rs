//! Snapshots of the past, which rates and averages are differences to.

use super::waits::Waits;
use odradek::{Instant, Metrics};
use std::collections::VecDeque;
use std::time::Duration;

/// What was counted at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) machine: Metrics,
    pub(crate) waits: Waits,
}

impl Sample {
    pub(crate) const fn taken_at(&self) -> Instant {
        self.machine.taken_at
    }
}

/// Snapshots about `metrics.sample.window.ms` apart, as many as `metrics.num.samples` and one.
#[derive(Debug)]
pub(crate) struct Samples {
    window: Duration,
    count: usize,
    /// The oldest first; never empty.
    kept: VecDeque<Sample>,
}

impl Samples {
    /// `first` is the snapshot of a machine that has done nothing yet.
    pub(crate) fn new(window: Duration, count: usize, first: Sample) -> Self {
        Self {
            window,
            count,
            kept: VecDeque::from([first]),
        }
    }

    /// Whether it is time for another snapshot: before anything else is counted.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let latest = self.kept.back();
        latest.is_none_or(|latest| now.since(latest.taken_at()) >= self.window)
    }

    /// Takes a snapshot. The driver takes none while nothing happens: after such a pause the numbers of
    /// now are also those of a window ago.
    pub(crate) fn add(&mut self, sample: Sample) {
        let pause = self
            .kept
            .back()
            .map(|latest| sample.taken_at().since(latest.taken_at()));
        if pause.is_some_and(|pause| pause >= self.window * 2) {
            let mut before = sample.clone();
            let window = u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX);
            let at = sample.taken_at().as_nanos().saturating_sub(window);
            before.machine.taken_at = Instant::from_nanos(at);
            self.kept.push_back(before);
        }
        self.kept.push_back(sample);
        while self.kept.len() > self.count + 1 {
            self.kept.pop_front();
        }
    }

    /// The snapshot that the latest one is compared with: the newest that lies far enough back, or the
    /// oldest there is.
    pub(crate) fn base(&self, now: Instant) -> Option<&Sample> {
        let span = self.window * u32::try_from(self.count - 1).unwrap_or(u32::MAX).max(1);
        let is_far = |sample: &&Sample| now.since(sample.taken_at()) >= span;
        let far = self.kept.iter().rev().find(is_far);
        far.or_else(|| self.kept.front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odradek::{Config, Producer};

    const WINDOW: Duration = Duration::from_secs(30);

    fn at(seconds: u64, accepted: u64) -> Sample {
        let (config, _) =
            Config::from_properties([("bootstrap.servers", "h:1")]).expect("a configuration");
        let now = Instant::from_nanos(seconds * 1_000_000_000);
        let mut machine = Producer::new(&config, 0, now).metrics(now);
        machine.records_accepted = accepted;
        Sample {
            machine,
            waits: Waits::default(),
        }
    }

    fn base(samples: &Samples, seconds: u64) -> (u64, u64) {
        let now = Instant::from_nanos(seconds * 1_000_000_000);
        let base = samples.base(now).expect("never empty");
        (
            base.taken_at().as_nanos() / 1_000_000_000,
            base.machine.records_accepted,
        )
    }

    #[test]
    fn the_base_lies_one_to_two_windows_back() {
        let mut samples = Samples::new(WINDOW, 2, at(0, 0));
        assert_eq!(base(&samples, 7), (0, 0));
        for (seconds, accepted) in [(30, 10), (60, 20), (90, 30), (120, 40)] {
            let now = Instant::from_nanos(seconds * 1_000_000_000);
            assert!(samples.is_due(now));
            samples.add(at(seconds, accepted));
            assert!(!samples.is_due(now.after(WINDOW / 2)));
        }
        assert_eq!(base(&samples, 125), (90, 30));
        assert_eq!(base(&samples, 149), (90, 30));
        assert_eq!(base(&samples, 150), (120, 40));
    }

    #[test]
    fn a_pause_is_no_part_of_the_window_after_it() {
        let mut samples = Samples::new(WINDOW, 2, at(0, 0));
        samples.add(at(30, 500));
        // An hour without a turn; the snapshot is taken before the first record after it.
        samples.add(at(3630, 500));
        assert_eq!(base(&samples, 3631), (3600, 500));
    }
}
