//! Where a producer is, and what is legal there.

use crate::broker::INIT_PRODUCER_ID;
use crate::coordinator::END_TXN;
use crate::faults::{Answer, Fate};
use crate::transactions_world::LEVELS;
use crate::world::World;
use odradek::{
    ErrorCode, FatalError, GroupMetadata, PreparedTransaction, SendError, TransactionCall,
    TransactionError, TransactionState,
};

const STATES: [TransactionState; 10] = [
    TransactionState::Uninitialized,
    TransactionState::Initializing,
    TransactionState::Ready,
    TransactionState::InTransaction,
    TransactionState::Preparing,
    TransactionState::Prepared,
    TransactionState::Committing,
    TransactionState::Aborting,
    TransactionState::AbortableError,
    TransactionState::FatalError,
];

const CALLS: [TransactionCall; 8] = [
    TransactionCall::Init,
    TransactionCall::Begin,
    TransactionCall::Send,
    TransactionCall::SendOffsets,
    TransactionCall::Prepare,
    TransactionCall::Complete,
    TransactionCall::Commit,
    TransactionCall::Abort,
];

/// Brings a producer with two-phase commit into a state.
fn world_in(state: TransactionState) -> World {
    let world = World::transactional(2).config("transaction.two.phase.commit.enable", "true");
    let is_early = matches!(
        state,
        TransactionState::Uninitialized | TransactionState::Initializing
    );
    let mut world = if is_early { world } else { world.initialized() };
    let slow = [Fate::Slow(5_000)];
    match state {
        TransactionState::Uninitialized | TransactionState::Ready => {}
        TransactionState::Initializing => {
            world.init();
        }
        TransactionState::InTransaction => world.begin(),
        TransactionState::Preparing | TransactionState::Prepared => {
            world.begin();
            world.send_to("orders", 0, "v");
            let now = world.now();
            let prepare = world.producer().prepare_transaction(now);
            let prepare = prepare.expect("prepare is legal");
            if state == TransactionState::Prepared {
                assert!(matches!(world.end_of(prepare), Ok(Some(_))));
            }
        }
        TransactionState::Committing | TransactionState::Aborting => {
            world.begin();
            world.send_to("orders", 0, "v");
            world.run_until_idle();
            world.cluster.faults.fate(END_TXN, &slow);
            if state == TransactionState::Committing {
                world.commit();
            } else {
                world.abort();
            }
            world.run_for(10);
        }
        TransactionState::AbortableError => {
            world.begin();
            let refused = [Answer::Error(ErrorCode::INVALID_RECORD)];
            world.cluster.faults.answer("orders", 0, &refused);
            world.send_to("orders", 0, "v");
            world.run_until_idle();
        }
        TransactionState::FatalError => {
            world.begin();
            world.send_to("orders", 0, "v");
            world.run_until_idle();
            world.errors(END_TXN, &[ErrorCode::PRODUCER_FENCED]);
            let commit = world.commit();
            assert!(world.end_of(commit).is_err());
        }
    }
    assert_eq!(world.state(), state, "{}", world.story());
    world
}

/// Makes a call; a refusal of `send` is put into the words of the others.
fn call(world: &mut World, call: TransactionCall) -> Result<(), TransactionError> {
    let now = world.now();
    match call {
        TransactionCall::Init => world.producer().init_transactions(false, now).map(drop),
        TransactionCall::Begin => world.producer().begin_transaction(now),
        TransactionCall::Send => match world.try_send("orders", Some(0), None, b"v") {
            Ok(_) => Ok(()),
            Err(SendError::NoTransaction { state }) => {
                Err(TransactionError::IllegalState { call, state })
            }
            Err(SendError::AbortRequired(fault)) => Err(TransactionError::AbortRequired(fault)),
            Err(SendError::Failed(error)) => Err(TransactionError::Failed(error)),
            Err(other) => panic!("{other}"),
        },
        TransactionCall::SendOffsets => world
            .try_offsets(&[("input", 0, 7)], &GroupMetadata::of_group("group"))
            .map(drop),
        TransactionCall::Prepare => world.producer().prepare_transaction(now).map(drop),
        TransactionCall::Complete => {
            let prepared = PreparedTransaction {
                producer_id: 1,
                producer_epoch: 1,
            };
            world
                .producer()
                .complete_transaction(prepared, now)
                .map(drop)
        }
        TransactionCall::Commit => world.try_commit().map(drop),
        TransactionCall::Abort => world.try_abort().map(drop),
    }
}

#[test]
fn every_call_is_legal_where_the_state_says_so_and_refused_everywhere_else() {
    for state in STATES {
        for legal in CALLS {
            let mut world = world_in(state);
            let result = call(&mut world, legal);
            if state.legal_calls().contains(&legal) {
                assert_eq!(result, Ok(()), "{legal} while {state}");
                continue;
            }
            match (state, result) {
                (TransactionState::AbortableError, Err(TransactionError::AbortRequired(_))) => {}
                (TransactionState::FatalError, Err(error)) => {
                    assert_eq!(error, TransactionError::Failed(FatalError::Fenced));
                }
                (_, result) => assert_eq!(
                    result,
                    Err(TransactionError::IllegalState { call: legal, state }),
                    "{legal} while {state}"
                ),
            }
            assert_eq!(world.state(), state, "{legal} while {state}");
        }
    }
}

#[test]
fn a_refused_call_changes_nothing() {
    let mut world = World::ready(1);
    for illegal in [
        TransactionCall::Init,
        TransactionCall::Send,
        TransactionCall::SendOffsets,
        TransactionCall::Commit,
        TransactionCall::Abort,
    ] {
        let refused = TransactionError::IllegalState {
            call: illegal,
            state: TransactionState::Ready,
        };
        assert_eq!(call(&mut world, illegal), Err(refused));
    }
    world.run_for(1_000);
    assert_eq!(world.words(), "");
    assert_eq!(world.held(), 0);
    world.begin();
    assert!(call(&mut world, TransactionCall::Begin).is_err());
    world.send_to("orders", 0, "v");
    world.committed();
    assert_eq!(world.words(), "add(orders-0) produce(orders-0) commit");
    world.finish();
}

#[test]
fn a_commit_and_an_abort_lead_back_to_ready() {
    for level in LEVELS {
        for is_commit in [true, false] {
            let mut world = World::ready(level);
            assert_eq!(world.state(), TransactionState::Ready);
            world.begin();
            assert_eq!(world.state(), TransactionState::InTransaction);
            world.send_to("orders", 0, "v");
            world.run_until_idle();
            assert_eq!(world.state(), TransactionState::InTransaction);
            let (operation, during) = if is_commit {
                (world.commit(), TransactionState::Committing)
            } else {
                (world.abort(), TransactionState::Aborting)
            };
            assert_eq!(world.state(), during);
            assert_eq!(world.end_of(operation), Ok(None));
            assert_eq!(world.state(), TransactionState::Ready);
            assert_eq!(world.cluster.coordinator.ends, [is_commit]);
            world.finish();
        }
    }
}

#[test]
fn an_abortable_error_leads_back_to_ready_by_an_abort() {
    for level in LEVELS {
        let mut world = World::begun(level);
        let refused = [Answer::Error(ErrorCode::INVALID_RECORD)];
        world.cluster.faults.answer("orders", 0, &refused);
        world.send_to("orders", 0, "v");
        world.run_until_idle();
        assert_eq!(world.state(), TransactionState::AbortableError);
        let abort = world.abort();
        assert_eq!(world.state(), TransactionState::Aborting);
        assert_eq!(world.end_of(abort), Ok(None));
        assert_eq!(world.cluster.coordinator.ends, [false]);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_fatal_error_is_the_end() {
    for level in LEVELS {
        let mut world = World::begun(level);
        world.errors(END_TXN, &[ErrorCode::INVALID_TXN_STATE]);
        let commit = world.commit();
        assert!(world.end_of(commit).is_err());
        assert_eq!(world.state(), TransactionState::FatalError);
        let words = world.words();
        world.run_for(60_000);
        assert_eq!(world.words(), words, "something was asked after the end");
        world.finish();
    }
}

#[test]
fn a_producer_without_a_transactional_id_has_no_transactions() {
    let mut world = World::new().topic("orders", 1);
    assert_eq!(world.producer().transaction_state(), None);
    for illegal in CALLS {
        if illegal != TransactionCall::Send {
            let refused = call(&mut world, illegal);
            assert_eq!(
                refused,
                Err(TransactionError::NotTransactional),
                "{illegal}"
            );
        }
    }
    world.send("orders", None, "v");
    world.run_until_idle();
    assert_eq!(world.words(), "");
    assert!(!world.cluster.attempts[0].batch.is_transactional);
    world.finish();
}

#[test]
fn an_idle_producer_is_quiet() {
    for is_open in [false, true] {
        let mut world = if is_open {
            World::begun(1)
        } else {
            World::ready(1)
        };
        let (outputs, words) = (world.outputs, world.words());
        world.run_for(60_000);
        let more = world.outputs - outputs;
        assert!(
            more < 40,
            "{more} outputs in an idle minute\n{}",
            world.story()
        );
        assert_eq!(world.words(), words);
        let commit = world.try_commit();
        assert_eq!(commit.is_ok(), is_open);
        world.run_for(1_000);
        world.finish();
    }
}

#[test]
fn a_producer_that_was_never_initialized_asks_for_no_identity() {
    let mut world = World::transactional(1);
    world.handle("orders");
    world.run_for(60_000);
    let seen = &world.cluster.seen;
    assert!(seen.iter().all(|seen| seen.api != INIT_PRODUCER_ID));
    world.finish();
}
