//! Topics in use and topics forgotten, partitions that are added, epochs that never go back, topics that
//! are made again, and topics that are missing.

use crate::broker::{METADATA, PRODUCE, Seen};
use crate::partition_log::UnknownProducer;
use crate::world::{MS, World};
use odradek::{Cause, ErrorCode, Outcome};

fn asked(world: &World) -> Vec<&Seen> {
    let seen = world.cluster.seen.iter();
    seen.filter(|seen| seen.api == METADATA).collect()
}

/// The topics that the last Metadata request named.
fn last_asked(world: &World) -> Vec<&str> {
    let last = *asked(world).last().expect("a Metadata request");
    last.topics.iter().map(String::as_str).collect()
}

fn written(world: &World) -> usize {
    world.account.count(Outcome::Written)
}

// --- topics in use ---

#[test]
fn a_topic_that_nobody_uses_leaves_the_request_and_comes_back_with_the_next_record() {
    let mut world = World::new()
        .topic("busy", 1)
        .topic("quiet", 1)
        .config("metadata.max.age.ms", "10000")
        .config("metadata.max.idle.ms", "60000");
    world.send("quiet", None, "first");
    for second in 0..150 {
        world.send("busy", None, "v");
        world.run_for(1_000);
        let names = last_asked(&world);
        assert!(names.contains(&"busy"), "{names:?}");
        if second < 58 {
            assert!(names.contains(&"quiet"), "{second}: {names:?}");
        } else if second > 70 {
            assert!(!names.contains(&"quiet"), "{second}: {names:?}");
        }
    }
    let (ticket, sent_at) = (world.send("quiet", None, "second"), world.now);
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::Written);
    assert!(fortune.at - sent_at < 50 * MS, "asked for at once");
    // One more topic does not cost as much as all of them.
    assert_eq!(last_asked(&world), ["quiet"]);
    world.run_for(11_000);
    assert_eq!(last_asked(&world), ["quiet", "busy"]);
    assert_eq!(world.cluster.identities, 1, "sequences go on");
    world.finish();
}

#[test]
fn what_happened_to_a_forgotten_topic_is_seen_when_it_comes_back() {
    let mut world = World::new()
        .topic("orders", 2)
        .config("metadata.max.age.ms", "10000")
        .config("metadata.max.idle.ms", "20000");
    world.send_to("orders", 1, "first");
    world.run_until_idle();
    world.run_for(60_000);
    assert!(last_asked(&world).is_empty(), "brokers are still followed");
    world.cluster.create("six", 6);
    let six = world.cluster.topics.remove("six").unwrap().partitions;
    let topic = world.cluster.topics.get_mut("orders").unwrap();
    topic.partitions.extend(six.into_iter().skip(2));
    // It waits for metadata, so that a partition that is new is no error.
    world.send_to("orders", 5, "second");
    world.send_to("orders", 1, "third");
    world.run_until_idle();
    assert_eq!(written(&world), 3);
    world.finish();
}

#[test]
fn a_topic_with_records_queued_or_waiting_is_not_forgotten() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("metadata.max.age.ms", "1000")
        .config("metadata.max.idle.ms", "5000");
    world.cluster.partition("orders", 0).leader = None;
    world.send("orders", None, "queued");
    world.send("missing", None, "waits");
    world.run_for(40_000);
    assert_eq!(last_asked(&world), ["orders", "missing"]);
    world.cluster.partition("orders", 0).leader = Some(1);
    world.cluster.create("missing", 1);
    world.run_until_idle();
    assert_eq!(written(&world), 2);
    world.run_for(10_000);
    assert!(last_asked(&world).is_empty());
    world.finish();
}

#[test]
fn partitions_that_are_added_are_used_after_the_next_refresh_by_age() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("metadata.max.age.ms", "10000")
        .config("batch.size", "0");
    world.send("orders", None, "first");
    world.run_until_idle();
    world.cluster.create("more", 8);
    let more = world.cluster.topics.remove("more").unwrap().partitions;
    let topic = world.cluster.topics.get_mut("orders").unwrap();
    topic.partitions.extend(more.into_iter().skip(1));
    world.run_for(11_000);
    for _ in 0..100 {
        world.send("orders", None, "v");
    }
    world.run_until_idle();
    let used = &world.cluster.topics["orders"].partitions;
    assert!(used.iter().all(|one| !one.log.records.is_empty()));
    world.finish();
}

#[test]
fn a_watched_topic_stays_in_the_request_and_is_polled_only_while_somebody_waits_for_it() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("max.block.ms", "10000")
        .config("metadata.max.age.ms", "30000")
        .config("metadata.max.idle.ms", "5000");
    for name in ["orders", "nowhere"] {
        let (topic, now) = (world.handle(name), world.now());
        world.producer().watch(topic, now);
    }
    world.run_for(20_000);
    let before = asked(&world).len();
    assert!(before > 8, "polled while somebody waits");
    world.run_for(300_000);
    assert!(asked(&world).len() - before <= 11, "and then by age");
    assert_eq!(last_asked(&world), ["orders", "nowhere"]);
    world.finish();
}

// --- leader epochs ---

#[test]
fn an_older_epoch_is_believed_only_from_brokers_whose_epochs_mean_nothing() {
    for (version, expected) in [(7, 1), (8, 1), (9, 2), (13, 2)] {
        let mut world = World::new().brokers(2).topic("orders", 1);
        world.cluster.versions.insert(METADATA, (0, version));
        world.cluster.partition("orders", 0).epoch = 5;
        world.cluster.partition("orders", 0).leader = Some(2);
        world.send("orders", None, "first");
        world.run_until_idle();
        world.cluster.partition("orders", 0).stale = Some((1, 4));
        world.handle("another");
        world.run_for(302_000);
        let before = world.cluster.attempts.len();
        world.send("orders", None, "v");
        world.run_for(3_000);
        assert_eq!(
            world.cluster.attempts[before].broker, expected,
            "v{version}"
        );
        world.cluster.partition("orders", 0).stale = None;
        world.run_until_idle();
        assert_eq!(written(&world), 2);
        world.finish();
    }
}

#[test]
fn a_topic_without_ids_that_was_missing_starts_with_epochs_of_its_own() {
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 1)
        .config("metadata.max.age.ms", "10000");
    world.cluster.versions.insert(METADATA, (0, 9));
    world.cluster.partition("orders", 0).epoch = 50;
    world.send("orders", None, "first");
    world.run_until_idle();
    let old = world.cluster.topics.remove("orders");
    world.run_for(11_000);
    world.cluster.create("orders", 1);
    world.cluster.partition("orders", 0).leader = Some(2);
    world.run_for(11_000);
    world.send("orders", None, "second");
    world.run_for(5_000);
    assert_eq!(written(&world), 2, "{}", world.story());
    assert_eq!(world.cluster.attempts.last().unwrap().broker, 2);
    drop(old);
}

// --- topics made again ---

/// A topic that was written to, then deleted and made again with another id. What was written before is
/// gone, so that the account cannot be checked.
fn made_again(unknown: UnknownProducer) -> World {
    make_again(World::new(), unknown)
}

fn make_again(world: World, unknown: UnknownProducer) -> World {
    let mut world = world.brokers(2).topic("orders", 2);
    world.cluster.unknown_producer = unknown;
    world.cluster.partition("orders", 0).epoch = 9;
    for i in 0..20 {
        world.send_to("orders", i % 2, "before");
        world.run_for(10);
    }
    world.run_until_idle();
    world.cluster.create("orders", 2);
    let topic = world.cluster.topics.get_mut("orders");
    topic.expect("it was created").set_id(99);
    let partition = world.cluster.partition("orders", 0);
    (partition.leader, partition.epoch) = (Some(2), 0);
    world
}

const OUT_OF_ORDER: UnknownProducer =
    UnknownProducer::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);

#[test]
fn a_topic_made_again_is_found_by_its_new_id_and_starts_sequences_that_it_takes() {
    for unknown in [UnknownProducer::Accept, OUT_OF_ORDER] {
        let mut world = made_again(unknown);
        let sent_at = world.now;
        let tickets: Vec<_> = (0..40)
            .map(|i| {
                let ticket = world.send_to("orders", i % 2, "after");
                world.run_for(5);
                ticket
            })
            .collect();
        world.run_until_idle_unchecked();
        for ticket in tickets {
            let fortune = world.account.fortune(ticket);
            assert_eq!(fortune.outcome, Outcome::Written, "{}", world.story());
        }
        assert!(world.now - sent_at < 5_000 * MS);
        let partitions = &world.cluster.topics["orders"].partitions;
        for partition in partitions {
            let numbers = partition.log.numbers();
            assert_eq!(numbers.len(), 20, "each once");
            assert!(numbers.is_sorted(), "in order");
        }
    }
}

/// The new log takes any first sequence: were two batches out and the first one refused, the second would
/// overtake it.
#[test]
fn the_first_batch_for_a_topic_made_again_goes_out_alone() {
    let world = World::new().config("metadata.max.age.ms", "2000");
    let mut world = make_again(world, UnknownProducer::Accept);
    world.run_for(5_000);
    world.cluster.faults.always = Some(crate::faults::Fate::Slow(500));
    let before = world.cluster.attempts.len();
    let tickets: Vec<_> = (0..3)
        .map(|_| {
            let ticket = world.send_to("orders", 0, "after");
            world.run_for(20);
            ticket
        })
        .collect();
    assert_eq!(
        world.cluster.attempts.len() - before,
        1,
        "{}",
        world.story()
    );
    world.run_until_idle_unchecked();
    for ticket in tickets {
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    }
}

#[test]
fn batches_in_doubt_when_their_topic_is_made_again_end_with_what_is_known() {
    for unknown in [UnknownProducer::Accept, OUT_OF_ORDER] {
        let mut world = made_again(unknown);
        // The answer of the deleted topic never comes.
        let fate = [crate::faults::Fate::LoseResponse];
        world.cluster.faults.fate(PRODUCE, &fate);
        let ticket = world.send_to("orders", 0, "in doubt");
        world.run_for(20);
        let later = world.send_to("orders", 0, "later");
        world.run_until_idle_unchecked();
        let log = world.cluster.topics["orders"].partitions[0].log.numbers();
        let (first, second) = (world.account.fortune(ticket), world.account.fortune(later));
        assert_ne!(first.outcome, Outcome::NotWritten);
        assert_eq!(second.outcome, Outcome::Written, "{}", world.story());
        assert!(log.is_sorted() && log.len() <= 2, "{log:?}");
        assert!(world.cluster.attempts.len() < 40);
    }
}

#[test]
fn records_for_a_partition_that_is_gone_with_the_old_topic_end_in_bounded_time() {
    let mut world = made_again(OUT_OF_ORDER);
    let topic = world.cluster.topics.get_mut("orders").unwrap();
    topic.partitions.truncate(1);
    let gone = world.send_to("orders", 1, "v");
    let sent_at = world.now;
    world.run_until_idle_unchecked();
    let fortune = world.account.fortune(gone);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    assert_eq!((fortune.at - sent_at) / MS, 120_000, "delivery.timeout.ms");
    assert!(asked(&world).len() < 200, "{}", asked(&world).len());
}

// --- missing topics ---

const REPLICA_NOT_AVAILABLE: ErrorCode = ErrorCode(9);

#[test]
fn a_missing_topic_is_an_error_with_its_cause_after_max_block() {
    for (error, cause) in [
        (None, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        (
            Some(ErrorCode::LEADER_NOT_AVAILABLE),
            ErrorCode::LEADER_NOT_AVAILABLE,
        ),
        (Some(REPLICA_NOT_AVAILABLE), REPLICA_NOT_AVAILABLE),
    ] {
        let mut world = World::new().config("max.block.ms", "7000");
        if error.is_some() {
            world.cluster.create("nowhere", 1);
            world.cluster.topics.get_mut("nowhere").unwrap().error = error;
        }
        let (ticket, sent_at) = (world.send("nowhere", None, "v"), world.now);
        world.run_until_idle();
        let fortune = world.account.fortune(ticket);
        assert_eq!((fortune.at - sent_at) / MS, 7_000);
        let cause = Some(cause);
        assert_eq!(fortune.cause, Some(Cause::NoMetadata { last: cause }));
        world.finish();
    }
}

#[test]
fn a_missing_topic_is_asked_for_with_back_off_and_only_while_somebody_waits() {
    let mut world = World::new().config("max.block.ms", "20000");
    world.send("nowhere", None, "v");
    world.run_until_idle();
    let at: Vec<u64> = asked(&world).iter().map(|seen| seen.at).collect();
    let gaps: Vec<u64> = at.windows(2).map(|w| (w[1] - w[0]) / MS).collect();
    assert!((80..=125).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps[1] > gaps[0] && gaps[2] > gaps[1], "{gaps:?}");
    assert!(
        gaps[5..].iter().all(|gap| (800..=1_005).contains(gap)),
        "{gaps:?}"
    );
    assert!(at.len() < 30, "{}", at.len());
    world.run_for(2_000);
    let before = asked(&world).len();
    world.run_for(250_000);
    assert_eq!(asked(&world).len(), before, "nobody waits");
    world.send("nowhere", None, "v");
    world.run_for(1_100);
    assert!(asked(&world).len() > before, "somebody waits again");
    world.cluster.create("nowhere", 1);
    world.run_until_idle();
    assert_eq!(written(&world), 1);
    world.finish();
}

#[test]
fn a_handle_to_a_missing_topic_costs_nothing() {
    let mut world = World::new();
    world.handle("nowhere");
    world.run_for(250_000);
    assert!(asked(&world).len() <= 2, "{}", asked(&world).len());
    world.finish();
}
