//! The file of records that were not delivered: lines of the format `json` that can be produced again.

use crate::cli::input::{BadLine, Defaults, InputRecord};
use crate::cli::json::base64_text;
use crate::cli::report::outcome_name;
use crate::event::Outcome;
use serde_json::{Map, Value, json};

/// Appends a record, its outcome and the reason to `out` as a line of JSON.
///
/// Topic, partition and headers of the command line become the record's own, so that the line stands for
/// itself. Bytes that are no UTF-8 are written as base64.
pub fn write_record(
    record: &InputRecord,
    defaults: &Defaults,
    outcome: Outcome,
    error: &str,
    out: &mut Vec<u8>,
) {
    let mut object = Map::new();
    if let Some(topic) = defaults.topic_of(record) {
        object.insert("topic".to_owned(), json!(topic));
    }
    if let Some(partition) = defaults.partition_of(record) {
        object.insert("partition".to_owned(), json!(partition));
    }
    if let Some(timestamp) = record.timestamp {
        object.insert("timestamp".to_owned(), json!(timestamp));
    }
    insert_bytes(&mut object, "key", record.key.as_deref());
    insert_bytes(&mut object, "value", record.value.as_deref());
    let headers: Vec<Value> = defaults
        .headers_of(record)
        .map(|header| json!([header.name, header_value(header.value.as_deref())]))
        .collect();
    if !headers.is_empty() {
        object.insert("headers".to_owned(), Value::Array(headers));
    }
    object.insert("outcome".to_owned(), json!(outcome_name(outcome)));
    object.insert("error".to_owned(), json!(error));
    write_line(object, out);
}

/// Appends a line that held no record to `out`. The parts of a line that was too long to be held follow
/// one another with the same `line`; put together they are the line.
pub fn write_bad_line(line: &BadLine, out: &mut Vec<u8>) {
    let mut object = Map::new();
    object.insert("line_base64".to_owned(), json!(base64_text(&line.bytes)));
    object.insert("line".to_owned(), json!(line.line));
    if let Some(reason) = &line.reason {
        let outcome = outcome_name(Outcome::NotWritten);
        object.insert("outcome".to_owned(), json!(outcome));
        object.insert("error".to_owned(), json!(reason.to_string()));
    }
    write_line(object, out);
}

fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        object.insert(name.to_owned(), Value::Null);
        return;
    };
    match core::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.to_owned(), json!(text)),
        Err(_) => object.insert(format!("{name}_base64"), json!(base64_text(bytes))),
    };
}

fn header_value(bytes: Option<&[u8]>) -> Value {
    match bytes.map(|bytes| (bytes, core::str::from_utf8(bytes))) {
        None => Value::Null,
        Some((_, Ok(text))) => json!(text),
        Some((bytes, Err(_))) => json!({ "base64": base64_text(bytes) }),
    }
}

fn write_line(object: Map<String, Value>, out: &mut Vec<u8>) {
    out.extend_from_slice(Value::Object(object).to_string().as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::input::{BadLineReason, Format, Found, InputHeader, Reader};

    fn read_one(bytes: &[u8]) -> Found {
        let mut reader = Reader::new(Format::Json, 10_000);
        reader.push(bytes);
        let found = reader.next_found().expect("a whole line");
        assert_eq!(reader.next_found(), None);
        found
    }

    fn header(name: &str, value: Option<&[u8]>) -> InputHeader {
        InputHeader {
            name: name.to_owned(),
            value: value.map(<[u8]>::to_vec),
        }
    }

    #[test]
    fn a_failed_record_is_read_back_as_it_was() {
        let bytes: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"text \"\n\\"), Some(b"\xff\x00")];
        for (index, key) in bytes.iter().enumerate() {
            let record = InputRecord {
                line: 1,
                topic: Some("t".to_owned()),
                partition: (index == 1).then_some(3),
                timestamp: (index == 2).then_some(5),
                key: key.map(<[u8]>::to_vec),
                value: bytes[3 - index].map(<[u8]>::to_vec),
                headers: bytes.iter().map(|value| header("h", *value)).collect(),
            };
            let mut out = Vec::new();
            let defaults = Defaults::default();
            write_record(
                &record,
                &defaults,
                Outcome::PossiblyWritten,
                "why",
                &mut out,
            );
            assert_eq!(read_one(&out), Found::Record(record));
        }
    }

    #[test]
    fn the_line_stands_for_itself() {
        let record = InputRecord {
            value: Some(b"{}".to_vec()),
            headers: vec![header("a", None)],
            ..InputRecord::default()
        };
        let defaults = Defaults {
            topic: Some("t".to_owned()),
            partition: Some(4),
            headers: vec![header("from", Some(b"x"))],
        };
        let mut out = Vec::new();
        write_record(&record, &defaults, Outcome::NotWritten, "why", &mut out);
        let expected = concat!(
            r#"{"topic":"t","partition":4,"key":null,"value":"{}","#,
            r#""headers":[["from","x"],["a",null]],"outcome":"not-written","error":"why"}"#,
        );
        assert_eq!(String::from_utf8_lossy(&out).trim_end(), expected);
    }

    #[test]
    fn a_bad_line_keeps_its_bytes_and_never_becomes_a_record() {
        let line = BadLine {
            line: 1,
            bytes: b"\xffoops".to_vec(),
            reason: Some(BadLineReason::NoTopic),
        };
        let mut out = Vec::new();
        write_bad_line(&line, &mut out);
        let Found::Bad(again) = read_one(&out) else {
            panic!("a bad line stays bad");
        };
        assert_eq!(again.bytes, line.bytes);
        assert_eq!(again.reason, Some(BadLineReason::FailedBefore));
    }
}
