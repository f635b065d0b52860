//! Transactions about which somebody else decides (KIP-939).

use crate::broker::INIT_PRODUCER_ID;
use crate::coordinator::FIRST_ID;
use crate::faults::Answer;
use crate::transactions_world::Ended;
use crate::world::World;
use odradek::{
    DisconnectReason, ErrorCode, OperationError, Outcome, PreparedTransaction, TransactionError,
    TransactionState,
};

fn two_phase() -> World {
    World::transactional(2).config("transaction.two.phase.commit.enable", "true")
}

fn prepare(world: &mut World) -> Ended {
    let now = world.now();
    let prepare = world.producer().prepare_transaction(now);
    let prepare = prepare.expect("prepare is legal");
    world.end_of(prepare)
}

fn complete(world: &mut World, prepared: PreparedTransaction) -> Ended {
    let now = world.now();
    let complete = world.producer().complete_transaction(prepared, now);
    let complete = complete.expect("complete is legal");
    world.end_of(complete)
}

fn init_keeping(world: &mut World) -> Ended {
    let now = world.now();
    let init = world.producer().init_transactions(true, now);
    let init = init.expect("init is legal");
    world.end_of(init)
}

/// The name of an identity as a prepared transaction.
const fn named((producer_id, producer_epoch): (i64, i16)) -> PreparedTransaction {
    PreparedTransaction {
        producer_id,
        producer_epoch,
    }
}

#[test]
fn calls_of_two_phase_commit_need_it_to_be_switched_on() {
    let mut world = World::ready(2);
    world.begin();
    let now = world.now();
    let refused = world.producer().prepare_transaction(now);
    assert_eq!(refused, Err(TransactionError::NotTwoPhase));
    let refused = world
        .producer()
        .complete_transaction(named((FIRST_ID, 0)), now);
    assert_eq!(refused, Err(TransactionError::NotTwoPhase));
    assert_eq!(world.state(), TransactionState::InTransaction);
    world.committed();
    world.finish();
    let mut world = World::transactional(2);
    let now = world.now();
    let refused = world.producer().init_transactions(true, now);
    assert_eq!(refused, Err(TransactionError::NotTwoPhase));
    world.finish();
}

#[test]
fn the_sixth_version_is_for_two_phase_commit_alone() {
    for is_on in [true, false] {
        let mut world = if is_on {
            two_phase()
        } else {
            World::transactional(2)
        };
        let init = world.init();
        assert_eq!(world.end_of(init), Ok(None));
        let asked = &world.asked("init")[0];
        assert_eq!(asked.version, if is_on { 6 } else { 5 });
        assert_eq!(asked.two_phase, (is_on, false));
        world.finish();
    }
}

#[test]
fn a_cluster_that_hides_the_sixth_version_is_named_with_it() {
    let mut world = two_phase().config("max.block.ms", "5000");
    world.cluster.versions.insert(INIT_PRODUCER_ID, (0, 5));
    let init = world.init();
    assert!(world.end_of(init).is_err());
    assert!(!world.is_asked("init"), "not without two-phase commit");
    let reason = DisconnectReason::UnsupportedVersion {
        api_key: INIT_PRODUCER_ID,
    };
    let named = world.failures.iter().any(|(_, f)| f.reason == reason);
    assert!(named || world.failed.is_some());
    world.finish();
}

#[test]
fn a_prepared_transaction_is_written_and_named_and_nothing_more() {
    let mut world = two_phase().config("linger.ms", "10000").initialized();
    world.begin();
    let ticket = world.send_to("orders", 0, "v");
    let offsets = world.offsets(7);
    let prepared = prepare(&mut world);
    assert_eq!(prepared, Ok(Some(named(world.identity()))));
    assert_eq!(world.end_of(offsets), Ok(None));
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    assert_eq!(world.state(), TransactionState::Prepared);
    assert!(world.try_send("orders", Some(0), None, b"w").is_err());
    world.run_for(60_000);
    assert!(!world.is_asked("commit") && !world.is_asked("abort"));
    world.committed();
    world.finish();
}

#[test]
fn a_prepared_transaction_is_committed_when_its_own_name_comes_back() {
    let mut world = two_phase().initialized();
    world.begin();
    world.send_to("orders", 0, "v");
    let prepared = prepare(&mut world).expect("prepared").expect("its name");
    assert_eq!(complete(&mut world, prepared), Ok(None));
    assert_eq!(world.cluster.coordinator.ends, [true]);
    assert_eq!(world.state(), TransactionState::Ready);
    world.transaction("w");
    world.finish();
}

#[test]
fn a_prepared_transaction_is_aborted_when_another_name_comes_back() {
    for other in [(FIRST_ID, 7), (FIRST_ID + 1, 0)] {
        let mut world = two_phase().initialized();
        world.begin();
        world.send_to("orders", 0, "v");
        assert!(prepare(&mut world).is_ok());
        assert_eq!(complete(&mut world, named(other)), Ok(None));
        assert_eq!(world.cluster.coordinator.ends, [false]);
        world.transaction("w");
        world.finish();
    }
}

#[test]
fn a_prepared_transaction_may_be_committed_and_aborted_without_its_name() {
    for is_commit in [true, false] {
        let mut world = two_phase().initialized();
        world.begin();
        world.send_to("orders", 0, "v");
        assert!(prepare(&mut world).is_ok());
        if is_commit {
            world.committed();
        } else {
            world.aborted();
        }
        assert_eq!(world.cluster.coordinator.ends, [is_commit]);
        world.finish();
    }
}

#[test]
fn a_restart_keeps_a_prepared_transaction_and_decides_about_it() {
    for is_same in [true, false] {
        let mut world = two_phase();
        let before = (FIRST_ID, 4);
        world.cluster.coordinator.identity = Some(before);
        world.cluster.coordinator.is_open = true;
        assert_eq!(init_keeping(&mut world), Ok(Some(named(before))));
        assert_eq!(world.state(), TransactionState::Prepared);
        assert_eq!(world.asked("init")[0].two_phase, (true, true));
        assert!(world.cluster.coordinator.is_open);
        let now = world.now();
        assert!(world.producer().begin_transaction(now).is_err());
        let name = if is_same { before } else { (FIRST_ID, 3) };
        assert_eq!(complete(&mut world, named(name)), Ok(None));
        assert_eq!(world.cluster.coordinator.ends, [is_same]);
        world.transaction("v");
        world.finish();
    }
}

#[test]
fn a_restart_without_a_prepared_transaction_is_an_ordinary_one() {
    let mut world = two_phase();
    world.cluster.coordinator.identity = Some((FIRST_ID, 4));
    assert_eq!(init_keeping(&mut world), Ok(None));
    assert_eq!(world.state(), TransactionState::Ready);
    world.transaction("v");
    world.finish();
}

#[test]
fn a_restart_that_keeps_nothing_aborts_what_is_open() {
    let mut world = two_phase();
    world.cluster.coordinator.identity = Some((FIRST_ID, 4));
    world.cluster.coordinator.is_open = true;
    let init = world.init();
    assert_eq!(world.end_of(init), Ok(None));
    assert_eq!(world.cluster.coordinator.ends, [false]);
    world.finish();
}

#[test]
fn a_transaction_with_a_lost_record_cannot_be_prepared() {
    let mut world = two_phase().initialized();
    let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
    world.cluster.faults.answer("orders", 0, &answer);
    world.begin();
    world.send_to("orders", 0, "v");
    let end = prepare(&mut world);
    assert!(
        matches!(end, Err(OperationError::AbortRequired(_))),
        "{end:?}"
    );
    assert_eq!(world.state(), TransactionState::AbortableError);
    world.aborted();
    world.transaction("w");
    world.finish();
}

#[test]
fn prepare_again_while_it_is_under_way_joins_it() {
    let mut world = two_phase().initialized();
    world.begin();
    world.send_to("orders", 0, "v");
    let now = world.now();
    let first = world.producer().prepare_transaction(now).expect("legal");
    let second = world.producer().prepare_transaction(now).expect("legal");
    assert_eq!(first, second);
    assert!(matches!(world.end_of(first), Ok(Some(_))));
    world.committed();
    world.finish();
}

#[test]
fn complete_again_while_it_is_under_way_joins_it_and_turns_nothing_round() {
    for is_commit in [true, false] {
        let mut world = two_phase().initialized();
        world.begin();
        world.send_to("orders", 0, "v");
        let own = prepare(&mut world).expect("prepared").expect("a name");
        let other = named((FIRST_ID, 7));
        let (same, opposite) = if is_commit {
            (own, other)
        } else {
            (other, own)
        };
        let now = world.now();
        let first = world.producer().complete_transaction(same, now);
        let first = first.expect("legal");
        let second = world.producer().complete_transaction(same, now);
        assert_eq!(second, Ok(first));
        let turned = world.producer().complete_transaction(opposite, now);
        assert!(
            matches!(turned, Err(TransactionError::IllegalState { .. })),
            "{turned:?}"
        );
        assert_eq!(world.end_of(first), Ok(None));
        assert_eq!(world.cluster.coordinator.ends, [is_commit]);
        world.finish();
    }
}
