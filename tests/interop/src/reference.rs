//! librdkafka's transactional producer, with which the scenarios themselves are tried.

use crate::numbered::Numbered;
use crate::topics::client;
use crate::transactor::{Transactor, Trouble};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use std::thread;
use std::time::Duration;

/// How long one call may take until it is made again.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// How long a full queue is left alone.
const ROOM: Duration = Duration::from_millis(10);

/// A transactional producer of librdkafka.
pub struct Reference {
    producer: ThreadedProducer<DefaultProducerContext>,
    bootstrap: String,
}

impl Reference {
    /// A producer with this transactional id.
    ///
    /// # Panics
    ///
    /// If librdkafka refuses the properties.
    #[must_use]
    pub fn new(bootstrap: &str, transactional_id: &str) -> Self {
        let producer = client(bootstrap)
            .set("transactional.id", transactional_id)
            .set("request.timeout.ms", "4000")
            .set("socket.timeout.ms", "5000")
            .create()
            .expect("the properties are right");
        let bootstrap = bootstrap.to_owned();
        Self {
            producer,
            bootstrap,
        }
    }
}

impl Transactor for Reference {
    fn init(&mut self) -> Result<(), Trouble> {
        let result = self.producer.init_transactions(CALL_LIMIT);
        result.map_err(trouble)
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.producer.begin_transaction().map_err(trouble)
    }

    fn send(&mut self, topic: &str, record: &Numbered) -> Result<(), Trouble> {
        loop {
            let mut base: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).payload(&record.value);
            (base.key, base.partition) = (record.key.as_deref(), record.partition);
            match self.producer.send(base) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    thread::sleep(ROOM);
                }
                Err((error, _)) => return Err(Trouble::Abort(error.to_string())),
            }
        }
    }

    fn send_offsets(&mut self, group: &str, topic: &str, offsets: &[i64]) -> Result<(), Trouble> {
        let consumer: BaseConsumer = client(&self.bootstrap)
            .set("group.id", group)
            .create()
            .map_err(trouble)?;
        let metadata = consumer.group_metadata().expect("it has a group");
        let mut list = TopicPartitionList::new();
        for (partition, &offset) in (0..).zip(offsets) {
            let added = list.add_partition_offset(topic, partition, Offset::Offset(offset));
            added.map_err(trouble)?;
        }
        let sent = self
            .producer
            .send_offsets_to_transaction(&list, &metadata, CALL_LIMIT);
        sent.map_err(trouble)
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        let result = self.producer.commit_transaction(CALL_LIMIT);
        result.map_err(trouble)
    }

    fn abort(&mut self) -> Result<(), Trouble> {
        let result = self.producer.abort_transaction(CALL_LIMIT);
        result.map_err(trouble)
    }
}

fn trouble(error: KafkaError) -> Trouble {
    let why = error.to_string();
    let KafkaError::Transaction(error) = error else {
        return Trouble::Fatal(why);
    };
    if error.txn_requires_abort() {
        Trouble::Abort(why)
    } else if error.is_retriable() {
        Trouble::Again(why)
    } else {
        Trouble::Fatal(why)
    }
}
