//! A transactional producer through the host crate.

use odradek_host::{
    Backend, GroupMetadata, OffsetToCommit, Producer, Record, TransactionError, block_on,
};
use odradek_tests_interop::numbered::Numbered;
use odradek_tests_interop::transactor::{Transactor, Trouble};
use std::time::Duration;

/// How long a producer may take to close: nothing is under way then.
const CLOSE_LIMIT: Duration = Duration::from_secs(20);

/// A transactional producer. It closes when it is dropped.
pub(crate) struct Host(pub(crate) Producer);

impl Host {
    /// A producer with these properties, `transactional.id` among them.
    pub(crate) fn new(properties: &[(String, String)], backend: Backend) -> Self {
        let builder = Producer::builder().properties(properties.iter().cloned());
        Self(
            builder
                .backend(backend)
                .build()
                .expect("the properties are right"),
        )
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        block_on(self.0.close(CLOSE_LIMIT));
    }
}

impl Transactor for Host {
    fn init(&mut self) -> Result<(), Trouble> {
        block_on(self.0.init_transactions()).map_err(|error| trouble(&error))
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        block_on(self.0.begin_transaction()).map_err(|error| trouble(&error))
    }

    fn send(&mut self, topic: &str, numbered: &Numbered) -> Result<(), Trouble> {
        let mut record = Record::to(topic).value(&numbered.value);
        (record.key, record.partition) = (numbered.key.as_deref(), numbered.partition);
        // The commit says whether all records are written.
        let sent = block_on(self.0.send(&record)).map(drop);
        sent.map_err(|error| Trouble::Abort(error.to_string()))
    }

    fn send_offsets(&mut self, group: &str, topic: &str, offsets: &[i64]) -> Result<(), Trouble> {
        let offsets: Vec<OffsetToCommit<'_>> = (0..)
            .zip(offsets)
            .map(|(partition, &offset)| OffsetToCommit {
                topic,
                partition,
                offset,
                leader_epoch: None,
                metadata: None,
            })
            .collect();
        let group = GroupMetadata::of_group(group);
        let sent = block_on(self.0.send_offsets(&offsets, &group));
        sent.map_err(|error| trouble(&error))
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        block_on(self.0.commit_transaction()).map_err(|error| trouble(&error))
    }

    fn abort(&mut self) -> Result<(), Trouble> {
        block_on(self.0.abort_transaction()).map_err(|error| trouble(&error))
    }
}

fn trouble(error: &TransactionError) -> Trouble {
    let why = error.to_string();
    if error.is_abort_required() {
        Trouble::Abort(why)
    } else if error.is_retriable() {
        Trouble::Again(why)
    } else {
        Trouble::Fatal(why)
    }
}
