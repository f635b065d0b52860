//! From properties to a checked configuration: values by the table, then the rules between keys.

use super::error::IdempotenceObstacle;
use super::keys::{self, Key, Service, Values};
use super::servers::server;
use super::shown::{shorten, shown};
use super::values::TEXT_BYTES_MAX;
use super::{
    Acks, Compression, Config, ConfigError, Note, RecoveryStrategy, Server, Transactional,
};
use super::{librdkafka, partitioning, suggest};
use core::time::Duration;
use std::collections::BTreeMap;

/// Checks `given`, where all names and values are trimmed, and fills in the defaults.
pub(super) fn parse(given: BTreeMap<&str, &str>) -> Result<(Config, Vec<Note>), ConfigError> {
    let mut notes = Vec::new();
    for (name, value) in &given {
        notes.extend(admit(name, value)?);
    }
    let given = Given(given);
    let mut config = given.config()?;
    given.settle_transactions(&config)?;
    given.settle_idempotence(&mut config, &mut notes)?;
    given.settle_delivery_timeout(&mut config, &mut notes)?;
    given.settle_backoffs(&mut config, &mut notes);
    given.settle_partitioning(&mut config, &mut notes)?;
    if config.batch_size > config.buffer_memory {
        return Err(ConfigError::BatchLargerThanBuffer {
            batch_size: config.batch_size,
            buffer_memory: config.buffer_memory,
        });
    }
    Ok((config, notes))
}

/// Decides whether a key may be given with this value, and what is to be said about it.
fn admit(name: &str, value: &str) -> Result<Option<Note>, ConfigError> {
    let Some(key) = keys::find(name) else {
        if let Some(refusal) = librdkafka::refusal(name, value) {
            return Err(refusal);
        }
        let nearest = suggest::nearest(name);
        return Err(ConfigError::Unknown {
            name: shorten(name),
            nearest,
        });
    };
    let key_name = key.name;
    match key.service {
        Service::Served(_) => Ok(None),
        Service::Hint => Ok(Some(Note::HintIgnored { key: key_name })),
        Service::Meaningless => Ok(Some(Note::Meaningless { key: key_name })),
        Service::NotServed { accepted } => {
            if accepted.iter().any(|word| word.eq_ignore_ascii_case(value)) {
                return Ok(Some(Note::NothingToDo { key: key_name }));
            }
            Err(ConfigError::NotServed {
                key: key_name,
                value: shown(key_name, value),
                accepted,
            })
        }
    }
}

/// The properties that were given, the last value for each name.
struct Given<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Given<'a> {
    /// Every value by the table, without the rules between keys.
    fn config(&self) -> Result<Config, ConfigError> {
        Ok(Config {
            acks: self.acks()?,
            allow_auto_create_topics: self.boolean(&keys::ALLOW_AUTO_CREATE_TOPICS)?,
            batch_size: self.integer(&keys::BATCH_SIZE)?,
            bootstrap_servers: self.servers(&keys::BOOTSTRAP_SERVERS)?,
            buffer_memory: self.integer(&keys::BUFFER_MEMORY)?,
            client_id: self.text(&keys::CLIENT_ID)?,
            compression: self.compression()?,
            compression_gzip_level: self.level(&keys::COMPRESSION_GZIP_LEVEL)?,
            compression_lz4_level: self.level(&keys::COMPRESSION_LZ4_LEVEL)?,
            compression_zstd_level: self.level(&keys::COMPRESSION_ZSTD_LEVEL)?,
            connections_max_idle: self.connections_max_idle()?,
            delivery_timeout: self.duration(&keys::DELIVERY_TIMEOUT_MS)?,
            idempotence: self.boolean(&keys::ENABLE_IDEMPOTENCE)?,
            linger: self.duration(&keys::LINGER_MS)?,
            max_block: self.duration(&keys::MAX_BLOCK_MS)?,
            max_in_flight: self.count(&keys::MAX_IN_FLIGHT)?,
            max_request_size: self.integer(&keys::MAX_REQUEST_SIZE)?,
            metadata_max_age: self.duration(&keys::METADATA_MAX_AGE_MS)?,
            metrics_num_samples: self.count(&keys::METRICS_NUM_SAMPLES)?,
            metrics_sample_window: self.duration(&keys::METRICS_SAMPLE_WINDOW_MS)?,
            metadata_max_idle: self.duration(&keys::METADATA_MAX_IDLE_MS)?,
            metadata_recovery_rebootstrap_trigger: self
                .duration(&keys::METADATA_RECOVERY_REBOOTSTRAP_TRIGGER_MS)?,
            metadata_recovery_strategy: self.recovery_strategy()?,
            // Settled below, with what other keys say to it.
            partitioning: partitioning::JAVA,
            adaptive_partitioning: self.boolean(&keys::ADAPTIVE_PARTITIONING_ENABLE)?,
            partitioner_availability_timeout: self.duration(&keys::AVAILABILITY_TIMEOUT_MS)?,
            receive_message_max_bytes: self.count(&keys::RECEIVE_MESSAGE_MAX_BYTES)?,
            reconnect_backoff_max: self.duration(&keys::RECONNECT_BACKOFF_MAX_MS)?,
            reconnect_backoff: self.duration(&keys::RECONNECT_BACKOFF_MS)?,
            request_timeout: self.duration(&keys::REQUEST_TIMEOUT_MS)?,
            transactional: self.transactional()?,
            retries: self.count(&keys::RETRIES)?,
            retry_backoff_max: self.duration(&keys::RETRY_BACKOFF_MAX_MS)?,
            retry_backoff: self.duration(&keys::RETRY_BACKOFF_MS)?,
            connection_setup_timeout_max: self.duration(&keys::CONNECTION_SETUP_TIMEOUT_MAX_MS)?,
            connection_setup_timeout: self.duration(&keys::CONNECTION_SETUP_TIMEOUT_MS)?,
        })
    }

    fn is_given(&self, key: &Key) -> bool {
        self.0.contains_key(key.name)
    }

    /// The value that counts for `key`: given or by default.
    fn value(&self, key: &Key) -> Result<&'a str, ConfigError> {
        let given = self.0.get(key.name).copied();
        given
            .or(key.default)
            .ok_or(ConfigError::Missing { key: key.name })
    }

    fn text(&self, key: &Key) -> Result<String, ConfigError> {
        let value = self.value(key)?;
        if value.len() > TEXT_BYTES_MAX || value.chars().any(char::is_control) {
            return Err(bad_value(key, value, Values::Text));
        }
        Ok(value.to_owned())
    }

    fn boolean(&self, key: &Key) -> Result<bool, ConfigError> {
        let value = self.value(key)?;
        if value.eq_ignore_ascii_case("true") {
            Ok(true)
        } else if value.eq_ignore_ascii_case("false") {
            Ok(false)
        } else {
            Err(bad_value(key, value, Values::Boolean))
        }
    }

    /// A number that is not negative, in the range that the table gives.
    fn integer(&self, key: &Key) -> Result<u64, ConfigError> {
        let number = self.signed(key)?;
        u64::try_from(number).map_err(|_| ConfigError::Missing { key: key.name })
    }

    /// An integer in the range that the table gives.
    fn signed(&self, key: &Key) -> Result<i64, ConfigError> {
        let value = self.value(key)?;
        let Service::Served(values @ Values::Integer { min, max, unit: _ }) = key.service else {
            return Err(ConfigError::Missing { key: key.name });
        };
        let number = value
            .parse::<i64>()
            .ok()
            .filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| bad_value(key, value, values))
    }

    fn duration(&self, key: &Key) -> Result<Duration, ConfigError> {
        self.integer(key).map(Duration::from_millis)
    }

    /// An integer whose range in the table ends at 2^31-1.
    fn count(&self, key: &Key) -> Result<u32, ConfigError> {
        Ok(u32::try_from(self.integer(key)?).unwrap_or(u32::MAX))
    }

    fn connections_max_idle(&self) -> Result<Option<Duration>, ConfigError> {
        let millis = self.signed(&keys::CONNECTIONS_MAX_IDLE_MS)?;
        Ok(u64::try_from(millis).ok().map(Duration::from_millis))
    }

    fn recovery_strategy(&self) -> Result<RecoveryStrategy, ConfigError> {
        match self.word(&keys::METADATA_RECOVERY_STRATEGY)? {
            "none" => Ok(RecoveryStrategy::None),
            _ => Ok(RecoveryStrategy::Rebootstrap),
        }
    }

    fn level(&self, key: &Key) -> Result<i32, ConfigError> {
        let value = self.value(key)?;
        let Service::Served(values @ Values::Level { min, max, default }) = key.service else {
            return Err(ConfigError::Missing { key: key.name });
        };
        let level = value.parse::<i32>().ok().filter(|level| {
            let level = i64::from(*level);
            (min..=max).contains(&level) || level == default
        });
        level.ok_or_else(|| bad_value(key, value, values))
    }

    fn acks(&self) -> Result<Acks, ConfigError> {
        match self.word(&keys::ACKS)? {
            "0" => Ok(Acks::None),
            "1" => Ok(Acks::Leader),
            _ => Ok(Acks::All),
        }
    }

    fn compression(&self) -> Result<Compression, ConfigError> {
        match self.word(&keys::COMPRESSION_TYPE)? {
            "gzip" => Ok(Compression::Gzip),
            "snappy" => Ok(Compression::Snappy),
            "lz4" => Ok(Compression::Lz4),
            "zstd" => Ok(Compression::Zstd),
            _ => Ok(Compression::None),
        }
    }

    /// One of the words that the table gives.
    fn word(&self, key: &Key) -> Result<&'a str, ConfigError> {
        let value = self.value(key)?;
        let Service::Served(values @ Values::OneOf { served, not_served }) = key.service else {
            return Err(ConfigError::Missing { key: key.name });
        };
        if served.contains(&value) {
            Ok(value)
        } else if not_served.contains(&value) {
            let value = shown(key.name, value);
            Err(ConfigError::NotServed {
                key: key.name,
                value,
                accepted: served,
            })
        } else {
            Err(bad_value(key, value, values))
        }
    }

    fn servers(&self, key: &Key) -> Result<Vec<Server>, ConfigError> {
        let entries = self.value(key)?.split(',').map(str::trim);
        entries
            .map(|entry| {
                server(entry).map_err(|reason| ConfigError::BadServer {
                    key: key.name,
                    entry: shorten(entry),
                    reason,
                })
            })
            .collect()
    }

    /// What makes the producer transactional, if anything does.
    fn transactional(&self) -> Result<Option<Transactional>, ConfigError> {
        let two_phase = self.boolean(&keys::TWO_PHASE_COMMIT_ENABLE)?;
        let timeout = self.duration(&keys::TRANSACTION_TIMEOUT_MS)?;
        if !self.is_given(&keys::TRANSACTIONAL_ID) {
            return Ok(None);
        }
        let id = self.text(&keys::TRANSACTIONAL_ID)?;
        if id.is_empty() {
            return Err(bad_value(&keys::TRANSACTIONAL_ID, "", Values::Text));
        }
        Ok(Some(Transactional {
            id,
            timeout: if two_phase { INT_MAX_MS } else { timeout },
            two_phase,
        }))
    }

    /// Transactions stand on idempotence, and one that somebody else decides about has no timeout.
    fn settle_transactions(&self, config: &Config) -> Result<(), ConfigError> {
        let Some(transactional) = &config.transactional else {
            return Ok(());
        };
        if !config.idempotence {
            return Err(ConfigError::TransactionsImpossible {
                key: keys::ENABLE_IDEMPOTENCE.name,
                instead: "leave it out",
            });
        }
        if transactional.two_phase && self.is_given(&keys::TRANSACTION_TIMEOUT_MS) {
            return Err(ConfigError::TransactionsImpossible {
                key: keys::TRANSACTION_TIMEOUT_MS.name,
                instead: "with transaction.two.phase.commit.enable=true nothing times out; leave one of them out",
            });
        }
        Ok(())
    }

    /// Idempotence needs acks=all, retries and at most five in flight (the broker remembers the
    /// last five batches of a producer). Asked for by name, it refuses anything else; as a default
    /// it gives way.
    fn settle_idempotence(
        &self,
        config: &mut Config,
        notes: &mut Vec<Note>,
    ) -> Result<(), ConfigError> {
        if !config.idempotence {
            return Ok(());
        }
        let obstacle = if config.acks != Acks::All {
            (
                keys::ACKS.name,
                IdempotenceObstacle::Acks(config.acks),
                "all",
            )
        } else if config.retries == 0 {
            (
                keys::RETRIES.name,
                IdempotenceObstacle::Count(0),
                "at least 1",
            )
        } else if config.max_in_flight > IDEMPOTENT_IN_FLIGHT_MAX {
            let count = IdempotenceObstacle::Count(config.max_in_flight);
            (keys::MAX_IN_FLIGHT.name, count, "at most 5")
        } else {
            return Ok(());
        };
        let (key, value, needed) = obstacle;
        let asker = [&keys::TRANSACTIONAL_ID, &keys::ENABLE_IDEMPOTENCE]
            .into_iter()
            .find(|key| self.is_given(key));
        if let Some(asker) = asker {
            return Err(ConfigError::IdempotenceImpossible {
                asker: asker.name,
                key,
                value: value.to_string(),
                needed,
            });
        }
        config.idempotence = false;
        notes.push(Note::IdempotenceOff { key, value });
        Ok(())
    }

    /// The delivery timeout must leave time to linger and for one request. Given, it is refused
    /// otherwise; as a default it is raised.
    fn settle_delivery_timeout(
        &self,
        config: &mut Config,
        notes: &mut Vec<Note>,
    ) -> Result<(), ConfigError> {
        let least = config
            .linger
            .saturating_add(config.request_timeout)
            .min(INT_MAX_MS);
        if config.delivery_timeout >= least {
            return Ok(());
        }
        if self.is_given(&keys::DELIVERY_TIMEOUT_MS) {
            return Err(ConfigError::DeliveryTimeoutTooShort {
                delivery_ms: millis(config.delivery_timeout),
                linger_ms: millis(config.linger),
                request_ms: millis(config.request_timeout),
            });
        }
        config.delivery_timeout = least;
        notes.push(Note::DeliveryTimeoutRaised {
            to_ms: millis(least),
        });
        Ok(())
    }

    /// Three keys say how records get their partition; they must agree.
    fn settle_partitioning(
        &self,
        config: &mut Config,
        notes: &mut Vec<Note>,
    ) -> Result<(), ConfigError> {
        let is_named = self.is_given(&keys::PARTITIONER);
        let name = self.word(&keys::PARTITIONER)?;
        let class = self.0.get(keys::PARTITIONER_CLASS.name).copied();
        let ignores_keys = self.boolean(&keys::IGNORE_KEYS)?;
        let class = class.map(shorten);
        let (chosen, note) =
            partitioning::resolve(is_named.then_some(name), class.as_deref(), ignores_keys)?;
        config.partitioning = chosen;
        notes.extend(note);
        if !config.adaptive_partitioning && !config.partitioner_availability_timeout.is_zero() {
            notes.push(Note::WithoutEffect {
                key: keys::AVAILABILITY_TIMEOUT_MS.name,
                because: keys::ADAPTIVE_PARTITIONING_ENABLE.name,
                value: "false",
            });
        }
        Ok(())
    }

    /// A wait that grows cannot start above its maximum. As in Java, `reconnect.backoff.ms` without
    /// its maximum makes the wait constant.
    fn settle_backoffs(&self, config: &mut Config, notes: &mut Vec<Note>) {
        if self.is_given(&keys::RECONNECT_BACKOFF_MS)
            && !self.is_given(&keys::RECONNECT_BACKOFF_MAX_MS)
        {
            config.reconnect_backoff_max = config.reconnect_backoff;
            let backoff_ms = millis(config.reconnect_backoff);
            notes.push(Note::ConstantReconnectBackoff { backoff_ms });
        }
        let pairs = [
            (
                (&keys::RECONNECT_BACKOFF_MS, &mut config.reconnect_backoff),
                (
                    &keys::RECONNECT_BACKOFF_MAX_MS,
                    config.reconnect_backoff_max,
                ),
            ),
            (
                (&keys::RETRY_BACKOFF_MS, &mut config.retry_backoff),
                (&keys::RETRY_BACKOFF_MAX_MS, config.retry_backoff_max),
            ),
            (
                (
                    &keys::CONNECTION_SETUP_TIMEOUT_MS,
                    &mut config.connection_setup_timeout,
                ),
                (
                    &keys::CONNECTION_SETUP_TIMEOUT_MAX_MS,
                    config.connection_setup_timeout_max,
                ),
            ),
        ];
        for ((key, first), (max_key, max)) in pairs {
            if *first > max {
                *first = max;
                let (key, max_key) = (key.name, max_key.name);
                notes.push(Note::MaximumCounts {
                    key,
                    max_key,
                    max_ms: millis(max),
                });
            }
        }
    }
}

/// More batches in flight than this and the broker could not tell a retry from a gap.
const IDEMPOTENT_IN_FLIGHT_MAX: u32 = 5;

/// The largest `delivery.timeout.ms`.
const INT_MAX_MS: Duration = Duration::from_millis(i32::MAX as u64);

/// Whole milliseconds. No configured duration exceeds `i64::MAX` of them.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn bad_value(key: &Key, value: &str, values: Values) -> ConfigError {
    ConfigError::BadValue {
        key: key.name,
        value: shown(key.name, value),
        values,
    }
}
