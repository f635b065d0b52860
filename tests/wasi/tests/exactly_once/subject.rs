//! Who makes the transactions.

use crate::host::Host;
use odradek_host::Backend;
use odradek_tests_interop::reference::Reference;
use odradek_tests_interop::transactor::Transactor;

/// A producer, by what it is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// The host crate, with the component as its machine.
    Engine,
    /// The host crate around the core itself.
    Native,
    /// librdkafka, with which the scenarios themselves are tried. Not through proxies: a connection that is
    /// cut at the wrong moment is the end of its transactions ("sequence desynchronization").
    Reference,
}

impl Subject {
    /// What the machine of the host crate runs on; that of the idempotent producer beside librdkafka, too.
    pub(crate) fn backend(self) -> Backend {
        match self {
            Self::Engine => Backend::Component,
            Self::Native | Self::Reference => Backend::Native,
        }
    }

    /// A transactional producer with these properties, which is not initialised yet.
    pub(crate) fn transactor(
        self,
        properties: &[(String, String)],
        transactional_id: &str,
    ) -> Box<dyn Transactor> {
        match self {
            Self::Engine | Self::Native => {
                let id = ("transactional.id".to_owned(), transactional_id.to_owned());
                let properties = [properties, &[id]].concat();
                Box::new(Host::new(&properties, self.backend()))
            }
            Self::Reference => {
                let servers = properties
                    .iter()
                    .find(|(key, _)| key == "bootstrap.servers");
                let servers = servers.map_or("", |(_, value)| value.as_str());
                Box::new(Reference::new(servers, transactional_id))
            }
        }
    }
}
