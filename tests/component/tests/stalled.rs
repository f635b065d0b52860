//! A broker that stops reading while far more than the buffer is offered: the component's linear memory
//! stays within its bound, and all is delivered once the broker reads again.
//!
//! `ODRADEK_FULL=1` offers 1 GB in each case; otherwise it is 128 MiB.

use odradek::{Bulk, BulkError, BulkRecord, Instant};
use odradek_host::machine::{Backend, open};
use odradek_host::sink::{Sink, SinkHandle};
use odradek_host::{BatchDelivery, Producer, Record, SendError, Stats};
use odradek_tests_component::records::Dice;
use std::time::Duration;

/// `buffer.memory` in bytes.
const BUFFER: u64 = 8 << 20;

/// What the component may have: the bound that users are promised.
const MEMORY_LIMIT: u64 = 2 * BUFFER + (16 << 20);

/// The largest value in bytes; their mean is half of it.
const VALUE_MAX: u64 = 20_000;

/// How many records are offered at once.
const CHUNK: usize = 64;

/// Nothing takes longer, or something hangs.
const TIMEOUT: Duration = Duration::from_secs(600);

/// How many bytes of values are offered.
fn offered_bytes() -> u64 {
    let is_full = std::env::var("ODRADEK_FULL").is_ok_and(|full| full == "1");
    if is_full { 1_000_000_000 } else { 128 << 20 }
}

fn properties(servers: &str, others: &[(&str, &str)]) -> Vec<(String, String)> {
    let buffer = BUFFER.to_string();
    let common = [
        ("bootstrap.servers", servers),
        ("buffer.memory", &buffer),
        ("max.block.ms", "600000"),
        ("delivery.timeout.ms", "600000"),
    ];
    let all = common.iter().chain(others);
    all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("done in time")
}

async fn sink() -> SinkHandle {
    let sink = Sink::bind(([127, 0, 0, 1], 0).into(), 3).await;
    let sink = sink.expect("it listens");
    let handle = sink.handle();
    tokio::spawn(sink.run(|peer, error| panic!("{peer}: {error}")));
    handle
}

/// Values of all lengths, the same for the same seed: pieces of bytes that compress to about a half.
struct Values {
    dice: Dice,
    bytes: Vec<u8>,
    left: u64,
}

impl Values {
    fn new() -> Self {
        let mut dice = Dice::new(3);
        let bytes = (0..1 << 20).map(|_| b'a' + dice.below(16) as u8);
        Self {
            bytes: bytes.collect(),
            left: offered_bytes(),
            dice,
        }
    }

    /// Where the next values are in `bytes`; none when enough was offered.
    fn chunk(&mut self) -> Vec<std::ops::Range<usize>> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK && self.left > 0 {
            let length = self.dice.below(VALUE_MAX + 1).min(self.left);
            let start = self.dice.below(self.bytes.len() as u64 - VALUE_MAX) as usize;
            chunk.push(start..start + length as usize);
            self.left -= length;
        }
        chunk
    }
}

/// Waits until the producer has transmitted nothing for a while, because nobody reads.
async fn stuck(producer: &Producer) -> Stats {
    // A pause of the machine may look like a standstill once, not so often in a row.
    const LOOKS: u32 = 3;
    let (mut before, mut alike) = (producer.stats(), 0);
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stats = producer.stats();
        let (was, is) = (before.bytes_transmitted, stats.bytes_transmitted);
        let moved = was != is || stats.records_reported != before.records_reported;
        alike = if moved { 0 } else { alike + 1 };
        if alike == LOOKS {
            return stats;
        }
        before = stats;
    }
    panic!("it never stops: {before:?}");
}

/// Hands over all values, waiting for room.
async fn offer_all(producer: Producer) -> (u64, Vec<BatchDelivery>) {
    let (mut values, mut deliveries, mut records) = (Values::new(), Vec::new(), 0);
    loop {
        let chunk = values.chunk();
        if chunk.is_empty() {
            return (records, deliveries);
        }
        let value = |range: &std::ops::Range<usize>| &values.bytes[range.clone()];
        let chunk: Vec<_> = chunk
            .iter()
            .map(|range| Record::to("t").value(value(range)))
            .collect();
        let delivery = producer.send_batch(&chunk).await;
        assert_eq!(
            (delivery.accepted(), delivery.refused()),
            (chunk.len(), None)
        );
        records += chunk.len() as u64;
        deliveries.push(delivery);
    }
}

/// Offers everything to a sink that stops reading at once and again and again, always until nothing
/// moves; then lets it read. Gives the numbers at the end and the number of records.
async fn offer_to_a_stalling_sink(others: &[(&str, &str)]) -> (Stats, u64, SinkHandle) {
    let sink = sink().await;
    let producer = Producer::builder()
        .properties(properties(&sink.address().to_string(), others))
        .build()
        .expect("it starts");
    let first = within(producer.send(&Record::to("t").value("first"))).await;
    within(first.expect("taken"))
        .await
        .delivered()
        .expect("written");

    sink.set_reading(false);
    let offering = tokio::spawn(offer_all(producer.clone()));
    for _ in 0..4 {
        let stats = stuck(&producer).await;
        assert!(!offering.is_finished());
        assert_eq!(producer.failure(), None);
        assert!(
            stats.free_bytes < BUFFER / 4,
            "the buffer is full: {stats:?}"
        );
        assert!(
            (BUFFER..=MEMORY_LIMIT).contains(&stats.linear_memory_bytes),
            "{stats:?}"
        );
        sink.set_reading(true);
        tokio::time::sleep(Duration::from_millis(20)).await;
        sink.set_reading(false);
    }
    stuck(&producer).await;
    sink.set_reading(true);

    let (records, deliveries) = within(offering).await.expect("all are taken");
    let mut written = 0;
    for delivery in deliveries {
        written += within(delivery).await.written() as u64;
    }
    assert_eq!(written, records);
    within(producer.close(TIMEOUT)).await;
    let stats = producer.stats();
    eprintln!(
        "{records} records, linear memory {} bytes",
        stats.linear_memory_bytes
    );
    assert!(stats.linear_memory_bytes <= MEMORY_LIMIT, "{stats:?}");
    (stats, records, sink)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_stops_reading_gets_everything_in_the_end() {
    let others = [("request.timeout.ms", "300000")];
    let (stats, records, sink) = offer_to_a_stalling_sink(&others).await;
    assert_eq!(stats.records_reported, records + 1);
    assert_eq!(sink.counts().records, records + 1, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_batches_stay_within_the_bound_too() {
    let others = [
        ("request.timeout.ms", "300000"),
        ("compression.type", "lz4"),
    ];
    let (_, records, sink) = offer_to_a_stalling_sink(&others).await;
    assert_eq!(sink.counts().records, records + 1, "each once");
}

/// Requests time out while the sink is stalled, so that connections are given up and batches go back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_time_out_meanwhile_stay_within_the_bound_too() {
    let sink = sink().await;
    let others = [
        ("request.timeout.ms", "300"),
        ("reconnect.backoff.ms", "20"),
        ("retry.backoff.ms", "20"),
    ];
    let producer = Producer::builder()
        .properties(properties(&sink.address().to_string(), &others))
        .build()
        .expect("it starts");
    let first = within(producer.send(&Record::to("t").value("first"))).await;
    within(first.expect("taken"))
        .await
        .delivered()
        .expect("written");
    sink.set_reading(false);
    let offering = tokio::spawn(offer_all(producer.clone()));
    while producer
        .connection_failures()
        .iter()
        .map(|f| f.failures)
        .sum::<u64>()
        < 6
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!offering.is_finished());
    sink.set_reading(true);
    let (records, deliveries) = within(offering).await.expect("all are taken");
    let mut written = 0;
    for delivery in deliveries {
        written += within(delivery).await.written() as u64;
    }
    assert_eq!(written, records);
    within(producer.close(TIMEOUT)).await;
    let memory = producer.stats().linear_memory_bytes;
    assert!((BUFFER..=MEMORY_LIMIT).contains(&memory), "{memory}");
}

/// An application that does not wait: everything is offered while nobody reads.
#[tokio::test]
async fn what_is_offered_without_waiting_is_refused_and_costs_no_memory() {
    let sink = sink().await;
    let producer = Producer::builder()
        .properties(properties(
            &sink.address().to_string(),
            &[("request.timeout.ms", "300000")],
        ))
        .build()
        .expect("it starts");
    sink.set_reading(false);
    let (mut values, mut deliveries, mut refused) = (Values::new(), Vec::new(), 0);
    loop {
        let chunk = values.chunk();
        if chunk.is_empty() {
            break;
        }
        for range in chunk {
            match producer.try_send(&Record::to("t").value(&values.bytes[range])) {
                Ok(delivery) => deliveries.push(delivery),
                Err(SendError::BufferFull { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        tokio::task::yield_now().await;
    }
    assert!(refused > deliveries.len(), "{refused} refused");
    sink.set_reading(true);
    for delivery in deliveries {
        within(delivery).await.delivered().expect("written");
    }
    within(producer.close(TIMEOUT)).await;
    let memory = producer.stats().linear_memory_bytes;
    assert!((1..=MEMORY_LIMIT).contains(&memory), "{memory}");
}

/// A host that offers past a full buffer: the machine refuses, and keeps nothing of what it refused.
#[test]
fn a_machine_that_is_offered_more_than_it_has_room_for_stays_within_its_memory() {
    let properties = properties("localhost:9092", &[]);
    let opened = open(Backend::Component, &properties, 1, Instant::ZERO);
    let mut machine = opened.expect("it opens").machine;
    let topic = machine.topic("t").expect("not lost").expect("a name");
    let (mut values, mut accepted, mut refused) = (Values::new(), 0, 0);
    loop {
        let chunk = values.chunk();
        if chunk.is_empty() {
            break;
        }
        let record = |range: &std::ops::Range<usize>| BulkRecord {
            topic,
            partition: -1,
            timestamp: -1,
            key_length: -1,
            value_length: range.len() as i32,
            header_count: 0,
        };
        let records: Vec<_> = chunk.iter().map(record).collect();
        let data: Vec<u8> = chunk
            .iter()
            .flat_map(|range| values.bytes[range.clone()].iter().copied())
            .collect();
        let bulk = Bulk {
            records: &records,
            headers: &[],
            data: &data,
        };
        let outcome = machine
            .send_many(&bulk, 0, Instant::ZERO)
            .expect("not lost");
        accepted += u64::from(outcome.accepted);
        if let Some(error) = outcome.refused {
            assert!(
                matches!(
                    error,
                    BulkError::Send(odradek::SendError::BufferFull { .. })
                ),
                "{error:?}"
            );
            refused += 1;
        }
        // The machine does what it has to, too.
        machine
            .step(&[], Instant::ZERO, &mut Vec::new())
            .expect("not lost");
    }
    let memory = machine.linear_memory_bytes();
    assert!((BUFFER..=MEMORY_LIMIT).contains(&memory), "{memory}");
    assert!(
        accepted > 100 && refused > 100,
        "{accepted} accepted, {refused} calls refused"
    );
}
