//! The configuration keys and defaults are those that Kafka's own producer prints.

use odradek_tests_interop::jars::Release;
use odradek_tests_interop::kafka::may_run;
use odradek_tests_interop::process::Scratch;
use odradek_tests_interop::producer::configuration_keys;
use std::collections::BTreeMap;

const RELEASE: Release = Release::V4_3_0;

/// How many keys the release has. Another number means that the page was not read as a whole.
const KEYS: usize = 113;

/// Where our default differs from Java's: the key, Java's default, ours, and why.
const OTHER_DEFAULTS: [(&str, &str, &str, &str); 1] = [(
    "client.id",
    "",
    "odradek",
    "Java makes producer-1, producer-2 ... of the empty text; a producer here does not know how many \
     there are in its process, and brokers log and count quotas by a name",
)];

/// Our keys that the release does not have, and where they come from.
const OTHER_KEYS: [(&str, &str); 8] = [
    (
        "allow.auto.create.topics",
        "librdkafka's producer; Java's has no choice, it is true there",
    ),
    ("auto.include.jmx.reporter", "Java before 4.0"),
    ("bootstrap.resolve.timeout.ms", "Java after 4.3.0"),
    ("client.rack", "Java after 4.3.0, librdkafka"),
    ("metadata.cluster.check.enable", "Java after 4.3.0"),
    ("partitioner", "librdkafka"),
    ("partitioner.rack.aware", "Java after 4.3.0"),
    ("receive.message.max.bytes", "librdkafka"),
];

/// Key and default, `None` where there is none.
type Defaults = BTreeMap<String, Option<String>>;

/// Reads the page that `ProducerConfig` prints as a program of its own.
fn javas(scratch: &Scratch) -> Defaults {
    let class = "org.apache.kafka.clients.producer.ProducerConfig";
    let page = RELEASE.java(&[class], None, scratch).stdout_text();
    let entries = page.split("<h4>").skip(1);
    let defaults = entries.map(|entry| {
        let key = between(entry, "<a id=\"", "\"");
        let default = between(entry, "<th>Default:</th><td>", "</td>");
        (key.to_owned(), plain(default))
    });
    defaults.collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let found = text
        .split_once(start)
        .and_then(|(_, rest)| rest.split_once(end));
    found.expect("the page has its form").0
}

/// A default without the words that explain it: `5000 (5 seconds)`. The page has nothing for a key
/// without default, and `null` for one whose default is null.
fn plain(default: &str) -> Option<String> {
    match default.split(" (").next().unwrap_or_default() {
        "" | "null" => None,
        "\"\"" => Some(String::new()),
        value => Some(value.to_owned()),
    }
}

fn ours(scratch: &Scratch) -> Defaults {
    let keys = configuration_keys(scratch).into_iter().map(|object| {
        let text = |member: &str| object[member].as_str().map(ToOwned::to_owned);
        let key = text("key").expect("each object has a key");
        assert!(
            object["values"].is_null() != object["instead"].is_null(),
            "{key} is either obeyed or answered"
        );
        (key, text("default"))
    });
    keys.collect()
}

#[test]
fn keys_and_defaults_are_those_of_javas_producer() {
    let test = "keys_and_defaults_are_those_of_javas_producer";
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    if !may_run(RELEASE.check(), in_ci, test, &mut std::io::stderr()) {
        return;
    }
    let scratch = Scratch::new("configuration");
    let (javas, mut ours) = (javas(&scratch), ours(&scratch));
    assert_eq!(javas.len(), KEYS);
    for (key, javas_default) in &javas {
        let default = ours.remove(key);
        let default = default.unwrap_or_else(|| panic!("{key} is not in our table"));
        let listed = OTHER_DEFAULTS.iter().find(|(listed, ..)| listed == key);
        let expected = match listed {
            Some((_, java, our, _)) => {
                assert_eq!(javas_default.as_deref(), Some(*java), "{key}");
                Some((*our).to_owned())
            }
            None => javas_default.clone(),
        };
        assert_eq!(default, expected, "{key}");
    }
    let others: Vec<&str> = ours.keys().map(String::as_str).collect();
    assert_eq!(others, OTHER_KEYS.map(|(key, _)| key));
}
