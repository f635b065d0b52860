//! Messages to bytes and back by their schema alone.
//!
//! The encoding is that of the [protocol guide](https://kafka.apache.org/protocol) and KIP-482: flexible
//! versions have compact lengths, one more than the length, and tagged fields after every struct.

use crate::dice::Dice;
use crate::schema::{Field, Kind, Versions};
use crate::value::{Record, Value, default_of};

/// How the fields of one message of one version are laid out.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) version: i16,
    is_flexible: bool,
}

impl Layout {
    pub(crate) fn new(version: i16, flexible: Versions) -> Self {
        Self {
            version,
            is_flexible: flexible.contains(version),
        }
    }

    pub(crate) fn is_flexible(self) -> bool {
        self.is_flexible
    }

    /// The layout of a field by itself.
    fn of(self, field: &Field) -> Self {
        let flexible = field.flexible;
        Self {
            is_flexible: flexible.map_or(self.is_flexible, |own| own.contains(self.version)),
            ..self
        }
    }
}

/// Appends a struct. A tagged field that holds its default may be left out, which the dice decide.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    layout: Layout,
    schema: &[Field],
    record: &Record,
    dice: &mut Dice,
) {
    let present = |field: &&Field| field.versions.contains(layout.version);
    let mut tagged = record.unknown.clone();
    for field in schema.iter().filter(present) {
        let value = record.get(&field.name);
        if !field.tagged.contains(layout.version) {
            encode_value(out, layout.of(field), field, &field.kind, value, dice);
        } else if *value != default_of(field) || dice.bool() {
            let mut content = Vec::new();
            encode_value(&mut content, layout, field, &field.kind, value, dice);
            tagged.insert(field.tag, content);
        }
    }
    if layout.is_flexible {
        put_varint(out, tagged.len());
        for (tag, content) in tagged {
            put_varint(out, tag as usize);
            put_varint(out, content.len());
            out.extend(content);
        }
    }
}

fn encode_value(
    out: &mut Vec<u8>,
    layout: Layout,
    field: &Field,
    kind: &Kind,
    value: &Value,
    dice: &mut Dice,
) {
    match (kind, value) {
        (Kind::Bool, Value::Bool(value)) => out.push(u8::from(*value)),
        (Kind::Int8, Value::Int(value)) => out.extend((*value as i8).to_be_bytes()),
        (Kind::Int16, Value::Int(value)) => out.extend((*value as i16).to_be_bytes()),
        (Kind::Int32, Value::Int(value)) => out.extend((*value as i32).to_be_bytes()),
        (Kind::Int64, Value::Int(value)) => out.extend(value.to_be_bytes()),
        (Kind::Uuid, Value::Uuid(value)) => out.extend(value),
        (Kind::String, Value::Text(text)) => {
            put_length(
                out,
                layout,
                size_of::<i16>(),
                text.as_ref().map(String::len),
            );
            out.extend(text.as_deref().unwrap_or_default().as_bytes());
        }
        (Kind::Bytes, Value::Bytes(bytes)) => {
            put_length(out, layout, size_of::<i32>(), bytes.as_ref().map(Vec::len));
            out.extend(bytes.as_deref().unwrap_or_default());
        }
        (Kind::Array(element), Value::Array(elements)) => {
            put_length(
                out,
                layout,
                size_of::<i32>(),
                elements.as_ref().map(Vec::len),
            );
            for value in elements.as_deref().unwrap_or_default() {
                encode_value(out, layout, field, element, value, dice);
            }
        }
        (Kind::Struct(schema), Value::Struct(record)) => encode(out, layout, schema, record, dice),
        (_, value) => panic!("{} is {value:?}", field.name),
    }
}

/// The length of something, or null, in `classic` bytes unless the version is flexible.
fn put_length(out: &mut Vec<u8>, layout: Layout, classic: usize, length: Option<usize>) {
    if layout.is_flexible {
        put_varint(out, length.map_or(0, |length| length + 1));
    } else {
        let length = length.map_or(-1, |length| {
            i32::try_from(length).expect("lengths are small")
        });
        out.extend(&length.to_be_bytes()[size_of::<i32>() - classic..]);
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// What is left to decode.
pub(crate) struct Source<'a>(pub(crate) &'a [u8]);

/// Decodes a struct of exactly the fields that the version has; none may be null unless it can be.
pub(crate) fn decode(source: &mut Source<'_>, layout: Layout, schema: &[Field]) -> Record {
    let mut record = Record::default();
    let present = |field: &&Field| field.versions.contains(layout.version);
    let is_tagged = |field: &&Field| field.tagged.contains(layout.version);
    for field in schema.iter().filter(present) {
        let value = if is_tagged(&field) {
            default_of(field)
        } else {
            source.value(layout.of(field), field, &field.kind)
        };
        record.set(&field.name, value);
    }
    let tags = if layout.is_flexible {
        source.varint()
    } else {
        0
    };
    for _ in 0..tags {
        let (tag, length) = (source.varint() as u32, source.varint());
        let mut content = Source(source.take(length));
        let known = |field: &&Field| present(field) && is_tagged(field) && field.tag == tag;
        if let Some(field) = schema.iter().find(known) {
            record.set(&field.name, content.value(layout, field, &field.kind));
            assert!(content.0.is_empty(), "{} has bytes left", field.name);
        } else {
            record.unknown.insert(tag, content.0.to_vec());
        }
    }
    record
}

impl<'a> Source<'a> {
    fn value(&mut self, layout: Layout, field: &Field, kind: &Kind) -> Value {
        let can_be_null = field.nullable.contains(layout.version);
        let value = match kind {
            Kind::Bool => Value::Bool(self.take(1)[0] != 0),
            Kind::Int8 => Value::Int(self.int(1)),
            Kind::Int16 => Value::Int(self.int(2)),
            Kind::Int32 => Value::Int(self.int(4)),
            Kind::Int64 => Value::Int(self.int(8)),
            Kind::Uuid => Value::Uuid(self.take(16).try_into().expect("16 bytes")),
            Kind::String => {
                let length = self.length(layout, size_of::<i16>());
                let text = length.map(|length| self.take(length).to_vec());
                Value::Text(text.map(|text| String::from_utf8(text).expect("text is UTF-8")))
            }
            Kind::Bytes => {
                let length = self.length(layout, size_of::<i32>());
                Value::Bytes(length.map(|length| self.take(length).to_vec()))
            }
            Kind::Array(element) => {
                let length = self.length(layout, size_of::<i32>());
                let mut elements = |length| {
                    let value = |_| self.value(layout, field, element);
                    (0..length).map(value).collect()
                };
                Value::Array(length.map(&mut elements))
            }
            Kind::Struct(schema) => Value::Struct(decode(self, layout, schema)),
        };
        let is_null = matches!(
            value,
            Value::Text(None) | Value::Bytes(None) | Value::Array(None)
        );
        assert!(!is_null || can_be_null, "{} is null", field.name);
        value
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// A big-endian number with its sign.
    fn int(&mut self, size: usize) -> i64 {
        let bytes = self.take(size);
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        bytes
            .iter()
            .fold(sign, |value, byte| value << 8 | i64::from(*byte))
    }

    fn length(&mut self, layout: Layout, classic: usize) -> Option<usize> {
        if layout.is_flexible {
            return self.varint().checked_sub(1);
        }
        let length = self.int(classic);
        assert!(length >= -1, "a length is {length}");
        usize::try_from(length).ok()
    }

    fn varint(&mut self) -> usize {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return value;
            }
        }
        panic!("a varint has more than five bytes")
    }
}
