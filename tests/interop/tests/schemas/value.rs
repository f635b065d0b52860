//! Values of messages, whatever their schema, and how two of them differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::schema::{Field, Kind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Bool(bool),
    Int(i64),
    Uuid([u8; 16]),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Array(Option<Vec<Self>>),
    Struct(Record),
}

/// The fields of a struct or a message by name, and the tagged fields that its schema does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) unknown: BTreeMap<u32, Vec<u8>>,
}

impl Record {
    /// A record of these fields.
    pub(crate) fn of<const N: usize>(fields: [(&str, Value); N]) -> Self {
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Self {
            fields: fields.into(),
            unknown: BTreeMap::new(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> &Value {
        let field = self.fields.get(name);
        field.unwrap_or_else(|| panic!("there is no field {name}"))
    }

    /// The integer in a field.
    pub(crate) fn int(&self, name: &str) -> i64 {
        let Value::Int(value) = self.get(name) else {
            panic!("{name} is no integer")
        };
        *value
    }

    /// The structs in the array of a field, which is taken out.
    pub(crate) fn take_structs(&mut self, name: &str) -> Vec<Self> {
        let Some(Value::Array(Some(elements))) = self.fields.remove(name) else {
            panic!("{name} is no array")
        };
        let record = |element| {
            let Value::Struct(record) = element else {
                panic!("{name} holds no structs")
            };
            record
        };
        elements.into_iter().map(record).collect()
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// Takes away the fields that `version` does not have. All names must be those of `schema`.
    pub(crate) fn restrict(&mut self, schema: &[Field], version: i16) {
        let names: BTreeSet<&str> = schema.iter().map(|field| field.name.as_str()).collect();
        for name in self.fields.keys() {
            assert!(names.contains(name.as_str()), "the schema has no {name}");
        }
        for field in schema {
            if !field.versions.contains(version) {
                self.fields.remove(&field.name);
            } else if let Some(value) = self.fields.get_mut(&field.name) {
                restrict_value(value, &field.kind, version);
            }
        }
    }
}

fn restrict_value(value: &mut Value, kind: &Kind, version: i16) {
    match (value, kind) {
        (Value::Struct(record), Kind::Struct(fields)) => record.restrict(fields, version),
        (Value::Array(Some(elements)), Kind::Array(element)) => {
            for value in elements {
                restrict_value(value, element, version);
            }
        }
        _ => {}
    }
}

/// An array of structs.
pub(crate) fn structs(records: impl Iterator<Item = Record>) -> Value {
    Value::Array(Some(records.map(Value::Struct).collect()))
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(Some(value.to_owned()))
}

pub(crate) fn nullable_text(value: Option<&str>) -> Value {
    Value::Text(value.map(str::to_owned))
}

pub(crate) fn int(value: impl Into<i64>) -> Value {
    Value::Int(value.into())
}

/// The value that a field has in versions without it, and where the sender leaves it out.
pub(crate) fn default_of(field: &Field) -> Value {
    let default = field.default.as_deref();
    let is_null = default == Some("null");
    match &field.kind {
        Kind::Bool => Value::Bool(default == Some("true")),
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
            Value::Int(default.map_or(0, |text| text.parse().expect("a number is the default")))
        }
        Kind::Uuid => Value::Uuid([0; 16]),
        Kind::String if is_null => Value::Text(None),
        Kind::String => text(default.unwrap_or_default()),
        Kind::Bytes => Value::Bytes((!is_null).then(Vec::new)),
        Kind::Array(_) => Value::Array((!is_null).then(Vec::new)),
        Kind::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| (field.name.clone(), default_of(field)));
            Value::Struct(Record {
                fields: fields.collect(),
                unknown: BTreeMap::new(),
            })
        }
    }
}

/// Where two values differ, a line for each place.
pub(crate) struct Comparison<'a> {
    /// Fields of theirs that ours need not have, as paths.
    pub(crate) unkept: &'a [&'a str],
    /// Which of them were met.
    pub(crate) met: BTreeSet<&'a str>,
    pub(crate) differences: String,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(unkept: &'a [&'a str]) -> Self {
        Self {
            unkept,
            met: BTreeSet::new(),
            differences: String::new(),
        }
    }

    /// Compares the fields of two records, whose unknown tagged fields are nobody's business.
    pub(crate) fn records(&mut self, path: &str, theirs: &Record, ours: &Record) {
        let names: BTreeSet<&String> = theirs.fields.keys().chain(ours.fields.keys()).collect();
        for name in names {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match (theirs.fields.get(name), ours.fields.get(name)) {
                (Some(theirs), Some(ours)) => self.values(&path, theirs, ours),
                (Some(_), None) => match self.unkept.iter().find(|unkept| **unkept == path) {
                    Some(unkept) => drop(self.met.insert(unkept)),
                    None => self.differ(&path, "ours does not have it"),
                },
                (None, Some(_)) => self.differ(&path, "theirs does not have it"),
                (None, None) => unreachable!("the name is of one of them"),
            }
        }
    }

    fn values(&mut self, path: &str, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::Struct(theirs), Value::Struct(ours)) => self.records(path, theirs, ours),
            (Value::Array(Some(theirs)), Value::Array(Some(ours))) => {
                if theirs.len() != ours.len() {
                    let lengths = format!("{} elements, ours {}", theirs.len(), ours.len());
                    self.differ(path, &lengths);
                }
                for (theirs, ours) in theirs.iter().zip(ours) {
                    self.values(path, theirs, ours);
                }
            }
            (theirs, ours) if theirs == ours => {}
            (theirs, ours) => self.differ(path, &format!("{theirs:?}, ours {ours:?}")),
        }
    }

    fn differ(&mut self, path: &str, how: &str) {
        writeln!(self.differences, "{path}: {how}").expect("a string grows");
    }
}
