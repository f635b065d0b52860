//! Sequences under trouble: retries in order, what is new behind them, and other epochs and producer
//! ids with other partitions in the middle of something.

use crate::broker::{Attempt, INIT_PRODUCER_ID};
use crate::faults::{Answer, Fate};
use crate::partition_log::UnknownProducer;
use crate::world::World;
use odradek::{ErrorCode, Outcome, Ticket};

/// The identity that the fake cluster gives first, and that with a higher epoch.
const FIRST: (i64, i16) = (1001, 0);
const RAISED: (i64, i16) = (1001, 1);

/// The broker knows nothing of the producer in this partition any more, and says so.
fn forget(world: &mut World, partition: i32) {
    refuse(world, partition, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

/// The broker refuses the epoch in this partition: only another producer id helps.
fn refuse_epoch(world: &mut World, partition: i32) {
    refuse(world, partition, ErrorCode::INVALID_PRODUCER_EPOCH);
}

fn refuse(world: &mut World, partition: i32, error: ErrorCode) {
    let log = &mut world.cluster.partition("orders", partition).log;
    log.forget_producers();
    world.cluster.unknown_producer = UnknownProducer::Refuse(error);
}

fn attempts_at(world: &World, partition: i32) -> Vec<&Attempt> {
    let attempts = world.cluster.attempts.iter();
    attempts
        .filter(|attempt| attempt.partition == partition)
        .collect()
}

fn stamps(world: &World, partition: i32) -> Vec<((i64, i16), i32)> {
    let batches = attempts_at(world, partition).into_iter().map(|a| &a.batch);
    batches
        .map(|batch| {
            let by = (batch.producer_id, batch.producer_epoch);
            (by, batch.base_sequence)
        })
        .collect()
}

fn assert_written(world: &World, tickets: &[Ticket]) {
    for ticket in tickets {
        let outcome = world.account.fortune(*ticket).outcome;
        assert_eq!(outcome, Outcome::Written, "{ticket}\n{}", world.story());
    }
}

#[test]
fn retries_go_out_one_after_the_other_and_what_is_new_waits_behind_them() {
    for error in [
        ErrorCode::LEADER_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::NOT_ENOUGH_REPLICAS,
    ] {
        let mut world = World::new().warmed(1);
        world
            .cluster
            .faults
            .answer("orders", 0, &[Answer::Error(error)]);
        let mut tickets: Vec<Ticket> = (0..3).map(|_| world.send_to("orders", 0, "v")).collect();
        // The broker refuses the second and the third by itself: they come out of order.
        world.run_until(1000, |world| world.cluster.attempts.len() == 3);
        world.run_for(2);
        tickets.push(world.send_to("orders", 0, "new"));
        world.run_until_idle();
        assert_written(&world, &tickets);
        let sequences = [1, 2, 3, 1, 2, 3, 4].map(|sequence| (FIRST, sequence));
        assert_eq!(stamps(&world, 0), sequences, "{error}");
        let retries = &attempts_at(&world, 0)[3..6];
        for (ticket, next) in tickets.iter().zip(&retries[1..]) {
            let told_at = world.account.fortune(*ticket).at;
            assert!(next.at > told_at, "two retries were out at once");
        }
        world.finish();
    }
}

#[test]
fn a_higher_epoch_starts_every_partition_at_0_when_it_is_next_written_to() {
    let mut world = World::new().warmed(2);
    forget(&mut world, 0);
    let mut tickets = vec![world.send_to("orders", 0, "second")];
    world.run_until_idle();
    assert_eq!(stamps(&world, 0), [(FIRST, 1), (RAISED, 0)]);
    assert_eq!(stamps(&world, 1), [], "nothing was to be sent there");
    // A broker takes any sequence from a producer id that it does not know: ours has to be 0.
    world.cluster.unknown_producer = UnknownProducer::Accept;
    for partition in [1, 0, 1] {
        tickets.push(world.send_to("orders", partition, "later"));
        world.run_until_idle();
    }
    assert_written(&world, &tickets);
    assert_eq!(stamps(&world, 1), [(RAISED, 0), (RAISED, 1)]);
    assert_eq!(stamps(&world, 0)[2..], [(RAISED, 1)]);
    world.finish();
}

#[test]
fn a_batch_that_fails_elsewhere_leaves_no_gap_under_the_next_epoch() {
    let mut world = World::new().config("retries", "1").warmed(2);
    let mut tickets = vec![world.send_to("orders", 0, "second")];
    let failing = world.send_to("orders", 1, "fails");
    forget(&mut world, 0);
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 8];
    world.cluster.faults.answer("orders", 1, &busy[..2]);
    world.run_until_idle();
    tickets.push(world.send_to("orders", 1, "third"));
    tickets.push(world.send_to("orders", 0, "third"));
    world.run_until_idle();
    assert_written(&world, &tickets);
    assert_eq!(world.account.fortune(failing).outcome, Outcome::NotWritten);
    let last = stamps(&world, 1).last().copied();
    assert_eq!(last, Some((RAISED, 0)), "{}", world.story());
    world.finish();
}

#[test]
fn a_retry_of_another_partition_survives_a_higher_epoch() {
    for refusals in 1..=3 {
        let mut world = World::new().warmed(2);
        forget(&mut world, 0);
        let moved = [Answer::Error(ErrorCode::NOT_LEADER_OR_FOLLOWER); 3];
        world.cluster.faults.answer("orders", 1, &moved[..refusals]);
        let tickets = [0, 1, 0, 1].map(|partition| world.send_to("orders", partition, "v"));
        world.run_until_idle();
        assert_written(&world, &tickets);
        assert_eq!(world.cluster.identities, 1);
        world.finish();
    }
}

#[test]
fn a_lost_answer_with_the_next_identity_is_asked_for_again() {
    for fate in [Fate::LoseResponse, Fate::ResetBefore, Fate::NeverAnswer] {
        let mut world = World::new().warmed(2);
        refuse_epoch(&mut world, 0);
        world.cluster.faults.fate(INIT_PRODUCER_ID, &[fate]);
        let tickets = [0, 1, 0, 1].map(|partition| world.send_to("orders", partition, "v"));
        world.run_until_idle();
        assert_written(&world, &tickets);
        world.finish();
    }
}

#[test]
fn a_close_waits_for_another_identity_and_sends_what_is_left() {
    let mut world = World::new().warmed(2);
    refuse_epoch(&mut world, 0);
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::Slow(700)]);
    let tickets = [0, 1, 0, 1].map(|partition| world.send_to("orders", partition, "v"));
    world.run_until(1000, |world| world.cluster.attempts.len() >= 2);
    world.close(5_000);
    world.run_until_idle();
    assert_written(&world, &tickets);
    world.finish();
}

#[test]
fn a_close_without_time_during_the_change_of_the_identity_reports_everything() {
    let mut world = World::new().warmed(2);
    refuse_epoch(&mut world, 0);
    world
        .cluster
        .faults
        .fate(INIT_PRODUCER_ID, &[Fate::NeverAnswer]);
    let tickets = [0, 1, 0, 1].map(|partition| world.send_to("orders", partition, "v"));
    world.run_until(1000, |world| {
        let asked = world.cluster.seen.iter();
        asked.filter(|seen| seen.api == INIT_PRODUCER_ID).count() == 2
    });
    let closed_at = world.now;
    world.close(0);
    world.run_until_idle();
    assert!(
        tickets
            .iter()
            .all(|ticket| world.account.fortune(*ticket).at <= closed_at)
    );
    assert_eq!(
        world.account.fortune(tickets[0]).outcome,
        Outcome::NotWritten
    );
    assert_eq!(world.account.fortune(tickets[1]).outcome, Outcome::Written);
    world.finish();
}
