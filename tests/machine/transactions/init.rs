//! Becoming ready: the coordinator is found, it gives an identity, and ends what a former producer left.

use crate::broker::INIT_PRODUCER_ID;
use crate::coordinator::{FIND_COORDINATOR, FIRST_ID};
use crate::transactions_world::LEVELS;
use crate::world::{MS, World};
use odradek::{
    DisconnectReason, ErrorCode, FatalError, OperationError, TransactionCall, TransactionError,
    TransactionState,
};

#[test]
fn the_coordinator_is_found_and_gives_an_identity() {
    for level in LEVELS {
        let mut world = World::transactional(level);
        assert_eq!(world.state(), TransactionState::Uninitialized);
        let init = world.init();
        assert_eq!(world.state(), TransactionState::Initializing);
        assert_eq!(world.end_of(init), Ok(None));
        assert_eq!(world.state(), TransactionState::Ready);
        assert_eq!(world.words(), "find(me) init");
        assert_eq!(world.asked("init")[0].identity, (-1, -1));
        assert_eq!(world.asked("init")[0].two_phase, (false, false));
        world.begin();
        world.send_to("orders", 0, "v");
        world.committed();
        let first = &world.cluster.attempts[0].batch;
        assert_eq!(
            (
                first.producer_id,
                first.producer_epoch,
                first.base_sequence,
                first.is_transactional
            ),
            (FIRST_ID, 0, 0, true)
        );
        world.finish();
    }
}

#[test]
fn the_timeout_of_transactions_is_told() {
    for (configured, told) in [(None, 60_000), (Some("1121"), 1121)] {
        let mut world = World::transactional(2);
        if let Some(ms) = configured {
            world = world.config("transaction.timeout.ms", ms);
        }
        let init = world.init();
        assert_eq!(world.end_of(init), Ok(None));
        assert_eq!(world.asked("init")[0].timeout_ms, told);
        world.finish();
    }
}

#[test]
fn one_request_in_flight_is_enough() {
    let world = World::transactional(1).config("max.in.flight.requests.per.connection", "1");
    let mut world = world.initialized();
    world.transaction("v");
    assert_eq!(world.words(), "add(orders-0) produce(orders-0) commit");
    world.finish();
}

#[test]
fn init_is_legal_once() {
    let mut world = World::ready(1);
    let now = world.now();
    assert_eq!(
        world.producer().init_transactions(false, now),
        Err(TransactionError::IllegalState {
            call: TransactionCall::Init,
            state: TransactionState::Ready,
        })
    );
    world.transaction("v");
    world.finish();
}

#[test]
fn init_again_while_it_is_under_way_joins_it() {
    let mut world = World::transactional(1);
    let first = world.init();
    world.run_for(1);
    let second = world.init();
    assert_eq!(first, second);
    assert_eq!(world.end_of(first), Ok(None));
    assert_eq!(world.inits(), 1);
    world.finish();
}

#[test]
fn a_transaction_that_a_former_producer_left_open_is_ended_before() {
    for level in LEVELS {
        let mut world = World::transactional(level);
        world.cluster.coordinator.identity = Some((FIRST_ID, 4));
        world.cluster.coordinator.is_open = true;
        let init = world.init();
        assert_eq!(world.end_of(init), Ok(None));
        assert_eq!(world.words(), "find(me) init init");
        assert_eq!(world.cluster.coordinator.ends, [false]);
        // One epoch to fence the former producer, one for this one.
        assert_eq!(world.identity(), (FIRST_ID, 6));
        world.transaction("v");
        assert_eq!(world.cluster.attempts[0].batch.producer_epoch, 6);
        world.finish();
    }
}

#[test]
fn concurrent_transactions_are_waited_for_without_a_hurry() {
    let mut world = World::transactional(1);
    let busy = [ErrorCode::CONCURRENT_TRANSACTIONS; 20];
    world.errors(INIT_PRODUCER_ID, &busy);
    let before = world.now;
    let init = world.init();
    assert_eq!(world.end_of(init), Ok(None));
    assert_eq!(world.inits(), 21);
    let took = (world.now - before) / MS;
    assert!((21 * 20..30_000).contains(&took), "{took} ms");
    world.finish();
}

#[test]
fn what_is_not_allowed_at_present_may_be_asked_for_again() {
    for code in [
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ] {
        let mut world = World::transactional(1);
        world.errors(INIT_PRODUCER_ID, &[code]);
        let init = world.init();
        assert_eq!(world.end_of(init), Err(OperationError::Refused(code)));
        assert_eq!(world.state(), TransactionState::Uninitialized);
        assert_eq!(world.failed, None);
        let init = world.init();
        assert_eq!(world.end_of(init), Ok(None));
        world.transaction("v");
        world.finish();
    }
}

#[test]
fn a_transaction_that_cannot_be_started_may_be_started_again() {
    let code = ErrorCode::TRANSACTION_ABORTABLE;
    let mut world = World::transactional(1);
    world.errors(INIT_PRODUCER_ID, &[code]);
    let init = world.init();
    assert!(world.end_of(init).is_err());
    assert_ne!(world.state(), TransactionState::FatalError);
    if world.state() == TransactionState::AbortableError {
        let abort = world.abort();
        assert_eq!(world.end_of(abort), Ok(None));
    }
    if world.state() == TransactionState::Uninitialized {
        let init = world.init();
        assert_eq!(world.end_of(init), Ok(None));
    }
    world.transaction("v");
    world.finish();
}

#[test]
fn a_cluster_that_lacks_a_request_is_told_so() {
    for api in [FIND_COORDINATOR, INIT_PRODUCER_ID] {
        let mut world = World::transactional(1);
        world.cluster.versions.remove(&api);
        let init = world.init();
        if api == FIND_COORDINATOR {
            let fatal = FatalError::Transaction(ErrorCode::UNSUPPORTED_VERSION);
            assert_eq!(world.end_of(init), Err(OperationError::Failed(fatal)));
            assert_eq!(world.state(), TransactionState::FatalError);
        } else {
            // Every idempotent producer needs it: no connection counts without it.
            assert_eq!(world.end_of(init), Err(OperationError::TimedOut));
            let reason = DisconnectReason::UnsupportedVersion { api_key: api };
            assert!(world.failures.iter().any(|(_, f)| f.reason == reason));
        }
        world.finish();
    }
}

#[test]
fn without_any_broker_init_times_out() {
    let mut world = World::transactional(1).config("max.block.ms", "7000");
    for broker in [1, 2] {
        world.set_listening(broker, false);
    }
    let before = world.now;
    let init = world.init();
    assert_eq!(world.end_of(init), Err(OperationError::TimedOut));
    assert_eq!(world.now - before, 7_000 * MS);
    world.finish();
}

#[test]
fn brokers_of_every_generation_are_served() {
    use crate::coordinator::{
        ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT,
    };
    for generation in 0..=6 {
        let mut world = World::transactional(1);
        world.cluster.coordinator.level = (generation > 3).then_some(1);
        for (api, newest) in [
            // Version 0 finds coordinators of groups only.
            (FIND_COORDINATOR, generation.max(1)),
            (INIT_PRODUCER_ID, generation),
            (ADD_PARTITIONS_TO_TXN, generation),
            (ADD_OFFSETS_TO_TXN, generation.min(4)),
            (END_TXN, generation.min(5)),
            (TXN_OFFSET_COMMIT, generation.min(5)),
            (crate::broker::PRODUCE, generation + 3),
        ] {
            world.cluster.versions.insert(api, (0, newest));
        }
        let mut world = world.initialized();
        world.begin();
        world.send_to("orders", 0, "v");
        let offsets = world.offsets(7);
        assert_eq!(world.end_of(offsets), Ok(None), "{generation}");
        world.committed();
        world.begin();
        world.send_to("orders", 0, "w");
        world.run_until_idle();
        world.aborted();
        assert_eq!(world.cluster.coordinator.ends, [true, false]);
        world.finish();
    }
}
