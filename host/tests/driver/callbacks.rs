//! Functions that are called with reports: in order, late ones too, and in any case.

use super::{Control, TIMEOUT, Toy, answer, build, builder, peer, producer, within};
use odradek_host::{Outcome, Record, Report};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A callback that says which record it is of.
fn tell(to: &mpsc::Sender<(i64, Report)>, number: i64) -> impl FnOnce(Report) + Send + use<> {
    let to = to.clone();
    move |report| {
        let _ = to.send((number, report));
    }
}

/// Callbacks are set while reports come, so that many of them are late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_of_a_partition_are_called_in_the_order_of_its_records() {
    let address = peer(|stream| answer(stream, |_| {}));
    let (producer, _) = producer(address, 1 << 20);
    let (told, calls) = mpsc::channel();
    for number in 0..20_000 {
        let delivery = within(producer.send(&Record::to("t").value("v"))).await;
        let delivery = delivery.expect("accepted");
        if number % 1000 == 999 {
            within(producer.flush()).await;
        }
        delivery.on_report(tell(&told, number));
    }
    within(producer.close(TIMEOUT)).await;
    drop(told);
    let mut expected = 0;
    while let Ok((number, report)) = calls.recv_timeout(TIMEOUT) {
        assert_eq!((number, report.offset), (expected, Some(expected)));
        expected += 1;
    }
    assert_eq!(expected, 20_000);
}

#[tokio::test]
async fn a_callback_runs_in_the_driver_even_if_its_report_was_there_before() {
    let address = peer(|stream| answer(stream, |_| {}));
    let (producer, _) = producer(address, 1 << 20);
    let delivery = producer.send(&Record::to("t").value("v")).await;
    let batch = producer
        .send_batch(&[Record::to("t"), Record::to("t")])
        .await;
    within(producer.flush()).await;
    let (told, calls) = mpsc::channel();
    let tell = told.clone();
    delivery.expect("accepted").on_report(move |report| {
        let _ = tell.send((thread::current().id(), u64::from(report.is_delivered())));
    });
    batch.on_report(move |report| {
        let _ = told.send((thread::current().id(), report.written()));
    });
    let calls: Vec<_> = (0..2).map(|_| calls.recv_timeout(TIMEOUT)).collect();
    let calls = calls.into_iter().collect::<Result<Vec<_>, _>>();
    let calls = calls.expect("both are called");
    assert_eq!((calls[0].1, calls[1].1), (1, 2));
    assert!(calls.iter().all(|(id, _)| *id != thread::current().id()));
}

#[tokio::test]
async fn a_callback_that_panics_harms_no_other_record() {
    let address = peer(|stream| answer(stream, |_| {}));
    let (producer, _) = producer(address, 1 << 20);
    let record = Record::to("t").value("v");
    let delivery = producer.send(&record).await.expect("accepted");
    let (told, called) = mpsc::channel();
    delivery.on_report(move |_| {
        told.send(()).expect("the test waits");
        panic!("a callback of the application, as the test wants it");
    });
    called.recv_timeout(TIMEOUT).expect("it is called");
    let delivery = within(producer.send(&record)).await.expect("accepted");
    assert_eq!(within(delivery).await.outcome, Outcome::Written);
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn callbacks_are_called_when_the_machine_is_lost_and_afterwards() {
    let address = peer(|stream| {
        thread::sleep(TIMEOUT);
        drop(stream);
    });
    let control = Arc::<Mutex<Control>>::default();
    let producer = build(builder(), Toy::new(address, 1 << 20, &control));
    let record = Record::to("t").value("v");
    let (told, calls) = mpsc::channel();
    let before = producer.send(&record).await.expect("accepted");
    let after = producer.send(&record).await.expect("accepted");
    before.on_report(tell(&told, 0));
    control.lock().expect("control").lose = true;
    let last = producer.send(&record).await.expect("staged");
    last.on_report(tell(&told, 1));
    while producer.failure().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    within(producer.flush()).await;
    after.on_report(tell(&told, 2));
    let mut called: Vec<i64> = Vec::new();
    for _ in 0..3 {
        let (number, report) = calls.recv_timeout(TIMEOUT).expect("it is called");
        assert_ne!(report.outcome, Outcome::Written);
        called.push(number);
    }
    called.sort_unstable();
    assert_eq!(called, [0, 1, 2]);
}
