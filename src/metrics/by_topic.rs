//! Counters of each topic, by its handle.

use super::RecordCounts;
use crate::ids::TopicHandle;

/// Counters by topic handle. As many as there are topics that something was counted for, which are at
/// most as many as were interned.
#[derive(Debug, Default)]
pub(crate) struct ByTopic(Vec<RecordCounts>);

impl ByTopic {
    pub(super) fn of(&mut self, topic: TopicHandle) -> &mut RecordCounts {
        let index = topic.0 as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, RecordCounts::default);
        }
        &mut self.0[index]
    }

    pub(super) fn get(&self, topic: TopicHandle) -> RecordCounts {
        self.0.get(topic.0 as usize).copied().unwrap_or_default()
    }
}
