//! Scripted conversations with a cluster: the same requests give the same answers from the fake cluster
//! and from Apache Kafka.
//!
//! A conversation gives lines, one for each request. Those of Apache Kafka 4.3.0 are in `answers`;
//! `tests/interop` asks a real node for them, the test below asks the fake cluster.

mod classic;
mod coordinate;
#[cfg(test)]
mod effects;
mod fake;
mod idempotence;
mod offsets;
mod produce;
mod talk;
mod transactions;
#[cfg(test)]
mod two_phase;

pub use fake::FakePeer;
pub use talk::{Peer, To};

use crate::cluster::ClusterOptions;
use std::time::Duration;
use talk::Talk;

/// Properties of a topic.
pub type Config = &'static [(&'static str, &'static str)];

/// One conversation.
pub struct Conversation {
    name: &'static str,
    config: Config,
    script: fn(&mut Talk<'_>),
}

/// A conversation about a topic with this configuration.
macro_rules! conversations {
    ($list:ident = $($name:literal $config:expr => $script:path;)*) => {
        const $list: &[Conversation] = &[$(Conversation {
            name: $name,
            config: &$config,
            script: $script,
        }),*];
    };
}

conversations! {
    NEWEST =
    "in order" [] => idempotence::in_order;
    "duplicates" [] => idempotence::duplicates;
    "gaps" [] => idempotence::gaps;
    "epochs" [] => idempotence::epochs;
    "unknown producer" [] => idempotence::unknown_producer;
    "wrap" [] => idempotence::wrap;
    "broker time" [("message.timestamp.type", "LogAppendTime")] => idempotence::broker_time;
    "keys demanded" [("cleanup.policy", "compact")] => idempotence::keys_demanded;
    "too large" [("max.message.bytes", "1000")] => idempotence::too_large;
    "nonsense" [] => idempotence::nonsense;
    "commit and abort" [] => transactions::commit_and_abort;
    "end again" [] => transactions::end_again;
    "empty" [] => transactions::empty;
    "late batches" [] => transactions::late_batches;
    "first sequence" [] => transactions::first_sequence;
    "fenced" [] => transactions::fenced;
    "own identity" [] => transactions::own_identity;
    "strangers" [] => transactions::strangers;
    "timed out" [] => transactions::timed_out;
    "offsets" [] => offsets::offsets;
    "members" [] => offsets::members;
}

conversations! {
    CLASSIC =
    "classic flow" [] => classic::classic_flow;
    "classic refusals" [] => classic::classic_refusals;
    "classic fenced" [] => classic::classic_fenced;
    "classic timed out" [] => classic::classic_timed_out;
    "classic identity" [] => classic::classic_identity;
    "unverified order" [] => classic::unverified_order;
    "classic offsets" [] => offsets::classic_offsets;
}

conversations! {
    LONG =
    "exhausted" [] => transactions::exhausted;
    "exhausted by fencing" [] => transactions::exhausted_by_fencing;
    "exhausted by itself" [] => transactions::exhausted_by_itself;
}

/// Conversations that are held one after another with a cluster.
pub struct Round {
    /// What it is called; topics and other names have it in them.
    pub name: &'static str,
    /// The level of `transaction.version` that the cluster has.
    pub transaction_version: i16,
    /// Whether it takes Apache Kafka a minute.
    pub is_long: bool,
    /// The conversations.
    pub conversations: &'static [Conversation],
    /// What Apache Kafka 4.3.0 answers.
    pub answers: &'static str,
}

/// All rounds. The level only falls.
pub const ROUNDS: &[Round] = &[
    Round {
        name: "newest",
        transaction_version: 2,
        is_long: false,
        conversations: NEWEST,
        answers: include_str!("answers/newest.txt"),
    },
    Round {
        name: "classic",
        transaction_version: 2,
        is_long: false,
        conversations: CLASSIC,
        answers: include_str!("answers/classic.txt"),
    },
    Round {
        name: "long",
        transaction_version: 2,
        is_long: true,
        conversations: LONG,
        answers: include_str!("answers/long.txt"),
    },
    Round {
        name: "lowered",
        transaction_version: 1,
        is_long: false,
        conversations: CLASSIC,
        answers: include_str!("answers/lowered.txt"),
    },
];

impl Round {
    /// Holds every conversation with a cluster, whose topics `create` makes first; answers all lines.
    pub fn hold<P: Peer>(
        &self,
        peer: &mut P,
        mut create: impl FnMut(&mut P, &str, Config),
    ) -> String {
        let mut said = String::new();
        for conversation in self.conversations {
            let name = conversation.name;
            let topic = format!("{}-{}", name.replace(' ', "-"), self.name);
            create(peer, &topic, conversation.config);
            let mut talk = Talk::new(peer, &topic);
            (conversation.script)(&mut talk);
            said.push_str(&format!("# {name}\n"));
            for line in talk.into_lines() {
                said.push_str(&format!("{line}\n"));
            }
        }
        said
    }

    /// The lines in which a cluster differs from Apache Kafka: what was said, and what Kafka says.
    pub fn differences<'a>(&self, said: &'a str) -> Vec<(&'a str, &'static str)> {
        let mut kafka = self.answers.lines();
        let mut said = said.lines();
        let mut differing = Vec::new();
        loop {
            match (said.next(), kafka.next()) {
                (None, None) => return differing,
                (Some(one), Some(other)) if one == other => {}
                (one, other) => differing.push((one.unwrap_or(""), other.unwrap_or(""))),
            }
        }
    }
}

/// The fake cluster as the real one is set up that is asked, at a level of `transaction.version`.
pub fn fake_peer(transaction_version: i16) -> FakePeer {
    FakePeer::new(ClusterOptions {
        transaction_version,
        brokers: 1,
        transaction_timeout_check: Duration::from_millis(200),
        // Not the time that the batches carry.
        wall_clock_ms: 1_795_000_000_000,
        ..ClusterOptions::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fake_cluster_answers_as_apache_kafka() {
        for round in ROUNDS {
            let mut peer = fake_peer(round.transaction_version);
            let said = round.hold(&mut peer, FakePeer::create);
            let differing = round.differences(&said);
            assert!(
                differing.is_empty(),
                "{}: fake, Kafka: {differing:#?}",
                round.name
            );
        }
    }
}
