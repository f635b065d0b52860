//! What the sink remembers: names, ids and the next offset of each partition.

use odradek::TopicUuid;
use std::collections::HashMap;

/// The topics that anybody asked for; asking creates them.
#[derive(Debug)]
pub(super) struct Topics {
    partition_count: i32,
    all: Vec<Topic>,
    by_name: HashMap<String, usize>,
    producer_ids: i64,
}

/// One topic.
#[derive(Debug)]
pub(super) struct Topic {
    name: String,
    uuid: TopicUuid,
    next_offsets: Vec<i64>,
}

impl Topics {
    /// No topics yet; each will have so many partitions.
    pub(super) fn new(partition_count: i32) -> Self {
        Self {
            partition_count,
            all: Vec::new(),
            by_name: HashMap::new(),
            producer_ids: 0,
        }
    }

    pub(super) fn get_or_create(&mut self, name: &str) -> &mut Topic {
        let index = match self.by_name.get(name) {
            Some(index) => *index,
            None => {
                let index = self.all.len();
                self.by_name.insert(name.to_owned(), index);
                self.all.push(Topic {
                    name: name.to_owned(),
                    uuid: uuid_of(index),
                    next_offsets: vec![0; self.partition_count.max(0) as usize],
                });
                index
            }
        };
        &mut self.all[index]
    }

    pub(super) fn by_uuid(&mut self, uuid: TopicUuid) -> Option<&mut Topic> {
        let index = u64::from_be_bytes(*uuid.0.last_chunk()?).checked_sub(1)?;
        let topic = self.all.get_mut(usize::try_from(index).ok()?)?;
        (topic.uuid == uuid).then_some(topic)
    }

    pub(super) const fn next_producer_id(&mut self) -> i64 {
        self.producer_ids += 1;
        self.producer_ids
    }
}

impl Topic {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn uuid(&self) -> TopicUuid {
        self.uuid
    }

    pub(super) fn partition_count(&self) -> i32 {
        self.next_offsets.len() as i32
    }

    /// Moves the end of a partition; gives the base offset, or `None` if there is no such partition.
    pub(super) fn append(&mut self, partition: i32, records: u64) -> Option<i64> {
        let partition = usize::try_from(partition).ok()?;
        let next = self.next_offsets.get_mut(partition)?;
        let base = *next;
        *next = next.saturating_add_unsigned(records);
        Some(base)
    }
}

/// An id that holds the topic's position, counted from 1, since the id zero means none.
fn uuid_of(index: usize) -> TopicUuid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(b"odradek-");
    bytes[8..].copy_from_slice(&(index as u64 + 1).to_be_bytes());
    TopicUuid(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_found_by_name_and_id_and_its_offsets_grow() {
        let mut topics = Topics::new(2);
        let uuid = topics.get_or_create("a").uuid();
        assert_ne!(topics.get_or_create("b").uuid(), uuid);
        let topic = topics.by_uuid(uuid).expect("it was just created");
        assert_eq!(topic.name(), "a");
        assert_eq!(topic.append(1, 5), Some(0));
        assert_eq!(topics.get_or_create("a").append(1, 2), Some(5));
        assert_eq!(topics.get_or_create("a").append(0, 1), Some(0));
        assert_eq!(topics.get_or_create("a").append(2, 1), None);
        assert_eq!(topics.get_or_create("a").append(-1, 1), None);
        assert!(topics.by_uuid(TopicUuid::ZERO).is_none());
        assert!(topics.by_uuid(TopicUuid([0xff; 16])).is_none());
    }
}
