//! Reads a topic with Kafka's own console consumer, which shows what is committed and nothing else.

use crate::jars::Release;
use crate::process::Scratch;
use crate::readback::StoredRecord;
use std::fs;

/// The same class in all releases that the tests run.
const PROGRAM: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";

/// Separates partition, offset, key and value: no record holds it.
const BETWEEN: &str = "<odradek:between>";

/// Stands at the end of a record.
const END: &str = "<odradek:end>";

/// Stands for the null key, or the null value.
const NULL: &str = "<odradek:null>";

/// How long the consumer waits for one more record, in ms.
const PATIENCE: &str = "60000";

/// A record as the console consumer shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shown {
    /// Where it is in its partition.
    pub offset: i64,
    /// Bytes of the key; none is the null key.
    pub key: Option<Vec<u8>>,
    /// Bytes of the value; none is the null value.
    pub value: Option<Vec<u8>>,
}

/// Reads so many committed records of a topic from its beginning; fewer if there are fewer. The result has
/// one list per partition, in the order of the log.
///
/// # Panics
///
/// If the consumer fails, or shows something that is no record of such a topic.
#[must_use]
pub fn read_committed(
    release: Release,
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    count: usize,
) -> Vec<Vec<Shown>> {
    let count = count.to_string();
    let properties = [
        "print.partition=true".to_owned(),
        "print.offset=true".to_owned(),
        "print.key=true".to_owned(),
        format!("key.separator={BETWEEN}"),
        format!("line.separator={END}"),
        format!("null.literal={NULL}"),
    ];
    let mut arguments = vec![PROGRAM, "--bootstrap-server", bootstrap, "--topic", topic];
    arguments.extend(["--from-beginning", "--isolation-level", "read_committed"]);
    arguments.extend(["--max-messages", &count, "--timeout-ms", PATIENCE]);
    // Kafka 4 renamed it, and says so on standard output to who uses the old name.
    let option = match release {
        Release::V4_3_0 => "--formatter-property",
        Release::V3_9_1 => "--property",
    };
    for property in &properties {
        arguments.extend([option, property]);
    }
    let scratch = Scratch::new("console");
    let finished = release.java(&arguments, None, &scratch);
    let output = fs::read(&finished.stdout).expect("standard output was captured");
    parse(&output, partitions)
}

/// Compares what both readers saw.
///
/// # Panics
///
/// At the first record that they saw differently.
pub fn assert_equal(topic: &str, stored: &[Vec<StoredRecord>], shown: &[Vec<Shown>]) {
    for (partition, (stored, shown)) in stored.iter().zip(shown).enumerate() {
        for (stored, shown) in stored.iter().zip(shown) {
            let same = (stored.offset, &stored.key, &stored.value)
                == (shown.offset, &shown.key, &shown.value);
            assert!(
                same,
                "{topic}-{partition}: {stored:?} is {shown:?} to Kafka"
            );
        }
        let counts = (stored.len(), shown.len());
        assert_eq!(counts.0, counts.1, "records of {topic}-{partition}");
    }
    assert_eq!(stored.len(), shown.len(), "partitions of {topic}");
}

fn parse(output: &[u8], partitions: i32) -> Vec<Vec<Shown>> {
    let count = usize::try_from(partitions).expect("there are partitions");
    let mut shown = vec![Vec::new(); count];
    let mut rest = output;
    while !rest.is_empty() {
        let (record, after) = cut(rest, END);
        rest = after.expect("the consumer shows whole records");
        let (partition, record) = number(record, "Partition:");
        let (offset, record) = number(record, "Offset:");
        let (key, value) = cut(record, BETWEEN);
        let value = value.expect("the value follows the key");
        let known = |bytes: &[u8]| (bytes != NULL.as_bytes()).then(|| bytes.to_vec());
        let partition = usize::try_from(partition).expect("partitions count from 0");
        shown[partition].push(Shown {
            offset,
            key: known(key),
            value: known(value),
        });
    }
    shown
}

/// The number behind a name at the beginning, and what follows.
fn number<'a>(record: &'a [u8], name: &str) -> (i64, &'a [u8]) {
    let (field, rest) = cut(record, BETWEEN);
    let digits = str::from_utf8(field)
        .ok()
        .and_then(|it| it.strip_prefix(name));
    let number = digits.and_then(|it| it.parse().ok());
    let shown = || String::from_utf8_lossy(field);
    let number = number.unwrap_or_else(|| panic!("{} is no {name}", shown()));
    (number, rest.expect("more follows"))
}

/// What is before a mark, and what is behind it if there is one.
fn cut<'a>(bytes: &'a [u8], mark: &str) -> (&'a [u8], Option<&'a [u8]>) {
    let mark = mark.as_bytes();
    match bytes.windows(mark.len()).position(|it| it == mark) {
        Some(at) => (&bytes[..at], Some(&bytes[at + mark.len()..])),
        None => (bytes, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readback::Stamp;
    use std::panic::catch_unwind;

    fn line(partition: i32, offset: i64, key: &str, value: &str) -> String {
        format!("Partition:{partition}{BETWEEN}Offset:{offset}{BETWEEN}{key}{BETWEEN}{value}{END}")
    }

    #[test]
    fn what_the_consumer_shows_is_taken_apart_and_compared() {
        let output = line(1, 7, "k", "a\nb") + &line(0, 0, NULL, "") + &line(1, 9, "l", NULL);
        let mut shown = parse(output.as_bytes(), 2);
        let stored = |offset, key: Option<&str>, value: Option<&str>| StoredRecord {
            offset,
            key: key.map(|it| it.as_bytes().to_vec()),
            value: value.map(|it| it.as_bytes().to_vec()),
            headers: Vec::new(),
            stamp: Stamp::Created(5),
        };
        let second = vec![
            stored(7, Some("k"), Some("a\nb")),
            stored(9, Some("l"), None),
        ];
        let stored = [vec![stored(0, None, Some(""))], second];
        assert_equal("t", &stored, &shown);
        shown[1].pop();
        assert!(catch_unwind(|| assert_equal("t", &stored, &shown)).is_err());
        let other = Shown {
            offset: 8,
            ..shown[1][0].clone()
        };
        shown[1].push(other);
        assert!(catch_unwind(|| assert_equal("t", &stored, &shown)).is_err());
    }
}
