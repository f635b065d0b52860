//! Transactions of version 2 (KIP-890): partitions join by being written to, each end raises the epoch, and
//! the feature that the cluster finalized says which version holds.

use crate::broker::PRODUCE;
use crate::coordinator::{END_TXN, EPOCH_MAX, FIRST_ID};
use crate::faults::{Answer, Fate};
use crate::world::World;
use odradek::{Cause, ErrorCode, Outcome, TransactionFault, TransactionState};

/// One transaction with a record and an offset, in words.
fn one_of_all(world: &mut World) -> String {
    world.forget();
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    let offsets = world.offsets(7);
    assert_eq!(world.end_of(offsets), Ok(None));
    world.committed();
    world.words().replace("find(group) ", "")
}

const V1: &str = "add(orders-0) produce(orders-0) add-offsets(group) offsets(input-0=7) commit";
const V2: &str = "produce(orders-0) offsets(input-0=7) commit";

/// Brokers tell their features when a connection is made.
fn reconnect(world: &mut World) {
    world.cut(1);
    world.cut(2);
    world.run_for(3_000);
    world.watch("orders");
    world.run_for(3_000);
}

#[test]
fn the_feature_decides_and_not_the_versions_of_requests() {
    for (level, expected) in [
        (None, V1),
        (Some(0), V1),
        (Some(1), V1),
        (Some(2), V2),
        (Some(3), V2),
    ] {
        let mut world = World::transactional(0);
        world.cluster.coordinator.level = level;
        let mut world = world.initialized();
        assert_eq!(one_of_all(&mut world), expected, "{level:?}");
        let version = |word| world.asked(word)[0].version;
        if expected == V2 {
            assert!(version("produce") >= 12);
            assert_eq!((version("offsets"), version("commit")), (5, 5));
        } else {
            assert!(version("produce") <= 11);
            assert!(version("offsets") <= 4 && version("commit") <= 4);
        }
        world.finish();
    }
}

#[test]
fn every_end_raises_the_epoch_and_sequences_begin_at_0() {
    let mut world = World::ready(2);
    for round in 0..5 {
        world.begin();
        let start = world.cluster.attempts.len();
        for i in 0..3 {
            world.send_to("orders", 0, &format!("{round} {i}"));
            world.run_until_idle();
        }
        let batches = world.cluster.attempts[start..].iter();
        let stamps: Vec<(i64, i16, i32)> = batches
            .map(|a| {
                (
                    a.batch.producer_id,
                    a.batch.producer_epoch,
                    a.batch.base_sequence,
                )
            })
            .collect();
        assert_eq!(stamps, [0, 1, 2].map(|s| (FIRST_ID, round, s)));
        if round % 2 == 0 {
            world.committed();
        } else {
            world.aborted();
        }
        assert_eq!(world.identity(), (FIRST_ID, round + 1));
    }
    assert!(!world.is_asked("init"));
    world.finish();
}

#[test]
fn under_version_1_the_epoch_stays_and_sequences_go_on() {
    let mut world = World::ready(1);
    for _ in 0..3 {
        world.transaction("v");
    }
    let stamps: Vec<(i16, i32)> = world
        .cluster
        .attempts
        .iter()
        .map(|a| (a.batch.producer_epoch, a.batch.base_sequence))
        .collect();
    assert_eq!(stamps, [(0, 0), (0, 1), (0, 2)]);
    world.finish();
}

#[test]
fn an_end_that_exhausts_the_epoch_brings_another_producer_id() {
    let mut world = World::transactional(2);
    world.cluster.coordinator.identity = Some((FIRST_ID, EPOCH_MAX - 1));
    let mut world = world.initialized();
    assert_eq!(world.identity(), (FIRST_ID, EPOCH_MAX));
    world.transaction("v");
    assert_eq!(world.identity(), (FIRST_ID + 1, 0));
    world.transaction("w");
    let last = &world.cluster.attempts.last().expect("a batch").batch;
    assert_eq!(
        (last.producer_id, last.producer_epoch, last.base_sequence),
        (FIRST_ID + 1, 0, 0)
    );
    world.finish();
}

#[test]
fn epochs_only_rise_whatever_ends_how() {
    let mut world = World::ready(2);
    for i in 0..30 {
        world.begin();
        if i % 3 != 2 {
            world.send_to("orders", i % 3, "v");
        }
        if i % 5 == 4 {
            let answer = [Answer::Error(ErrorCode::INVALID_RECORD)];
            world.cluster.faults.answer("orders", 0, &answer);
            world.send_to("orders", 0, "v");
            world.run_until_idle();
        }
        if i % 4 == 1 {
            let lost = [Fate::LoseResponse];
            world.cluster.faults.fate(END_TXN, &lost);
        }
        if i % 2 == 0 && world.state() == TransactionState::InTransaction {
            world.committed();
        } else {
            world.aborted();
        }
    }
    let epochs = world.cluster.attempts.iter();
    let epochs: Vec<i16> = epochs.map(|a| a.batch.producer_epoch).collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
    let named: Vec<i16> = ["commit", "abort"]
        .iter()
        .flat_map(|word| world.asked(word))
        .map(|asked| asked.identity.1)
        .collect();
    assert!(named.iter().all(|epoch| *epoch <= world.identity().1));
    world.cluster.faults.heal();
    world.finish();
}

#[test]
fn nothing_of_the_next_transaction_leaves_under_the_old_epoch() {
    let mut world = World::begun(2);
    world.cluster.faults.fate(END_TXN, &[Fate::Slow(500)]);
    let commit = world.commit();
    world.run_for(300);
    assert_eq!(world.state(), TransactionState::Committing);
    let now = world.now();
    assert!(world.producer().begin_transaction(now).is_err());
    assert!(world.try_send("orders", Some(0), None, b"early").is_err());
    assert_eq!(world.end_of(commit), Ok(None));
    world.begin();
    world.send_to("orders", 0, "next");
    world.committed();
    let last = &world.cluster.attempts.last().expect("a batch").batch;
    assert_eq!((last.producer_epoch, last.base_sequence), (1, 0));
    world.finish();
}

#[test]
fn the_answer_to_a_repeated_end_is_taken_over_like_the_lost_one() {
    for is_commit in [true, false] {
        let mut world = World::begun(2);
        world
            .cluster
            .faults
            .fate(END_TXN, &vec![Fate::LoseResponse; 2]);
        if is_commit {
            world.committed();
        } else {
            world.aborted();
        }
        assert_eq!(world.identity(), (FIRST_ID, 1), "raised once");
        world.transaction("w");
        let last = &world.cluster.attempts.last().expect("a batch").batch;
        assert_eq!((last.producer_epoch, last.base_sequence), (1, 0));
        world.finish();
    }
}

#[test]
fn a_feature_that_is_switched_on_holds_from_the_next_transaction_on() {
    let mut world = World::ready(1);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    world.cluster.coordinator.finalize(2);
    reconnect(&mut world);
    world.send_to("orders", 1, "v");
    world.run_until_idle();
    assert!(world.is_asked("add(orders-1)"), "{}", world.words());
    world.committed();
    assert!(world.asked("commit")[0].version <= 4);
    let before = world.identity();
    assert_eq!(one_of_all(&mut world).replace("init ", ""), V2);
    assert!(world.identity() > before, "the change raises the epoch");
    world.finish();
}

#[test]
fn a_feature_that_is_switched_off_holds_from_the_next_transaction_on() {
    let mut world = World::ready(2);
    world.begin();
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    world.cluster.coordinator.finalize(1);
    reconnect(&mut world);
    world.send_to("orders", 1, "v");
    world.run_until_idle();
    assert!(!world.is_asked("add"), "{}", world.words());
    world.committed();
    assert_eq!(world.asked("commit")[0].version, 5);
    assert_eq!(one_of_all(&mut world).replace("init ", ""), V1);
    world.finish();
}

#[test]
fn a_batch_is_sent_again_while_another_transaction_is_being_ended() {
    let mut world = World::ready(2);
    let busy = [Answer::Error(ErrorCode::CONCURRENT_TRANSACTIONS); 3];
    world.cluster.faults.answer("orders", 0, &busy);
    world.begin();
    let ticket = world.send_to("orders", 0, "v");
    world.committed();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    assert_eq!(world.asked("produce").len(), 4);
    let sequences = world.cluster.attempts.iter();
    assert!(sequences.map(|a| a.batch.base_sequence).all(|s| s == 0));
    world.finish();
}

#[test]
fn a_first_batch_that_the_leader_cannot_place_costs_the_transaction() {
    let mut world = World::begun(2);
    world.cluster.partition("orders", 0).log.forget_producers();
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    let cause = world.account.fortune(ticket).cause;
    assert_eq!(world.state(), TransactionState::AbortableError);
    let Err(odradek::TransactionError::AbortRequired(TransactionFault::Record(fault))) =
        world.try_commit()
    else {
        panic!("{}", world.story());
    };
    assert_eq!(Some(fault), cause);
    assert!(matches!(fault, Cause::Broker(_)), "{fault:?}");
    world.forget();
    world.aborted();
    assert_eq!(world.words(), "abort");
    world.transaction("w");
    world.finish();
}

#[test]
fn a_cluster_that_has_the_feature_and_old_requests_falls_back() {
    let mut world = World::transactional(2);
    world.cluster.versions.insert(PRODUCE, (0, 11));
    world.cluster.versions.insert(END_TXN, (0, 4));
    let mut world = world.initialized();
    world.begin();
    let ticket = world.send_to("orders", 0, "v");
    let commit = world.commit();
    let end = world.end_of(commit);
    let outcome = world.account.fortune(ticket).outcome;
    // Such a cluster breaks its own promises. What counts is that nothing is claimed that is not so.
    assert_eq!(end.is_ok(), world.cluster.coordinator.ends == [true]);
    assert!(end.is_err() || outcome == Outcome::Written);
    world.finish();
}
