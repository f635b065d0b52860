//! librdkafka's names for what has another name here, and how their values are written here.
//!
//! They are recognised to be answered, not obeyed: a thing has one name, wherever its value comes
//! from. Where both clients have a name (`linger.ms`, `retries`, the lot of `sasl.*`) it is Java's.

use super::error::ConfigError;
use super::instead::{NO_AUTHENTICATION, NO_ENCRYPTION};
use super::keys::{self, Service};
use super::shown::shorten;

/// One of librdkafka's names that is not a key here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// librdkafka's name.
    pub name: &'static str,
    /// What stands for it here.
    pub counterpart: Counterpart,
}

/// What stands for one of librdkafka's names here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counterpart {
    /// A key, with the value written so.
    Key(&'static str, Conversion),
    /// No key: why, and what happens or is to be done instead.
    None(&'static str),
}

/// How a value of librdkafka's is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// As it is.
    Same,
    /// Decimal ms, rounded up to whole ones.
    WholeMs,
    /// KiB, as bytes.
    KibToBytes,
    /// As it is, but for one value that is written otherwise.
    Except(&'static str, &'static str),
}

/// All that are known, sorted by name.
pub fn foreign_names() -> &'static [Foreign] {
    &NAMES
}

/// The refusal of a key with one of librdkafka's names, which says what to write instead.
pub(super) fn refusal(name: &str, value: &str) -> Option<ConfigError> {
    let index = NAMES
        .binary_search_by(|foreign| foreign.name.cmp(name))
        .ok()?;
    let foreign = NAMES.get(index)?;
    let instead = match foreign.counterpart {
        Counterpart::None(sentence) => sentence.to_owned(),
        Counterpart::Key(key, conversion) => match conversion.convert(value) {
            Some(converted) => format!("use {key}={}", shorten(&converted)),
            None => format!("use {key}{}", range_of(key)),
        },
    };
    Some(ConfigError::Librdkafka {
        name: foreign.name,
        instead,
    })
}

/// What a key takes, as the end of a sentence.
fn range_of(key: &str) -> String {
    match keys::find(key).map(|key| key.service) {
        Some(Service::Served(values)) => format!(", which takes {values}"),
        Some(Service::NotServed { .. } | Service::Hint | Service::Meaningless) | None => {
            String::new()
        }
    }
}

impl Conversion {
    /// The value as it is written here; `None` where it is none that librdkafka takes.
    fn convert(self, value: &str) -> Option<String> {
        match self {
            Self::Same => Some(value.to_owned()),
            Self::WholeMs => whole_ms(value),
            Self::KibToBytes => {
                let kib: u64 = value.parse().ok()?;
                kib.checked_mul(1024).map(|bytes| bytes.to_string())
            }
            Self::Except(theirs, ours) if value == theirs => Some(ours.to_owned()),
            Self::Except(..) => Some(value.to_owned()),
        }
    }
}

/// `0.5` is a whole `1`: a batch that is to wait waits.
fn whole_ms(value: &str) -> Option<String> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let whole: u64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let is_whole = fraction.bytes().all(|byte| byte == b'0');
    whole
        .checked_add(u64::from(!is_whole))
        .map(|ms| ms.to_string())
}

const fn key(name: &'static str, ours: &'static str, conversion: Conversion) -> Foreign {
    let counterpart = Counterpart::Key(ours, conversion);
    Foreign { name, counterpart }
}

const fn none(name: &'static str, sentence: &'static str) -> Foreign {
    let counterpart = Counterpart::None(sentence);
    Foreign { name, counterpart }
}

use Conversion::{Except, KibToBytes, Same, WholeMs};

const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
const LOGS: &str =
    "the host crate tells the crate tracing what happens; leave it out and filter there";
const NEGOTIATED: &str = "versions are negotiated with each broker; leave it out";
const NO_USE: &str = "it has no use here; leave it out";

/// Those of its global and topic properties that producers have and that are given as text.
static NAMES: [Foreign; 81] = [
    none("api.version.fallback.ms", NEGOTIATED),
    none("api.version.request", NEGOTIATED),
    key("api.version.request.timeout.ms", "request.timeout.ms", Same),
    none(
        "batch.num.messages",
        "a batch is full by its bytes alone; use batch.size",
    ),
    none(
        "broker.address.family",
        "every address of a name is tried in turn; write addresses for names to choose one",
    ),
    none(
        "broker.address.ttl",
        "a name is looked up when a connection is needed; leave it out",
    ),
    none("broker.version.fallback", NEGOTIATED),
    none("builtin.features", NO_USE),
    key(
        "compression.codec",
        "compression.type",
        Except("inherit", "none"),
    ),
    none(
        "compression.level",
        "each codec has its own key; use compression.gzip.level, compression.lz4.level or \
         compression.zstd.level",
    ),
    none("debug", LOGS),
    none(
        "delivery.report.only.error",
        "every record has a report; pass over those that say written",
    ),
    none(
        "enable.gapless.guarantee",
        "a record that fails does not stop those behind it; stop at its report",
    ),
    none("enable.random.seed", NO_USE),
    none("enable.sasl.oauthbearer.unsecure.jwt", NO_AUTHENTICATION),
    none("enable.ssl.certificate.verification", NO_ENCRYPTION),
    none("enabled_events", NO_USE),
    none("https.ca.location", NO_ENCRYPTION),
    none("https.ca.pem", NO_ENCRYPTION),
    none("internal.termination.signal", NO_USE),
    none("log.connection.close", LOGS),
    none("log.queue", LOGS),
    none("log.thread.name", LOGS),
    none("log_level", LOGS),
    key("max.in.flight", IN_FLIGHT, Same),
    none("message.copy.max.bytes", NO_USE),
    key("message.max.bytes", "max.request.size", Same),
    key("message.send.max.retries", "retries", Same),
    key(
        "message.timeout.ms",
        "delivery.timeout.ms",
        Except("0", "2147483647"),
    ),
    key("metadata.broker.list", "bootstrap.servers", Same),
    none(
        "plugin.library.paths",
        "no libraries are loaded; put what they did into the application",
    ),
    none(
        "produce.offset.report",
        "every report of a written record has its offset; leave it out",
    ),
    none(
        "queue.buffering.backpressure.threshold",
        "a batch stays open until it can leave; use max.in.flight.requests.per.connection",
    ),
    key("queue.buffering.max.kbytes", "buffer.memory", KibToBytes),
    none(
        "queue.buffering.max.messages",
        "records are limited by their bytes alone; use buffer.memory",
    ),
    key("queue.buffering.max.ms", "linger.ms", WholeMs),
    none(
        "queuing.strategy",
        "the records of a partition leave in the order of send; leave it out",
    ),
    none(
        "reconnect.backoff.jitter.ms",
        "the wait has jitter already; use reconnect.backoff.ms",
    ),
    key("request.required.acks", "acks", Same),
    none("sasl.kerberos.keytab", NO_AUTHENTICATION),
    none("sasl.kerberos.principal", NO_AUTHENTICATION),
    key("sasl.mechanisms", "sasl.mechanism", Same),
    none(
        "sasl.oauthbearer.assertion.jwt.template.file",
        NO_AUTHENTICATION,
    ),
    none(
        "sasl.oauthbearer.assertion.private.key.pem",
        NO_AUTHENTICATION,
    ),
    none("sasl.oauthbearer.client.id", NO_AUTHENTICATION),
    none("sasl.oauthbearer.client.secret", NO_AUTHENTICATION),
    none("sasl.oauthbearer.config", NO_AUTHENTICATION),
    none("sasl.oauthbearer.extensions", NO_AUTHENTICATION),
    none("sasl.oauthbearer.grant.type", NO_AUTHENTICATION),
    none(
        "sasl.oauthbearer.metadata.authentication.type",
        NO_AUTHENTICATION,
    ),
    none("sasl.oauthbearer.method", NO_AUTHENTICATION),
    none("sasl.password", NO_AUTHENTICATION),
    none("sasl.username", NO_AUTHENTICATION),
    none("socket.blocking.max.ms", NO_USE),
    none(
        "socket.keepalive.enable",
        "a request without an answer ends its connection; use request.timeout.ms",
    ),
    none(
        "socket.max.fails",
        "the first request without an answer ends its connection; leave it out",
    ),
    none(
        "socket.nagle.disable",
        "the host crate sets TCP_NODELAY on every socket; leave it out",
    ),
    key("socket.receive.buffer.bytes", "receive.buffer.bytes", Same),
    key("socket.send.buffer.bytes", "send.buffer.bytes", Same),
    key("socket.timeout.ms", "request.timeout.ms", Same),
    none("ssl.ca.certificate.stores", NO_ENCRYPTION),
    none("ssl.ca.location", NO_ENCRYPTION),
    none("ssl.ca.pem", NO_ENCRYPTION),
    none("ssl.certificate.location", NO_ENCRYPTION),
    none("ssl.certificate.pem", NO_ENCRYPTION),
    none("ssl.crl.location", NO_ENCRYPTION),
    none("ssl.curves.list", NO_ENCRYPTION),
    none("ssl.engine.id", NO_ENCRYPTION),
    none("ssl.engine.location", NO_ENCRYPTION),
    none("ssl.key.location", NO_ENCRYPTION),
    none("ssl.key.pem", NO_ENCRYPTION),
    none("ssl.providers", NO_ENCRYPTION),
    none("ssl.sigalgs.list", NO_ENCRYPTION),
    none(
        "statistics.interval.ms",
        "metrics are there when they are wanted; read those of the producer",
    ),
    none(
        "sticky.partitioning.linger.ms",
        "records without a key change their partition by bytes; use batch.size",
    ),
    none("topic.blacklist", NO_USE),
    key("topic.metadata.propagation.max.ms", "max.block.ms", Same),
    none("topic.metadata.refresh.fast.cnt", NO_USE),
    key(
        "topic.metadata.refresh.fast.interval.ms",
        "retry.backoff.ms",
        Same,
    ),
    key(
        "topic.metadata.refresh.interval.ms",
        "metadata.max.age.ms",
        Except("-1", "9223372036854775807"),
    ),
    none(
        "topic.metadata.refresh.sparse",
        "metadata is asked for the topics in use alone; leave it out",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Note};

    fn given(pairs: &[(&str, &str)]) -> Result<(Config, Vec<Note>), ConfigError> {
        let servers = ("bootstrap.servers", "localhost:9092");
        Config::from_properties(core::iter::once(&servers).chain(pairs).copied())
    }

    fn said(name: &str, value: &str) -> String {
        given(&[(name, value)]).unwrap_err().to_string()
    }

    #[test]
    fn names_are_sorted_and_none_of_them_is_a_key() {
        assert!(NAMES.is_sorted_by(|a, b| a.name < b.name));
        for foreign in &NAMES {
            assert_eq!(keys::find(foreign.name), None, "{}", foreign.name);
        }
    }

    #[test]
    fn a_name_is_translated_with_its_value() {
        for (name, value, instead) in [
            ("queue.buffering.max.ms", "5", "linger.ms=5"),
            ("queue.buffering.max.ms", "0.5", "linger.ms=1"),
            ("queue.buffering.max.ms", "2.0", "linger.ms=2"),
            (
                "queue.buffering.max.kbytes",
                "1048576",
                "buffer.memory=1073741824",
            ),
            ("message.timeout.ms", "300000", "delivery.timeout.ms=300000"),
            ("message.timeout.ms", "0", "delivery.timeout.ms=2147483647"),
            ("message.send.max.retries", "3", "retries=3"),
            ("compression.codec", "lz4", "compression.type=lz4"),
            ("compression.codec", "inherit", "compression.type=none"),
            ("request.required.acks", "-1", "acks=-1"),
            ("socket.timeout.ms", "60000", "request.timeout.ms=60000"),
            (
                "max.in.flight",
                "5",
                "max.in.flight.requests.per.connection=5",
            ),
            ("message.max.bytes", "1000000", "max.request.size=1000000"),
            (
                "metadata.broker.list",
                "a:1,b:2",
                "bootstrap.servers=a:1,b:2",
            ),
            (
                "topic.metadata.refresh.interval.ms",
                "-1",
                "metadata.max.age.ms=9223372036854775807",
            ),
        ] {
            assert_eq!(
                said(name, value),
                format!("{name} is librdkafka's name: use {instead}")
            );
            let (key, value) = instead.split_once('=').unwrap();
            assert!(given(&[(key, value)]).is_ok(), "{instead}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_converted_is_answered_with_the_range() {
        for value in ["", "x", "-1", "1.x", "18446744073709551615.1"] {
            assert_eq!(
                said("queue.buffering.max.ms", value),
                "queue.buffering.max.ms is librdkafka's name: use linger.ms, which takes 0 to \
                 2147483647 ms"
            );
        }
        assert!(said("queue.buffering.max.kbytes", "18446744073709551615").contains("which takes"));
    }

    #[test]
    fn a_name_without_counterpart_says_what_to_do() {
        assert_eq!(
            said("batch.num.messages", "10000"),
            "batch.num.messages is librdkafka's name: a batch is full by its bytes alone; use \
             batch.size"
        );
        let hidden = said("sasl.password", "hunter2");
        assert!(!hidden.contains("hunter2"), "{hidden}");
    }

    /// A sentence may name keys, and a translation names one: all of them exist.
    #[test]
    fn what_is_named_instead_exists() {
        for foreign in &NAMES {
            match foreign.counterpart {
                Counterpart::Key(key, _) => assert!(keys::find(key).is_some(), "{key}"),
                Counterpart::None(sentence) => {
                    let words = sentence
                        .split([' ', ',', ';'])
                        .filter(|word| word.contains('.'));
                    for word in words {
                        assert!(keys::find(word).is_some(), "{word}");
                    }
                }
            }
        }
    }
}
