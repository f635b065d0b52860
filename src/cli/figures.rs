//! What `bench` counts and times while its records are reported.

use crate::cli::args::{BenchApi, BenchArgs};
use crate::cli::bench_report::BenchReport;
use crate::cli::complaints::Complaints;
use crate::cli::connections::describe_failures;
use crate::cli::exit::{ExitStatus, Tally};
use crate::failures::FailedAddress;
use crate::metrics::Histogram;
use core::fmt;
use core::time::Duration;

/// The figures of a benchmark.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Records that were not taken.
    pub refusals: Refusals,
    tally: Tally,
    latencies: Histogram,
    complaints: Complaints,
    /// When the latest report came, after the start.
    elapsed: Duration,
}

/// Records that were not taken, and why.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    count: u64,
    complaints: Complaints,
}

/// What only the platform knows; `None` where it does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time from the first send to the last report.
    pub cpu: Option<Duration>,
    /// The peak of resident memory in bytes.
    pub peak_rss: Option<u64>,
}

impl Refusals {
    /// Counts a record.
    pub fn add(&mut self, error: &dyn fmt::Display) {
        self.count += 1;
        self.complaints.add(&error.to_string());
    }
}

impl Figures {
    /// Counts records that were reported `latency` after they were handed over, and `elapsed` after the
    /// start; with the reason if some were not delivered.
    pub fn add(
        &mut self,
        records: Tally,
        latency: Duration,
        elapsed: Duration,
        failure: Option<&dyn fmt::Display>,
    ) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latencies.record_many(micros, records.records());
        self.tally.delivered += records.delivered;
        self.tally.failed += records.failed;
        self.tally.possibly += records.possibly;
        self.elapsed = elapsed;
        if let Some(failure) = failure {
            self.complaints.add(&failure.to_string());
        }
    }

    /// The figures as they are printed on standard output.
    pub fn text(&self, arguments: &BenchArgs, backend: &'static str, usage: Usage) -> String {
        let report = BenchReport {
            backend,
            api: match arguments.api {
                BenchApi::Send => "send",
                BenchApi::Batch => "batch",
            },
            tally: self.tally(),
            value_bytes: arguments.size,
            elapsed: self.elapsed,
            cpu: usage.cpu,
            p50_us: self.latencies.percentile(500),
            p99_us: self.latencies.percentile(990),
            peak_rss: usage.peak_rss,
        };
        if arguments.json {
            report.to_json() + "\n"
        } else {
            report.to_table()
        }
    }

    /// How the run ended.
    pub const fn status(&self, is_acks_zero: bool) -> ExitStatus {
        self.tally().status(is_acks_zero)
    }

    /// What standard error says at the end: nothing if all is well.
    pub fn summary(&self, is_acks_zero: bool, failures: &[FailedAddress]) -> String {
        if self.status(is_acks_zero) == ExitStatus::Success {
            return String::new();
        }
        format!(
            "{}{}{}{}\n",
            self.refusals.complaints.describe(),
            self.complaints.describe(),
            describe_failures(failures),
            self.tally()
        )
    }

    const fn tally(&self) -> Tally {
        Tally {
            failed: self.tally.failed + self.refusals.count,
            ..self.tally
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_counts_as_failed_and_is_explained() {
        let mut figures = Figures::default();
        let delivered = Tally {
            delivered: 3,
            ..Tally::default()
        };
        let second = Duration::from_secs(1);
        figures.add(delivered, Duration::from_micros(50), second, None);
        assert_eq!(figures.status(false), ExitStatus::Success);
        assert_eq!(figures.summary(false, &[]), "");
        figures.refusals.add(&"too large");
        assert_eq!(figures.status(false), ExitStatus::Undelivered);
        let expected = "odradek: too large\ndelivered=3 failed=1 possibly=0\n";
        assert_eq!(figures.summary(false, &[]), expected);
    }

    #[test]
    fn with_acks_zero_all_is_well() {
        let mut figures = Figures::default();
        let possibly = Tally {
            possibly: 2,
            ..Tally::default()
        };
        figures.add(possibly, Duration::ZERO, Duration::ZERO, None);
        assert_eq!(figures.summary(true, &[]), "");
        assert_eq!(
            figures.summary(false, &[]),
            "delivered=0 failed=0 possibly=2\n"
        );
    }
}
