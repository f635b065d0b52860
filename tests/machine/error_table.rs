//! Every error code in every answer: what the code's table says, and what becomes of a record.

use crate::broker::INIT_PRODUCER_ID;
use crate::faults::{Answer, ApiVersionsMood, Fate};
use crate::world::{MS, World};
use odradek::error_code::Recovery;
use odradek::wire::ApiKey;
use odradek::{Cause, ErrorCode, Outcome};

/// The columns of recoveries.
const APIS: [ApiKey; 9] = [
    ApiKey::Produce,
    ApiKey::Metadata,
    ApiKey::ApiVersions,
    ApiKey::InitProducerId,
    ApiKey::FindCoordinator,
    ApiKey::AddPartitionsToTxn,
    ApiKey::AddOffsetsToTxn,
    ApiKey::EndTxn,
    ApiKey::TxnOffsetCommit,
];

/// A line of the table.
struct Row {
    code: ErrorCode,
    name: &'static str,
    /// By API, in the order of [`APIS`].
    recoveries: [Recovery; APIS.len()],
    /// Answered so once, with idempotence.
    once: Outcome,
    /// Answered so once, without.
    plain: Outcome,
    /// Answered so for ever.
    ever: Outcome,
}

impl Row {
    fn recovery(&self, api: ApiKey) -> Recovery {
        let column = APIS.iter().position(|other| *other == api);
        self.recoveries[column.expect("the table has every API")]
    }
}

fn recovery(word: &str) -> Recovery {
    match word {
        "done" => Recovery::Done,
        "split" => Recovery::Split,
        "retry" => Recovery::Retry,
        "refresh" => Recovery::RefreshAndRetry,
        "restart" => Recovery::RestartProducer,
        "abort" => Recovery::AbortTransaction,
        "fix" => Recovery::FixConfiguration,
        "fail" => Recovery::Fail,
        other => panic!("{other} is no recovery"),
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "written" => Outcome::Written,
        "not" => Outcome::NotWritten,
        "possibly" => Outcome::PossiblyWritten,
        other => panic!("{other} is no outcome"),
    }
}

fn table() -> Vec<Row> {
    let lines = include_str!("error_table.txt").lines();
    let rows: Vec<Row> = lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [code, name, ref recoveries @ .., once, plain, ever] = words[..] else {
                panic!("{line}");
            };
            let recoveries: [&str; APIS.len()] = recoveries.try_into().expect(line);
            Row {
                code: ErrorCode(code.parse().expect("a number")),
                name,
                recoveries: recoveries.map(recovery),
                once: outcome(once),
                plain: outcome(plain),
                ever: outcome(ever),
            }
        })
        .collect();
    let codes: Vec<i16> = rows.iter().map(|row| row.code.0).collect();
    assert_eq!(codes, (-1..=136).collect::<Vec<i16>>());
    rows
}

fn is_passing(recovery: Recovery) -> bool {
    matches!(recovery, Recovery::Retry | Recovery::RefreshAndRetry)
}

#[test]
fn every_code_recovers_for_every_api_as_the_table_says() {
    for row in table() {
        assert_eq!(row.code.name(), Some(row.name));
        for api in ApiKey::ALL {
            let expected = row.recovery(api);
            assert_eq!(row.code.recovery(api), expected, "{api:?}: {}", row.code);
        }
    }
}

/// What becomes of a record whose batch is answered with a code so many times. Also checks that it takes
/// at most `limit_ms`, and that no memory is left.
fn fortune(code: ErrorCode, times: usize, limit_ms: u64, world: World) -> (Outcome, Option<Cause>) {
    let mut world = world.topic("orders", 1);
    world.is_tracing = false;
    world.send("orders", None, "first");
    world.run_until_idle();
    let answer = match code {
        ErrorCode::NONE => Answer::Well,
        // The broker has it: that much is true.
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Answer::ErrorAfterAppend(code),
        other => Answer::Error(other),
    };
    world
        .cluster
        .faults
        .answer("orders", 0, &vec![answer; times]);
    let before = world.now;
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    let took = (fortune.at - before) / MS;
    assert!(took <= limit_ms, "{code}: reported after {took} ms");
    assert_eq!(world.held(), 0, "{code}");
    world.cluster.faults.heal();
    let next = world.send("orders", None, "next");
    world.run_until_idle();
    let next = world.account.fortune(next).outcome;
    assert_eq!(next, Outcome::Written, "what follows {code}");
    world.finish();
    (fortune.outcome, fortune.cause)
}

#[test]
fn a_batch_that_is_answered_with_any_code_once_ends_as_the_table_says() {
    for row in table() {
        for (is_idempotent, expected) in [(true, row.once), (false, row.plain)] {
            let world = World::new().config("enable.idempotence", &is_idempotent.to_string());
            let (outcome, cause) = fortune(row.code, 1, 400, world);
            assert_eq!(
                outcome, expected,
                "idempotent {is_idempotent}: {}",
                row.code
            );
            if outcome != Outcome::Written {
                assert_eq!(cause, Some(Cause::Broker(row.code)));
            }
        }
    }
}

#[test]
fn a_batch_that_is_answered_with_any_code_for_ever_ends_as_the_table_says() {
    for row in table() {
        let world = World::new()
            .config("delivery.timeout.ms", "3000")
            .config("request.timeout.ms", "2000")
            .config("retry.backoff.ms", "900")
            .config("linger.ms", "0");
        let (outcome, cause) = fortune(row.code, 1000, 3000, world);
        assert_eq!(outcome, row.ever, "{}", row.code);
        if outcome != Outcome::Written {
            let last = Some(row.code);
            let expected = [Cause::Broker(row.code), Cause::DeliveryTimeout { last }];
            assert!(
                cause.is_some_and(|cause| expected.contains(&cause)),
                "{cause:?}"
            );
        }
    }
}

#[test]
fn without_retries_a_batch_that_is_answered_with_any_code_ends_at_once() {
    for row in table() {
        let world = World::new().config("retries", "0");
        let (outcome, _) = fortune(row.code, 1, 10, world);
        let expected = if is_passing(row.recovery(ApiKey::Produce)) {
            row.ever
        } else {
            row.plain
        };
        assert_eq!(outcome, expected, "{}", row.code);
    }
}

#[test]
fn a_batch_of_several_records_that_is_answered_with_any_code_stays_whole_or_is_divided() {
    for row in table() {
        let mut world = World::new().topic("orders", 1);
        world.is_tracing = false;
        world.handle("orders");
        world.run_for(50);
        let answer = match row.code {
            ErrorCode::NONE => Answer::Well,
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Answer::ErrorAfterAppend(row.code),
            other => Answer::Error(other),
        };
        world.cluster.faults.answer("orders", 0, &[answer]);
        for i in 0..6 {
            world.send("orders", None, &format!("value {i}"));
        }
        world.run_until_idle();
        let is_divided = row.recovery(ApiKey::Produce) == Recovery::Split;
        let expected = if is_divided {
            Outcome::Written
        } else {
            row.once
        };
        assert_eq!(world.account.count(expected), 6, "{}", row.code);
        let largest = world.cluster.attempts.iter().skip(1);
        let largest = largest.map(|a| a.batch.records.len()).max();
        assert_eq!(
            largest.is_some_and(|count| count < 6),
            is_divided,
            "{}",
            row.code
        );
        world.finish();
    }
}

#[test]
fn any_code_instead_of_a_producer_id_is_asked_about_again_or_ends_the_producer() {
    for row in table()
        .into_iter()
        .filter(|row| row.code != ErrorCode::NONE)
    {
        let mut world = World::new().topic("orders", 1);
        world.is_tracing = false;
        let fate = Fate::Error(row.code);
        world.cluster.faults.fate(INIT_PRODUCER_ID, &[fate]);
        let before = world.now;
        let ticket = world.send("orders", None, "v");
        world.run_until_idle();
        let is_passing = is_passing(row.recovery(ApiKey::InitProducerId));
        let outcome = world.account.fortune(ticket).outcome;
        let expected = if is_passing {
            Outcome::Written
        } else {
            Outcome::NotWritten
        };
        assert_eq!(outcome, expected, "{}", row.code);
        assert_eq!(world.failed.is_none(), is_passing, "{}", row.code);
        assert!(world.now - before < 400 * MS, "{}", row.code);
        assert_eq!(world.held(), 0, "{}", row.code);
        world.finish();
    }
}

#[test]
fn any_code_about_a_topic_fails_its_records_at_once_or_is_asked_about_until_max_block() {
    for row in table()
        .into_iter()
        .filter(|row| row.code != ErrorCode::NONE)
    {
        for heals in [false, true] {
            let mut world = World::new()
                .topic("orders", 1)
                .config("max.block.ms", "2000");
            world.is_tracing = false;
            world.cluster.topics.get_mut("orders").unwrap().error = Some(row.code);
            let before = world.now;
            let ticket = world.send("orders", None, "v");
            world.run_for(500);
            if heals {
                world.cluster.topics.get_mut("orders").unwrap().error = None;
            }
            world.run_until_idle();
            let fortune = world.account.fortune(ticket);
            let took = (fortune.at - before) / MS;
            if row.recovery(ApiKey::Metadata) == Recovery::FixConfiguration {
                let expected = (Outcome::NotWritten, Some(Cause::Broker(row.code)));
                assert_eq!((fortune.outcome, fortune.cause), expected, "{}", row.code);
                assert!(took < 100, "{}: {took} ms", row.code);
            } else if heals {
                assert_eq!(fortune.outcome, Outcome::Written, "{}", row.code);
            } else {
                let last = Some(row.code);
                let expected = (Outcome::NotWritten, Some(Cause::NoMetadata { last }));
                assert_eq!((fortune.outcome, fortune.cause), expected, "{}", row.code);
                assert_eq!(took, 2000, "{}", row.code);
            }
            world.finish();
        }
    }
}

#[test]
fn a_broker_that_answers_api_versions_with_any_code_is_tried_again_and_forgiven() {
    for row in table() {
        let mut world = World::new().topic("orders", 1);
        world.is_tracing = false;
        world.cluster.api_versions = ApiVersionsMood::Error(row.code);
        let ticket = world.send("orders", None, "v");
        world.run_for(2000);
        assert!(
            world.connects.len() < 40,
            "{}: {}",
            row.code,
            world.connects.len()
        );
        world.cluster.api_versions = ApiVersionsMood::Well;
        world.run_until_idle();
        let outcome = world.account.fortune(ticket).outcome;
        assert_eq!(outcome, Outcome::Written, "{}", row.code);
        world.finish();
    }
}
