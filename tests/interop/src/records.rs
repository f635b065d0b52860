//! Varied records made from a seed, and their JSON lines for `odradek produce --format json`.

use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// How many different keys there are. Their lengths cover every remainder that murmur2 treats apart.
const KEYS: u64 = 499;

/// Explicit timestamps count up from here, in milliseconds since 1970: well before any run, so that
/// stamped and explicit timestamps meet in one batch as large differences of both signs.
const EARLIEST: i64 = 1_600_000_000_000;

/// A record to be sent, and what must be stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Bytes of the key; none is the null key, which differs from an empty one.
    pub key: Option<Vec<u8>>,
    /// Bytes of the value; none is the null value.
    pub value: Option<Vec<u8>>,
    /// Headers in order; names may repeat.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; none is stamped by the producer.
    pub timestamp: Option<i64>,
    /// The partition asked for; none leaves it to the producer.
    pub partition: Option<i32>,
}

/// A sequence of records, each a function of the seed and its index.
///
/// No two records are equal: a long value contains the index, the others have a timestamp that does.
#[derive(Clone, Copy, Debug)]
pub struct Records {
    /// The same seed makes the same records.
    pub seed: u64,
    /// How many records there are.
    pub count: u64,
    /// The partitions that explicit partitions are chosen from.
    pub partitions: i32,
}

impl Records {
    /// The records of one case at the size that the environment asks for: `full` with
    /// `ODRADEK_FULL=1`, else 20 000. `ODRADEK_SEED` changes the seed, which is printed.
    ///
    /// # Panics
    ///
    /// If `ODRADEK_SEED` is no number.
    #[must_use]
    pub fn for_case(partitions: i32, full: u64) -> Self {
        let is_full = std::env::var("ODRADEK_FULL").is_ok_and(|full| full == "1");
        let seed = std::env::var("ODRADEK_SEED").map_or(1, |seed| {
            seed.parse().expect("ODRADEK_SEED is a whole number")
        });
        let count = if is_full { full } else { 20_000 };
        eprintln!("{count} records, ODRADEK_SEED={seed}");
        Self {
            seed,
            count,
            partitions,
        }
    }

    /// The record at an index below `count`.
    ///
    /// # Panics
    ///
    /// Above 2^63.
    #[must_use]
    pub fn record(&self, index: u64) -> Record {
        let mut random = Random::new(self.seed, index);
        let value = value(&mut random, index);
        let names_itself = value.as_ref().is_some_and(|value| value.len() >= 8);
        let stamped = names_itself && random.below(4) != 0;
        let offset = i64::try_from(index).expect("an index is far below 2^63");
        Record {
            key: (random.below(4) != 0).then(|| key(random.below(KEYS))),
            value,
            headers: headers(&mut random),
            timestamp: (!stamped).then_some(EARLIEST + offset),
            partition: (random.below(16) == 0).then(|| random.partition(self.partitions)),
        }
    }

    /// Every record in order.
    pub fn iter(&self) -> impl Iterator<Item = Record> {
        (0..self.count).map(|index| self.record(index))
    }

    /// Writes one JSON line per record.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn write_lines(&self, path: &Path) {
        let file = File::create(path).expect("the scratch folder is writable");
        let mut file = BufWriter::new(file);
        for record in self.iter() {
            writeln!(file, "{}", record.line()).expect("the disk has room");
        }
        file.flush().expect("the disk has room");
    }
}

impl Record {
    /// The record as `odradek produce --format json` reads it. All spellings of that format are
    /// used: absent and null, text and base64, a JSON value, headers as a list and as an object.
    #[must_use]
    pub fn line(&self) -> Value {
        let mut line = Map::new();
        member(&mut line, "key", self.key.as_deref());
        member(&mut line, "value", self.value.as_deref());
        if !self.headers.is_empty() {
            line.insert("headers".to_owned(), self.headers_member());
        }
        if let Some(timestamp) = self.timestamp {
            line.insert("timestamp".to_owned(), json!(timestamp));
        }
        if let Some(partition) = self.partition {
            line.insert("partition".to_owned(), json!(partition));
        }
        Value::Object(line)
    }

    /// One textual header is an object, all else a list of pairs.
    fn headers_member(&self) -> Value {
        if let [(name, Some(value))] = self.headers.as_slice()
            && let Ok(text) = str::from_utf8(value)
        {
            return json!({ name.as_str(): text });
        }
        let pairs = self
            .headers
            .iter()
            .map(|(name, value)| match value.as_deref() {
                None => json!([name, null]),
                Some(bytes) => match str::from_utf8(bytes) {
                    Ok(text) if text.len() % 2 == 0 => json!([name, text]),
                    Ok(_) | Err(_) => json!([name, { "base64": base64(bytes) }]),
                },
            });
        Value::Array(pairs.collect())
    }
}

/// Adds a key or value. The spelling follows from the bytes: an object that serde_json would print
/// alike is written as JSON, other text of even length as a string, the rest in base64.
fn member(line: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        if name == "value" {
            line.insert(name.to_owned(), Value::Null);
        }
        return;
    };
    let text = str::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() % 2 == 0);
    let Some(text) = text else {
        line.insert(format!("{name}_base64"), json!(base64(bytes)));
        return;
    };
    let object = serde_json::from_str::<Value>(text)
        .ok()
        .filter(|object| object.is_object() && *text == *object.to_string());
    line.insert(name.to_owned(), object.unwrap_or_else(|| json!(text)));
}

/// Key number `number`: the empty one, texts and bytes of up to 40 bytes.
fn key(number: u64) -> Vec<u8> {
    let mut random = Random::new(0x6b65_7973, number);
    match number % 2 {
        _ if number == 0 => Vec::new(),
        0 => random.bytes(number % 41),
        _ => format!("user-{number}").into_bytes(),
    }
}

fn value(random: &mut Random, index: u64) -> Option<Vec<u8>> {
    let long = |random: &mut Random, length: u64| {
        let mut bytes = index.to_be_bytes().to_vec();
        bytes.extend(random.bytes(length));
        bytes
    };
    match random.below(32) {
        0 => None,
        1 => Some(Vec::new()),
        2 | 3 => {
            let length = 1 + random.below(7);
            Some(random.bytes(length))
        }
        4 => {
            let length = 1024 + random.below(6 * 1024);
            Some(long(random, length))
        }
        5..=12 => {
            let length = random.below(256);
            Some(long(random, length))
        }
        _ => Some(json_text(random, index).into_bytes()),
    }
}

/// A log line such as users send: it compresses well, but not to nothing.
fn json_text(random: &mut Random, index: u64) -> String {
    let levels = ["debug", "info", "warn", "error"];
    let paths = [
        "/cart",
        "/checkout",
        "/search",
        "/gr\u{fc}\u{df}e",
        "/\u{1f9f5}",
    ];
    json!({
        "serial": index,
        "level": random.pick(&levels),
        "user": random.below(5000),
        "trace": format!("{:016x}", random.next()),
        "path": format!("{}/{}", random.pick(&paths), random.below(1000)),
        "tags": vec!["spool"; usize::try_from(random.below(12)).expect("below 12")],
        "ok": random.below(2) == 0,
        "note": null,
    })
    .to_string()
}

fn headers(random: &mut Random) -> Vec<(String, Option<Vec<u8>>)> {
    let names = ["trace", "content-type", "x", "", "\u{fc}ber"];
    let count = [0, 0, 0, 1, 1, 2, 3, 5];
    let count = *random.pick(&count);
    let header = |random: &mut Random| {
        let name = (*random.pick(&names)).to_owned();
        let value = match random.below(5) {
            0 => None,
            1 => Some(Vec::new()),
            2 => {
                let length = random.below(80);
                Some(random.bytes(length))
            }
            _ => Some(format!("text/{}", random.below(1000)).into_bytes()),
        };
        (name, value)
    };
    (0..count).map(|_| header(random)).collect()
}

/// Base64 with the standard alphabet and padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for position in 0..4 {
            let sextet = (bits >> (18 - 6 * position)) & 63;
            let letter = ALPHABET[sextet as usize];
            text.push(if position <= group.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

/// The splitmix64 generator: good enough to vary, and the same everywhere.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// One sequence of numbers per seed and index.
    #[must_use]
    pub fn new(seed: u64, index: u64) -> Self {
        let mut random = Self(seed.rotate_left(32) ^ index);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the limit.
    ///
    /// # Panics
    ///
    /// If the limit is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len() as u64);
        &from[usize::try_from(index).expect("an index of a slice")]
    }

    pub(crate) fn partition(&mut self, partitions: i32) -> i32 {
        let limit = u64::from(partitions.unsigned_abs());
        i32::try_from(self.below(limit)).expect("below a partition count")
    }

    pub(crate) fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.next().to_be_bytes()[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_equals_the_vectors_of_rfc_4648() {
        let vectors = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        for (length, expected) in vectors.iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), *expected);
        }
    }

    #[test]
    fn records_cover_every_kind_that_can_be_stored() {
        let records = Records {
            seed: 1,
            count: 20_000,
            partitions: 6,
        };
        let any = |kind: &dyn Fn(&Record) -> bool| records.iter().any(|record| kind(&record));
        assert!(any(&|r| r.key.is_none()) && any(&|r| r.key.as_deref() == Some(b"")));
        assert!(any(&|r| r.value.is_none()) && any(&|r| r.value.as_deref() == Some(b"")));
        assert!(any(&|r| r
            .value
            .as_ref()
            .is_some_and(|value| value.len() > 6 * 1024)));
        assert!(any(&|r| r.timestamp.is_none()) && any(&|r| r.timestamp.is_some()));
        assert!(any(&|r| r.headers.iter().any(|(_, value)| value.is_none())));
        assert!(any(
            &|r| r.headers.len() == 2 && r.headers[0].0 == r.headers[1].0
        ));
        for partition in 0..6 {
            assert!(any(&|r| r.partition == Some(partition)));
        }
    }

    #[test]
    fn lines_use_every_spelling() {
        let records = Records {
            seed: 1,
            count: 5_000,
            partitions: 6,
        };
        let any = |kind: &dyn Fn(&Value) -> bool| records.iter().any(|r| kind(&r.line()));
        assert!(any(
            &|line| line.get("key").is_none() && line.get("key_base64").is_none()
        ));
        assert!(any(&|line| line["key"] == ""));
        assert!(any(&|line| line["key_base64"].is_string()));
        assert!(any(
            &|line| line["value"].is_null() && line.get("value_base64").is_none()
        ));
        assert!(any(&|line| line["value"].is_object()));
        assert!(any(&|line| line["value"] == ""));
        assert!(any(&|line| line["value_base64"].is_string()));
        assert!(any(&|line| line["headers"].is_object()));
        assert!(any(&|line| line["headers"][0][1]["base64"].is_string()));
        assert!(any(&|line| line["headers"][0][1].is_string()));
        assert!(any(
            &|line| line["headers"].is_array() && line["headers"][0][1].is_null()
        ));
    }
}
