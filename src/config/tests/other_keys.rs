//! Tests of the table, and of the keys in it that are not obeyed.

use super::{notes, parse, refusal};
use crate::config::{ConfigError, Note, Service, keys};

#[test]
fn unknown_keys_are_refused_with_the_nearest_one() {
    assert_eq!(
        refusal(&[("linger_ms", "5")]),
        "linger_ms is not a configuration key; the nearest one is linger.ms"
    );
    let long = refusal(&[(&"x".repeat(1000), "5")]);
    assert!(
        long.starts_with(&format!("{}... is not", "x".repeat(100))),
        "{long}"
    );
}

#[test]
fn keys_without_meaning_and_hints_are_noted() {
    assert_eq!(
        notes(&[
            ("key.serializer", "com.example.S"),
            ("send.buffer.bytes", "1")
        ]),
        [
            "key.serializer is ignored: keys and values are bytes here; serialize them before they \
             are sent",
            "send.buffer.bytes is ignored: the system sizes the buffers of sockets as it goes; \
             change its limits where that is too little",
        ]
    );
}

#[test]
fn keys_not_served_take_only_what_happens_anyway() {
    for key in keys() {
        let Service::NotServed { accepted } = key.service else {
            continue;
        };
        for value in accepted {
            let result = parse(&[(key.name, &value.to_ascii_uppercase())]);
            assert_eq!(result.unwrap().1, [Note::NothingToDo { key: key.name }]);
        }
        let error = parse(&[(key.name, "another")]).unwrap_err();
        assert!(
            matches!(error, ConfigError::NotServed { .. }),
            "{}: {error}",
            key.name
        );
        // What Java does by default happens here too, so that writing it out is no obstacle.
        assert!(
            key.default
                .is_none_or(|default| accepted.contains(&default)),
            "{}",
            key.name
        );
    }
    assert_eq!(
        refusal(&[("security.protocol", "SASL_SSL")]),
        "security.protocol=SASL_SSL is not served: encryption is not there yet; use a PLAINTEXT \
         listener in a network that you trust; leave the key out or use PLAINTEXT"
    );
}

#[test]
fn secrets_are_never_repeated() {
    for key in [
        "sasl.jaas.config",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.client.credentials.client.secret",
        "ssl.key.password",
        "ssl.keystore.certificate.chain",
        "ssl.keystore.key",
        "ssl.keystore.password",
        "ssl.truststore.certificates",
        "ssl.truststore.password",
        "sasl.passwort",
    ] {
        let error = parse(&[(key, "hunter2")]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{key}");
    }
}

#[test]
fn the_table_is_sorted_and_its_keys_are_unique() {
    assert!(keys().is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(keys().len(), 121);
    let without_default = keys()
        .iter()
        .filter(|key| key.default.is_none() && matches!(key.service, Service::Served(_)));
    assert_eq!(
        without_default.map(|key| key.name).collect::<Vec<_>>(),
        ["bootstrap.servers", "partitioner.class", "transactional.id"]
    );
}

#[test]
fn a_file_with_every_default_of_the_java_producer_loads() {
    let pairs: Vec<(&str, &str)> = keys()
        .iter()
        .filter_map(|key| Some((key.name, key.default?)))
        .collect();
    let (config, notes) = parse(&pairs).unwrap();
    assert_eq!(config, parse(&[]).unwrap().0);
    let obeyed = pairs.len() - notes.len();
    let is_obeyed = |key: &&crate::config::Key| {
        key.default.is_some() && matches!(key.service, Service::Served(_))
    };
    let served = keys().iter().filter(is_obeyed).count();
    assert_eq!(obeyed, served, "{notes:?}");
}
