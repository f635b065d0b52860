//! Where the coordinator is: it moves, it is not there yet, it goes away.

use crate::broker::INIT_PRODUCER_ID;
use crate::coordinator::{
    ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, FIND_COORDINATOR, TXN_OFFSET_COMMIT,
};
use crate::faults::Fate;
use crate::transactions_world::LEVELS;
use crate::world::{MS, World};
use odradek::{ErrorCode, OperationError, Outcome, TransactionState};

/// Three brokers; the coordinator is the second one, every partition is led by the first.
fn spread(level: i16) -> World {
    let mut world = World::transactional(level).brokers(3);
    world.cluster.coordinator.transactions_at = 2;
    world.cluster.coordinator.groups_at = 3;
    world
}

#[test]
fn requests_go_to_the_coordinator_wherever_it_is() {
    for level in LEVELS {
        let mut world = spread(level).initialized();
        world.begin();
        world.send_to("orders", 0, "v");
        let offsets = world.offsets(7);
        assert_eq!(world.end_of(offsets), Ok(None));
        world.committed();
        for asked in &world.cluster.coordinator.asked {
            let expected = match asked.word.split('(').next() {
                Some("add" | "add-offsets" | "commit") => 2,
                Some("offsets") => 3,
                Some("produce") => 1,
                _ => continue,
            };
            assert_eq!(asked.broker, expected, "{}", asked.word);
        }
        world.finish();
    }
}

#[test]
fn a_coordinator_that_moves_is_found_again_at_any_moment() {
    for level in LEVELS {
        for moment in 0..5 {
            let mut world = spread(level);
            let moves = |world: &mut World, at: i32| {
                if at == moment {
                    world.cluster.coordinator.transactions_at = 3;
                    world.cluster.coordinator.groups_at = 2;
                }
            };
            let init = world.init();
            world.run_until(1_000, |world| world.is_asked("find(me)"));
            moves(&mut world, 0);
            assert_eq!(world.end_of(init), Ok(None));
            moves(&mut world, 1);
            world.begin();
            world.send_to("orders", 0, "v");
            world.run_until_idle();
            moves(&mut world, 2);
            let offsets = world.offsets(7);
            assert_eq!(world.end_of(offsets), Ok(None));
            moves(&mut world, 3);
            let more = world.offsets(8);
            assert_eq!(world.end_of(more), Ok(None));
            moves(&mut world, 4);
            world.committed();
            assert_eq!(world.cluster.coordinator.ends, [true], "moment {moment}");
            world.transaction("w");
            world.finish();
        }
    }
}

#[test]
fn a_cold_cluster_is_waited_for() {
    let mut world = World::transactional(1);
    let (unavailable, loading, elsewhere) = (
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::NOT_COORDINATOR,
    );
    world.errors(FIND_COORDINATOR, &[unavailable; 3]);
    world.errors(INIT_PRODUCER_ID, &[loading, loading, elsewhere]);
    let init = world.init();
    assert_eq!(world.end_of(init), Ok(None));
    let words = "find(me) find(me) find(me) find(me) init init init find(me) init";
    assert_eq!(world.words(), words);
    world.transaction("v");
    world.finish();
}

#[test]
fn a_cluster_that_never_has_a_coordinator_is_asked_without_a_hurry() {
    let mut world = World::transactional(1).config("max.block.ms", "20000");
    let unavailable = [ErrorCode::COORDINATOR_NOT_AVAILABLE; 1000];
    world.errors(FIND_COORDINATOR, &unavailable);
    let before = world.now;
    let init = world.init();
    assert_eq!(world.end_of(init), Err(OperationError::TimedOut));
    assert_eq!((world.now - before) / MS, 20_000);
    let count = world.asked("find").len();
    assert!((15..60).contains(&count), "{count} look-ups in 20 s");
    world.finish();
}

#[test]
fn a_lost_look_up_is_repeated() {
    for fate in [Fate::ResetBefore, Fate::LoseResponse, Fate::CutResponse(9)] {
        let mut world = World::transactional(1);
        world.cluster.faults.fate(FIND_COORDINATOR, &[fate]);
        let init = world.init();
        assert_eq!(world.end_of(init), Ok(None));
        world.transaction("v");
        world.finish();
    }
}

#[test]
fn a_lost_connection_to_the_coordinator_is_made_up_for_by_a_look_up() {
    for fate in [Fate::ResetBefore, Fate::LoseResponse, Fate::NeverAnswer] {
        let mut world = World::transactional(1);
        world.cluster.faults.fate(INIT_PRODUCER_ID, &[fate]);
        let init = world.init();
        assert_eq!(world.end_of(init), Ok(None));
        assert_eq!(world.asked("find(me)").len(), 2);
        world.transaction("v");
        world.finish();
    }
}

#[test]
fn a_connection_that_is_lost_before_anything_is_asked_is_made_up_for() {
    let mut world = spread(1);
    let init = world.init();
    world.run_until_asked("find(me)");
    world.set_listening(2, false);
    world.cut(2);
    world.run_for(1_500);
    assert!(world.ended.is_empty());
    world.set_listening(2, true);
    assert_eq!(world.end_of(init), Ok(None));
    world.transaction("v");
    world.finish();
}

#[test]
fn a_coordinator_that_is_not_up_yet_is_waited_for() {
    let mut world = spread(1);
    world.set_listening(2, false);
    let init = world.init();
    world.run_for(20_000);
    assert!(world.ended.is_empty());
    assert!(!world.is_asked("init"));
    let count = world.connects.len();
    assert!(count < 100, "{count} attempts in 20 s");
    world.set_listening(2, true);
    assert_eq!(world.end_of(init), Ok(None));
    world.transaction("v");
    world.finish();
}

#[test]
fn a_coordinator_that_goes_down_in_a_transaction_is_followed() {
    for level in LEVELS {
        for comes_back in [true, false] {
            let mut world = spread(level).initialized();
            world.begin();
            world.send_to("orders", 0, "v");
            world.run_until_idle();
            world.set_listening(2, false);
            world.cut(2);
            let ticket = world.send_to("orders", 1, "v");
            let commit = world.commit();
            world.run_for(4_000);
            assert!(world.ended.is_empty());
            if comes_back {
                world.set_listening(2, true);
            } else {
                world.cluster.coordinator.transactions_at = 3;
            }
            assert_eq!(world.end_of(commit), Ok(None));
            assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
            assert_eq!(world.cluster.coordinator.ends, [true]);
            world.transaction("w");
            world.finish();
        }
    }
}

#[test]
fn a_leader_that_goes_down_in_a_transaction_is_waited_for() {
    for level in LEVELS {
        let mut world = World::transactional(level).brokers(3);
        world.cluster.create("far", 3);
        let mut world = world.initialized();
        world.begin();
        world.send_to("far", 2, "v");
        world.run_until_idle();
        world.set_listening(3, false);
        world.cut(3);
        let ticket = world.send_to("far", 2, "w");
        let commit = world.commit();
        world.run_for(5_000);
        assert!(!world.is_asked("commit"));
        world.set_listening(3, true);
        assert_eq!(world.end_of(commit), Ok(None));
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        world.finish();
    }
}

#[test]
fn the_coordinator_stays_known_from_transaction_to_transaction() {
    let mut world = spread(1).initialized();
    for _ in 0..5 {
        world.begin();
        world.send_to("orders", 0, "v");
        world.offsets(7);
        world.committed();
    }
    assert_eq!(world.asked("find(me)").len(), 0);
    assert_eq!(world.asked("find(group)").len(), 1);
    world.finish();
}

#[test]
fn one_request_to_a_coordinator_is_out_at_a_time() {
    let mut world = spread(1).initialized();
    for api in [
        ADD_PARTITIONS_TO_TXN,
        ADD_OFFSETS_TO_TXN,
        TXN_OFFSET_COMMIT,
        END_TXN,
    ] {
        world.cluster.faults.fate(api, &[Fate::Slow(300)]);
    }
    world.begin();
    world.send_to("orders", 0, "v");
    let offsets = world.offsets(7);
    let commit = world.commit();
    assert_eq!(world.end_of(offsets), Ok(None));
    assert_eq!(world.end_of(commit), Ok(None));
    let asked = world.cluster.coordinator.asked.iter();
    let slow = asked.filter(|a| !a.word.starts_with("find") && !a.word.starts_with("produce"));
    let times: Vec<u64> = slow.map(|asked| asked.at).collect();
    assert_eq!(times.len(), 4);
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= 300 * MS, "{}", world.words());
    }
    assert!(world.words().ends_with(" commit"));
    world.finish();
}

#[test]
fn a_look_up_is_legal_after_an_abortable_error() {
    let mut world = spread(1).initialized();
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    let refused = [crate::faults::Answer::Error(ErrorCode::INVALID_RECORD)];
    world.cluster.faults.answer("orders", 0, &refused);
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_eq!(world.state(), TransactionState::AbortableError);
    world.cluster.coordinator.transactions_at = 3;
    world.aborted();
    assert!(world.is_asked("find(me)"));
    assert_eq!(world.cluster.coordinator.ends, [false]);
    world.transaction("w");
    world.finish();
}

#[test]
fn a_coordinator_that_cannot_be_reached_is_looked_for_after_the_back_off() {
    let mut world = spread(1)
        .config("retry.backoff.ms", "3000")
        .config("retry.backoff.max.ms", "3000")
        .initialized();
    world.set_listening(2, false);
    world.cut(2);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_for(2_000);
    assert!(!world.is_asked("find"), "{}", world.words());
    world.run_until_asked("find");
    world.set_listening(2, true);
    world.committed();
    world.finish();
}
