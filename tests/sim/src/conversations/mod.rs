//! Scripted conversations with a cluster: the same requests give the same answers from the fake cluster
//! and from Apache Kafka.
//!
//! A conversation gives lines, one for each request. Those of Apache Kafka 4.3.0 are in `answers.txt`;
//! `tests/interop` asks a real node for them, the test below asks the fake cluster.

mod classic;
mod coordinate;
mod fake;
mod idempotence;
mod offsets;
mod produce;
mod talk;
mod transactions;

pub use fake::FakePeer;
pub use talk::{Peer, To};

use crate::cluster::ClusterOptions;
use std::time::Duration;
use talk::Talk;

/// What Apache Kafka 4.3.0 answers.
pub const ANSWERS: &str = include_str!("answers.txt");

/// One conversation.
pub struct Conversation {
    /// What it is called; its topic is called the same.
    pub name: &'static str,
    /// The configuration of its topic.
    pub config: &'static [(&'static str, &'static str)],
    script: fn(&mut Talk<'_>),
}

impl Conversation {
    /// Has it with a cluster that holds its topic; answers the lines. `round` tells topics of several
    /// rounds on one cluster apart.
    pub fn hold(&self, peer: &mut dyn Peer, round: &str) -> Vec<String> {
        let mut talk = Talk::new(peer, &self.topic(round));
        (self.script)(&mut talk);
        talk.into_lines()
    }

    /// The name of its topic.
    pub fn topic(&self, round: &str) -> String {
        format!("{}{round}", self.name.replace(' ', "-"))
    }
}

/// A conversation about a topic with this configuration.
macro_rules! conversations {
    ($($name:literal $config:expr => $script:path;)*) => {
        /// All conversations.
        pub const CONVERSATIONS: &[Conversation] = &[$(Conversation {
            name: $name,
            config: &$config,
            script: $script,
        }),*];
    };
}

conversations! {
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
    "classic flow" [] => classic::classic_flow;
    "classic refusals" [] => classic::classic_refusals;
    "classic fenced" [] => classic::classic_fenced;
    "classic timed out" [] => classic::classic_timed_out;
    "unverified order" [] => classic::unverified_order;
    "offsets" [] => offsets::offsets;
    "classic offsets" [] => offsets::classic_offsets;
}

/// The fake cluster as the real one is set up that is asked.
pub fn fake_peer() -> FakePeer {
    FakePeer::new(ClusterOptions {
        brokers: 1,
        transaction_timeout_check: Duration::from_millis(200),
        // Not the time that the batches carry.
        wall_clock_ms: 1_795_000_000_000,
        ..ClusterOptions::default()
    })
}

/// The answers of a whole round as the text that `answers.txt` holds.
pub fn as_text(rounds: &[(&str, Vec<String>)]) -> String {
    let mut text = String::new();
    for (name, lines) in rounds {
        text.push_str(&format!("# {name}\n"));
        for line in lines {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fake_cluster_answers_as_apache_kafka() {
        let mut peer = fake_peer();
        let rounds: Vec<(&str, Vec<String>)> = CONVERSATIONS
            .iter()
            .map(|conversation| {
                peer.create(&conversation.topic(""), conversation.config);
                (conversation.name, conversation.hold(&mut peer, ""))
            })
            .collect();
        let said = as_text(&rounds);
        let differing: Vec<(&str, &str)> = said
            .lines()
            .zip(ANSWERS.lines())
            .filter(|(fake, kafka)| fake != kafka)
            .collect();
        assert!(differing.is_empty(), "fake, Kafka: {differing:#?}");
        assert_eq!(said, ANSWERS);
    }
}
