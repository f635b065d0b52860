//! Varied messages of a schema.

use std::collections::BTreeMap;

use crate::codec::Layout;
use crate::dice::Dice;
use crate::schema::{Field, Kind};
use crate::value::{Record, Value, default_of};

/// Makes messages. Fields may have favourite values, which they get every other time.
pub(crate) struct Generator<'a> {
    pub(crate) layout: Layout,
    pub(crate) favourites: &'a [(&'a str, &'a [Value])],
}

impl Generator<'_> {
    /// A record with a value for every field; those that the version does not have get their default.
    pub(crate) fn record(&self, dice: &mut Dice, schema: &[Field]) -> Record {
        let mut record = Record::default();
        for field in schema {
            let value = if field.versions.contains(self.layout.version) {
                self.field(dice, field)
            } else {
                default_of(field)
            };
            record.set(&field.name, value);
        }
        record.unknown = self.unknown(dice, schema);
        record
    }

    fn field(&self, dice: &mut Dice, field: &Field) -> Value {
        let version = self.layout.version;
        let favourites = self.favourites.iter().find(|(name, _)| *name == field.name);
        match favourites {
            Some((_, values)) if dice.bool() => values[dice.below(values.len())].clone(),
            // Tagged fields are there for what differs from the default: have both.
            _ if field.tagged.contains(version) && dice.below(3) == 0 => default_of(field),
            _ => self.value(dice, &field.kind, field.nullable.contains(version)),
        }
    }

    fn value(&self, dice: &mut Dice, kind: &Kind, can_be_null: bool) -> Value {
        let is_null = can_be_null && dice.below(3) == 0;
        match kind {
            Kind::Bool => Value::Bool(dice.bool()),
            Kind::Int8 => Value::Int(i64::from(dice.i16() as i8)),
            Kind::Int16 => Value::Int(dice.i16().into()),
            Kind::Int32 => Value::Int(dice.i32().into()),
            Kind::Int64 => Value::Int(dice.i64()),
            Kind::Uuid => Value::Uuid(dice.uuid()),
            Kind::String => Value::Text((!is_null).then(|| dice.string())),
            Kind::Bytes => Value::Bytes((!is_null).then(|| dice.bytes(300))),
            Kind::Array(element) => {
                let list = |dice: &mut Dice| dice.list(|dice| self.value(dice, element, false));
                Value::Array((!is_null).then(|| list(dice)))
            }
            Kind::Struct(schema) => Value::Struct(self.record(dice, schema)),
        }
    }

    /// Tagged fields of a later version or another software, with tags that the schema does not have.
    fn unknown(&self, dice: &mut Dice, schema: &[Field]) -> BTreeMap<u32, Vec<u8>> {
        let mut unknown = BTreeMap::new();
        if self.layout.is_flexible() && dice.below(3) == 0 {
            let is_taken = |tag| {
                let tagged = |field: &&Field| field.tagged.contains(self.layout.version);
                schema.iter().filter(tagged).any(|field| field.tag == tag)
            };
            for tag in [
                dice.pick(&[0, 1, 2, 9]),
                dice.pick(&[130, 20_000, u32::MAX >> 1]),
            ] {
                if !is_taken(tag) {
                    unknown.insert(tag, dice.bytes(200));
                }
            }
        }
        unknown
    }
}
