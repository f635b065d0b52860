//! Why a key of the Java producer is not obeyed, and what to do instead: one sentence per family of
//! keys.

use super::keys::{Key, Service};

/// Beginnings of names, and the sentence for all keys that begin so. The first that fits counts, so a
/// longer beginning stands before a shorter one; the last one fits everything.
const SENTENCES: [(&str, &str); 19] = [
    ("auto.include.jmx.reporter", NO_REPORTERS),
    (
        "bootstrap.resolve.timeout.ms",
        "the bootstrap servers are resolved when a connection is needed, and again until \
         max.block.ms ends the wait of the records",
    ),
    (
        "client.dns.lookup",
        "every address of a name is tried in turn; canonical names are for Kerberos, which is not \
         there, so write the names that brokers are to be called by",
    ),
    (
        "client.rack",
        "a rack counts for partitioner.rack.aware alone, which is not there yet; choose partitions \
         in the application",
    ),
    (
        "config.providers",
        "Java classes cannot run here; fill in the values before they are handed over",
    ),
    (
        "enable.metrics.push",
        "brokers are not given metrics yet; read those of the producer",
    ),
    (
        "interceptor.classes",
        "Java classes cannot run here; change records before they are sent, and read the reports",
    ),
    ("key.serializer", BYTES),
    (
        "metadata.cluster.check.enable",
        "brokers are not asked yet whether they are of the cluster meant; name bootstrap servers of \
         one cluster",
    ),
    ("metric.reporters", NO_REPORTERS),
    (
        "partitioner.rack.aware",
        "leaders in the own rack are not preferred yet; choose partitions in the application",
    ),
    ("receive.buffer.bytes", SOCKET_BUFFERS),
    ("sasl.", NO_AUTHENTICATION),
    (
        "security.providers",
        "Java's providers of algorithms do not exist here; leave their choice to the producer",
    ),
    ("security.", NO_ENCRYPTION),
    ("send.buffer.bytes", SOCKET_BUFFERS),
    ("ssl.", NO_ENCRYPTION),
    ("value.serializer", BYTES),
    ("", "it is not there yet; leave it out"),
];

const BYTES: &str = "keys and values are bytes here; serialize them before they are sent";
const NO_REPORTERS: &str = "there is no JMX here; read the metrics of the producer";
const SOCKET_BUFFERS: &str = "the system sizes the buffers of sockets as it goes; change its limits where that is too little";

/// What is said about keys of authentication, whosever they are.
pub(super) const NO_AUTHENTICATION: &str =
    "authentication is not there yet; use a listener that asks for none";

/// What is said about keys of encryption, whosever they are.
pub(super) const NO_ENCRYPTION: &str =
    "encryption is not there yet; use a PLAINTEXT listener in a network that you trust";

impl Key {
    /// Why the key is not obeyed and what to do instead, in one sentence; `None` if it is.
    pub fn instead(&self) -> Option<&'static str> {
        match self.service {
            Service::Served(_) => None,
            Service::NotServed { .. } | Service::Hint | Service::Meaningless => {
                let mut sentences = SENTENCES.iter();
                sentences
                    .find(|(beginning, _)| self.name.starts_with(beginning))
                    .map(|(_, sentence)| *sentence)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn every_key_that_is_not_obeyed_has_a_sentence() {
        for key in keys() {
            let is_served = matches!(key.service, Service::Served(_));
            assert_eq!(key.instead().is_none(), is_served, "{}", key.name);
        }
    }

    #[test]
    fn every_sentence_is_that_of_a_key() {
        let (_, families) = SENTENCES.split_last().expect("there are sentences");
        for (beginning, sentence) in families {
            let has_key = keys()
                .iter()
                .any(|key| key.name.starts_with(beginning) && key.instead() == Some(sentence));
            assert!(has_key, "no key needs the sentence of {beginning}");
        }
    }
}
