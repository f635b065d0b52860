//! Senders that wait for room: in order, from tasks and threads, and no longer than they may.

use super::{TIMEOUT, Toy, answer, build, builder, peer, within};
use odradek_host::{Producer, Record, SendError, block_on};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// A producer with room for a few records of 4 KiB, whose peer answers nothing until it is let.
fn full(max_block: &str) -> (Producer, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let address = peer(move |stream: TcpStream| {
        let _ = wait.lock().expect("wait").recv();
        answer(stream, |_| {});
    });
    let toy = Toy::new(address, 16 << 10, &Arc::default());
    let producer = build(builder().set("max.block.ms", max_block), toy);
    let value = vec![7; 4 << 10];
    let mut taken_at = Instant::now();
    // Full is what stays full: the driver may still be about to take what is staged.
    while taken_at.elapsed() < Duration::from_millis(100) {
        match producer.try_send(&Record::to("t").value(&value)) {
            Ok(delivery) => {
                drop(delivery);
                taken_at = Instant::now();
            }
            Err(SendError::BufferFull { .. }) => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
    (producer, go)
}

#[test]
fn a_thread_without_a_runtime_waits_as_long_as_max_block() {
    let (producer, go) = full("200");
    let value = vec![7; 4 << 10];
    let started = Instant::now();
    let error = block_on(producer.send(&Record::to("t").value(&value)));
    assert!(matches!(error, Err(SendError::BufferFull { .. })));
    assert!(started.elapsed() >= Duration::from_millis(200));
    go.send(()).expect("the peer waits");
    let delivery = block_on(producer.send(&Record::to("t").value(&value)));
    let report = block_on(delivery.expect("room again"));
    assert!(report.is_delivered());
    block_on(producer.close(TIMEOUT));
}

/// A single record, a batch of three, a thread, and one that would like to push ahead.
#[tokio::test]
async fn senders_of_every_kind_are_served_in_the_order_in_which_they_came() {
    let (producer, go) = full("10000");
    let value = vec![7; 4 << 10];
    let (told, heard) = mpsc::channel();
    let pause = || tokio::time::sleep(Duration::from_millis(50));
    let first = tokio::spawn({
        let (producer, value, told) = (producer.clone(), value.clone(), told.clone());
        async move {
            let delivery = producer.send(&Record::to("t").value(&value)).await;
            told.send("task").expect("heard");
            delivery.expect("room in time").await.offset
        }
    });
    pause().await;
    let batch = tokio::spawn({
        let (producer, value, told) = (producer.clone(), value.clone(), told.clone());
        async move {
            let record = Record::to("t").value(&value);
            let delivery = producer
                .send_batch(&[record.clone(), record.clone(), record])
                .await;
            told.send("batch").expect("heard");
            delivery
                .await
                .reports()
                .next()
                .and_then(|report| report.offset)
        }
    });
    pause().await;
    let thread = tokio::task::spawn_blocking({
        let (producer, value, told) = (producer.clone(), value.clone(), told.clone());
        move || {
            let delivery = block_on(producer.send(&Record::to("t").value(&value)));
            told.send("thread").expect("heard");
            block_on(delivery.expect("room in time")).offset
        }
    });
    pause().await;
    let tiny = producer.try_send(&Record::to("t"));
    assert!(
        matches!(tiny, Err(SendError::BufferFull { .. })),
        "it overtook"
    );
    assert!(heard.try_recv().is_err(), "nobody has room");
    go.send(()).expect("the peer waits");
    let first = within(first).await.expect("no panic");
    let batch = within(batch).await.expect("no panic");
    within(thread).await.expect("no panic").expect("written");
    // The thread runs beside this one: it may use its room before a task uses what it got earlier.
    assert!(first.is_some() && first < batch, "{first:?} {batch:?}");
    within(producer.close(TIMEOUT)).await;
}
