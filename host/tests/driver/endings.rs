//! How producers end that nobody closes by hand: scopes, drops, runtimes that go away; and the log.

use super::{TIMEOUT, Toy, answer, build, builder, peer, producer, within};
use odradek_host::{Backend, Outcome, Producer, Record, SendError, block_on};
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

#[tokio::test]
async fn a_scope_leaves_nothing_behind() {
    let address = peer(|stream| {
        thread::sleep(Duration::from_millis(50));
        answer(stream, |_| {});
    });
    let (producer, _) = producer(address, 1 << 20);
    let kept = producer.clone();
    // As a task, which is where such work is done.
    let work = tokio::spawn(producer.scope(TIMEOUT, async |producer: Producer| {
        for _ in 0..100 {
            let delivery = producer.send(&Record::to("t").value("v")).await;
            drop(delivery.map_err(|error| error.to_string())?);
        }
        Err::<(), _>("an early end".to_owned())
    }));
    let result = within(work).await.expect("no panic");
    assert_eq!(result, Err("an early end".to_owned()));
    assert_eq!(kept.stats().records_reported, 100);
    let refused = kept.send(&Record::to("t")).await;
    assert_eq!(refused.err(), Some(SendError::Closed));
}

/// The machine is the real one, natively: nobody reaches a broker, and every delivery still ends.
#[test]
fn a_producer_that_is_dropped_unclosed_still_reports_everything() {
    let builder = Producer::builder().backend(Backend::Native);
    let builder = builder.set("bootstrap.servers", "127.0.0.1:1");
    let producer = builder.set("max.block.ms", "300").build();
    let producer = producer.expect("the properties are valid");
    let record = Record::to("t").value("v");
    let single = block_on(producer.send(&record)).expect("there is room");
    let batch = block_on(producer.send_batch(&[record.clone(), record]));
    let started = Instant::now();
    drop(producer);
    let report = block_on(single);
    assert_eq!(report.outcome, Outcome::NotWritten);
    assert!(report.cause.is_some());
    assert_eq!(block_on(batch).not_written(), 2);
    assert!(started.elapsed() < TIMEOUT);
}

#[test]
fn a_runtime_that_goes_away_leaves_nobody_waiting() {
    let address = peer(|stream| {
        thread::sleep(TIMEOUT);
        drop(stream);
    });
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let toy = Toy::new(address, 1 << 20, &Arc::default());
    let (producer, taken) = runtime.block_on(async {
        let producer = build(builder().on_current_runtime(), toy);
        let record = Record::to("t").value("v");
        let taken = producer.send(&record).await.expect("staged");
        while producer.stats().bytes_transmitted == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        (producer, taken)
    });
    let record = Record::to("t").value("v");
    let staged = producer.try_send(&record).expect("there is room");
    drop(runtime);
    assert_eq!(block_on(taken).outcome, Outcome::PossiblyWritten);
    assert_eq!(block_on(staged).outcome, Outcome::NotWritten);
    let refused = block_on(producer.send(&record));
    assert!(matches!(refused, Err(SendError::Failed(_))), "{refused:?}");
}

/// What was told to `tracing` on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("odradek")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().expect("log");
        let _ = write!(log, "{} ", event.metadata().level());
        event.record(&mut Line(&mut log));
        log.push('\n');
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

#[test]
fn lost_connections_failures_and_drops_are_in_the_log() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    tracing::subscriber::with_default(log.clone(), || {
        runtime.block_on(async {
            let control = Arc::default();
            let toy = Toy::new(address, 1 << 20, &control);
            let producer = build(builder().on_current_runtime(), toy);
            let refused = async {
                while producer.connection_failures().is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            within(refused).await;
            control.lock().expect("control").lose = true;
            let delivery = producer.send(&Record::to("t")).await.expect("staged");
            within(delivery).await;
            within(producer.close(TIMEOUT)).await;
            drop(producer);
            let toy = Toy::new(address, 1 << 20, &Arc::default());
            drop(build(builder().on_current_runtime(), toy));
        });
    });
    let log = log.0.lock().expect("log").clone();
    let told = |level: &str, words: &str| {
        let lines = log.lines().filter(|line| line.starts_with(level));
        lines.filter(|line| line.contains(words)).count()
    };
    let refused = format!("{address}): connection refused");
    assert!(told("WARN", &refused) > 0, "{log}");
    assert_eq!(told("ERROR", "lost on request"), 1, "{log}");
    assert_eq!(
        told("ERROR", "the producer has failed for good"),
        1,
        "{log}"
    );
    // Of the second one alone: the first was closed, though it had failed before.
    assert_eq!(
        told("WARN", "the producer was dropped without close"),
        1,
        "{log}"
    );
}
