//! The driver and the handle around a toy machine, over real sockets on the loopback interface.

#[path = "driver/callbacks.rs"]
mod callbacks;
#[path = "driver/endings.rs"]
mod endings;
mod toy;
#[path = "driver/transactions.rs"]
mod transactions;
#[path = "driver/waiting.rs"]
mod waiting;

use odradek_host::machine::MachineLost;
use odradek_host::{
    BuildError, Builder, Cause, Notice, Outcome, Producer, Record, ReportCause, SendError,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use toy::{Control, Toy};

const TIMEOUT: Duration = Duration::from_secs(10);

fn builder() -> Builder {
    Producer::builder()
        .set("bootstrap.servers", "toy:1")
        .set("max.block.ms", "200")
}

fn build(builder: Builder, toy: Toy) -> Producer {
    builder
        .build_with(Box::new(toy))
        .expect("the producer starts")
}

fn producer(address: SocketAddr, capacity: u64) -> (Producer, Arc<Mutex<Control>>) {
    let control = Arc::new(Mutex::new(Control::default()));
    let toy = Toy::new(address, capacity, &control);
    (build(builder(), toy), control)
}

/// A peer that serves connections with `serve`, one after the other.
fn peer(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            serve(stream);
        }
    });
    address
}

/// Answers every frame and gives its bytes to `seen`.
fn answer(mut stream: TcpStream, seen: impl Fn(Vec<u8>)) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        if stream.read_exact(&mut bytes).is_err() {
            return;
        }
        seen(bytes);
        if stream.write_all(&[1]).is_err() {
            return;
        }
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("done in time")
}

#[tokio::test]
async fn records_arrive_in_order_and_every_delivery_ends() {
    let (seen, frames) = mpsc::channel();
    let seen = Mutex::new(seen);
    let address = peer(move |stream| {
        answer(stream, |bytes| {
            let _ = seen.lock().expect("seen").send(bytes);
        });
    });
    let (producer, _) = producer(address, 1 << 20);
    let mut deliveries = Vec::new();
    let mut sent = Vec::new();
    for number in 0..5000 {
        let text = format!("<{number}>");
        sent.extend_from_slice(text.as_bytes());
        let record = Record::to("t").value(&text).timestamp(number);
        deliveries.push(within(producer.send(&record)).await.expect("accepted"));
    }
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let report = within(delivery).await;
        assert_eq!(report.offset, Some(number as i64));
        assert_eq!(report.timestamp, number as i64);
        assert_eq!((&*report.topic, report.outcome), ("t", Outcome::Written));
    }
    within(producer.close(TIMEOUT)).await;
    let arrived: Vec<u8> = frames.try_iter().flatten().collect();
    assert_eq!(arrived, sent);
    assert_eq!(producer.stats().records_reported, 5000);
}

#[tokio::test]
async fn a_batch_has_one_delivery_with_a_report_per_record() {
    let address = peer(|stream| answer(stream, |_| {}));
    let (producer, control) = producer(address, 4 << 20);
    let values: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let single = producer.try_send(&Record::to("t").value("first"));
    let single = match single {
        Ok(delivery) => Some(delivery),
        Err(SendError::BufferFull { .. }) => None,
        Err(error) => panic!("refused: {error}"),
    };
    let records: Vec<_> = values.iter().map(|v| Record::to("t").value(v)).collect();
    let delivery = within(producer.send_batch(&records)).await;
    assert_eq!((delivery.accepted(), delivery.refused()), (20_000, None));
    let report = within(delivery).await;
    assert!(report.all_delivered());
    assert_eq!(report.written(), 20_000);
    let skipped = i64::from(single.is_some());
    for (index, report) in report.reports().enumerate() {
        assert_eq!(report.offset, Some(index as i64 + skipped));
    }
    assert_eq!(report.reports().count(), 20_000);
    let offers = control.lock().expect("control").offers;
    assert!(offers < 200, "{offers} calls for 20 000 records");
}

#[tokio::test]
async fn a_full_buffer_makes_senders_wait_no_longer_than_max_block() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let address = peer(move |stream| {
        let _ = wait.lock().expect("wait").recv();
        answer(stream, |_| {});
    });
    let (producer, control) = producer(address, 64 << 10);
    let value = vec![7; 8 << 10];
    let record = Record::to("t").value(&value);
    let mut deliveries = Vec::new();
    let started = Instant::now();
    let error = loop {
        match within(producer.send(&record)).await {
            Ok(delivery) => deliveries.push(delivery),
            Err(error) => break error,
        }
    };
    let SendError::BufferFull { waited } = error else {
        panic!("{error}");
    };
    assert!(waited >= Duration::from_millis(200) && started.elapsed() >= waited);
    assert!(error.to_string().contains("max.block.ms"));
    assert!((7..=16).contains(&deliveries.len()), "{}", deliveries.len());
    assert!(matches!(
        producer.try_send(&record),
        Err(SendError::BufferFull { .. })
    ));
    go.send(()).expect("the peer waits");
    deliveries.push(within(producer.send(&record)).await.expect("room again"));
    for delivery in deliveries {
        assert_eq!(within(delivery).await.outcome, Outcome::Written);
    }
    assert!(control.lock().expect("control").largest_offer <= 64 << 10);
    let large = vec![0; 65 << 10];
    let error = within(producer.send(&Record::to("t").value(&large))).await;
    assert!(matches!(error, Err(SendError::TooLarge { .. })));
}

#[tokio::test]
async fn waiting_senders_are_served_in_order() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let address = peer(move |stream| {
        let _ = wait.lock().expect("wait").recv();
        answer(stream, |_| {});
    });
    let control = Arc::default();
    let toy = Toy::new(address, 16 << 10, &control);
    let producer = build(builder().set("max.block.ms", "10000"), toy);
    let value = vec![7; 4 << 10];
    let mut tasks = Vec::new();
    for _ in 0..40 {
        let (producer, value) = (producer.clone(), value.clone());
        tasks.push(tokio::spawn(async move {
            let delivery = producer.send(&Record::to("t").value(&value)).await;
            delivery.expect("room in time").await.offset
        }));
        tokio::task::yield_now().await;
    }
    go.send(()).expect("the peer waits");
    let mut offsets = Vec::new();
    for task in tasks {
        offsets.push(within(task).await.expect("no panic").expect("written"));
    }
    assert!(offsets.is_sorted(), "{offsets:?}");
}

#[tokio::test]
async fn a_slow_reader_takes_a_large_write_in_parts() {
    let address = peer(|stream| {
        thread::sleep(Duration::from_millis(300));
        answer(stream, |_| {});
    });
    let (producer, control) = producer(address, 64 << 20);
    let value = vec![9; 40 << 20];
    let delivery = within(producer.send(&Record::to("t").value(&value))).await;
    let report = within(delivery.expect("accepted")).await;
    assert_eq!(report.outcome, Outcome::Written);
    let control = control.lock().expect("control");
    assert_eq!(control.transmitted, (40 << 20) + 4);
    assert!(control.largest_transmit < 40 << 20);
}

#[tokio::test]
async fn refused_and_reset_connections_are_told_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let (producer, control) = producer(address, 1 << 20);
    let record = Record::to("t").value("v");
    let delivery = producer.send(&record).await.expect("accepted");
    while producer
        .connection_failures()
        .first()
        .is_none_or(|failed| failed.failures < 2)
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let failed = producer.connection_failures();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].latest.reason, odradek::DisconnectReason::Refused);

    let listener = TcpListener::bind(address).expect("the port is still free");
    let (reset, _) = listener.accept().expect("the driver comes back");
    let mut byte = [0];
    (&reset).read_exact(&mut byte).expect("a frame begins");
    // Closing with unread bytes resets the connection.
    drop(reset);
    let report = within(delivery).await;
    assert_eq!(report.outcome, Outcome::PossiblyWritten);
    assert!(!report.is_delivered());
    let reasons = control.lock().expect("control").reasons.clone();
    assert!(
        matches!(
            reasons.last(),
            Some(odradek::DisconnectReason::Reset | odradek::DisconnectReason::Closed)
        ),
        "{reasons:?}"
    );
    let (stream, _) = listener.accept().expect("the driver comes back");
    thread::spawn(move || answer(stream, |_| {}));
    let delivery = producer.send(&record).await.expect("accepted");
    assert_eq!(within(delivery).await.outcome, Outcome::Written);
}

#[tokio::test]
async fn names_are_looked_up() {
    let address = peer(|stream| answer(stream, |_| {}));
    for (name, found) in [("127.0.0.1", true), ("no-such-name.invalid", false)] {
        let control = Arc::<Mutex<Control>>::default();
        let toy = Toy::new(address, 1 << 20, &control).named(name);
        let producer = build(builder(), toy);
        let answered = async {
            loop {
                if let Some(count) = control.lock().expect("control").resolved {
                    break count;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert_eq!(within(answered).await > 0, found, "{name}");
        within(producer.close(TIMEOUT)).await;
    }
}

#[tokio::test]
async fn flush_and_close_wait_for_everything_before_them() {
    let address = peer(|stream| {
        thread::sleep(Duration::from_millis(50));
        answer(stream, |_| {});
    });
    let (producer, _) = producer(address, 1 << 20);
    for _ in 0..100 {
        let delivery = producer.send(&Record::to("t").value("v")).await;
        drop(delivery.expect("accepted"));
    }
    within(producer.flush()).await;
    assert_eq!(producer.stats().records_reported, 100);
    let delivery = producer.send(&Record::to("t")).await.expect("accepted");
    within(producer.close(TIMEOUT)).await;
    assert_eq!(within(delivery).await.outcome, Outcome::Written);
    let refused = producer.send(&Record::to("t")).await;
    assert_eq!(refused.err(), Some(SendError::Closed));
    within(producer.close(TIMEOUT)).await;
    within(producer.flush()).await;
}

#[tokio::test]
async fn a_close_without_time_reports_everything_as_not_or_possibly_written() {
    let address = peer(|stream| {
        thread::sleep(TIMEOUT);
        drop(stream);
    });
    let (producer, _) = producer(address, 64 << 10);
    let value = vec![1; 4 << 10];
    let mut deliveries = Vec::new();
    while let Ok(delivery) = producer.send(&Record::to("t").value(&value)).await {
        deliveries.push(delivery);
    }
    within(producer.purge()).await;
    within(producer.close(Duration::ZERO)).await;
    for delivery in deliveries {
        let report = within(delivery).await;
        assert_ne!(report.outcome, Outcome::Written);
        assert!(report.cause.is_some());
    }
}

#[tokio::test]
async fn a_bad_topic_is_reported_and_harms_no_other_record() {
    let address = peer(|stream| answer(stream, |_| {}));
    let (producer, _) = producer(address, 1 << 20);
    let bad = producer.send(&Record::to("no topic")).await.expect("taken");
    let records = [
        Record::to("good").value("1"),
        Record::to("no topic"),
        Record::to("good").value("2"),
    ];
    let batch = within(producer.send_batch(&records)).await;
    let report = within(bad).await;
    assert_eq!((report.ticket, report.outcome), (None, Outcome::NotWritten));
    assert!(matches!(report.cause, Some(ReportCause::Topic(_))));
    assert_eq!(&*report.topic, "no topic");
    let reports: Vec<_> = within(batch).await.reports().collect();
    let outcomes = reports.iter().map(|report| report.outcome);
    assert!(outcomes.eq([Outcome::Written, Outcome::NotWritten, Outcome::Written]));
    assert_eq!(reports[2].offset, Some(1));
    let wrong = producer.send(&Record::to("good").timestamp(-1)).await;
    assert!(matches!(wrong, Err(SendError::InvalidTimestamp { .. })));
}

#[tokio::test]
async fn a_lost_machine_leaves_nobody_waiting() {
    let address = peer(|stream| {
        thread::sleep(TIMEOUT);
        drop(stream);
    });
    let control = Arc::<Mutex<Control>>::default();
    let (notices, heard) = mpsc::channel();
    let notices = Mutex::new(notices);
    let hooked = builder().on_notice(move |notice| {
        let _ = notices.lock().expect("notices").send(notice.clone());
    });
    let producer = build(hooked, Toy::new(address, 1 << 20, &control));
    let value = Record::to("t").value("v");
    let taken = producer.send(&value).await.expect("accepted");
    let batch = producer.send_batch(&[value.clone(), value.clone()]).await;
    while producer.stats().records_accepted < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    control.lock().expect("control").lose = true;
    let never = producer.send(&value).await.expect("staged");
    let lost = Some(odradek_host::FatalError::MachineLost);
    let cause = Some(ReportCause::Delivery(Cause::Failed(
        odradek_host::FatalError::MachineLost,
    )));
    let report = within(taken).await;
    assert_eq!(
        (report.outcome, report.cause),
        (Outcome::PossiblyWritten, cause)
    );
    assert_eq!(within(batch).await.possibly_written(), 2);
    assert_eq!(within(never).await.outcome, Outcome::NotWritten);
    assert_eq!(producer.failure(), lost);
    let refused = producer.send(&value).await.err();
    assert_eq!(refused, lost.map(SendError::Failed));
    within(producer.flush()).await;
    let told = MachineLost::BrokenContract("lost on request");
    assert!(
        heard
            .try_iter()
            .any(|n| n == Notice::MachineLost(told.clone()))
    );
}

#[tokio::test]
async fn the_driver_may_live_in_the_callers_runtime_and_outlive_the_handles() {
    let address = peer(|stream| answer(stream, |_| {}));
    let control = Arc::default();
    let (notices, heard) = mpsc::channel();
    let notices = Mutex::new(notices);
    let builder = builder().on_current_runtime().on_notice(move |notice| {
        let _ = notices.lock().expect("notices").send(notice.clone());
    });
    let producer = build(builder, Toy::new(address, 1 << 20, &control));
    let delivery = producer.send(&Record::to("t").value("v")).await;
    drop(producer.clone());
    assert!(heard.try_recv().is_err());
    drop(producer);
    assert_eq!(heard.try_recv(), Ok(Notice::DroppedUnclosed));
    let report = within(delivery.expect("accepted")).await;
    assert_eq!(report.outcome, Outcome::Written);
}

#[test]
fn no_runtime_and_wrong_properties_are_told_by_build() {
    let toy = || Toy::new(([127, 0, 0, 1], 1).into(), 1, &Arc::default());
    let build = |builder: Builder| builder.build_with(Box::new(toy()));
    let error = build(builder().on_current_runtime()).expect_err("no runtime");
    assert!(matches!(error, BuildError::Runtime(_)), "{error}");
    let error = build(builder().set("linger.msec", "5")).expect_err("no such key");
    assert!(error.to_string().contains("linger.ms"), "{error}");
}
