//! Epochs, producer ids and the ends of sequences: what goes on at 0, under what, and what goes on as it
//! was.

use crate::broker::{INIT_PRODUCER_ID, PRODUCE};
use crate::faults::{Answer, Fate};
use crate::partition_log::UnknownProducer;
use crate::world::{MS, World};
use odradek::{Cause, ErrorCode, Outcome, Ticket};

const SPENT: i16 = i16::MAX - 1;

/// Producer id, epoch and base sequence of every batch that arrived for a partition.
fn stamps(world: &World, partition: i32) -> Vec<(i64, i16, i32)> {
    let attempts = world.cluster.attempts.iter();
    let batches = attempts.filter(|a| a.partition == partition);
    batches
        .map(|a| {
            let batch = &a.batch;
            (batch.producer_id, batch.producer_epoch, batch.base_sequence)
        })
        .collect()
}

fn send(world: &mut World, partition: i32, count: usize) -> Vec<Ticket> {
    let send = |_| world.send_to("orders", partition, "v");
    (0..count).map(send).collect()
}

fn assert_written(world: &World, tickets: &[Ticket]) {
    for ticket in tickets {
        let outcome = world.account.fortune(*ticket).outcome;
        assert_eq!(outcome, Outcome::Written, "{ticket}\n{}", world.story());
    }
}

fn refuse(world: &mut World, partition: i32, answers: &[ErrorCode]) {
    let answers: Vec<Answer> = answers.iter().copied().map(Answer::Error).collect();
    world.cluster.faults.answer("orders", partition, &answers);
}

// --- gaps ---

#[test]
fn a_gap_in_a_partition_holds_up_no_other_one() {
    let mut world = World::new().brokers(2).warmed(2);
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(700)]);
    let slow = send(&mut world, 1, 1);
    world.run_until(1000, |world| world.cluster.attempts.len() == 1);
    refuse(&mut world, 0, &[ErrorCode::MESSAGE_TOO_LARGE]);
    let gap = send(&mut world, 0, 3);
    let more = send(&mut world, 1, 2);
    world.run_until_idle();
    assert_written(&world, &gap[1..]);
    assert_written(&world, &more);
    let at = |ticket: Ticket| world.account.fortune(ticket).at;
    assert!(at(gap[2]) < at(slow[0]), "{}", world.story());
    assert_eq!(stamps(&world, 0)[3..], [(1001, 1, 0), (1001, 1, 1)]);
    let untouched = [(1001, 0, 1), (1001, 0, 2), (1001, 0, 3)];
    assert_eq!(stamps(&world, 1), untouched);
    assert_eq!(world.cluster.identities, 1);
    // With nothing stamped it takes up the newest epoch.
    let next = send(&mut world, 1, 1);
    world.run_until_idle();
    assert_written(&world, &next);
    assert_eq!(stamps(&world, 1)[3..], [(1001, 1, 0)]);
    world.finish();
}

#[test]
fn two_partitions_with_gaps_share_an_epoch_where_they_can() {
    let mut world = World::new().warmed(2);
    for partition in 0..2 {
        refuse(&mut world, partition, &[ErrorCode::MESSAGE_TOO_LARGE]);
    }
    let tickets = [0, 1].map(|partition| send(&mut world, partition, 3));
    world.run_until_idle();
    for (partition, tickets) in (0..2).zip(&tickets) {
        assert_written(&world, &tickets[1..]);
        let last = stamps(&world, partition).pop();
        assert_eq!(last, Some((1001, 1, 1)), "partition {partition}");
    }
    world.finish();
}

#[test]
fn a_last_batch_that_is_surely_not_in_the_log_leaves_no_gap() {
    let mut world = World::new().warmed(1);
    refuse(&mut world, 0, &[ErrorCode::MESSAGE_TOO_LARGE]);
    let refused = send(&mut world, 0, 1);
    world.run_until_idle();
    let next = send(&mut world, 0, 2);
    world.run_until_idle();
    let outcome = world.account.fortune(refused[0]).outcome;
    assert_eq!(outcome, Outcome::NotWritten);
    assert_written(&world, &next);
    let kept = [(1001, 0, 1), (1001, 0, 1), (1001, 0, 2)];
    assert_eq!(stamps(&world, 0), kept);
    world.finish();
}

/// Appended or not: the error does not tell, so its sequence is spent (KAFKA-14034).
#[test]
fn a_batch_that_failed_ambiguously_spends_its_sequence() {
    let error = ErrorCode::UNKNOWN_SERVER_ERROR;
    for answer in [Answer::Error(error), Answer::ErrorAfterAppend(error)] {
        let mut world = World::new().warmed(1);
        world.cluster.faults.answer("orders", 0, &[answer]);
        let failed = send(&mut world, 0, 1);
        world.run_until_idle();
        let next = send(&mut world, 0, 2);
        world.run_until_idle();
        let outcome = world.account.fortune(failed[0]).outcome;
        assert_eq!(outcome, Outcome::PossiblyWritten);
        assert_written(&world, &next);
        assert_eq!(stamps(&world, 0)[1..], [(1001, 1, 0), (1001, 1, 1)]);
        world.finish();
    }
}

/// Batches behind it were acknowledged, so it is in the log: nothing is missing.
#[test]
fn an_ambiguous_failure_that_later_answers_clear_up_leaves_no_gap() {
    let mut world = World::new().warmed(1);
    let failure = Answer::ErrorAfterAppend(ErrorCode::UNKNOWN_SERVER_ERROR);
    world.cluster.faults.answer("orders", 0, &[failure]);
    let tickets = send(&mut world, 0, 3);
    world.run_until_idle();
    let next = send(&mut world, 0, 1);
    world.run_until_idle();
    let outcome = world.account.fortune(tickets[0]).outcome;
    assert_eq!(outcome, Outcome::PossiblyWritten);
    assert_written(&world, &tickets[1..]);
    assert_written(&world, &next);
    let kept: Vec<_> = (1..5).map(|sequence| (1001, 0, sequence)).collect();
    assert_eq!(stamps(&world, 0), kept);
    world.finish();
}

/// A batch in doubt says nothing about what the broker has: its retry may be answered either way.
#[test]
fn a_possibly_written_batch_counts_as_acknowledged_only_when_its_retry_is() {
    let late = [
        Answer::Well,
        Answer::ErrorAfterAppend(ErrorCode::DUPLICATE_SEQUENCE_NUMBER),
    ];
    for answer in late {
        for is_appended in [false, true] {
            let mut world = World::new().config("request.timeout.ms", "500").warmed(1);
            let error = ErrorCode::REQUEST_TIMED_OUT;
            let doubtful = if is_appended {
                Answer::ErrorAfterAppend(error)
            } else {
                Answer::Error(error)
            };
            let answers = [doubtful, Answer::Well, answer];
            world.cluster.faults.answer("orders", 0, &answers);
            let tickets = send(&mut world, 0, 2);
            world.run_until_idle();
            let next = send(&mut world, 0, 1);
            world.run_until_idle();
            assert_written(&world, &tickets);
            assert_written(&world, &next);
            assert_eq!(world.cluster.identities, 1);
            assert!(stamps(&world, 0).iter().all(|stamp| stamp.1 == 0));
            world.finish();
        }
    }
}

#[test]
fn a_duplicate_is_written_and_moves_nothing_back() {
    let mut world = World::new().warmed(1);
    let answers = [
        Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT),
        Answer::Well,
        Answer::Well,
        Answer::ErrorAfterAppend(ErrorCode::DUPLICATE_SEQUENCE_NUMBER),
    ];
    world.cluster.faults.answer("orders", 0, &answers);
    let tickets = send(&mut world, 0, 3);
    world.run_until_idle();
    let cause = world.account.fortune(tickets[0]).cause;
    assert_eq!(cause, Some(Cause::Duplicate));
    // One that may be in the log is given up: what is acknowledged decides whether there is a gap.
    let failure = Answer::ErrorAfterAppend(ErrorCode::UNKNOWN_SERVER_ERROR);
    world.cluster.faults.answer("orders", 0, &[failure]);
    send(&mut world, 0, 1);
    let next = send(&mut world, 0, 1);
    world.run_until_idle();
    assert_written(&world, &tickets);
    assert_written(&world, &next);
    assert_eq!(stamps(&world, 0).last(), Some(&(1001, 0, 5)));
    world.finish();
}

// --- exhaustion ---

#[test]
fn behind_the_last_epoch_only_partitions_with_a_gap_wait_for_another_producer_id() {
    let mut world = World::new();
    world.cluster.first_epoch = SPENT - 1;
    let mut world = world.warmed(2);
    for _ in 0..2 {
        world
            .cluster
            .faults
            .fate(INIT_PRODUCER_ID, &[Fate::Slow(500)]);
        refuse(&mut world, 0, &[ErrorCode::MESSAGE_TOO_LARGE]);
        let gap = send(&mut world, 0, 3);
        let other = send(&mut world, 1, 4);
        world.run_for(200);
        assert_written(&world, &other);
        world.run_until_idle();
        assert_written(&world, &gap[1..]);
    }
    let last = [(1001, SPENT, 0), (1001, SPENT, 1)];
    assert_eq!(stamps(&world, 0)[3..5], last, "the first gap");
    // The id is answered with the epoch that this cluster always gives.
    let fresh = [(1002, SPENT - 1, 0), (1002, SPENT - 1, 1)];
    assert_eq!(stamps(&world, 0)[8..], fresh, "the second gap");
    assert!(stamps(&world, 1).iter().all(|stamp| stamp.0 == 1001));
    let moved = send(&mut world, 1, 1);
    world.run_until_idle();
    assert_written(&world, &moved);
    assert_eq!(stamps(&world, 1).last(), Some(&fresh[0]));
    assert_eq!(world.cluster.identities, 2);
    world.finish();
}

#[test]
fn a_producer_id_with_no_epoch_left_is_used_until_there_is_a_gap() {
    for epoch in [SPENT, i16::MAX] {
        let mut world = World::new();
        world.cluster.first_epoch = epoch;
        let mut world = world.warmed(1);
        let tickets = send(&mut world, 0, 3);
        world.run_until_idle();
        assert_written(&world, &tickets);
        assert_eq!(world.cluster.identities, 1);
        world.cluster.first_epoch = 0;
        refuse(&mut world, 0, &[ErrorCode::UNKNOWN_SERVER_ERROR]);
        send(&mut world, 0, 1);
        world.run_until_idle();
        let sent_at = world.now;
        let next = send(&mut world, 0, 1);
        world.run_until_idle();
        assert_written(&world, &next);
        assert!(world.now - sent_at < 1_000 * MS, "asked for at once");
        assert_eq!(stamps(&world, 0).last(), Some(&(1002, 0, 0)));
        world.finish();
    }
}

// --- what brokers forget ---

#[test]
fn unknown_producer_id_without_a_log_start_offset_is_sent_again_as_it_was() {
    let mut world = World::new().warmed(1);
    world.cluster.partition("orders", 0).log_starts = [-1, -1].into();
    refuse(&mut world, 0, &[ErrorCode::UNKNOWN_PRODUCER_ID; 2]);
    let tickets = send(&mut world, 0, 1);
    world.run_until_idle();
    assert_written(&world, &tickets);
    assert_eq!(stamps(&world, 0), [(1001, 0, 1); 3]);
    world.finish();
}

/// Behind all that is acknowledged, retention deleted the records; before it, the broker lost its state.
/// Either way nothing of these batches is in the log, and a producer without transactions goes on.
#[test]
fn unknown_producer_id_with_a_log_start_offset_starts_again_under_a_higher_epoch() {
    for log_start in [0, 1, 700] {
        let mut world = World::new().warmed(1);
        let partition = world.cluster.partition("orders", 0);
        partition.log_starts = [log_start; 9].into();
        partition.log.forget_producers();
        let error = ErrorCode::UNKNOWN_PRODUCER_ID;
        world.cluster.unknown_producer = UnknownProducer::Refuse(error);
        let tickets = send(&mut world, 0, 4);
        world.run_until_idle();
        assert_written(&world, &tickets);
        let fresh: Vec<_> = (0..4).map(|sequence| (1001, 1, sequence)).collect();
        let stamps = stamps(&world, 0);
        assert_eq!(stamps[stamps.len() - 4..], fresh, "{log_start}");
        assert_eq!(world.cluster.identities, 1);
        world.finish();
    }
}

#[test]
fn a_batch_in_doubt_whose_producer_is_forgotten_is_possibly_written_and_not_sent_anew() {
    let mut world = World::new().warmed(1);
    let doubtful = Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT);
    world.cluster.faults.answer("orders", 0, &[doubtful]);
    let tickets = send(&mut world, 0, 1);
    world.run_until(1000, |world| world.cluster.attempts.len() == 1);
    let partition = world.cluster.partition("orders", 0);
    partition.log_starts = [700].into();
    partition.log.forget_producers();
    let error = ErrorCode::UNKNOWN_PRODUCER_ID;
    world.cluster.unknown_producer = UnknownProducer::Refuse(error);
    world.run_until_idle();
    let fortune = world.account.fortune(tickets[0]);
    let in_doubt = (Outcome::PossiblyWritten, Some(Cause::InDoubt));
    assert_eq!((fortune.outcome, fortune.cause), in_doubt);
    let next = send(&mut world, 0, 1);
    world.run_until_idle();
    assert_written(&world, &next);
    assert_eq!(stamps(&world, 0).last(), Some(&(1001, 1, 0)));
    world.finish();
}

// --- topics ---

#[test]
fn a_topic_that_vanishes_from_metadata_and_returns_keeps_its_sequences() {
    let mut world = World::new().config("metadata.max.age.ms", "1000").warmed(1);
    // What is out when it vanishes is refused, and sent again when it is back.
    let error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    refuse(&mut world, 0, &[error; 2]);
    world.cluster.topics.get_mut("orders").unwrap().unknown_for = 4;
    let mut tickets = send(&mut world, 0, 2);
    world.run_for(1_500);
    tickets.extend(send(&mut world, 0, 2));
    world.run_until_idle();
    assert_written(&world, &tickets);
    tickets = send(&mut world, 0, 1);
    world.run_until_idle();
    assert_written(&world, &tickets);
    let stamps = stamps(&world, 0);
    assert!(stamps.iter().all(|stamp| (stamp.0, stamp.1) == (1001, 0)));
    assert_eq!(stamps.last(), Some(&(1001, 0, 5)));
    world.finish();
}

#[test]
fn a_topic_that_is_made_again_starts_at_0_under_a_higher_epoch() {
    for unknown in [
        UnknownProducer::Accept,
        UnknownProducer::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
    ] {
        let mut world = World::new().config("metadata.max.age.ms", "1000").warmed(2);
        world.cluster.unknown_producer = unknown;
        world.cluster.create("orders", 2);
        world.cluster.topics.get_mut("orders").unwrap().set_id(99);
        world.run_for(2_000);
        let tickets = send(&mut world, 0, 3);
        world.run_until_idle_unchecked();
        assert_written(&world, &tickets);
        let fresh: Vec<_> = (0..3).map(|sequence| (1001, 1, sequence)).collect();
        assert_eq!(stamps(&world, 0), fresh);
        let numbers = world.cluster.partition("orders", 0).log.numbers();
        assert!(numbers.len() == 3 && numbers.is_sorted());
    }
}

/// A request that names the topic reaches the new log, while the producer takes it for the old one.
#[test]
fn a_batch_in_doubt_that_the_new_log_has_is_not_appended_again() {
    let mut world = World::new().brokers(2);
    world.cluster.versions.insert(PRODUCE, (3, 12));
    let mut world = world.warmed(1);
    world.cluster.unknown_producer = UnknownProducer::Accept;
    world.cluster.create("orders", 1);
    world.cluster.topics.get_mut("orders").unwrap().set_id(99);
    world
        .cluster
        .faults
        .fate(PRODUCE, &[Fate::Well, Fate::Well, Fate::LoseResponse]);
    let tickets = send(&mut world, 0, 3);
    world.run_until(1_000, |world| world.cluster.attempts.len() == 3);
    // The other broker tells of the new topic before the leader can be asked again.
    world.set_listening(1, false);
    world.run_for(1_000);
    world.set_listening(1, true);
    world.run_until_idle_unchecked();
    let next = send(&mut world, 0, 1);
    world.run_until_idle_unchecked();
    assert_written(&world, &tickets);
    assert_written(&world, &next);
    let numbers = world.cluster.partition("orders", 0).log.numbers();
    assert_eq!(numbers.len(), 4, "{}", world.story());
    assert!(numbers.is_sorted());
    assert_eq!(stamps(&world, 0).last(), Some(&(1001, 1, 0)));
}

// --- the wrap ---

/// A world whose sequences begin `before` below the largest, with four records to a batch.
fn near_the_end(before: i32) -> World {
    let mut world = World::new()
        .topic("orders", 1)
        .config("linger.ms", "1")
        .config("retry.backoff.ms", "20");
    world.cluster.unknown_producer = UnknownProducer::Accept;
    world.producer().start_sequences_at(i32::MAX - before);
    send(&mut world, 0, 1);
    world.run_until_idle();
    let first = stamps(&world, 0);
    assert_eq!(first, [(1001, 0, i32::MAX - before)]);
    world.cluster.attempts.clear();
    world
}

/// Batches of four records each, all out at once.
fn send_fours(world: &mut World, count: usize) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    for _ in 0..count {
        tickets.extend(send(world, 0, 4));
        world.flush();
        world.drain();
    }
    tickets
}

#[test]
fn sequences_wrap_inside_a_batch_with_others_in_flight() {
    for before in 0..12 {
        let mut world = near_the_end(before);
        let tickets = send_fours(&mut world, 5);
        assert!(world.produce_out_max >= 4, "{}", world.produce_out_max);
        world.run_until_idle();
        assert_written(&world, &tickets);
        let sequence = |i: i64| ((i64::from(i32::MAX) - i64::from(before) + i) % (1 << 31)) as i32;
        let expected: Vec<_> = (0..5).map(|i| (1001, 0, sequence(1 + 4 * i))).collect();
        assert_eq!(stamps(&world, 0), expected, "{before}");
        world.finish();
    }
}

#[test]
fn retries_over_the_wrap_are_known_again() {
    for before in 0..12 {
        for processed in 0..4 {
            let mut world = near_the_end(before);
            let mut fates = vec![Fate::Well; processed];
            fates.push(Fate::LoseResponse);
            world.cluster.faults.fate(PRODUCE, &fates);
            let tickets = send_fours(&mut world, 5);
            world.run_until_idle();
            assert_written(&world, &tickets);
            assert!(stamps(&world, 0).iter().all(|stamp| stamp.1 == 0));
            world.finish();
        }
    }
}

#[test]
fn an_ambiguous_failure_at_the_wrap_is_cleared_up_by_later_answers() {
    for before in 0..12 {
        let mut world = near_the_end(before);
        let failure = Answer::ErrorAfterAppend(ErrorCode::UNKNOWN_SERVER_ERROR);
        world.cluster.faults.answer("orders", 0, &[failure]);
        let tickets = send_fours(&mut world, 4);
        world.run_until_idle();
        let next = send_fours(&mut world, 1);
        world.run_until_idle();
        assert_written(&world, &tickets[4..]);
        assert_written(&world, &next);
        assert!(stamps(&world, 0).iter().all(|stamp| stamp.1 == 0));
        world.finish();
    }
}

#[test]
fn parts_of_a_divided_batch_wrap_as_the_whole_did() {
    for before in 0..12 {
        let mut world = near_the_end(before);
        world.cluster.rules("orders").max_message_bytes = Some(110);
        let tickets = send_fours(&mut world, 3);
        world.run_until_idle();
        assert_written(&world, &tickets);
        let stamps = stamps(&world, 0);
        assert!(stamps.iter().all(|stamp| stamp.1 == 0 && stamp.2 >= 0));
        let numbers = world.cluster.partition("orders", 0).log.numbers();
        assert!(numbers.len() == 13 && numbers.is_sorted());
        world.finish();
    }
}
