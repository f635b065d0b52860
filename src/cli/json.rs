//! The format `json`: one object per line, with bytes as text or as base64.

use crate::cli::input::{BadLine, BadLineReason, Found, InputHeader, InputRecord};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Makes a record of a line, or says why it holds none.
///
/// Members that are not known are passed over. Of two members with the same name the last one
/// counts; headers with the same name need the list form.
pub fn parse(line: u64, bytes: Vec<u8>) -> Found {
    match parse_object(line, &bytes) {
        Ok(record) => Found::Record(record),
        Err(Refusal { reason, original }) => Found::Bad(BadLine {
            line,
            bytes: original.unwrap_or(bytes),
            reason: Some(reason),
        }),
    }
}

/// The bytes as base64, as the members that end in `_base64` hold them.
pub fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

struct Refusal {
    reason: BadLineReason,
    /// The bytes of the line that an earlier run could not read.
    original: Option<Vec<u8>>,
}

impl From<BadLineReason> for Refusal {
    fn from(reason: BadLineReason) -> Self {
        Self {
            reason,
            original: None,
        }
    }
}

fn parse_object(line: u64, bytes: &[u8]) -> Result<InputRecord, Refusal> {
    let text = core::str::from_utf8(bytes).map_err(|error| json_error(&error))?;
    let members = serde_json::from_str(text).map(Members);
    let members = members.map_err(|error| json_error(&error))?;
    if let Some(text) = members.get("line_base64") {
        return Err(Refusal {
            reason: BadLineReason::FailedBefore,
            original: from_base64(text),
        });
    }
    Ok(InputRecord {
        line,
        topic: members.topic()?,
        partition: members.number("partition", "a number from 0 to 2147483647")?,
        timestamp: members.number("timestamp", "a number of ms since 1970, not negative")?,
        key: members.bytes("key", "key_base64")?,
        value: members.bytes("value", "value_base64")?,
        headers: members.headers()?,
    })
}

fn json_error(error: &dyn core::fmt::Display) -> BadLineReason {
    // Every text is one line, so its position is the column alone.
    let text = error
        .to_string()
        .replace(" at line 1 column ", " at column ");
    BadLineReason::Json(text)
}

/// The members of an object as text, so that a value is sent with its numbers as they were written.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// The text of a member that is there and not null.
    fn get(&self, name: &str) -> Option<&'a str> {
        let text = self.0.get(name)?.get();
        (text != "null").then_some(text)
    }

    fn topic(&self) -> Result<Option<String>, BadLineReason> {
        let Some(text) = self.get("topic") else {
            return Ok(None);
        };
        let expected = || wrong("topic", "a string");
        serde_json::from_str(text).map(Some).map_err(|_| expected())
    }

    fn number<N: TryFrom<i64>>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<N>, BadLineReason> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let number = serde_json::from_str::<i64>(text).ok();
        let number = number.filter(|number| *number >= 0);
        let number = number.and_then(|number| N::try_from(number).ok());
        number.map(Some).ok_or_else(|| wrong(name, expected))
    }

    fn bytes(
        &self,
        name: &'static str,
        name_base64: &'static str,
    ) -> Result<Option<Vec<u8>>, BadLineReason> {
        match (self.get(name), self.get(name_base64)) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(BadLineReason::Both(name, name_base64)),
            (None, Some(text)) => from_base64(text)
                .map(Some)
                .ok_or_else(|| wrong(name_base64, "a string of base64")),
            (Some(text), None) if text.starts_with('"') => serde_json::from_str::<String>(text)
                .map(|string| Some(string.into_bytes()))
                .map_err(|error| json_error(&error)),
            (Some(text), None) => Ok(Some(compact(text))),
        }
    }

    fn headers(&self) -> Result<Vec<InputHeader>, BadLineReason> {
        let Some(text) = self.get("headers") else {
            return Ok(Vec::new());
        };
        let expected = || {
            wrong(
                "headers",
                "an object or a list of pairs with values that are strings, null or {\"base64\": ...}",
            )
        };
        let pairs = match serde_json::from_str(text).map_err(|error| json_error(&error))? {
            Value::Object(members) => members.into_iter().collect(),
            list @ Value::Array(_) => {
                serde_json::from_value::<Vec<(String, Value)>>(list).map_err(|_| expected())?
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(expected());
            }
        };
        pairs
            .into_iter()
            .map(|(name, value)| header_value(value).map(|value| InputHeader { name, value }))
            .collect::<Option<_>>()
            .ok_or_else(expected)
    }
}

/// The bytes of a header's value; the outer `None` when it has none of the allowed forms.
fn header_value(value: Value) -> Option<Option<Vec<u8>>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.into_bytes())),
        Value::Object(members) if members.len() == 1 => match members.get("base64")? {
            Value::String(text) => STANDARD.decode(text).ok().map(Some),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        },
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// The bytes that a JSON string of base64 stands for.
fn from_base64(json: &str) -> Option<Vec<u8>> {
    let text: String = serde_json::from_str(json).ok()?;
    STANDARD.decode(text).ok()
}

fn wrong(name: &'static str, expected: &'static str) -> BadLineReason {
    BadLineReason::Member { name, expected }
}

/// Valid JSON without the white space between its tokens. Everything else stays as it was written,
/// so that no number loses digits.
fn compact(json: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let (mut is_in_string, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        if is_in_string {
            is_in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            is_in_string = byte == b'"';
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> InputRecord {
        match parse(3, text.as_bytes().to_vec()) {
            Found::Record(record) => record,
            Found::Bad(line) => panic!("{text}: {:?}", line.reason),
        }
    }

    fn refusal(text: &str) -> String {
        match parse(3, text.as_bytes().to_vec()) {
            Found::Record(record) => panic!("{text}: {record:?}"),
            Found::Bad(BadLine { reason, bytes, .. }) => {
                assert_eq!(bytes, text.as_bytes());
                reason.expect("a JSON line is never partial").to_string()
            }
        }
    }

    fn some(bytes: &[u8]) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }

    fn header(name: &str, value: Option<Vec<u8>>) -> InputHeader {
        InputHeader {
            name: name.to_owned(),
            value,
        }
    }

    #[test]
    fn strings_are_text_and_null_or_absent_is_null() {
        let one = record(r#"{"key":"k\u00e9","value":null,"more":[1]}"#);
        assert_eq!((one.key, one.value), (some("k\u{e9}".as_bytes()), None));
        let none = record("{}");
        assert_eq!((none.key, none.value, none.line), (None, None, 3));
        assert_eq!(record(r#"{"value":""}"#).value, some(b""));
    }

    #[test]
    fn any_other_json_is_sent_as_compact_text_with_its_numbers_as_written() {
        let text =
            r#"{"value": { "a" : [ 1.0, 12345678901234567890123, "x \" y\\" ] , "a":1e2 } }"#;
        let expected = br#"{"a":[1.0,12345678901234567890123,"x \" y\\"],"a":1e2}"#;
        assert_eq!(record(text).value, some(expected));
        assert_eq!(record(r#"{"key": 5, "value": true}"#).key, some(b"5"));
    }

    #[test]
    fn base64_stands_for_any_bytes_but_not_beside_text() {
        let one = record(r#"{"key_base64":"/wA=","value_base64":""}"#);
        assert_eq!((one.key, one.value), (some(b"\xff\x00"), some(b"")));
        let both = refusal(r#"{"key":"a","key_base64":"YQ=="}"#);
        assert_eq!(both, "both 'key' and 'key_base64' are given");
        assert_eq!(
            record(r#"{"key":null,"key_base64":"YQ=="}"#).key,
            some(b"a")
        );
        let bad = refusal(r#"{"value_base64":"!"}"#);
        assert_eq!(bad, "'value_base64' is not a string of base64");
    }

    #[test]
    fn headers_come_as_an_object_or_as_pairs() {
        let expected = vec![
            header("b", some(b"1")),
            header("a", None),
            header("c", some(b"\xff")),
        ];
        let object = r#"{"headers":{"b":"1","a":null,"c":{"base64":"/w=="}}}"#;
        assert_eq!(record(object).headers, expected);
        let pairs = r#"{"headers":[["b","1"],["a",null],["c",{"base64":"/w=="}]]}"#;
        assert_eq!(record(pairs).headers, expected);
        let repeated = record(r#"{"headers":[["a","1"],["a","2"]]}"#);
        assert_eq!(repeated.headers.len(), 2);
        for bad in [
            r#"{"headers":"a"}"#,
            r#"{"headers":{"a":1}}"#,
            r#"{"headers":[["a"]]}"#,
            r#"{"headers":[["a","b","c"]]}"#,
            r#"{"headers":[[1,"b"]]}"#,
            r#"{"headers":{"a":{"base64":"!"}}}"#,
            r#"{"headers":{"a":{"base64":"YQ==","b":1}}}"#,
        ] {
            assert!(refusal(bad).starts_with("'headers' is not"), "{bad}");
        }
    }

    #[test]
    fn partition_timestamp_and_topic_are_checked() {
        let one = record(r#"{"topic":"t","partition":2,"timestamp":1700000000000}"#);
        assert_eq!((one.topic.as_deref(), one.partition), (Some("t"), Some(2)));
        assert_eq!(one.timestamp, Some(1_700_000_000_000));
        assert_eq!(record(r#"{"partition":null}"#).partition, None);
        for bad in [
            r#"{"partition":-1}"#,
            r#"{"partition":2147483648}"#,
            r#"{"partition":"1"}"#,
            r#"{"partition":1.5}"#,
            r#"{"timestamp":-1}"#,
            r#"{"timestamp":9223372036854775808}"#,
            r#"{"topic":1}"#,
        ] {
            assert!(refusal(bad).contains("is not a"), "{bad}");
        }
    }

    #[test]
    fn what_is_no_object_is_a_bad_line() {
        for bad in [
            "[]",
            "1",
            "{",
            "{}{}",
            "x",
            r#"{"key":"\ud800"}"#,
            "{'a':1}",
        ] {
            assert!(refusal(bad).starts_with("no JSON object: "), "{bad}");
        }
        let Found::Bad(line) = parse(1, b"\"\xff\"".to_vec()) else {
            panic!("bytes that are no UTF-8 are no JSON");
        };
        assert_eq!(line.bytes, b"\"\xff\"");
    }

    #[test]
    fn a_line_that_was_bad_before_stays_what_it_was() {
        let Found::Bad(line) = parse(1, br#"{"line_base64":"b29wcw=="}"#.to_vec()) else {
            panic!("a bad line is no record");
        };
        assert_eq!(line.bytes, b"oops");
        assert_eq!(line.reason, Some(BadLineReason::FailedBefore));
    }
}
