//! Metrics as applications read them: Java's names, with the rates and averages that need a clock.

mod samples;
mod waits;

pub(crate) use samples::{Sample, Samples};
pub(crate) use waits::{Waiting, Waits};

use odradek::metrics::{Histogram, Metrics as Totals, RecordCounts};
use std::collections::HashMap;

const PRODUCER: &str = "producer-metrics";

/// The maxima of the producer's whole life that a window has maxima of its own for.
const WINDOWED: [&str; 4] = [
    "batch-size-max",
    "produce-throttle-time-max",
    "record-queue-time-max",
    "request-latency-max",
];

/// What the producer counts: since it began, and in the latest window of time.
///
/// The window is between one and two `metrics.sample.window.ms` long (with the default
/// `metrics.num.samples` of 2), and shorter while the producer is young.
#[derive(Clone, Debug)]
pub struct Metrics {
    now: Sample,
    /// The snapshot at the beginning of the window.
    base: Sample,
}

/// One named number.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Java's group, or one that begins with `odradek` for what Java does not count.
    pub group: &'static str,
    /// The name in its group, Java's where Java has it.
    pub name: String,
    /// What tells metrics of one name apart: `client-id`, then `topic`, `node-id` or `error`.
    pub tags: Vec<(&'static str, String)>,
    /// The value: a number, bytes, ms or s, as in Java; rates are per second.
    pub value: f64,
}

impl Metrics {
    pub(crate) const fn new(now: Sample, base: Sample) -> Self {
        Self { now, base }
    }

    /// Everything since the producer began, as the machine counts it: integers and whole histograms.
    pub const fn totals(&self) -> &Totals {
        &self.now.machine
    }

    /// The value of a producer-wide metric under Java's name, such as `record-send-rate`.
    pub fn get(&self, name: &str) -> Option<f64> {
        let mut list = self.list().into_iter();
        let found = list.find(|metric| metric.name == name && metric.tags.len() == 1)?;
        Some(found.value)
    }

    /// Every metric that has a value.
    pub fn list(&self) -> Vec<Metric> {
        let mut list = List {
            client_id: self.now.machine.client_id.clone(),
            metrics: Vec::new(),
        };
        self.list_totals(&mut list);
        self.list_producer(&mut list);
        self.list_waits(&mut list);
        self.list_topics(&mut list);
        self.list_brokers(&mut list);
        list.metrics
    }

    /// The length of the window in seconds; at least one ms, so that it can divide.
    fn seconds(&self) -> f64 {
        let window = self.now.taken_at().since(self.base.taken_at());
        window.as_secs_f64().max(0.001)
    }

    /// The counters and gauges, and for each `-total` its `-rate`.
    fn list_totals(&self, list: &mut List) {
        let base: HashMap<_, _> = self
            .base
            .machine
            .entries()
            .into_iter()
            .map(|entry| ((entry.group, entry.name, entry.tags), entry.value))
            .collect();
        for entry in self.now.machine.entries() {
            if entry.group == PRODUCER && WINDOWED.contains(&entry.name) {
                continue;
            }
            let key = (entry.group, entry.name, entry.tags);
            let before = base.get(&key).copied().unwrap_or(0);
            let (group, name, tags) = key;
            if let Some(stem) = name.strip_suffix("-total") {
                list.metrics.push(Metric {
                    group,
                    name: format!("{stem}-rate"),
                    tags: tags.clone(),
                    value: entry.value.saturating_sub(before) as f64 / self.seconds(),
                });
            }
            list.metrics.push(Metric {
                group,
                name: name.to_owned(),
                tags,
                value: entry.value as f64,
            });
        }
    }

    fn list_producer(&self, list: &mut List) {
        let (now, base) = (&self.now.machine, &self.base.machine);
        let ms = 1000.0;
        for (now, base, scale, names) in [
            (
                &now.batch_bytes,
                &base.batch_bytes,
                1.0,
                ["batch-size-avg", "batch-size-max"],
            ),
            (
                &now.queue_time_us,
                &base.queue_time_us,
                ms,
                ["record-queue-time-avg", "record-queue-time-max"],
            ),
            (
                &now.request_latency_us,
                &base.request_latency_us,
                ms,
                ["request-latency-avg", "request-latency-max"],
            ),
            (
                &now.records_per_request,
                &base.records_per_request,
                1.0,
                ["records-per-request-avg", ""],
            ),
            (
                &now.throttle_time_ms,
                &base.throttle_time_ms,
                1.0,
                ["produce-throttle-time-avg", "produce-throttle-time-max"],
            ),
        ] {
            list.histogram(&now.since(base), scale, names);
        }
        let (records, before) = (&now.records, &base.records);
        list.own(None, "compression-rate-avg", compression(records, before));
        list.own(
            None,
            "record-size-avg",
            ratio(
                records
                    .uncompressed_bytes_sent
                    .saturating_sub(before.uncompressed_bytes_sent),
                records.sent.saturating_sub(before.sent),
            ),
        );
        let (traffic, before) = (&now.traffic, &base.traffic);
        let bytes = traffic.request_bytes.saturating_sub(before.request_bytes);
        let requests = traffic.requests.saturating_sub(before.requests);
        list.own(None, "request-size-avg", ratio(bytes, requests));
    }

    /// What only the host sees.
    fn list_waits(&self, list: &mut List) {
        let (now, base, seconds) = (&self.now.waits, &self.base.waits, self.seconds());
        let exhausted = now.exhausted.saturating_sub(base.exhausted) as f64;
        let waited = now.room_nanos.saturating_sub(base.room_nanos) as f64;
        for (name, value) in [
            ("buffer-exhausted-rate", exhausted / seconds),
            ("buffer-exhausted-total", now.exhausted as f64),
            ("bufferpool-wait-ratio", waited / (seconds * 1e9)),
            ("bufferpool-wait-time-ns-total", now.room_nanos as f64),
            ("flush-time-ns-total", now.flush_nanos as f64),
            ("waiting-threads", now.senders as f64),
        ] {
            list.own(None, name, Some(value));
        }
    }

    fn list_topics(&self, list: &mut List) {
        for topic in &self.now.machine.topics {
            // Topics are in the order of their handles, which are dense.
            let before = self.base.machine.topics.get(topic.topic.0 as usize);
            let before = before.map(|before| before.counts).unwrap_or_default();
            let tag = Some(("topic", topic.name.clone()));
            let value = compression(&topic.counts, &before);
            list.own(tag, "compression-rate", value);
        }
    }

    fn list_brokers(&self, list: &mut List) {
        for broker in &self.now.machine.brokers {
            let mut earlier = self.base.machine.brokers.iter();
            let before = earlier.find(|before| before.broker == broker.broker);
            let before = before.map(|before| before.counts).unwrap_or_default();
            let (now, id) = (&broker.counts, format!("node-{}", broker.broker.0));
            let latency = ratio(
                now.latency_us_sum.saturating_sub(before.latency_us_sum),
                now.latency_count.saturating_sub(before.latency_count),
            );
            let size = ratio(
                now.request_bytes.saturating_sub(before.request_bytes),
                now.requests.saturating_sub(before.requests),
            );
            let tag = || Some(("node-id", id.clone()));
            let in_ms = latency.map(|us| us / 1000.0);
            list.own(tag(), "request-latency-avg", in_ms);
            list.own(tag(), "request-size-avg", size);
        }
    }
}

/// Java's average over batches of compressed size divided by uncompressed size.
fn compression(now: &RecordCounts, before: &RecordCounts) -> Option<f64> {
    let ppm = now
        .compression_ppm_sum
        .saturating_sub(before.compression_ppm_sum);
    let batches = now.batches_sent.saturating_sub(before.batches_sent);
    ratio(ppm, batches).map(|ppm| ppm / 1e6)
}

/// One number divided by another, if there is anything to divide by.
fn ratio(sum: u64, count: u64) -> Option<f64> {
    (count > 0).then(|| sum as f64 / count as f64)
}

struct List {
    client_id: String,
    metrics: Vec<Metric>,
}

impl List {
    /// A metric of the producer, a topic or a broker; none without a value.
    fn own(&mut self, tag: Option<(&'static str, String)>, name: &str, value: Option<f64>) {
        let Some(value) = value else {
            return;
        };
        let group = match tag {
            None => PRODUCER,
            Some(("topic", _)) => "producer-topic-metrics",
            Some(_) => "producer-node-metrics",
        };
        let client = ("client-id", self.client_id.clone());
        self.metrics.push(Metric {
            group,
            name: name.to_owned(),
            tags: std::iter::once(client).chain(tag).collect(),
            value,
        });
    }

    /// The average and the maximum of a window; an empty name is left out.
    fn histogram(&mut self, window: &Histogram, scale: f64, [avg, max]: [&str; 2]) {
        let average = ratio(window.sum(), window.count());
        self.own(None, avg, average.map(|value| value / scale));
        if !max.is_empty() {
            let largest = window.max().map(|value| value as f64 / scale);
            self.own(None, max, largest);
        }
    }
}
