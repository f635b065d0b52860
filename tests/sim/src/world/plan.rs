//! What a seed decides before anything happens: the configuration, the topics, the work, and what may go wrong.

use super::dice::Dice;
use super::faults::FaultKind;
use super::transactions::TRANSACTIONAL_ID;
use crate::cluster::{ClusterOptions, TopicOptions};
use core::time::Duration;

/// Nanoseconds in a millisecond.
pub(crate) const MS: u64 = 1_000_000;
/// The wall clock when virtual time begins, in ms since 1970.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;

/// What is promised about records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the terms have that word")]
pub(crate) enum Promise {
    /// `acks=0`, or no retries: at most once.
    AtMostOnce,
    /// Acknowledged and sent again: at least once.
    AtLeastOnce,
    /// Idempotence.
    ExactlyOnce,
}

/// A seed's world before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) promise: Promise,
    pub(crate) acks: i16,
    pub(crate) max_in_flight: u64,
    /// In ms.
    pub(crate) request_timeout: u64,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) cluster: ClusterOptions,
    /// Names, numbers of partitions, and what the topics are like.
    pub(crate) topics: Vec<(String, i32, TopicOptions)>,
    pub(crate) work: Work,
    pub(crate) weather: Weather,
    pub(crate) transactions: Option<TransactionPlan>,
    /// The first sequence of partitions under the first identity, if it is not 0.
    pub(crate) first_sequence: Option<i32>,
}

/// What a transactional producer does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionPlan {
    /// `transaction.timeout.ms`.
    pub(crate) timeout: u64,
    pub(crate) is_two_phase: bool,
}

/// What the application does.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) records: u64,
    /// Mean of the pauses between two actions, in ns.
    pub(crate) pause: u64,
    pub(crate) burst: u64,
    pub(crate) value_bytes: u64,
    pub(crate) purges: bool,
    /// Of a thousand events, so many are left lying for a while.
    pub(crate) slow_per_mille: u64,
    /// The close comes as soon as the last record is accepted, with so many ms.
    pub(crate) hasty_close: Option<u64>,
}

/// What the network and the cluster do.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// From one end to the other, in ns.
    pub(crate) latency: u64,
    /// What the latency varies by.
    pub(crate) jitter: u64,
    pub(crate) kinds: Vec<FaultKind>,
    /// Mean of the pauses between two faults, in ns.
    pub(crate) pause: u64,
    /// When faults stop, in ns.
    pub(crate) calm_at: u64,
    /// Of a thousand pieces of bytes, so many are cut or joined with others.
    pub(crate) pieces_per_mille: u64,
    pub(crate) cut_per_mille: u64,
    /// Of a thousand connections that the machine gives up, so many still carry what was sent.
    pub(crate) ghosts_per_mille: u64,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let kind = dice.below(14);
        let promise = match kind {
            0 => Promise::AtMostOnce,
            1 | 2 => Promise::AtLeastOnce,
            _ => Promise::ExactlyOnce,
        };
        let mut plan = Self {
            seed,
            promise,
            acks: -1,
            max_in_flight: dice.pick(&[1, 2, 5, 5, 5, 5]),
            request_timeout: dice.pick(&[400, 1000, 1000, 3000]),
            properties: Vec::new(),
            cluster: cluster(&mut dice),
            topics: topics(&mut dice),
            work: work(&mut dice),
            weather: weather(&mut dice),
            transactions: None,
            first_sequence: None,
        };
        plan.configure(&mut dice);
        if kind >= 9 {
            plan.make_transactional(&mut dice);
        } else if dice.chance(200) {
            // Nobody can wait for 2^31 records. Brokers take any first sequence of a producer they do
            // not know, as long as it has no transactions.
            plan.first_sequence = Some(i32::MAX - dice.below(60) as i32);
            plan.cluster.refuses_unknown_producers = false;
        }
        plan
    }

    fn make_transactional(&mut self, dice: &mut Dice) {
        let plan = TransactionPlan {
            timeout: dice.pick(&[700, 3000, 60_000, 60_000]),
            is_two_phase: dice.chance(120),
        };
        self.set("transactional.id", TRANSACTIONAL_ID);
        if plan.is_two_phase {
            self.cluster.two_phase_commit = true;
            self.cluster.transaction_version = 2;
            self.set("transaction.two.phase.commit.enable", "true");
        } else {
            self.set("transaction.timeout.ms", plan.timeout);
        }
        self.cluster.transaction_timeout_check = Duration::from_millis(dice.pick(&[200, 1000]));
        let share = dice.pick(&[150, 300, 600]);
        let all = FaultKind::TRANSACTIONAL.iter().copied();
        self.weather
            .kinds
            .extend(all.filter(|_| dice.chance(share)));
        if plan.is_two_phase {
            self.weather
                .kinds
                .retain(|kind| *kind != FaultKind::ChangeVersion);
        }
        self.transactions = Some(plan);
    }

    fn set(&mut self, key: &str, value: impl ToString) {
        self.properties.push((key.to_owned(), value.to_string()));
    }

    fn configure(&mut self, dice: &mut Dice) {
        let servers: Vec<String> = (1..=self.cluster.brokers)
            .map(|node| format!("broker-{node}.fake:9092"))
            .collect();
        self.set("bootstrap.servers", servers.join(","));
        self.set("client.id", "sim");
        let linger = dice.pick(&[0, 0, 5, 50]);
        self.set("linger.ms", linger);
        self.set("batch.size", dice.pick(&[0, 150, 400, 1000, 16384]));
        let codec = dice.pick(&["none", "none", "gzip", "snappy", "lz4", "zstd"]);
        self.set("compression.type", codec);
        self.set("max.in.flight.requests.per.connection", self.max_in_flight);
        self.set("request.timeout.ms", self.request_timeout);
        let delivery = match dice.below(4) {
            0 => self.request_timeout + linger,
            1 => 2 * self.request_timeout + dice.below(4000) + linger,
            _ => 120_000,
        };
        self.set("delivery.timeout.ms", delivery);
        self.set("max.block.ms", dice.pick(&[500, 5000, 60_000]));
        self.set("retry.backoff.ms", dice.pick(&[0, 10, 100]));
        self.set("retry.backoff.max.ms", dice.pick(&[100, 1000]));
        self.set("reconnect.backoff.ms", dice.pick(&[0, 50]));
        self.set("reconnect.backoff.max.ms", dice.pick(&[50, 1000]));
        self.set("socket.connection.setup.timeout.ms", 800);
        self.set("socket.connection.setup.timeout.max.ms", 2000);
        let request_max = dice.pick(&[1_048_576, 1_048_576, 2500]);
        self.set("max.request.size", request_max);
        if dice.chance(250) {
            self.set("buffer.memory", 65_536);
            self.work.value_bytes = 1500;
        }
        if dice.chance(300) {
            self.set("metadata.max.age.ms", dice.pick(&[300, 2000]));
        }
        if dice.chance(200) {
            self.set("connections.max.idle.ms", dice.pick(&[200, 1500]));
        }
        self.configure_promise(dice);
    }

    fn configure_promise(&mut self, dice: &mut Dice) {
        match self.promise {
            Promise::ExactlyOnce => {
                self.set("acks", "all");
                self.set("enable.idempotence", "true");
            }
            Promise::AtLeastOnce => {
                self.acks = dice.pick(&[1, -1]);
                self.set("acks", self.acks);
                self.set("enable.idempotence", "false");
            }
            Promise::AtMostOnce => {
                self.acks = dice.pick(&[0, 0, 1, -1]);
                self.set("acks", self.acks);
                self.set("enable.idempotence", "false");
                self.set("retries", 0);
            }
        }
    }

    /// How long the application takes for its work if nothing holds it up, in ns, and generously.
    pub(crate) const fn work_time(&self) -> u64 {
        self.work.records * (4 * self.work.pause + 1000 * MS)
    }

    /// Whether the machine promises the order of the records of a partition.
    pub(crate) fn is_ordered(&self) -> bool {
        self.promise == Promise::ExactlyOnce || self.max_in_flight == 1
    }

    /// How long everything may take once faults have stopped, in ns: a request that hangs, another
    /// one after it, and the longest back-offs.
    pub(crate) const fn patience(&self) -> u64 {
        (4 * self.request_timeout + 20_000) * MS
    }
}

fn cluster(dice: &mut Dice) -> ClusterOptions {
    ClusterOptions {
        brokers: dice.pick(&[1, 2, 3, 3, 3]),
        transaction_version: dice.pick(&[0, 1, 2, 2]),
        topic_ids: dice.chance(700),
        message_max_bytes: dice.pick(&[1_048_588, 1_048_588, 1_048_588, 700, 1500]),
        metadata_lag: Duration::from_millis(dice.pick(&[0, 0, 20, 300])),
        marker_delay: Duration::from_millis(dice.pick(&[0, 5, 5, 200])),
        refuses_unknown_producers: dice.chance(200),
        first_epoch: dice.pick(&[0, 0, 0, i16::MAX - 3]),
        wall_clock_ms: EPOCH_MS as i64,
        ..ClusterOptions::default()
    }
}

fn topics(dice: &mut Dice) -> Vec<(String, i32, TopicOptions)> {
    let count = dice.pick(&[1, 1, 2, 3]);
    let topics = (0..count).map(|topic| {
        let options = TopicOptions {
            log_append_time: dice.chance(150),
            needs_keys: dice.chance(100),
            max_message_bytes: dice.chance(100).then_some(600),
        };
        (format!("topic-{topic}"), dice.pick(&[1, 1, 2, 4]), options)
    });
    topics.collect()
}

fn work(dice: &mut Dice) -> Work {
    Work {
        records: dice.between(60, 400),
        pause: dice.pick(&[1, 10, 40, 100, 300]) * MS,
        burst: dice.pick(&[1, 4, 12]),
        value_bytes: dice.pick(&[20, 100, 300]),
        purges: dice.chance(150),
        slow_per_mille: if dice.chance(200) { 300 } else { 0 },
        hasty_close: dice
            .chance(200)
            .then(|| dice.pick(&[0, 50, 500, 5000, 60_000])),
    }
}

fn weather(dice: &mut Dice) -> Weather {
    // A world in which only some things go wrong reaches further into them.
    let share = dice.pick(&[150, 300, 600]);
    let all = FaultKind::ALL.iter().copied();
    let kinds: Vec<FaultKind> = all.filter(|_| dice.chance(share)).collect();
    let cuts = if dice.chance(300) { 350 } else { 0 };
    Weather {
        latency: dice.pick(&[50_000, MS, 5 * MS, 20 * MS]),
        jitter: dice.pick(&[0, MS, 30 * MS]),
        kinds,
        pause: dice.pick(&[20, 80, 300, 1200]) * MS,
        calm_at: dice.between(2000, 30_000) * MS,
        pieces_per_mille: dice.pick(&[0, 100, 500]),
        cut_per_mille: cuts,
        ghosts_per_mille: dice.pick(&[0, 500, 1000]),
    }
}
