//! `retry.backoff.ms` and `retry.backoff.max.ms` beyond the batch that is tried again: who waits with it,
//! who does not, and how long producer ids and topics are waited for.

use crate::broker::{INIT_PRODUCER_ID, METADATA};
use crate::faults::{Answer, Fate};
use crate::world::{MS, World};
use odradek::{ErrorCode, Outcome};

/// Each wait is 100 ms doubled so often, give or take a fifth, and at most a second. The network adds
/// a ms, and what has to be done first may add another.
fn assert_grows(instants: &[u64], what: &str) {
    for (failures, pair) in instants.windows(2).enumerate() {
        let gap = (pair[1] - pair[0]) / MS;
        let usual = (100 << failures).min(1000);
        let longest = (usual * 12 / 10).min(1000) + 2;
        assert!(
            (usual * 8 / 10..=longest).contains(&gap),
            "{what}: {gap} ms after failure {failures}"
        );
    }
}

#[test]
fn records_behind_a_batch_that_backs_off_wait_for_it_and_fill_the_next_one() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("linger.ms", "0")
        .config("max.in.flight.requests.per.connection", "1");
    world.send_to("orders", 0, "first");
    world.run_until_idle();
    world.cluster.attempts.clear();
    let busy = [Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS); 3];
    world.cluster.faults.answer("orders", 0, &busy);
    world.send_to("orders", 0, "retried");
    world.run_for(20);
    for _ in 0..10 {
        world.send_to("orders", 0, "behind");
        world.run_for(10);
    }
    world.run_until_idle();
    let sizes: Vec<usize> = world
        .cluster
        .attempts
        .iter()
        .map(|attempt| attempt.batch.records.len())
        .collect();
    assert_eq!(sizes, [1, 1, 1, 1, 10]);
    world.finish();
}

#[test]
fn a_producer_id_is_asked_for_again_after_a_growing_back_off() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("retry.backoff.max.ms", "1000");
    let loading = vec![Fate::Error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS); 6];
    world.cluster.faults.fate(INIT_PRODUCER_ID, &loading);
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    let asked = world.cluster.seen.iter();
    let asked: Vec<u64> = asked
        .filter(|seen| seen.api == INIT_PRODUCER_ID)
        .map(|seen| seen.at)
        .collect();
    assert_eq!(asked.len(), 7);
    assert_grows(&asked, "a producer id");
    world.finish();
}

#[test]
fn a_topic_that_stays_unknown_is_asked_for_after_a_growing_back_off() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("retry.backoff.max.ms", "1000");
    world
        .cluster
        .topics
        .get_mut("orders")
        .expect("it was made")
        .unknown_for = 7;
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    let asked = world.cluster.seen.iter();
    let asked: Vec<u64> = asked
        .filter(|seen| seen.api == METADATA)
        .map(|seen| seen.at)
        .collect();
    assert_eq!(asked.len(), 8);
    assert_grows(&asked, "metadata");
    world.finish();
}

#[test]
fn a_batch_goes_to_another_leader_without_waiting_for_its_back_off() {
    for has_moved in [true, false] {
        let mut world = World::new()
            .brokers(2)
            .topic("orders", 1)
            .config("retry.backoff.ms", "5000")
            .config("retry.backoff.max.ms", "5000");
        world.send_to("orders", 0, "first");
        world.run_until_idle();
        // The view may be asked for again only after the back-off, too.
        world.run_for(6_000);
        let error = Answer::Error(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        world.cluster.faults.answer("orders", 0, &[error]);
        if has_moved {
            let partition = world.cluster.partition("orders", 0);
            partition.leader = Some(2);
            partition.epoch += 1;
        }
        let sent_at = world.now;
        let ticket = world.send_to("orders", 0, "v");
        world.run_until_idle();
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
        let waited = (world.now - sent_at) / MS;
        assert_eq!(waited < 4_000, has_moved, "{waited} ms\n{}", world.story());
        world.finish();
    }
}
