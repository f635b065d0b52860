//! What belongs to a transaction, and what becomes of it where the machine is slow, full or lost.

use super::{TIMEOUT, answer, build, builder, peer, within};
use crate::toy::{Control, OFFSETS_BYTES, Toy};
use odradek::{
    ErrorCode, OperationError, SendError as Refusal, TopicError, TransactionFault, TransactionState,
};
use odradek_host::{
    Cause, Delivery, FatalError, GroupMetadata, OffsetToCommit, Outcome, Producer, Record,
    ReportCause, SendError, TransactionError, block_on,
};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// Longer than any test waits, in ms.
const TEN_MINUTES: &str = "600000";

const GROUP: GroupMetadata<'static> = GroupMetadata::of_group("g");

const OFFSET: OffsetToCommit<'static> = OffsetToCommit {
    topic: "in",
    partition: 0,
    offset: 7,
    leader_epoch: None,
    metadata: None,
};

/// A producer whose peer answers every frame, after `go` said so.
fn transactional(capacity: u64) -> (Producer, Arc<Mutex<Control>>, mpsc::Sender<()>) {
    blocking("200", capacity)
}

/// The same, for calls that may wait for so many ms.
fn blocking(ms: &str, capacity: u64) -> (Producer, Arc<Mutex<Control>>, mpsc::Sender<()>) {
    let (go, gone) = mpsc::channel();
    let gone = Mutex::new(gone);
    let address = peer(move |stream| {
        answer(stream, |_| {
            let _ = gone.lock().expect("one peer").recv();
        });
    });
    let control = Arc::new(Mutex::new(Control::default()));
    control.lock().expect("control").transactions.state = Some(TransactionState::Uninitialized);
    let toy = Toy::new(address, capacity, &control);
    let builder = builder().set("transactional.id", "till-7");
    (build(builder.set("max.block.ms", ms), toy), control, go)
}

/// What offsets get while so many bytes are free.
fn no_room(free: u64) -> Result<(), TransactionError> {
    let needed = OFFSETS_BYTES;
    Err(TransactionError::BufferFull { needed, free })
}

fn log(control: &Mutex<Control>) -> Vec<String> {
    control.lock().expect("control").transactions.log.clone()
}

/// Polls a future once.
async fn begin<F: Future>(future: F) -> Option<F::Output> {
    tokio::time::timeout(Duration::ZERO, future).await.ok()
}

async fn begun(producer: &Producer) {
    within(producer.init_transactions()).await.expect("ready");
    within(producer.begin_transaction()).await.expect("open");
}

#[tokio::test]
async fn what_was_sent_before_a_commit_belongs_to_it_and_what_follows_a_begin_to_the_next() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    begun(&producer).await;
    let mut deliveries = Vec::new();
    for _ in 0..3 {
        let record = Record::to("t").value("a");
        deliveries.push(producer.send(&record).await.expect("open"));
    }
    within(producer.send_offsets(&[OFFSET], &GROUP))
        .await
        .expect("sent");
    within(producer.commit_transaction()).await.expect("done");
    within(producer.begin_transaction()).await.expect("open");
    let batch = vec![Record::to("t").value("b"); 5];
    let batch = producer.send_batch(&batch).await;
    assert_eq!(batch.accepted(), 5);
    within(producer.abort_transaction()).await.expect("done");
    let state = within(producer.transaction_state()).await;
    assert_eq!(state, Some(TransactionState::Ready));
    for delivery in deliveries {
        assert_eq!(within(delivery).await.outcome, Outcome::Written);
    }
    within(batch).await;
    // Offsets do not wait for records.
    let mut log = log(&control);
    log.retain(|entry| entry != "send_offsets");
    let sent: Vec<&str> = log.iter().map(String::as_str).collect();
    let (first, second) = sent.split_at(sent.len() / 2 + 1);
    assert_eq!(first[..2], ["init_transactions", "begin_transaction"]);
    assert!(first.contains(&"commit_transaction"), "{log:?}");
    assert!(second.contains(&"abort_transaction"), "{log:?}");
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn outside_of_a_transaction_records_are_refused_at_once() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    let record = Record::to("t").value("x");
    let refused = |state| Some(SendError::NoTransaction { state });
    let early = producer.send(&record).await.err();
    assert_eq!(early, refused(TransactionState::Uninitialized));
    begun(&producer).await;
    control.lock().expect("control").transactions.hold = true;
    let first = producer.send(&record).await.expect("open");
    let mut commit = Box::pin(producer.commit_transaction());
    assert_eq!(begin(&mut commit).await, None);
    let late = producer.send(&record).await.err();
    assert_eq!(late, refused(TransactionState::Committing));
    let late = producer.try_send(&record).err();
    assert_eq!(late, refused(TransactionState::Committing));
    let late = producer.send_batch(std::slice::from_ref(&record)).await;
    assert_eq!(
        (late.accepted(), late.refused()),
        (0, refused(TransactionState::Committing))
    );
    control.lock().expect("control").transactions.hold = false;
    // The driver looks at the machine again because somebody asks for something.
    within(producer.flush()).await;
    within(commit).await.expect("committed");
    let between = producer.send(&record).await.err();
    assert_eq!(between, refused(TransactionState::Ready));
    within(producer.begin_transaction()).await.expect("open");
    let second = producer.send(&record).await.expect("open again");
    within(producer.commit_transaction()).await.expect("done");
    assert_eq!(within(first).await.outcome, Outcome::Written);
    assert_eq!(within(second).await.outcome, Outcome::Written);
    let log = log(&control);
    let expected = [
        "init_transactions",
        "begin_transaction",
        "send 1",
        "commit_transaction",
        "begin_transaction",
        "send 1",
        "commit_transaction",
    ];
    assert_eq!(log, expected);
    // What refused records had taken of the room is free again.
    assert_eq!(producer.stats().records_reported, 2);
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn refused_records_give_their_room_back() {
    let (producer, _control, go) = transactional(4096);
    drop(go);
    within(producer.init_transactions()).await.expect("ready");
    let value = vec![b'x'; 1000];
    let record = Record::to("t").value(&value);
    for _ in 0..50 {
        let refused = producer.try_send(&record).err();
        let state = TransactionState::Ready;
        assert_eq!(refused, Some(SendError::NoTransaction { state }));
    }
    within(producer.begin_transaction()).await.expect("open");
    let delivery = within(producer.send(&record)).await.expect("room");
    within(producer.commit_transaction()).await.expect("done");
    assert_eq!(within(delivery).await.outcome, Outcome::Written);
    within(producer.close(TIMEOUT)).await;
}

/// Three records of the open transaction, which wait because the machine has no room.
async fn waiting(producer: &Producer, control: &Mutex<Control>) -> Vec<Delivery> {
    control.lock().expect("control").full = true;
    let mut deliveries = Vec::new();
    for _ in 0..3 {
        let record = Record::to("t").value("x");
        deliveries.push(producer.send(&record).await.expect("open"));
    }
    deliveries
}

/// Makes room in the machine, and has it looked at.
async fn make_room(producer: &Producer, control: &Mutex<Control>) {
    control.lock().expect("control").full = false;
    begin(producer.flush()).await;
}

#[tokio::test]
async fn a_commit_waits_for_records_that_have_no_room_and_its_caller_no_longer_than_max_block() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    begun(&producer).await;
    let deliveries = waiting(&producer, &control).await;
    let started = Instant::now();
    let late = within(producer.commit_transaction()).await;
    assert_eq!(late, Err(TransactionError::TimedOut));
    assert!(late.is_err_and(|error| error.is_retriable()));
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert!(!log(&control).contains(&"commit_transaction".to_owned()));
    // The opposite call has to wait for its turn, and is too late then.
    let mut abort = Box::pin(producer.abort_transaction());
    assert_eq!(begin(&mut abort).await, None);
    make_room(&producer, &control).await;
    let abort = within(abort).await;
    let is_late = matches!(abort, Err(TransactionError::IllegalState { .. }));
    assert!(is_late, "{abort:?}");
    for delivery in deliveries {
        assert_eq!(within(delivery).await.outcome, Outcome::Written);
    }
    let log = log(&control);
    assert_eq!(
        log.iter()
            .filter(|entry| **entry == "commit_transaction")
            .count(),
        1
    );
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn offsets_wait_for_room_and_what_follows_waits_behind_them() {
    let (producer, control, go) = blocking(TEN_MINUTES, 4096);
    begun(&producer).await;
    let value = vec![b'x'; 3500];
    let record = Record::to("t").value(&value);
    let delivery = within(producer.send(&record)).await.expect("room");
    let mut offsets = Box::pin(producer.send_offsets(&[OFFSET], &GROUP));
    assert_eq!(begin(&mut offsets).await, None);
    let mut commit = Box::pin(producer.commit_transaction());
    assert_eq!(begin(&mut commit).await, None);
    // Nothing but the answer makes room, and wakes them.
    go.send(()).expect("the peer waits");
    within(offsets).await.expect("room in time");
    within(commit).await.expect("done");
    assert_eq!(within(delivery).await.outcome, Outcome::Written);
    let log = log(&control);
    let order = ["send_offsets", "commit_transaction"].map(String::from);
    assert!(log.ends_with(&order), "{log:?}");
    drop(go);
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn offsets_wait_for_room_no_longer_than_max_block() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    begun(&producer).await;
    control.lock().expect("control").full = true;
    let started = Instant::now();
    let full = within(producer.send_offsets(&[OFFSET], &GROUP)).await;
    assert_eq!(full, no_room(0));
    assert!(started.elapsed() >= Duration::from_millis(200));
    control.lock().expect("control").full = false;
    within(producer.send_offsets(&[OFFSET], &GROUP))
        .await
        .expect("there is room");
    within(producer.commit_transaction()).await.expect("done");
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn offsets_that_will_not_be_committed_do_not_wait_for_room() {
    let (producer, control, go) = blocking(TEN_MINUTES, 1 << 20);
    drop(go);
    begun(&producer).await;
    control.lock().expect("control").full = true;
    let mut offsets = Box::pin(producer.send_offsets(&[OFFSET], &GROUP));
    assert_eq!(begin(&mut offsets).await, None);
    within(producer.abort_transaction()).await.expect("aborted");
    assert_eq!(within(offsets).await, no_room(0));
    assert!(!log(&control).contains(&"send_offsets".to_owned()));
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn offsets_that_never_fit_are_refused_at_once() {
    let (producer, _control, _go) = blocking(TEN_MINUTES, OFFSETS_BYTES - 1);
    begun(&producer).await;
    let refused = within(producer.send_offsets(&[OFFSET], &GROUP)).await;
    assert_eq!(refused, no_room(OFFSETS_BYTES - 1));
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn the_same_call_again_joins_the_one_whose_future_was_dropped() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    begun(&producer).await;
    control.lock().expect("control").transactions.hold = true;
    assert_eq!(begin(producer.commit_transaction()).await, None);
    let mut again = Box::pin(producer.commit_transaction());
    assert_eq!(begin(&mut again).await, None);
    control.lock().expect("control").transactions.hold = false;
    within(producer.flush()).await;
    within(again).await.expect("committed once");
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn a_record_refused_after_it_was_taken_costs_the_transaction() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    begun(&producer).await;
    let good = producer
        .send(&Record::to("t").value("x"))
        .await
        .expect("open");
    let bad = producer.send(&Record::to("no topic").value("x")).await;
    let bad = within(bad.expect("taken")).await;
    let cause = ReportCause::Topic(TopicError::Character);
    assert_eq!(bad.cause, Some(cause));
    let committed = within(producer.commit_transaction()).await;
    assert_eq!(committed, Err(TransactionError::RecordRefused(cause)));
    assert!(committed.is_err_and(|error| error.is_abort_required() && !error.is_fatal()));
    let offsets = within(producer.send_offsets(&[], &GROUP)).await;
    assert_eq!(offsets, Err(TransactionError::RecordRefused(cause)));
    assert!(!log(&control).contains(&"commit_transaction".to_owned()));
    within(producer.abort_transaction()).await.expect("aborted");
    within(producer.begin_transaction()).await.expect("open");
    within(producer.commit_transaction()).await.expect("done");
    within(good).await;
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn an_abort_drops_what_has_no_room_with_reports() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    begun(&producer).await;
    let deliveries = waiting(&producer, &control).await;
    within(producer.abort_transaction()).await.expect("aborted");
    for delivery in deliveries {
        let report = within(delivery).await;
        let cause = ReportCause::Delivery(Cause::TransactionAborted);
        assert_eq!(
            (report.outcome, report.cause),
            (Outcome::NotWritten, Some(cause))
        );
    }
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn records_that_wait_while_the_transaction_fails_get_reports() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    begun(&producer).await;
    let deliveries = waiting(&producer, &control).await;
    let fault = TransactionFault::Broker(ErrorCode::TRANSACTION_ABORTABLE);
    control.lock().expect("control").transactions.state = Some(TransactionState::AbortableError);
    make_room(&producer, &control).await;
    let state = TransactionState::AbortableError;
    for delivery in deliveries {
        let report = within(delivery).await;
        let cause = ReportCause::Refused(Refusal::NoTransaction { state });
        assert_eq!(
            (report.outcome, report.cause),
            (Outcome::NotWritten, Some(cause))
        );
    }
    let record = Record::to("t").value("x");
    let after = within(producer.send(&record)).await.err();
    assert_eq!(after, Some(SendError::NoTransaction { state }));
    let failure = Some(OperationError::AbortRequired(fault));
    control.lock().expect("control").transactions.failure = failure;
    let aborted = within(producer.abort_transaction()).await;
    assert_eq!(aborted, Err(TransactionError::AbortRequired(fault)));
    within(producer.close(TIMEOUT)).await;
}

#[tokio::test]
async fn a_fenced_producer_names_its_transactional_id() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    let failure = Some(OperationError::Failed(FatalError::Fenced));
    control.lock().expect("control").transactions.failure = failure;
    let error = within(producer.init_transactions()).await;
    let error = error.expect_err("fenced");
    assert!(error.is_fatal() && error.is_application_recoverable() && !error.is_retriable());
    assert!(
        error.to_string().contains("transactional.id=till-7"),
        "{error}"
    );
    within(producer.close(TIMEOUT)).await;
    let closed = within(producer.begin_transaction()).await;
    assert_eq!(closed, Err(TransactionError::Closed));
    assert_eq!(within(producer.transaction_state()).await, None);
}

#[test]
fn a_thread_without_a_runtime_makes_transactions() {
    let (producer, control, go) = transactional(1 << 20);
    drop(go);
    block_on(producer.init_transactions()).expect("ready");
    block_on(producer.begin_transaction()).expect("open");
    let delivery = block_on(producer.send(&Record::to("t").value("x"))).expect("open");
    block_on(producer.commit_transaction()).expect("done");
    assert_eq!(block_on(delivery).outcome, Outcome::Written);
    block_on(producer.close(TIMEOUT));
    assert_eq!(log(&control).len(), 4);
}

#[tokio::test]
async fn without_a_transactional_id_there_are_no_transactions() {
    let control = Arc::new(Mutex::new(Control::default()));
    let toy = Toy::new(peer(|stream| answer(stream, |_| {})), 1 << 20, &control);
    let producer = build(builder(), toy);
    let refused = within(producer.begin_transaction()).await;
    assert_eq!(refused, Err(TransactionError::NotTransactional));
    let refused = within(producer.abort_transaction()).await;
    assert_eq!(refused, Err(TransactionError::NotTransactional));
    assert_eq!(within(producer.transaction_state()).await, None);
    let delivery = producer.send(&Record::to("t").value("x")).await;
    let report = within(delivery.expect("as ever")).await;
    assert_eq!(report.outcome, Outcome::Written);
    within(producer.close(TIMEOUT)).await;
}
