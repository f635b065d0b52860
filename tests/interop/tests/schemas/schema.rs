//! Kafka's message schemas: what a message of a version consists of.

use serde_json::Value as Json;

/// A message: a request, a response or a header.
pub(crate) struct Message {
    pub(crate) name: String,
    /// None for headers.
    pub(crate) api_key: Option<i16>,
    pub(crate) valid: Versions,
    /// Whether brokers keep the highest version to themselves unless they are told to offer it.
    pub(crate) is_latest_unstable: bool,
    pub(crate) flexible: Versions,
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) versions: Versions,
    pub(crate) nullable: Versions,
    /// The versions that send it as a tagged field, and its tag.
    pub(crate) tagged: Versions,
    pub(crate) tag: u32,
    /// The versions with compact lengths, where they differ from those of the message.
    pub(crate) flexible: Option<Versions>,
    /// The default as written, `None` for the one of the type.
    pub(crate) default: Option<String>,
}

pub(crate) enum Kind {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uuid,
    String,
    /// Bytes, and records, which are encoded as bytes are.
    Bytes,
    Array(Box<Self>),
    Struct(Vec<Field>),
}

/// Versions in a row, both ends included. None when `min` is above `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) min: i16,
    pub(crate) max: i16,
}

impl Versions {
    const NONE: Self = Self { min: 0, max: -1 };

    /// `none`, `3`, `3-5` or `3+`.
    fn parse(text: &str) -> Self {
        let number = |text: &str| -> i16 { text.parse().expect("a version is a number") };
        match (text.strip_suffix('+'), text.split_once('-')) {
            (Some(min), _) => Self {
                min: number(min),
                max: i16::MAX,
            },
            (None, Some((min, max))) => Self {
                min: number(min),
                max: number(max),
            },
            (None, None) if text == "none" => Self::NONE,
            (None, None) => Self {
                min: number(text),
                max: number(text),
            },
        }
    }

    pub(crate) fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

impl Message {
    /// Reads a schema, which is JSON with `//` comments.
    pub(crate) fn parse(text: &str) -> Self {
        let json: Json = serde_json::from_str(&without_comments(text)).expect("it is JSON");
        let structs = json["commonStructs"].as_array().cloned();
        Self {
            name: text_of(&json, "name").expect("a message has a name"),
            api_key: json["apiKey"]
                .as_i64()
                .map(|key| i16::try_from(key).expect("an api key has 16 bits")),
            valid: versions(&json, "validVersions").expect("a message has versions"),
            is_latest_unstable: json["latestVersionUnstable"].as_bool().unwrap_or(false),
            flexible: versions(&json, "flexibleVersions").expect("a message says what is flexible"),
            fields: fields(&json["fields"], &structs.unwrap_or_default()),
        }
    }

    /// The highest version that every broker offers.
    pub(crate) fn highest_stable(&self) -> i16 {
        self.valid.max - i16::from(self.is_latest_unstable)
    }
}

fn fields(json: &Json, structs: &[Json]) -> Vec<Field> {
    let list = json.as_array().expect("fields are a list");
    list.iter().map(|json| field(json, structs)).collect()
}

fn field(json: &Json, structs: &[Json]) -> Field {
    let kind = text_of(json, "type").expect("a field has a type");
    Field {
        name: text_of(json, "name").expect("a field has a name"),
        kind: self::kind(&kind, json, structs),
        versions: versions(json, "versions").expect("a field has versions"),
        nullable: versions(json, "nullableVersions").unwrap_or(Versions::NONE),
        tagged: versions(json, "taggedVersions").unwrap_or(Versions::NONE),
        tag: json["tag"].as_u64().map_or(0, |tag| tag as u32),
        flexible: versions(json, "flexibleVersions"),
        // Numbers stand there with and without quotes.
        default: text_of(json, "default").or_else(|| {
            let default = &json["default"];
            (!default.is_null()).then(|| default.to_string())
        }),
    }
}

fn kind(name: &str, json: &Json, structs: &[Json]) -> Kind {
    match name {
        "bool" => Kind::Bool,
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "uuid" => Kind::Uuid,
        "string" => Kind::String,
        "bytes" | "records" => Kind::Bytes,
        name => match name.strip_prefix("[]") {
            Some(element) => Kind::Array(Box::new(kind(element, json, structs))),
            None => Kind::Struct(struct_fields(name, json, structs)),
        },
    }
}

/// The fields of a struct: given in place, or once for the whole message.
fn struct_fields(name: &str, json: &Json, structs: &[Json]) -> Vec<Field> {
    let common = structs.iter().find(|common| common["name"] == name);
    let holder = if json["fields"].is_array() {
        json
    } else {
        common.unwrap_or_else(|| panic!("type {name} is not known"))
    };
    fields(&holder["fields"], structs)
}

fn text_of(json: &Json, key: &str) -> Option<String> {
    json[key].as_str().map(str::to_owned)
}

fn versions(json: &Json, key: &str) -> Option<Versions> {
    json[key].as_str().map(Versions::parse)
}

/// Takes everything from `//` to the end of the line away, outside of strings.
fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let (mut in_string, mut is_escaped, mut end) = (false, false, line.len());
        for (at, character) in line.char_indices() {
            if !in_string && line[at..].starts_with("//") {
                end = at;
                break;
            }
            in_string ^= character == '"' && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
        }
        kept.push_str(&line[..end]);
        kept.push('\n');
    }
    kept
}

#[test]
fn comments_are_taken_away_and_strings_are_not() {
    let text = "// first\n{ \"a\": \"b // c\", // d \"e\"\n\"f\": \"\\\"//\" }";
    let json: Json = serde_json::from_str(&without_comments(text)).unwrap();
    assert_eq!(json["a"], "b // c");
    assert_eq!(json["f"], "\"//");
}

#[test]
fn versions_are_read_in_all_four_forms() {
    assert_eq!(
        Versions::parse("0+"),
        Versions {
            min: 0,
            max: i16::MAX
        }
    );
    assert_eq!(Versions::parse("3-13"), Versions { min: 3, max: 13 });
    assert_eq!(Versions::parse("7"), Versions { min: 7, max: 7 });
    assert!((0..20).all(|version| !Versions::parse("none").contains(version)));
}
