//! Compressed batches: who reads them, how full they get, and what happens when the expectation of
//! their size is wrong.

use crate::broker::PRODUCE;
use crate::faults::{Answer, Fate};
use crate::world::World;
use odradek::{Cause, ErrorCode, Outcome};

const CODECS: [&str; 4] = ["gzip", "snappy", "lz4", "zstd"];
const BATCH: usize = 4096;

/// A world whose topic is known and whose producer has an identity; batches leave when they are full.
fn ready(world: World, codec: &str) -> World {
    ready_for(world, codec, BATCH)
}

fn ready_for(world: World, codec: &str, batch_size: usize) -> World {
    let mut world = world
        .topic("orders", 1)
        .config("compression.type", codec)
        .config("batch.size", &batch_size.to_string())
        .config("linger.ms", "1000");
    world.is_tracing = false;
    world.handle("orders");
    world.run_for(50);
    world
}

/// Text in which only a number changes.
fn text(i: usize) -> Vec<u8> {
    let hash = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    format!("a value that is much like the others, number {i}, but for {hash}").into_bytes()
}

fn noise(i: usize) -> Vec<u8> {
    let word = |j: usize| ((i * 1000 + j) as u64 ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..100)
        .map(|j| (word(j) ^ word(j).rotate_left(23)).to_le_bytes()[6])
        .collect()
}

/// Sends records until `batches` more batches have arrived.
fn send_batches(world: &mut World, batches: usize, value: fn(usize) -> Vec<u8>) {
    let wanted = world.cluster.attempts.len() + batches;
    let mut i = 0;
    while world.cluster.attempts.len() < wanted {
        for _ in 0..20 {
            i += 1;
            let sent = world.try_send("orders", Some(0), None, &value(i));
            sent.unwrap_or_else(|error| panic!("refused: {error}"));
        }
        world.run_for(1);
    }
}

/// Bytes on the wire of the last batches.
fn last_sizes(world: &World, count: usize) -> Vec<usize> {
    let attempts = &world.cluster.attempts;
    let last = &attempts[attempts.len() - count..];
    last.iter().map(|a| a.batch.raw.len()).collect()
}

#[test]
fn every_codec_is_read_back_by_others() {
    for codec in CODECS {
        let mut world = ready(World::new(), codec);
        send_batches(&mut world, 20, text);
        world.run_until_idle();
        let sent = world.account.accepted.len();
        assert_eq!(world.account.count(Outcome::Written), sent);
        assert!(world.cluster.attempts.iter().all(|a| a.batch.is_compressed));
        world.finish();
    }
}

#[test]
fn batches_come_to_fill_batch_size_compressed() {
    for codec in CODECS {
        let mut world = ready(World::new(), codec);
        send_batches(&mut world, 3, text);
        let first = last_sizes(&world, 3);
        assert!(
            first.iter().all(|size| *size < BATCH * 2 / 3),
            "{codec}: {first:?}"
        );
        send_batches(&mut world, 250, text);
        let full = last_sizes(&world, 20);
        let range = BATCH * 70 / 100..=BATCH;
        assert!(
            full.iter().all(|size| range.contains(size)),
            "{codec}: {full:?}"
        );
        world.finish();
    }
}

#[test]
fn keyless_records_stay_on_a_partition_until_its_batch_is_full_compressed() {
    let mut world = World::new().topic("keyless", 4);
    world.handle("keyless");
    let mut world = ready(world, "zstd");
    for i in 0..60_000 {
        let sent = world.try_send("keyless", None, None, &text(i));
        sent.unwrap_or_else(|error| panic!("refused: {error}"));
        if i % 20 == 0 {
            world.run_for(1);
        }
    }
    let sizes = last_sizes(&world, 20);
    let full = sizes.iter().filter(|size| **size > BATCH * 3 / 4).count();
    assert!(full >= 14, "{sizes:?}");
    world.finish();
}

/// The sizes of all batches of one session, each of the same records: a batch is sealed by `linger.ms`.
fn sizes_at(codec: &str, key: &str, level: &str) -> Vec<usize> {
    const BATCHES: usize = 10;
    let world = World::new().config(key, level);
    let mut world = ready_for(world, codec, 100_000);
    for batch in 0..BATCHES {
        for i in 0..300 {
            let value = text(batch * 300 + i);
            let sent = world.try_send("orders", Some(0), None, &value);
            sent.unwrap_or_else(|error| panic!("refused: {error}"));
        }
        world.run_until_idle();
    }
    assert_eq!(world.account.count(Outcome::Written), BATCHES * 300);
    let attempts = &world.cluster.attempts;
    assert!(attempts.iter().all(|a| a.batch.is_compressed));
    assert!(attempts.iter().all(|a| a.batch.records.len() == 300));
    let sizes = attempts.iter().map(|a| a.batch.raw.len()).collect();
    world.finish();
    sizes
}

#[test]
fn a_configured_level_reaches_the_wire() {
    for (codec, fast, thorough) in [("gzip", "1", "9"), ("zstd", "-7", "4")] {
        let key = format!("compression.{codec}.level");
        let [fast, thorough] = [fast, thorough].map(|level| sizes_at(codec, &key, level));
        assert_eq!(fast.len(), thorough.len());
        let mut pairs = fast.iter().zip(&thorough);
        assert!(
            pairs.all(|(fast, thorough)| fast > thorough),
            "{codec}: {fast:?} {thorough:?}"
        );
    }
}

#[test]
fn noise_goes_out_as_it_is_and_within_batch_size() {
    for codec in CODECS {
        let mut world = ready(World::new(), codec);
        send_batches(&mut world, 30, noise);
        assert!(last_sizes(&world, 30).iter().all(|size| *size <= BATCH));
        world.finish();
    }
}

/// The expectation comes from text, then noise comes: the batch is as large as a request may be, and
/// goes out all the same; a few batches later they have their size again.
#[test]
fn an_expectation_that_is_wrong_exceeds_batch_size_but_never_the_request() {
    const REQUEST: usize = 10_000;
    for codec in CODECS {
        let world = World::new().config("max.request.size", &REQUEST.to_string());
        let mut world = ready(world, codec);
        send_batches(&mut world, 250, text);
        let before = world.cluster.attempts.len();
        send_batches(&mut world, 30, noise);
        world.run_until_idle();
        let attempts = &world.cluster.attempts[before..];
        let sizes: Vec<usize> = attempts.iter().map(|a| a.batch.raw.len()).collect();
        assert!(sizes.iter().any(|size| *size > BATCH), "{codec}: {sizes:?}");
        assert!(
            sizes.iter().all(|size| *size <= REQUEST),
            "{codec}: {sizes:?}"
        );
        assert!(
            sizes[10..].iter().all(|size| *size <= BATCH),
            "{codec}: {sizes:?}"
        );
        let requests = world.cluster.seen.iter().filter(|seen| seen.api == PRODUCE);
        assert!(requests.map(|seen| seen.bytes).max() <= Some(REQUEST));
        world.finish();
    }
}

#[test]
fn an_open_batch_is_charged_in_full_however_well_it_will_compress() {
    let mut world = ready(World::new(), "zstd");
    send_batches(&mut world, 250, text);
    world.run_until_idle();
    assert_eq!(world.held(), 0);
    let batches = world.cluster.attempts.len();
    let mut bytes = 0;
    for i in 0.. {
        let value = text(i);
        bytes += value.len() as u64;
        if bytes > 2 * BATCH as u64 {
            break;
        }
        let sent = world.try_send("orders", Some(0), None, &value);
        sent.unwrap_or_else(|error| panic!("refused: {error}"));
        assert!(world.held() > bytes, "{} for {bytes}", world.held());
    }
    world.run_until_idle();
    let sent = &world.cluster.attempts[batches..];
    assert_eq!(sent.len(), 1, "one batch of more than batch.size");
    assert!(sent[0].batch.raw.len() < BATCH);
    world.finish();
}

#[test]
fn a_small_buffer_is_never_exceeded_and_everything_goes_through() {
    for codec in CODECS {
        let mut world = ready(World::new().config("buffer.memory", "70000"), codec);
        world.cluster.faults.always = Some(Fate::Slow(20));
        let mut accepted = 0;
        for i in 0..20_000 {
            match world.try_send("orders", Some(0), None, &text(i)) {
                Ok(_) => accepted += 1,
                Err(_) => world.run_for(5),
            }
            assert!(world.held() <= 70_000);
        }
        world.run_until_idle();
        assert!(accepted > 10_000, "{codec}: {accepted}");
        assert_eq!(world.account.count(Outcome::Written), accepted);
        world.finish();
    }
}

#[test]
fn a_batch_that_a_broker_finds_too_large_ends_the_expectation() {
    let mut world = ready(World::new(), "lz4");
    send_batches(&mut world, 250, text);
    let records = |world: &World| world.cluster.attempts.last().unwrap().batch.records.len();
    let expected = records(&world);
    world.run_until_idle();
    let too_large = Answer::Error(ErrorCode::MESSAGE_TOO_LARGE);
    world.cluster.faults.answer("orders", 0, &[too_large]);
    world.send_to("orders", 0, "one");
    world.run_until_idle();
    send_batches(&mut world, 2, text);
    assert!(
        records(&world) < expected * 2 / 3,
        "{} {expected}",
        records(&world)
    );
}

#[test]
fn a_broker_that_does_not_know_zstd_gets_none() {
    for version in [3, 6] {
        let mut world = World::new();
        world.cluster.versions.insert(PRODUCE, (0, version));
        let mut world = ready(world, "zstd");
        for i in 0..200 {
            let sent = world.try_send("orders", Some(0), None, &text(i));
            sent.unwrap_or_else(|error| panic!("refused: {error}"));
        }
        world.run_until_idle();
        assert_eq!(world.account.count(Outcome::NotWritten), 200);
        assert!(world.cluster.attempts.is_empty());
        let cause = Cause::Broker(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
        let fortunes = world.account.fortunes.values();
        assert!(fortunes.clone().all(|fortune| fortune.cause == Some(cause)));
        // What compression does not make smaller goes out as it is, and every broker knows that.
        let noisy = world.try_send("orders", Some(0), None, &noise(1)).unwrap();
        world.run_until_idle();
        assert_eq!(world.account.fortune(noisy).outcome, Outcome::Written);
        world.finish();
    }
}

#[test]
fn brokers_that_know_zstd_and_old_ones_that_know_the_others_are_served() {
    for (codec, version) in [("zstd", 7), ("gzip", 3), ("snappy", 3), ("lz4", 3)] {
        let mut world = World::new();
        world.cluster.versions.insert(PRODUCE, (0, version));
        let mut world = ready(world, codec);
        send_batches(&mut world, 3, text);
        world.run_until_idle();
        let sent = world.account.accepted.len();
        assert_eq!(world.account.count(Outcome::Written), sent);
        assert!(world.cluster.attempts.iter().all(|a| a.batch.is_compressed));
        world.finish();
    }
}
