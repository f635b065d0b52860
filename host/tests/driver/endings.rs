//! How producers end that nobody closes by hand: scopes, drops, runtimes that go away.

use super::{TIMEOUT, Toy, answer, build, builder, peer, producer, within};
use odradek_host::{Backend, Outcome, Producer, Record, SendError, block_on};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

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
