//! Tests of the configuration: what each rule accepts, refuses and says.

use super::*;

mod other_keys;
mod partitioning;
mod rules;
mod values;

const SERVERS: (&str, &str) = ("bootstrap.servers", "localhost:9092");

fn parse(pairs: &[(&str, &str)]) -> Result<(Config, Vec<Note>), ConfigError> {
    let pairs = core::iter::once(&SERVERS).chain(pairs);
    Config::from_properties(pairs.copied())
}

fn accepted(pairs: &[(&str, &str)]) -> Config {
    parse(pairs).unwrap().0
}

fn notes(pairs: &[(&str, &str)]) -> Vec<String> {
    parse(pairs)
        .unwrap()
        .1
        .iter()
        .map(Note::to_string)
        .collect()
}

fn refusal(pairs: &[(&str, &str)]) -> String {
    parse(pairs).unwrap_err().to_string()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn defaults_are_those_of_the_java_producer() {
    let expected = Config {
        bootstrap_servers: vec![Server {
            host: "localhost".to_owned(),
            port: 9092,
        }],
        client_id: "odradek".to_owned(),
        acks: Acks::All,
        idempotence: true,
        transactional: None,
        retries: 2_147_483_647,
        max_in_flight: 5,
        linger: ms(5),
        batch_size: 16_384,
        buffer_memory: 33_554_432,
        max_block: ms(60_000),
        max_request_size: 1_048_576,
        delivery_timeout: ms(120_000),
        request_timeout: ms(30_000),
        retry_backoff: ms(100),
        retry_backoff_max: ms(1000),
        reconnect_backoff: ms(50),
        reconnect_backoff_max: ms(1000),
        connection_setup_timeout: ms(10_000),
        connection_setup_timeout_max: ms(30_000),
        metadata_max_age: ms(300_000),
        metrics_sample_window: ms(30_000),
        metrics_num_samples: 2,
        partitioning: Partitioning::Keys {
            hash: KeyHash::Murmur2,
            spreads_null: true,
            spreads_empty: false,
        },
        adaptive_partitioning: true,
        partitioner_availability_timeout: ms(0),
        metadata_max_idle: ms(300_000),
        metadata_recovery_strategy: RecoveryStrategy::Rebootstrap,
        metadata_recovery_rebootstrap_trigger: ms(300_000),
        connections_max_idle: Some(ms(540_000)),
        compression: Compression::None,
        compression_gzip_level: -1,
        compression_lz4_level: 9,
        compression_zstd_level: 3,
        allow_auto_create_topics: true,
        receive_message_max_bytes: 16_777_216,
    };
    assert_eq!(parse(&[]), Ok((expected, Vec::new())));
}

#[test]
fn a_default_written_out_changes_nothing() {
    for key in keys()
        .iter()
        .filter(|key| matches!(key.service, Service::Served(_)))
    {
        if let Some(default) = key.default {
            // Given alone, the first reconnect wait makes the wait constant.
            let max = ("reconnect.backoff.max.ms", "1000");
            assert_eq!(
                parse(&[max, (key.name, default)]),
                parse(&[]),
                "{}",
                key.name
            );
        }
    }
}

#[test]
fn every_served_key_reaches_its_field() {
    let config = accepted(&[
        ("client.id", "mill"),
        ("acks", "-1"),
        ("enable.idempotence", "FALSE"),
        ("retries", "1"),
        ("max.in.flight.requests.per.connection", "2"),
        ("linger.ms", "3"),
        ("batch.size", "0"),
        ("buffer.memory", "65536"),
        ("max.block.ms", "9223372036854775807"),
        ("max.request.size", "4"),
        ("delivery.timeout.ms", "500"),
        ("request.timeout.ms", "6"),
        ("retry.backoff.ms", "7"),
        ("retry.backoff.max.ms", "8"),
        ("reconnect.backoff.ms", "9"),
        ("reconnect.backoff.max.ms", "10"),
        ("socket.connection.setup.timeout.ms", "11"),
        ("socket.connection.setup.timeout.max.ms", "12"),
        ("metadata.max.age.ms", "13"),
        ("metrics.sample.window.ms", "14"),
        ("metrics.num.samples", "1"),
        ("partitioner", "random"),
        ("partitioner.adaptive.partitioning.enable", "false"),
        ("partitioner.availability.timeout.ms", "15"),
        ("metadata.max.idle.ms", "5000"),
        ("metadata.recovery.strategy", "none"),
        ("metadata.recovery.rebootstrap.trigger.ms", "14"),
        ("connections.max.idle.ms", "-1"),
        ("compression.type", "lz4"),
        ("allow.auto.create.topics", "false"),
        ("receive.message.max.bytes", "1000"),
    ]);
    let expected = Config {
        bootstrap_servers: config.bootstrap_servers.clone(),
        client_id: "mill".to_owned(),
        acks: Acks::All,
        idempotence: false,
        retries: 1,
        max_in_flight: 2,
        linger: ms(3),
        batch_size: 0,
        buffer_memory: 65_536,
        max_block: ms(9_223_372_036_854_775_807),
        max_request_size: 4,
        delivery_timeout: ms(500),
        request_timeout: ms(6),
        retry_backoff: ms(7),
        retry_backoff_max: ms(8),
        reconnect_backoff: ms(9),
        reconnect_backoff_max: ms(10),
        connection_setup_timeout: ms(11),
        connection_setup_timeout_max: ms(12),
        metadata_max_age: ms(13),
        metrics_sample_window: ms(14),
        metrics_num_samples: 1,
        partitioning: Partitioning::Sticky,
        adaptive_partitioning: false,
        partitioner_availability_timeout: ms(15),
        metadata_max_idle: ms(5000),
        metadata_recovery_strategy: RecoveryStrategy::None,
        metadata_recovery_rebootstrap_trigger: ms(14),
        connections_max_idle: None,
        compression: Compression::Lz4,
        allow_auto_create_topics: false,
        receive_message_max_bytes: 1000,
        ..accepted(&[])
    };
    assert_eq!(config, expected);
}
