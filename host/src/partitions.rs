//! What is known of topics' partitions: for `partitions_for`, and for partitioners of the application.

use crate::report::SendError;
use odradek::Cause;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The partitions of one topic at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitions {
    leaders: Arc<[Option<i32>]>,
}

impl Partitions {
    pub(crate) fn new(leaders: Vec<Option<i32>>) -> Self {
        Self {
            leaders: leaders.into(),
        }
    }

    /// How many partitions the topic has; they are numbered from 0.
    pub fn count(&self) -> i32 {
        i32::try_from(self.leaders.len()).unwrap_or(i32::MAX)
    }

    /// The broker that leads a partition; `None` when there is none at present, or no such partition.
    pub fn leader(&self, partition: i32) -> Option<i32> {
        let index = usize::try_from(partition).ok()?;
        *self.leaders.get(index)?
    }

    /// The partitions that have a leader, ascending. What is sent to another one waits for a leader.
    pub fn with_leader(&self) -> impl Iterator<Item = i32> + '_ {
        let numbered = (0..).zip(self.leaders.iter());
        numbered.filter_map(|(partition, leader)| leader.map(|_| partition))
    }
}

/// What an answer about a topic's partitions is.
pub(crate) type Answer = Result<Partitions, SendError>;

/// The topics that were asked about.
#[derive(Debug, Default)]
pub(crate) struct Known {
    topics: Mutex<HashMap<Arc<str>, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    latest: Option<Partitions>,
    /// Whether the machine owes an answer.
    is_asked: bool,
    waiting: Vec<oneshot::Sender<Answer>>,
}

/// What is known of a topic.
pub(crate) enum Lookup {
    /// Its partitions, as of the cluster's latest word.
    Known(Partitions),
    /// Nothing yet; the machine has been asked.
    Asked,
    /// Nothing yet; the machine is to be asked now.
    Unknown,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Entry>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions of a topic; while they are not known, `answer` waits for them.
    pub(crate) fn look_up(&self, topic: &str, answer: Option<oneshot::Sender<Answer>>) -> Lookup {
        let mut topics = self.lock();
        let entry = match topics.get_mut(topic) {
            Some(entry) => entry,
            None => topics.entry(topic.into()).or_default(),
        };
        if let Some(partitions) = &entry.latest {
            return Lookup::Known(partitions.clone());
        }
        if entry.waiting.len() == entry.waiting.capacity() {
            // Those who gave up waiting must not pile up.
            entry.waiting.retain(|sender| !sender.is_closed());
        }
        entry.waiting.extend(answer);
        if std::mem::replace(&mut entry.is_asked, true) {
            Lookup::Asked
        } else {
            Lookup::Unknown
        }
    }

    /// Takes the machine's word about a topic and tells those who wait. Partitions that became unknown
    /// again stay as they were last.
    pub(crate) fn tell(&self, topic: &str, answer: &Answer) {
        let waiting = {
            let mut topics = self.lock();
            let Some(entry) = topics.get_mut(topic) else {
                return;
            };
            if let Ok(partitions) = answer {
                entry.latest = Some(partitions.clone());
            }
            entry.is_asked = false;
            std::mem::take(&mut entry.waiting)
        };
        for sender in waiting {
            // Whoever gave up waiting wants no answer.
            let _ = sender.send(answer.clone());
        }
    }

    /// The driver has ended: nobody gets an answer any more.
    pub(crate) fn end(&self) {
        // Whoever waits is woken by this, and may ask again at once: not with the lock held.
        let topics = std::mem::take(&mut *self.lock());
        drop(topics);
    }
}

/// The error for a topic whose partitions did not become known.
pub(crate) const fn unknown(cause: Cause) -> SendError {
    SendError::NoPartitions { cause: Some(cause) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_without_a_leader_are_counted_and_not_offered() {
        let partitions = Partitions::new(vec![Some(1), None, Some(7)]);
        assert_eq!(partitions.count(), 3);
        assert_eq!(partitions.with_leader().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(partitions.leader(2), Some(7));
        assert_eq!((partitions.leader(1), partitions.leader(3)), (None, None));
        assert_eq!(partitions.leader(-1), None);
    }

    fn ask(known: &Known) -> (Lookup, oneshot::Receiver<Answer>) {
        let (sender, receiver) = oneshot::channel();
        (known.look_up("t", Some(sender)), receiver)
    }

    #[test]
    fn the_machine_is_asked_once_and_everybody_is_told() {
        let known = Known::default();
        let (Lookup::Unknown, mut one) = ask(&known) else {
            panic!("nothing is known yet");
        };
        let (Lookup::Asked, mut two) = ask(&known) else {
            panic!("the machine was asked already");
        };
        let partitions = Partitions::new(vec![Some(1)]);
        known.tell("t", &Ok(partitions.clone()));
        assert_eq!(one.try_recv(), Ok(Ok(partitions.clone())));
        assert_eq!(two.try_recv(), Ok(Ok(partitions.clone())));
        known.tell("t", &Err(unknown(Cause::Closed)));
        let Lookup::Known(latest) = known.look_up("t", None) else {
            panic!("what was known stays known");
        };
        assert_eq!(latest, partitions);
    }

    #[test]
    fn after_a_refusal_the_machine_is_asked_again() {
        let known = Known::default();
        let (_, mut answer) = ask(&known);
        let error = unknown(Cause::NoMetadata { last: None });
        known.tell("t", &Err(error));
        assert_eq!(answer.try_recv(), Ok(Err(error)));
        assert!(matches!(known.look_up("t", None), Lookup::Unknown));
    }

    #[test]
    fn those_who_do_not_wait_are_not_kept() {
        let known = Known::default();
        for _ in 0..1000 {
            known.look_up("t", None);
            drop(ask(&known));
        }
        let topics = known.lock();
        assert!(topics["t"].waiting.len() <= 4);
    }
}
