//! AddPartitionsToTxn, which clusters without transactions of version 2 need before a partition is written to.

use crate::coordinator::ADD_PARTITIONS_TO_TXN;
use crate::faults::{Answer, Fate};
use crate::transactions_world::abort_required;
use crate::world::{MS, World};
use odradek::{
    Cause, ErrorCode, OperationError, Outcome, TransactionError, TransactionFault, TransactionState,
};

/// The times between requests of a kind, in ms.
fn gaps(world: &World, word: &str) -> Vec<u64> {
    let asked = world.asked(word);
    let times: Vec<u64> = asked.iter().map(|asked| asked.at / MS).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_partition_is_added_before_it_is_written_to() {
    let mut world = World::ready(1);
    let slow = [Fate::Slow(500)];
    world.cluster.faults.fate(ADD_PARTITIONS_TO_TXN, &slow);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_for(400);
    assert_eq!(world.words(), "add(orders-0)");
    assert!(world.cluster.attempts.is_empty());
    world.run_until_idle();
    world.send_to("orders", 0, "w");
    world.run_until_idle();
    assert_eq!(
        world.words(),
        "add(orders-0) produce(orders-0) produce(orders-0)",
        "added once"
    );
    world.committed();
    world.begin();
    world.send_to("orders", 0, "x");
    world.forget();
    world.committed();
    assert_eq!(
        world.words(),
        "add(orders-0) produce(orders-0) commit",
        "each transaction on its own"
    );
    world.finish();
}

#[test]
fn partitions_that_wait_together_are_added_together() {
    let mut world = World::ready(1);
    world.begin();
    world.handle("payments");
    world.send_to("orders", 0, "v");
    world.send_to("orders", 2, "v");
    world.send_to("orders", 1, "v");
    world.send_to("payments", 0, "v");
    world.committed();
    let added: Vec<String> = world.asked("add").into_iter().map(|a| a.word).collect();
    let all = "add(orders-0,orders-1,orders-2,payments-0)";
    assert!(
        added == [all] || added == ["add(orders-0,orders-1,orders-2)", "add(payments-0)"],
        "{added:?}"
    );
    assert_eq!(world.account.count(Outcome::Written), 4);
    world.finish();
}

#[test]
fn a_partition_that_comes_later_is_added_later_and_the_first_waits_for_nothing() {
    let mut world = World::ready(1);
    world.begin();
    let first = world.send_to("orders", 0, "v");
    world.run_until_asked("add");
    let slow = [Fate::Slow(500)];
    world.cluster.faults.fate(ADD_PARTITIONS_TO_TXN, &slow);
    let second = world.send_to("orders", 1, "v");
    world.run_until_idle();
    assert!(world.is_asked("add(orders-1)"));
    let (first, second) = (world.account.fortune(first), world.account.fortune(second));
    assert!(first.at + 400 * MS < second.at, "{}", world.story());
    world.committed();
    world.finish();
}

#[test]
fn the_first_partitions_come_back_soon_while_another_transaction_is_being_ended() {
    let mut world = World::ready(1);
    let busy = [ErrorCode::CONCURRENT_TRANSACTIONS; 3];
    world.errors(ADD_PARTITIONS_TO_TXN, &busy);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    let gaps = gaps(&world, "add");
    assert!((16..40).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap < 200), "{gaps:?}");
    world.committed();
    world.finish();
}

#[test]
fn other_errors_wait_for_the_usual_back_off() {
    let mut world = World::ready(1);
    let loading = [ErrorCode::COORDINATOR_LOAD_IN_PROGRESS];
    world.errors(ADD_PARTITIONS_TO_TXN, &loading);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert!(gaps(&world, "add")[0] >= 80, "{:?}", gaps(&world, "add"));
    world.forget();
    world.errors(ADD_PARTITIONS_TO_TXN, &loading);
    world.send_to("orders", 1, "v");
    world.run_until_idle();
    assert!(gaps(&world, "add")[0] >= 80, "{:?}", gaps(&world, "add"));
    world.committed();
    world.finish();
}

#[test]
fn an_unknown_partition_is_added_again() {
    let mut world = World::ready(1);
    let unknown = [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION; 2];
    let coordinator = &mut world.cluster.coordinator;
    coordinator.refuse(ADD_PARTITIONS_TO_TXN, "orders", 0, &unknown);
    world.begin();
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    assert_eq!(world.asked("add").len(), 3);
    world.committed();
    world.finish();
}

#[test]
fn one_refused_partition_takes_all_that_were_asked_for_with_it() {
    let mut world = World::ready(1);
    let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let coordinator = &mut world.cluster.coordinator;
    coordinator.refuse(ADD_PARTITIONS_TO_TXN, "orders", 1, &[refused]);
    world.begin();
    let tickets = [0, 1, 2].map(|p| world.send_to("orders", p, "v"));
    world.run_until_idle();
    assert_eq!(world.words(), "add(orders-0,orders-1,orders-2)");
    assert_eq!(world.state(), TransactionState::AbortableError);
    for ticket in tickets {
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(fortune.cause, Some(Cause::TransactionAborted));
    }
    let fault = TransactionFault::Broker(refused);
    assert_eq!(
        world.try_commit(),
        Err(TransactionError::AbortRequired(fault))
    );
    world.aborted();
    assert!(
        !world.is_asked("abort"),
        "nothing was added: {}",
        world.words()
    );
    world.transaction("w");
    world.finish();
}

#[test]
fn a_commit_that_waits_for_a_refused_partition_ends_with_its_error() {
    let mut world = World::ready(1);
    let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let coordinator = &mut world.cluster.coordinator;
    coordinator.refuse(ADD_PARTITIONS_TO_TXN, "payments", 0, &[refused]);
    world.handle("payments");
    world.begin();
    world.send_to("orders", 0, "v");
    world.send_to("payments", 0, "v");
    let commit = world.commit();
    assert_eq!(world.end_of(commit), abort_required(refused));
    world.run_until_idle();
    assert!(!world.is_asked("commit"));
    world.aborted();
    world.transaction("w");
    world.finish();
}

#[test]
fn what_was_added_before_a_refusal_is_aborted_at_the_coordinator() {
    let mut world = World::begun(1);
    let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let coordinator = &mut world.cluster.coordinator;
    coordinator.refuse(ADD_PARTITIONS_TO_TXN, "orders", 1, &[refused]);
    let lost = world.send_to("orders", 1, "v");
    world.run_until_idle();
    assert_eq!(world.state(), TransactionState::AbortableError);
    assert_eq!(world.account.fortune(lost).outcome, Outcome::NotWritten);
    world.aborted();
    assert_eq!(world.cluster.coordinator.ends, [false]);
    world.transaction("w");
    world.finish();
}

#[test]
fn nothing_is_written_to_a_partition_whose_answer_comes_after_an_abortable_error() {
    let mut world = World::begun(1);
    let slow = [Fate::Slow(500)];
    world.cluster.faults.fate(ADD_PARTITIONS_TO_TXN, &slow);
    let pending = world.send_to("orders", 1, "v");
    world.run_until_asked("add(orders-1)");
    let refused = [Answer::Error(ErrorCode::INVALID_RECORD)];
    world.cluster.faults.answer("orders", 0, &refused);
    world.send_to("orders", 0, "w");
    world.run_until_idle();
    assert_eq!(world.state(), TransactionState::AbortableError);
    world.run_for(1_000);
    let fortune = world.account.fortune(pending);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    assert_eq!(fortune.cause, Some(Cause::TransactionAborted));
    assert!(!world.is_asked("produce(orders-1)"));
    world.aborted();
    assert_eq!(world.cluster.coordinator.ends, [false]);
    assert!(!world.cluster.coordinator.is_open);
    world.finish();
}

#[test]
fn nothing_is_written_to_a_partition_that_waits_behind_an_abortable_error() {
    let mut world = World::begun(1);
    let refused = [Answer::Error(ErrorCode::INVALID_RECORD)];
    world.cluster.faults.answer("orders", 0, &refused);
    let slow = [Fate::Slow(500)];
    world.cluster.faults.fate(ADD_PARTITIONS_TO_TXN, &slow);
    world.send_to("orders", 1, "v");
    world.run_until_asked("add(orders-1)");
    let pending = world.send_to("orders", 2, "v");
    world.send_to("orders", 0, "w");
    world.run_until_idle();
    world.run_for(1_000);
    assert_eq!(world.account.fortune(pending).outcome, Outcome::NotWritten);
    assert!(!world.is_asked("add(orders-2)"), "{}", world.words());
    world.aborted();
    world.finish();
}

#[test]
fn nothing_is_written_after_a_fatal_error() {
    let mut world = World::begun(1);
    world.errors(ADD_PARTITIONS_TO_TXN, &[ErrorCode::INVALID_TXN_STATE]);
    world.forget();
    let added = world.send_to("orders", 0, "v");
    let pending = world.send_to("orders", 1, "v");
    world.run_until_idle();
    assert_eq!(world.state(), TransactionState::FatalError);
    assert_eq!(world.account.fortune(pending).outcome, Outcome::NotWritten);
    assert!(!world.is_asked("produce(orders-1)"));
    let _ = world.account.fortune(added);
    let words = world.words();
    world.run_for(10_000);
    assert_eq!(world.words(), words);
    world.finish();
}

#[test]
fn a_lost_answer_is_made_up_for_by_another_request() {
    for fate in [Fate::LoseResponse, Fate::ResetBefore] {
        let mut world = World::ready(1);
        world.cluster.faults.fate(ADD_PARTITIONS_TO_TXN, &[fate]);
        world.begin();
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_idle();
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        world.committed();
        world.finish();
    }
}

#[test]
fn an_abort_ends_what_a_lost_answer_may_have_added() {
    let mut world = World::ready(1);
    let lost = [Fate::LoseResponse];
    world.cluster.faults.fate(ADD_PARTITIONS_TO_TXN, &lost);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until(1_000, |world| world.cluster.coordinator.is_open);
    world.aborted();
    assert!(!world.cluster.coordinator.is_open, "{}", world.words());
    assert_eq!(world.cluster.coordinator.ends, [false]);
    world.transaction("w");
    world.finish();
}

#[test]
fn an_abort_ends_what_may_have_been_added_before_a_refusal() {
    // The first request may have begun the transaction, whatever is said to the second: left open, it would time
    // out within one of the next, and fence the producer. Where nothing was begun the coordinator says so.
    for (lost, ends) in [(Fate::LoseResponse, &[false][..]), (Fate::ResetBefore, &[])] {
        let mut world = World::ready(1);
        let refused = Fate::Error(ErrorCode::TRANSACTION_ABORTABLE);
        world
            .cluster
            .faults
            .fate(ADD_PARTITIONS_TO_TXN, &[lost.clone(), refused]);
        world.begin();
        world.send_to("orders", 0, "v");
        world.run_until_idle();
        world.aborted();
        let words = world.words();
        assert!(words.ends_with("add(orders-0) abort"), "{words}");
        assert!(!world.cluster.coordinator.is_open, "{lost:?}");
        assert_eq!(world.cluster.coordinator.ends, ends, "{lost:?}");
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_throttled_coordinator_is_left_alone_and_then_asked() {
    let mut world = World::transactional(1);
    let throttle = [Fate::Throttle(400)];
    world
        .cluster
        .faults
        .fate(crate::broker::INIT_PRODUCER_ID, &throttle);
    let init = world.init();
    assert_eq!(world.end_of(init), Ok(None));
    let told = world.now;
    world.begin();
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    let added = world.asked("add")[0].at;
    assert!(added >= told + 390 * MS, "{}", (added - told) / MS);
    world.committed();
    world.finish();
}

#[test]
fn a_partition_that_stays_unknown_expires_with_its_records() {
    let mut world = World::transactional(1)
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2000")
        .config("linger.ms", "0")
        .initialized();
    let unknown = [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION; 200];
    let coordinator = &mut world.cluster.coordinator;
    coordinator.refuse(ADD_PARTITIONS_TO_TXN, "orders", 0, &unknown);
    world.begin();
    let ticket = world.send_to("orders", 0, "v");
    let commit = world.commit();
    assert!(matches!(
        world.end_of(commit),
        Err(OperationError::AbortRequired(TransactionFault::Record(_)))
    ));
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
    world.aborted();
    assert!(world.asked("add").len() < 60, "no hurry");
    world.finish();
}
