//! Records that the broker names (KIP-467): they fail with its words, the others are sent again.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::partition_log::LogRecord;
use crate::world::World;
use odradek::{Cause, ErrorCode, Event, Outcome, Output, Ticket};

const NO_KEY: &str = "Compacted topic cannot accept message without key";

fn needs_key(record: &LogRecord) -> Option<&'static str> {
    record.key.is_none().then_some(NO_KEY)
}

fn without_own_words(record: &LogRecord) -> Option<&'static str> {
    record.key.is_none().then_some("")
}

/// A world whose topic takes records with keys only.
fn compacted(world: World) -> World {
    let mut world = world.topic("orders", 1).config("linger.ms", "20");
    world.send("orders", Some("k"), "first");
    world.run_until_idle();
    world.cluster.rules("orders").refuses = Some(needs_key);
    world
}

/// Sends records of which every `nth` has no key; returns those with and those without.
fn send_mixed(world: &mut World, count: usize, nth: usize) -> (Vec<Ticket>, Vec<Ticket>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for i in 0..count {
        if i % nth == nth - 1 {
            bad.push(world.send("orders", None, &format!("bad {i}")));
        } else {
            good.push(world.send("orders", Some("k"), &format!("good {i}")));
        }
    }
    (good, bad)
}

fn message_of(world: &World, ticket: Ticket) -> Option<String> {
    let mut reports = world.account.reports.iter();
    let report = reports.find(|report| report.tickets.tickets().any(|one| one == ticket));
    report.and_then(|report| report.message.as_deref().map(str::to_owned))
}

fn assert_refused(world: &World, tickets: &[Ticket], message: Option<&str>) {
    for ticket in tickets {
        let fortune = world.account.fortune(*ticket);
        let cause = Some(Cause::Broker(ErrorCode::INVALID_RECORD));
        assert_eq!(
            (fortune.outcome, fortune.cause),
            (Outcome::NotWritten, cause)
        );
        assert_eq!(message_of(world, *ticket).as_deref(), message, "{ticket}");
    }
}

fn assert_written(world: &World, tickets: &[Ticket]) {
    for ticket in tickets {
        let fortune = world.account.fortune(*ticket);
        assert_eq!(
            fortune.outcome,
            Outcome::Written,
            "{ticket}\n{}",
            world.story()
        );
        assert_eq!(message_of(world, *ticket), None);
    }
}

#[test]
fn the_records_that_are_named_fail_and_the_others_are_written_in_order() {
    for idempotence in ["true", "false"] {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let world = World::new()
                .config("enable.idempotence", idempotence)
                .config("compression.type", codec);
            let mut world = compacted(world);
            let (good, bad) = send_mixed(&mut world, 30, 3);
            world.run_until_idle();
            assert_refused(&world, &bad, Some(NO_KEY));
            assert_written(&world, &good);
            assert_eq!(world.cluster.attempts.len(), 3);
            let numbers = world.cluster.partition("orders", 0).log.numbers();
            assert!(numbers.is_sorted());
            // One report for the ten that share their words.
            assert_eq!(world.account.reports.len(), 3);
            world.finish();
        }
    }
}

#[test]
fn batches_in_flight_behind_the_one_that_is_refused_are_written_once_and_in_order() {
    let world = World::new().config("batch.size", "400");
    let mut world = compacted(world);
    world.cluster.faults.always = Some(Fate::Slow(20));
    let (good, bad) = send_mixed(&mut world, 60, 7);
    world.run_until_idle();
    assert!(world.produce_out_max >= 4);
    assert_refused(&world, &bad, Some(NO_KEY));
    assert_written(&world, &good);
    world.finish();
}

#[test]
fn dividing_and_leaving_out_go_together() {
    for idempotence in ["true", "false"] {
        let world = World::new().config("enable.idempotence", idempotence);
        let mut world = compacted(world);
        world.cluster.rules("orders").max_message_bytes = Some(500);
        let (good, bad) = send_mixed(&mut world, 100, 4);
        world.run_until_idle();
        assert_refused(&world, &bad, Some(NO_KEY));
        assert_written(&world, &good);
        world.finish();
    }
}

#[test]
fn sending_the_others_again_is_no_retry() {
    let mut world = compacted(World::new().config("retries", "0"));
    let (good, bad) = send_mixed(&mut world, 10, 5);
    world.run_until_idle();
    assert_refused(&world, &bad, Some(NO_KEY));
    assert_written(&world, &good);
    world.finish();
}

#[test]
fn a_timestamp_that_is_refused_fails_its_record_alone() {
    let mut world = compacted(World::new());
    world.cluster.rules("orders").refusal = Some(ErrorCode::INVALID_TIMESTAMP);
    let (good, bad) = send_mixed(&mut world, 4, 4);
    world.run_until_idle();
    let cause = Some(Cause::Broker(ErrorCode::INVALID_TIMESTAMP));
    assert_eq!(world.account.fortune(bad[0]).cause, cause);
    assert_written(&world, &good);
    world.finish();
}

#[test]
fn a_batch_in_which_every_record_is_named_is_not_sent_again() {
    let mut world = compacted(World::new());
    let (_, bad) = send_mixed(&mut world, 5, 1);
    world.run_until_idle();
    assert_refused(&world, &bad, Some(NO_KEY));
    assert_eq!(world.cluster.attempts.len(), 2);
    world.finish();
}

#[test]
fn a_refusal_that_names_nobody_is_that_of_the_whole_batch() {
    let mut world = compacted(World::new());
    let rules = world.cluster.rules("orders");
    rules.is_vague = true;
    rules.message = Some("not today".to_owned());
    let (good, bad) = send_mixed(&mut world, 6, 3);
    world.run_until_idle();
    assert_refused(&world, &good, Some("not today"));
    assert_refused(&world, &bad, Some("not today"));
    assert_eq!(world.cluster.attempts.len(), 2);
    world.finish();
}

#[test]
fn a_record_without_words_of_its_own_gets_those_of_the_batch() {
    let mut world = compacted(World::new());
    let rules = world.cluster.rules("orders");
    rules.refuses = Some(without_own_words);
    rules.message = Some("records are wrong".to_owned());
    let (good, bad) = send_mixed(&mut world, 6, 3);
    world.run_until_idle();
    assert_refused(&world, &bad, Some("records are wrong"));
    assert_written(&world, &good);
    world.finish();
}

#[test]
fn positions_that_no_record_has_are_passed_over() {
    let mut world = compacted(World::new());
    world.cluster.rules("orders").also_named = vec![-1, 6, 1_000_000, i32::MIN, i32::MAX];
    let (good, bad) = send_mixed(&mut world, 6, 3);
    world.run_until_idle();
    assert_refused(&world, &bad, Some(NO_KEY));
    assert_written(&world, &good);
    world.finish();
}

#[test]
fn only_positions_that_no_record_has_name_nobody() {
    let mut world = compacted(World::new());
    let rules = world.cluster.rules("orders");
    rules.is_vague = true;
    rules.also_named = vec![-5, 6];
    let (good, bad) = send_mixed(&mut world, 6, 3);
    world.run_until_idle();
    assert_refused(&world, &good, None);
    assert_refused(&world, &bad, None);
    assert_eq!(world.cluster.attempts.len(), 2);
    world.finish();
}

#[test]
fn a_broker_that_does_not_tell_records_refuses_the_batch() {
    let mut world = World::new().topic("orders", 1).config("linger.ms", "20");
    world.cluster.versions.insert(PRODUCE, (3, 7));
    world.cluster.rules("orders").refuses = Some(needs_key);
    let (good, bad) = send_mixed(&mut world, 6, 3);
    world.run_until_idle();
    assert_refused(&world, &good, None);
    assert_refused(&world, &bad, None);
    world.finish();
}

/// What is left needs another stamp, by which a broker would not know it again.
#[test]
fn a_batch_in_doubt_is_given_up_whole_with_idempotence() {
    let mut world = compacted(World::new());
    world.cluster.rules("orders").refuses = None;
    world.cluster.faults.fate(PRODUCE, &[Fate::LoseResponse]);
    let (good, bad) = send_mixed(&mut world, 6, 3);
    world.run_until(10_000, |world| !world.failures.is_empty());
    world.cluster.rules("orders").refuses = Some(needs_key);
    world.run_until_idle();
    for ticket in good.iter().chain(&bad) {
        let fortune = world.account.fortune(*ticket);
        assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
    }
    let (later, _) = send_mixed(&mut world, 3, 100);
    world.run_until_idle();
    assert_written(&world, &later);
    world.finish();
}

#[test]
fn names_prove_nothing_where_the_code_does_not() {
    let mut world = compacted(World::new());
    world.cluster.rules("orders").refusal = Some(ErrorCode::UNKNOWN_SERVER_ERROR);
    let (good, bad) = send_mixed(&mut world, 6, 3);
    world.run_until_idle();
    for ticket in good.iter().chain(&bad) {
        let fortune = world.account.fortune(*ticket);
        assert_eq!(fortune.outcome, Outcome::PossiblyWritten);
        assert!(message_of(&world, *ticket).is_none() || bad.contains(ticket));
    }
    world.finish();
}

#[test]
fn words_that_go_with_an_error_that_passes_are_not_kept() {
    let mut world = compacted(World::new());
    let busy = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);
    world.cluster.faults.answer("orders", 0, &[busy]);
    let (good, _) = send_mixed(&mut world, 3, 100);
    world.run_until_idle();
    assert_written(&world, &good);
    world.finish();
}

#[test]
fn words_are_cut_and_counted_until_their_report_is_taken() {
    fn long(record: &LogRecord) -> Option<&'static str> {
        let words = [
            &include_str!("record_errors.rs")[..3000],
            &include_str!("rules.rs")[..1500],
        ];
        let length = record.value.as_ref().map_or(0, Vec::len);
        record.key.is_none().then(|| words[length % 2])
    }
    let mut world = compacted(World::new());
    world.cluster.rules("orders").refuses = Some(long);
    world.send("orders", None, "even");
    world.send("orders", None, "odd");
    world.drain();
    let mut held = Vec::new();
    while world.account.open() > 0 {
        world.step_without_drain();
        loop {
            let now = world.now();
            let output = world.producer().poll_output(now);
            match &output {
                Output::Wait { until, reason } => {
                    world.wait = Some((until.map(odradek::Instant::as_nanos), *reason));
                    break;
                }
                Output::Event(Event::Delivered(report)) => {
                    let message = report.message.as_ref().expect("words");
                    assert!((1021..=1024).contains(&message.len()));
                    held.push(world.held());
                }
                Output::Resolve { .. }
                | Output::Connect { .. }
                | Output::Transmit { .. }
                | Output::Disconnect { .. }
                | Output::Event(_) => {}
            }
            world.act(output);
        }
    }
    assert_eq!(held.len(), 2);
    assert!((1024..1100).contains(&held[0]), "{held:?}");
    assert_eq!(held[1], 0);
    world.finish();
}
