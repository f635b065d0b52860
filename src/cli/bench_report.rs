//! What `bench` found out, as a table for people or one line of JSON.

use crate::cli::exit::Tally;
use core::fmt::Write as _;
use core::time::Duration;
use serde_json::{Value, json};

/// The result of one benchmark.
#[derive(Clone, Debug)]
pub struct BenchReport {
    /// `component`, `native` or `wasi`.
    pub backend: &'static str,
    /// `send` or `batch`.
    pub api: &'static str,
    /// How many records came to which end.
    pub tally: Tally,
    /// The size of each value in bytes.
    pub value_bytes: u32,
    /// From the first send to the last report.
    pub elapsed: Duration,
    /// User and system time of the process in that time; `None` where it cannot be known.
    pub cpu: Option<Duration>,
    /// Median of the time from send to report in microseconds.
    pub p50_us: Option<u64>,
    /// 99th percentile of the time from send to report in microseconds.
    pub p99_us: Option<u64>,
    /// The peak of resident memory in bytes; `None` where it cannot be known.
    pub peak_rss: Option<u64>,
}

impl BenchReport {
    /// One JSON object without a newline.
    pub fn to_json(&self) -> String {
        json!({
            "backend": self.backend,
            "api": self.api,
            "records": self.records(),
            "delivered": self.tally.delivered,
            "failed": self.tally.failed,
            "possibly": self.tally.possibly,
            "seconds": rounded(self.elapsed.as_secs_f64(), 6),
            "records_per_second": rounded(self.records_per_second(), 1),
            "cpu_s_per_million": self.cpu_per_million().map_or(Value::Null, |cpu| rounded(cpu, 4)),
            "p50_us": self.p50_us,
            "p99_us": self.p99_us,
            "peak_rss_mb": self.peak_rss_mb().map_or(Value::Null, |peak| rounded(peak, 1)),
        })
        .to_string()
    }

    /// A table of one value per line, each line ended.
    pub fn to_table(&self) -> String {
        let mut table = String::new();
        let unknown = || "unknown".to_owned();
        let micros = |value: Option<u64>| value.map_or_else(unknown, |us| format!("{us} us"));
        let megabytes = self.records_per_second() * f64::from(self.value_bytes) / (1024.0 * 1024.0);
        let cpu = self.cpu_per_million();
        let rows = [
            ("backend", self.backend.to_owned()),
            ("api", self.api.to_owned()),
            ("records", self.records().to_string()),
            ("time", format!("{:.3} s", self.elapsed.as_secs_f64())),
            (
                "throughput",
                format!(
                    "{:.0} records/s, {megabytes:.1} MiB/s of values",
                    self.records_per_second()
                ),
            ),
            (
                "cpu",
                cpu.map_or_else(unknown, |cpu| format!("{cpu:.3} s per million records")),
            ),
            ("latency p50", micros(self.p50_us)),
            ("latency p99", micros(self.p99_us)),
            (
                "peak memory",
                self.peak_rss_mb()
                    .map_or_else(unknown, |peak| format!("{peak:.1} MiB")),
            ),
        ];
        for (name, value) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{name:<12} {value}");
        }
        table
    }

    const fn records(&self) -> u64 {
        self.tally.records()
    }

    fn records_per_second(&self) -> f64 {
        self.records() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    fn cpu_per_million(&self) -> Option<f64> {
        let records = (self.records() as f64).max(1.0);
        self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / records)
    }

    fn peak_rss_mb(&self) -> Option<f64> {
        self.peak_rss.map(|bytes| bytes as f64 / (1024.0 * 1024.0))
    }
}

fn rounded(value: f64, digits: i32) -> Value {
    let scale = 10f64.powi(digits);
    json!((value * scale).round() / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> BenchReport {
        BenchReport {
            backend: "native",
            api: "send",
            tally: Tally {
                delivered: 2_000_000,
                failed: 0,
                possibly: 0,
            },
            value_bytes: 100,
            elapsed: Duration::from_millis(2500),
            cpu: Some(Duration::from_millis(3000)),
            p50_us: Some(1200),
            p99_us: Some(5600),
            peak_rss: Some(64 * 1024 * 1024),
        }
    }

    #[test]
    fn json_has_the_figures_under_their_names() {
        let json: Value = serde_json::from_str(&report().to_json()).expect("it is JSON");
        assert_eq!(json["backend"], "native");
        assert_eq!(json["api"], "send");
        assert_eq!(json["records_per_second"], json!(800_000.0));
        assert_eq!(json["cpu_s_per_million"], json!(1.5));
        assert_eq!(
            (&json["p50_us"], &json["p99_us"]),
            (&json!(1200), &json!(5600))
        );
        assert_eq!(json["peak_rss_mb"], json!(64.0));
    }

    #[test]
    fn what_cannot_be_known_is_null() {
        let report = BenchReport {
            cpu: None,
            peak_rss: None,
            p50_us: None,
            ..report()
        };
        let json: Value = serde_json::from_str(&report.to_json()).expect("it is JSON");
        for name in ["cpu_s_per_million", "peak_rss_mb", "p50_us"] {
            assert_eq!(json[name], Value::Null);
        }
        assert!(report.to_table().contains("unknown"));
    }

    #[test]
    fn the_table_names_every_figure() {
        let table = report().to_table();
        assert!(
            table.contains("throughput   800000 records/s, 76.3 MiB/s of values\n"),
            "{table}"
        );
        assert!(
            table.contains("cpu          1.500 s per million records\n"),
            "{table}"
        );
    }
}
