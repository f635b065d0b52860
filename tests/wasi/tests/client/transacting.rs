//! The transactional calls where nobody answers: they end when they were told to, and never before they may.

use crate::limits::within;
use crate::opened::{Opened, Reported, record};
use odradek_tests_wasi::client::Operating;
use odradek_tests_wasi::client::types::{
    Event, OperationEnded, OperationError, Refusal, SendError, TransactionCall, TransactionError,
    TransactionState,
};
use odradek_tests_wasi::sink;
use std::time::{Duration, Instant};

fn opened() -> Opened {
    let sink = sink::start(1);
    // It accepts connections and says nothing.
    sink.set_reading(false);
    let transactional = [("transactional.id", "till-7"), ("max.block.ms", "400")];
    Opened::new(sink.address(), &transactional)
}

fn init(opened: &mut Opened, timeout: u64) -> Result<Operating, TransactionError> {
    let (guest, store) = opened.instance.producer();
    let call = || guest.call_init_transactions(store, opened.producer, false, timeout);
    within(timeout, call).expect("no trap")
}

fn state(opened: &mut Opened) -> Option<TransactionState> {
    let (guest, store) = opened.instance.producer();
    let call = || guest.call_transaction_state(store, opened.producer);
    within(0, call).expect("no trap")
}

fn ended(opened: &mut Opened) -> Vec<OperationEnded> {
    let mut reported = Reported::default();
    opened.take(&mut reported);
    let ended = reported.others.into_iter().filter_map(|event| {
        if let Event::OperationEnded(ended) = event {
            Some(ended)
        } else {
            None
        }
    });
    ended.collect()
}

#[test]
fn a_call_without_time_begins_and_the_event_tells_the_end() {
    let mut opened = opened();
    let topic = opened.topic("t").expect("a name");
    assert!(matches!(
        state(&mut opened),
        Some(TransactionState::Uninitialized)
    ));
    let first = init(&mut opened, 0).expect("legal");
    assert!(first.result.is_none() && !first.progress.done);
    assert!(matches!(
        state(&mut opened),
        Some(TransactionState::Initializing)
    ));
    let joined = init(&mut opened, 0).expect("legal");
    assert_eq!(joined.operation, first.operation);
    let refused = opened.send(&record(topic, b"v")).refused;
    assert!(matches!(
        refused,
        Some(Refusal::Send(SendError::NoTransaction(
            TransactionState::Initializing
        )))
    ));
    let started = Instant::now();
    let all = loop {
        let all = ended(&mut opened);
        if !all.is_empty() {
            break all;
        }
        assert!(started.elapsed() < Duration::from_secs(10));
        opened.wait(100);
    };
    assert_eq!((all.len(), all[0].operation), (1, first.operation));
    assert!(matches!(all[0].call, TransactionCall::Init));
    assert!(matches!(all[0].result, Err(OperationError::TimedOut)));
}

#[test]
fn a_call_with_time_gives_the_end_and_the_event_comes_as_well() {
    let mut opened = opened();
    let started = Instant::now();
    let operating = init(&mut opened, 10_000).expect("legal");
    assert!(
        started.elapsed() >= Duration::from_millis(350),
        "{:?}",
        started.elapsed()
    );
    assert!(matches!(
        operating.result,
        Some(Err(OperationError::TimedOut))
    ));
    assert!(operating.progress.done);
    assert_eq!(ended(&mut opened).len(), 1);
    // Joined, it takes as long once more.
    let again = init(&mut opened, 100).expect("legal");
    assert!(again.result.is_none() && again.operation == operating.operation);
    assert!(ended(&mut opened).is_empty());
    assert!(opened.close(1000).done);
    let all = ended(&mut opened);
    assert!(matches!(
        all[..],
        [OperationEnded {
            result: Err(OperationError::Closed),
            ..
        }]
    ));
    assert!(matches!(
        init(&mut opened, 100),
        Err(TransactionError::Closed)
    ));
}

#[test]
fn a_producer_without_a_transactional_id_refuses() {
    let sink = sink::start(1);
    let mut opened = Opened::new(sink.address(), &[]);
    assert!(state(&mut opened).is_none());
    let refused = init(&mut opened, 1000);
    assert!(matches!(refused, Err(TransactionError::NotTransactional)));
    let (guest, store) = opened.instance.producer();
    let begun = within(0, || guest.call_begin_transaction(store, opened.producer));
    let begun = begun.expect("no trap");
    assert!(matches!(begun, Err(TransactionError::NotTransactional)));
}
