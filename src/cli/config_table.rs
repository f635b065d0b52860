//! The table of configuration keys for people and for programs, made from the definition that checks
//! them.

use crate::config::librdkafka::{Counterpart, foreign_names};
use crate::config::{Key, Service, keys};
use core::fmt::Write as _;
use serde_json::{Value, json};

/// How wide the table is.
const WIDTH: usize = 100;

/// The columns of names and of defaults.
const NAME: usize = 43;
const DEFAULT: usize = 19;

/// How far what is said about a key is indented.
const INDENT: usize = 4;

const OBEYED: &str = "Keys that are obeyed: default, values, meaning, source";
const NOT_OBEYED: &str = "Keys of Java's producer that are not obeyed, with Java's default: why, and what to do \
                          instead";
const FOREIGN: &str = "librdkafka's names for what has another name here";

/// The keys and librdkafka's names with one of `words` in them, or all if there are no words. `None`
/// if there are none.
pub fn text(words: &[String]) -> Option<String> {
    let is_wanted = |name: &str| is_wanted(name, words);
    let (mut obeyed, mut others, mut foreign) = (String::new(), String::new(), String::new());
    for key in keys().iter().filter(|key| is_wanted(key.name)) {
        match key.service {
            Service::Served(_) => write_key(&mut obeyed, key),
            Service::NotServed { .. } | Service::Hint | Service::Meaningless => {
                write_key(&mut others, key);
            }
        }
    }
    for name in foreign_names().iter().filter(|name| is_wanted(name.name)) {
        match name.counterpart {
            Counterpart::Key(key, _) => {
                // Writing to a String cannot fail, here and below.
                let _ = writeln!(foreign, "{:<NAME$} {key}", name.name);
            }
            Counterpart::None(sentence) => {
                let _ = writeln!(foreign, "{}", name.name);
                write_wrapped(&mut foreign, sentence);
            }
        }
    }
    let groups = [(OBEYED, obeyed), (NOT_OBEYED, others), (FOREIGN, foreign)];
    let groups = groups.iter().filter(|(_, rows)| !rows.is_empty());
    let groups: Vec<String> = groups
        .map(|(title, rows)| format!("{title}\n\n{rows}"))
        .collect();
    (!groups.is_empty()).then(|| groups.join("\n"))
}

/// The same keys without librdkafka's names, one JSON object per line: `key`, `default` (null if there
/// is none), `values` (null if none are obeyed), `meaning`, `source`, `instead` (null if it is obeyed).
pub fn json(words: &[String]) -> Option<String> {
    let mut lines = String::new();
    for key in keys().iter().filter(|key| is_wanted(key.name, words)) {
        let values = match key.service {
            Service::Served(values) => Value::String(values.to_string()),
            Service::NotServed { .. } | Service::Hint | Service::Meaningless => Value::Null,
        };
        let object = json!({
            "key": key.name,
            "default": key.default,
            "values": values,
            "meaning": key.meaning,
            "source": key.source,
            "instead": key.instead(),
        });
        let _ = writeln!(lines, "{object}");
    }
    (!lines.is_empty()).then_some(lines)
}

fn is_wanted(name: &str, words: &[String]) -> bool {
    words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
}

/// A line with name, default and values, then what is to be said, indented.
fn write_key(table: &mut String, key: &Key) {
    let default = match key.default {
        None => "-",
        Some("") => "(empty)",
        Some(default) => default,
    };
    let values = match key.service {
        Service::Served(values) => values.to_string(),
        Service::NotServed { accepted: [] } => "not served".to_owned(),
        Service::NotServed { .. } => "not served but for that".to_owned(),
        Service::Hint | Service::Meaningless => "ignored".to_owned(),
    };
    let line = format!("{:<NAME$} {default:<DEFAULT$} {values}", key.name);
    let is_aligned = key.name.len() <= NAME && default.len() <= DEFAULT && line.len() <= WIDTH;
    if is_aligned {
        let _ = writeln!(table, "{line}");
    } else {
        let _ = writeln!(table, "{}", key.name);
        write_wrapped(table, &format!("{default}: {values}"));
    }
    write_wrapped(table, &format!("{} ({})", key.meaning, key.source));
    if let Some(instead) = key.instead() {
        write_wrapped(table, instead);
    }
}

/// The text in indented lines that fit the table, as far as its words do.
fn write_wrapped(table: &mut String, text: &str) {
    let mut width = 0;
    for word in text.split_whitespace() {
        if width == 0 || width + 1 + word.len() > WIDTH {
            if width > 0 {
                table.push('\n');
            }
            let _ = write!(table, "{:INDENT$}{word}", "");
            width = INDENT + word.len();
        } else {
            let _ = write!(table, " {word}");
            width += 1 + word.len();
        }
    }
    table.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_key_and_name_is_in_the_table_which_fits_its_width() {
        let table = text(&[]).expect("there are keys");
        for line in table.lines() {
            assert!(line.len() <= WIDTH, "{line}");
            assert_eq!(line.trim_end(), line);
        }
        let heads: Vec<&str> = table
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split(' ').next())
            .collect();
        let names = foreign_names().iter().map(|name| name.name);
        for name in keys().iter().map(|key| key.name).chain(names) {
            let count = heads.iter().filter(|head| **head == name).count();
            assert_eq!(count, 1, "{name}");
        }
    }

    #[test]
    fn a_key_is_shown_with_all_that_is_defined() {
        assert_eq!(
            text(&words(&["linger.ms", "ssl.keystore.type"])).expect("both are keys"),
            format!(
                "{OBEYED}\n\n\
                 linger.ms{:35}5{:19}0 to 2147483647 ms\n    \
                 how long a batch waits for more records (Java ProducerConfig, KIP-1030)\n\n\
                 {NOT_OBEYED}\n\n\
                 ssl.keystore.type{:27}JKS{:17}not served but for that\n    \
                 format of that file (Java SslConfigs)\n    \
                 encryption is not there yet; use a PLAINTEXT listener in a network that you trust\n\n\
                 {FOREIGN}\n\n\
                 sticky.partitioning.linger.ms\n    \
                 records without a key change their partition by bytes; use batch.size\n",
                "", "", "", ""
            )
        );
        assert_eq!(text(&words(&["no.such.key"])), None);
    }

    /// All that the table says about a key behind its name, without the line breaks.
    fn shown(table: &str, key: &Key) -> String {
        let mut lines = table.lines();
        let head = lines.find(|line| line.split(' ').next() == Some(key.name));
        let head = head.and_then(|line| line.strip_prefix(key.name));
        let below = lines.take_while(|line| line.starts_with(' '));
        let words = head
            .into_iter()
            .chain(below)
            .flat_map(str::split_whitespace);
        words.collect::<Vec<&str>>().join(" ")
    }

    #[test]
    fn every_key_is_shown_with_its_meaning_its_source_and_its_values_or_a_sentence() {
        let table = text(&[]).expect("there are keys");
        for key in keys() {
            let name = key.name;
            assert!(!name.is_empty() && !key.meaning.is_empty(), "{name}");
            assert!(!key.source.is_empty(), "{name}");
            let said = shown(&table, key);
            let told = format!("{} ({})", key.meaning, key.source);
            let (head, sentence) = said.split_once(&told).expect("the meaning and the source");
            if let Service::Served(values) = key.service {
                let values = values.to_string();
                assert!(
                    !values.is_empty() && head.trim_end().ends_with(&values),
                    "{said}"
                );
                assert_eq!(sentence, "", "{name}");
            } else {
                let instead = key.instead().expect("a sentence");
                assert!(instead.split(' ').count() > 3, "{name}: {instead}");
                assert_eq!(sentence.trim_start(), instead, "{name}");
            }
        }
    }

    #[test]
    fn programs_read_of_every_key_what_people_read() {
        let lines = json(&[]).expect("there are keys");
        for (key, line) in keys().iter().zip(lines.lines()) {
            let object: Value = serde_json::from_str(line).expect("each line is JSON");
            assert_eq!(object["key"], key.name);
            for field in ["meaning", "source"] {
                let told = object[field].as_str();
                assert!(told.is_some_and(|told| !told.is_empty()), "{line}");
            }
            let is_served = matches!(key.service, Service::Served(_));
            assert_eq!(object["values"].is_string(), is_served, "{line}");
            assert_eq!(object["instead"].is_string(), !is_served, "{line}");
        }
    }

    #[test]
    fn programs_read_one_object_per_key() {
        let lines = json(&words(&["acks", "send.buffer"])).expect("both are keys");
        let objects: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["default"], "all");
        assert_eq!(objects[0]["values"], "all, -1, 0 or 1");
        assert!(objects[0]["instead"].is_null());
        assert_eq!(objects[1]["key"], "send.buffer.bytes");
        assert!(objects[1]["values"].is_null());
        assert!(objects[1]["instead"].is_string());
        assert_eq!(json(&words(&["no.such.key"])), None);
        assert_eq!(json(&[]).map(|all| all.lines().count()), Some(keys().len()));
    }
}
