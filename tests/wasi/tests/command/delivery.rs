//! What is sent is stored, byte for byte, and reported.

use crate::run::{Ended, LIMIT, Run, stored, wasm};
use odradek_tests_interop::compare::match_up;
use odradek_tests_interop::process::Scratch;
use odradek_tests_interop::readback::{Stamp, StoredRecord, read_back};
use odradek_tests_interop::records::Records;
use odradek_tests_interop::report::Reported;
use odradek_tests_interop::verdict::now;
use odradek_tests_wasi::peers::Cluster;
use odradek_tests_wasi::runtime::Runtime;
use std::fs;
use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

const PARTITIONS: i32 = 3;

/// How long a line may take on a busy machine: less than any time-out that could wake the command.
const PROMPT: Duration = Duration::from_secs(10);

/// The pause before each line: the command has nothing left to do when it comes.
const PAUSE: Duration = Duration::from_secs(1);

/// Which reports have an offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Offsets {
    /// All.
    All,
    /// Some: a retry of what was stored already is acknowledged without one.
    Some,
}

/// Keyed records with headers: 20 000, or 500 000 with `ODRADEK_FULL=1`.
pub(crate) fn records() -> Records {
    Records::for_case(PARTITIONS, 500_000)
}

/// The records as lines of JSON.
pub(crate) fn lines(records: &Records) -> Vec<u8> {
    let scratch = Scratch::new("lines");
    let path = scratch.fresh("lines");
    records.write_lines(&path);
    fs::read(&path).expect("it was just written")
}

/// A cluster of two brokers with the topic `t`.
pub(crate) fn cluster() -> Cluster {
    let cluster = Cluster::start(2);
    cluster.create_topic("t", PARTITIONS);
    cluster
}

/// Checks that the records lie in the topic once each, in order per partition, and that each has one report
/// that says where.
pub(crate) fn check(
    cluster: &Cluster,
    sent: &Records,
    run: &RangeInclusive<i64>,
    ended: &Ended,
    offsets: Offsets,
) {
    assert_eq!(ended.counts(), (sent.count, 0, 0), "{}", ended.stderr);
    assert_eq!((ended.code, ended.failed.as_str()), (Some(0), ""));
    let stored = read_all(cluster, sent);
    let places = match_up(sent, &stored, run).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len() as u64, sent.count, "one report per record");
    for (number, (place, line)) in (1..).zip(places.iter().zip(lines)) {
        let report = Reported::parse(line).unwrap_or_else(|name| panic!("{name}: {line}"));
        assert_eq!((report.line, report.outcome.as_str()), (number, "written"));
        assert_eq!(report.partition, Some(place.partition), "{line}");
        let is_right = match report.offset {
            Some(offset) => offset == place.offset,
            None => offsets == Offsets::Some,
        };
        assert!(is_right, "{place:?}: {line}");
    }
}

/// Everything in the topic, by partition: read by librdkafka where it can be. At full size librdkafka calls a
/// batch damaged; the embedded broker answers a fetch with the whole partition whatever was asked for, which
/// is the likely reason. There the records are taken from the broker's log, as krafka decodes them; Apache
/// Kafka's logs are read by librdkafka at every size.
fn read_all(cluster: &Cluster, sent: &Records) -> Vec<Vec<StoredRecord>> {
    if sent.count <= 20_000 {
        let stored = read_back(&cluster.bootstrap(), "t", sent.partitions, sent.count);
        return stored.unwrap_or_else(|error| panic!("the topic cannot be read: {error}"));
    }
    let partitions = usize::try_from(sent.partitions).expect("a number of partitions");
    let mut stored = vec![Vec::new(); partitions];
    for record in cluster.log("t") {
        let partition = usize::try_from(record.partition).expect("a partition of the topic");
        stored[partition].push(StoredRecord {
            offset: record.offset,
            key: record.key,
            value: record.value,
            headers: record.headers,
            stamp: Stamp::Created(record.timestamp),
        });
    }
    stored
}

/// Sends the records; how many bytes of requests there were per byte of input.
fn records_arrive(runtime: Runtime, codec: &str) -> f64 {
    let (cluster, sent) = (cluster(), records());
    let input = lines(&sent);
    let compression = format!("compression.type={codec}");
    let arguments = ["--format", "json", "--report", "json", "-X", &compression];
    let start = now();
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &arguments);
    run.write(&input);
    let ended = run.end();
    let run = start..=now();
    let proxies = (0..cluster.brokers()).map(|broker| cluster.proxy(broker));
    let requests: u64 = proxies.map(|proxy| proxy.counts().requests).sum();
    check(&cluster, &sent, &run, &ended, Offsets::All);
    requests as f64 / input.len() as f64
}

pub(crate) fn uncompressed_records_arrive_as_they_are(runtime: Runtime) {
    // JSON takes more than the same in binary.
    let ratio = records_arrive(runtime, "none");
    assert!((0.65..1.0).contains(&ratio), "{ratio}");
}

pub(crate) fn lz4_records_arrive_as_they_are(runtime: Runtime) {
    let ratio = records_arrive(runtime, "lz4");
    assert!(ratio < 0.65, "{ratio}");
}

/// Also after a pause, and with nothing else to wake the command.
pub(crate) fn a_line_is_delivered_while_the_input_stays_open(runtime: Runtime) {
    let cluster = cluster();
    let mut run = Run::produce(runtime, &cluster.bootstrap(), &["-X", "linger.ms=20"]);
    run.write(b"line\n");
    // The command has started and connected once the first line has arrived.
    run.wait_stored(&cluster, 1, LIMIT);
    let mut fastest = PROMPT;
    for count in 2..=5 {
        thread::sleep(PAUSE);
        run.write(b"line\n");
        fastest = fastest.min(run.wait_stored(&cluster, count, PROMPT));
    }
    // A line per second would be delivered long before the next one.
    assert!(fastest < PAUSE, "{fastest:?}");
    let ended = run.end();
    assert_eq!(ended.counts(), (5, 0, 0), "{}", ended.stderr);
}

pub(crate) fn bench_counts_what_it_sends(runtime: Runtime) {
    let cluster = cluster();
    let servers = cluster.bootstrap();
    let fixed = ["bench", "-b", &servers, "-t", "t", "--records", "20000"];
    let arguments = [&fixed[..], &["--json"]].concat();
    let scratch = Scratch::new("bench");
    let ended = Run::start(runtime.command(wasm(), &arguments), scratch).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!(report["backend"], "wasi");
    assert_eq!(report["records"], 20_000);
    for unknown in ["cpu_s_per_million", "peak_rss_mb"] {
        assert!(report[unknown].is_null(), "{unknown}: {report}");
        assert!(report.get(unknown).is_some(), "{unknown}: {report}");
    }
    assert_eq!(stored(&cluster), 20_000);
}
