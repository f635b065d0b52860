//! The snapshot of what the machine counts, put together from the rooms that count.

use super::Producer;
use crate::ids::TopicHandle;
use crate::metrics::{Metrics, RecordCounts, TopicMetrics};
use crate::time::Instant;

impl Producer {
    /// A copy of all counters and gauges. Changes nothing; takes time and memory in proportion to the
    /// topics and brokers, not to the records.
    pub fn metrics(&self, now: Instant) -> Metrics {
        let topics: Vec<TopicMetrics> = (0..)
            .map(TopicHandle)
            .map_while(|topic| self.topic_metrics(topic))
            .collect();
        let mut records = RecordCounts::default();
        for topic in &topics {
            records.add(&topic.counts);
        }
        let (sending, traffic) = (&self.sender.counters, &self.cluster.traffic);
        Metrics {
            taken_at: self.now.max(now),
            client_id: self.cluster.client_id().to_owned(),
            records,
            topics,
            traffic: traffic.total(),
            brokers: traffic.brokers(),
            errors: sending.errors(),
            records_accepted: self.delivery.next_ticket(),
            buffer_refusals: sending.refusals,
            record_bytes_max: sending.record_bytes_max,
            batch_splits: sending.batch_splits,
            buffer_total_bytes: self.memory.limit(),
            buffer_free_bytes: self.free_bytes(),
            requests_in_flight: self.cluster.requests_in_flight() as u64,
            metadata_at: self.cluster.metadata.updated_at(),
            batch_bytes: sending.batch_bytes.clone(),
            queue_time_us: sending.queue_time_us.clone(),
            records_per_request: sending.records_per_request.clone(),
            request_latency_us: traffic.request_latency_us.clone(),
            throttle_time_ms: traffic.throttle_time_ms.clone(),
        }
    }

    fn topic_metrics(&self, topic: TopicHandle) -> Option<TopicMetrics> {
        let name = self.topic_name(topic)?.to_owned();
        let mut counts = self.sender.counters.of(topic);
        counts.add(&self.delivery.outcomes.of(topic));
        Some(TopicMetrics {
            topic,
            name,
            counts,
        })
    }
}
