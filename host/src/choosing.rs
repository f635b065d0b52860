//! Which partition a record goes to, where the application has a say: what is known of topics, and its
//! partitioner.

use crate::partitioner::Partitioner;
use crate::partitions::{Answer, Lookup, Partitions};
use crate::producer::Producer;
use crate::record::Record;
use crate::report::SendError;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

impl Producer {
    /// The partitions of a topic. Waits until they are known, at most `max.block.ms`; later calls answer
    /// at once with what the cluster told last.
    ///
    /// # Errors
    ///
    /// [`SendError::NoPartitions`], [`SendError::Topic`], [`SendError::Closed`] or [`SendError::Failed`].
    pub async fn partitions_for(&self, topic: &str) -> Result<Partitions, SendError> {
        let (answer, receiver) = oneshot::channel();
        if let Some(partitions) = self.look_up(topic, Some(answer))? {
            return Ok(partitions);
        }
        // A driver that has ended tells nobody any more.
        let refusal = || self.shared().staging().refusal();
        let ended = |_| Err(refusal().unwrap_or(SendError::Closed));
        receiver.await.unwrap_or_else(ended)
    }

    /// A topic's partitions if they are known. If not, the machine is asked unless it was already, and
    /// `answer` hears what it says.
    fn look_up(
        &self,
        topic: &str,
        answer: Option<oneshot::Sender<Answer>>,
    ) -> Result<Option<Partitions>, SendError> {
        let known = &self.shared().partitions;
        match known.look_up(topic, answer) {
            Lookup::Known(partitions) => return Ok(Some(partitions)),
            Lookup::Asked => return Ok(None),
            Lookup::Unknown => {}
        }
        let asked = self.shared().staging().watch(topic);
        match asked {
            Ok(wake) => {
                wake.wake();
                Ok(None)
            }
            Err(error) => {
                // Nobody will answer those who ask next.
                known.tell(topic, &Err(error));
                Err(error)
            }
        }
    }

    /// The partition that a record names, or that the application's partitioner chooses for it, and how
    /// long its topic's partitions were waited for.
    pub(crate) async fn choose(
        &self,
        record: &Record<'_>,
    ) -> Result<(Option<i32>, Duration), SendError> {
        let Some(partitioner) = self.partitioner_for(record) else {
            return Ok((record.partition, Duration::ZERO));
        };
        let started = Instant::now();
        let partitions = self.partitions_for(record.topic).await?;
        let waited = started.elapsed();
        Ok((partitioner.partition(record, &partitions), waited))
    }

    /// The same without a wait.
    pub(crate) fn choose_now(&self, record: &Record<'_>) -> Result<Option<i32>, SendError> {
        let Some(partitioner) = self.partitioner_for(record) else {
            return Ok(record.partition);
        };
        match self.look_up(record.topic, None)? {
            Some(partitions) => Ok(partitioner.partition(record, &partitions)),
            None => Err(SendError::NoPartitions { cause: None }),
        }
    }

    /// The same for many, up to the first one whose topic's partitions are not to be had, and why.
    /// Nothing where the application leaves the choice to the producer.
    pub(crate) async fn choose_all(
        &self,
        records: &[Record<'_>],
    ) -> (Option<Vec<Option<i32>>>, Option<SendError>) {
        if self.shared().partitioner.is_none() {
            return (None, None);
        }
        let mut all = Vec::with_capacity(records.len());
        for record in records {
            match self.choose(record).await {
                Ok((partition, _)) => all.push(partition),
                Err(error) => return (Some(all), Some(error)),
            }
        }
        (Some(all), None)
    }

    fn partitioner_for(&self, record: &Record<'_>) -> Option<&dyn Partitioner> {
        let partitioner = self.shared().partitioner.as_deref();
        partitioner.filter(|_| record.partition.is_none())
    }
}

/// Records of a batch, and the partitions that the application's partitioner has chosen for them.
pub(crate) struct Chosen<'a, 'r> {
    pub(crate) records: &'a [Record<'r>],
    /// One for each record; `None` without a partitioner.
    pub(crate) partitions: Option<&'a [Option<i32>]>,
}

impl<'a, 'r> Chosen<'a, 'r> {
    pub(crate) fn get(&self, index: usize) -> Option<(&'a Record<'r>, Option<i32>)> {
        let record = self.records.get(index)?;
        let chosen = self.partitions.and_then(|all| all.get(index).copied());
        Some((record, chosen.unwrap_or(record.partition)))
    }
}
