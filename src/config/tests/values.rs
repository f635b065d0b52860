//! Tests of single values: what a key accepts and what it says about others.

use super::{accepted, ms, parse, refusal};
use crate::config::{Acks, Config, ConfigError, Server, ServerError, Service, Values, keys};

#[test]
fn a_value_out_of_range_names_key_value_and_range() {
    assert_eq!(
        refusal(&[("linger.ms", "-1")]),
        "linger.ms=-1 is not valid; it takes 0 to 2147483647 ms"
    );
    assert_eq!(
        refusal(&[("retries", "")]),
        "retries has an empty value; it takes 0 to 2147483647 attempts"
    );
    assert_eq!(
        refusal(&[("acks", "2")]),
        "acks=2 is not valid; it takes all, -1, 0 or 1"
    );
    for value in ["1.5", "0x10", "99999999999999999999", "5 ms", "\u{664}"] {
        assert!(
            refusal(&[("batch.size", value)]).starts_with("batch.size="),
            "{value}"
        );
    }
    assert_eq!(accepted(&[("linger.ms", " +7\t")]).linger, ms(7));
}

#[test]
fn every_range_is_closed_at_both_ends() {
    for key in keys() {
        let Service::Served(Values::Integer { min, max, unit: _ }) = key.service else {
            continue;
        };
        for outside in [i128::from(min) - 1, i128::from(max) + 1] {
            let text = outside.to_string();
            let error = parse(&[(key.name, &text)]).unwrap_err();
            assert!(
                matches!(error, ConfigError::BadValue { .. }),
                "{}={text}: {error}",
                key.name
            );
        }
        for inside in [min, max] {
            let result = parse(&[(key.name, &inside.to_string())]);
            let is_bad = matches!(result, Err(ConfigError::BadValue { .. }));
            assert!(!is_bad, "{}={inside}", key.name);
        }
    }
}

#[test]
fn words_and_booleans_are_refused_with_what_there_is() {
    assert_eq!(
        refusal(&[("enable.idempotence", "yes")]),
        "enable.idempotence=yes is not valid; it takes true or false"
    );
    assert_eq!(
        refusal(&[("compression.type", "LZ4")]),
        "compression.type=LZ4 is not valid; it takes none, gzip, snappy, lz4 or zstd"
    );
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let compression = accepted(&[("compression.type", codec)]).compression;
        assert_eq!(compression.to_string(), codec);
    }
    assert!(refusal(&[("client.id", "a\nb")]).starts_with("client.id=a\u{fffd}b is not valid"));
    assert!(parse(&[("client.id", &"x".repeat(255))]).is_ok());
    assert!(parse(&[("client.id", &"x".repeat(256))]).is_err());
}

#[test]
fn levels_are_javas_defaults_or_in_the_range_that_the_refusal_names() {
    for (key, taken, refused, range) in [
        (
            "compression.gzip.level",
            &["-1", "1", "9"][..],
            &["0", "-2", "10", "six"][..],
            "a level from 1 to 9, or -1",
        ),
        (
            "compression.lz4.level",
            &["9"],
            &["8", "10", "0"],
            "no level but 9",
        ),
        (
            "compression.zstd.level",
            &["3", "-7", "0", "4"],
            &["-8", "5", "22", "99999999999"],
            "a level from -7 to 4",
        ),
    ] {
        for level in taken {
            let config = accepted(&[(key, level)]);
            let reached = match key {
                "compression.gzip.level" => config.compression_gzip_level,
                "compression.lz4.level" => config.compression_lz4_level,
                _ => config.compression_zstd_level,
            };
            assert_eq!(reached.to_string(), *level);
        }
        for level in refused {
            let expected = format!("{key}={level} is not valid; it takes {range}");
            assert_eq!(refusal(&[(key, level)]), expected);
        }
    }
}

#[test]
fn the_last_of_several_values_counts() {
    assert_eq!(
        accepted(&[("acks", "nonsense"), ("acks", "1")]).acks,
        Acks::Leader
    );
    assert_eq!(parse(&[("acks", "1"), ("acks", "all")]), parse(&[]));
}

#[test]
fn acks_are_written_as_the_protocol_has_them() {
    let wire = ["0", "1", "all", "-1"].map(|text| accepted(&[("acks", text)]).acks.wire_value());
    assert_eq!(wire, [0, 1, -1, -1]);
}

fn servers(list: &str) -> Result<Vec<Server>, ConfigError> {
    Config::from_properties([("bootstrap.servers", list)])
        .map(|(config, _)| config.bootstrap_servers)
}

#[test]
fn servers_are_taken_in_order() {
    let listed = servers(" a.example:1 ,[::1]:9093,PLAINTEXT://10.0.0.1:65535").unwrap();
    let texts: Vec<String> = listed.iter().map(Server::to_string).collect();
    assert_eq!(texts, ["a.example:1", "[::1]:9093", "10.0.0.1:65535"]);
    assert_eq!(listed[1].host, "::1");
}

#[test]
fn a_bad_server_is_named_with_its_fault() {
    for (entry, reason) in [
        ("", ServerError::Empty),
        ("a", ServerError::NoPort),
        ("[::1]", ServerError::NoPort),
        ("a:", ServerError::BadPort),
        ("a:0", ServerError::BadPort),
        ("a:65536", ServerError::BadPort),
        ("a:+1", ServerError::BadPort),
        (":1", ServerError::BadHost),
        ("a b:1", ServerError::BadHost),
        ("[a]:1", ServerError::BadHost),
        ("[::1:1", ServerError::BadHost),
        ("[::1]x:1", ServerError::NoPort),
        ("::1:9092", ServerError::NoBrackets),
        ("SASL_SSL://a:1", ServerError::NotPlaintext),
    ] {
        let expected = ConfigError::BadServer {
            key: "bootstrap.servers",
            entry: entry.to_owned(),
            reason,
        };
        assert_eq!(servers(&format!("ok:1,{entry}")), Err(expected), "{entry}");
    }
    assert_eq!(
        servers("ok:1,bad").unwrap_err().to_string(),
        "bootstrap.servers has the entry \"bad\": the port is missing; write HOST:PORT"
    );
}

#[test]
fn servers_are_required() {
    let nothing: [(&str, &str); 0] = [];
    let error = Config::from_properties(nothing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bootstrap.servers is missing and has no default"
    );
}
