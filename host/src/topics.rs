//! Topics as the application numbers them, and as the machine does.

use crate::machine::Machine;
use crate::report::SendError;
use odradek::{BulkRecord, FatalError, TopicError, TopicHandle};
use std::sync::Arc;

/// Bytes of the longest name that a topic can have.
const TOPIC_NAME_MAX: usize = 249;

/// Which number of the staging place is which handle of the machine.
///
/// Both count from 0 in the same order, so they are the same until the machine refuses a name. A
/// refused name gets a handle from the other end, which the machine does not know.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    entries: Vec<Entry>,
    /// The numbers of the machine's handles.
    numbers: Vec<u32>,
    refused: bool,
}

#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    /// `None` when the machine refused the name, or is lost.
    handle: Option<TopicHandle>,
    error: Option<TopicError>,
}

impl Topics {
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Interns one more name. That the machine is lost shows in the next call of it.
    pub(crate) fn add(&mut self, name: Arc<str>, machine: &mut dyn Machine) {
        let length = name.len();
        let answer = if length > TOPIC_NAME_MAX {
            // The machine's memory is bounded: it is not asked to look at a name of any length.
            Ok(Err(TopicError::Length { length }))
        } else {
            machine.topic(&name)
        };
        let (handle, error) = match answer {
            Ok(Ok(handle)) => (Some(handle), None),
            Ok(Err(error)) => (None, Some(error)),
            Err(_) => (None, None),
        };
        let number = self.entries.len();
        if let Some(TopicHandle(handle)) = handle {
            let handle = handle as usize;
            self.refused |= handle != number;
            if self.numbers.len() <= handle {
                self.numbers.resize(handle + 1, u32::MAX);
            }
            self.numbers[handle] = number as u32;
        } else {
            self.refused = true;
        }
        self.entries.push(Entry {
            name,
            handle,
            error,
        });
    }

    /// Replaces the staging place's numbers by the machine's handles.
    pub(crate) fn translate(&self, records: &mut [BulkRecord]) {
        if !self.refused {
            return;
        }
        for record in records {
            let number = record.topic.0;
            let entry = self.entries.get(number as usize);
            let handle = entry.and_then(|entry| entry.handle);
            record.topic = handle.unwrap_or(TopicHandle(u32::MAX - number));
        }
    }

    /// The machine's handle of a topic by the staging place's number; for a name that was refused, the
    /// name and why.
    pub(crate) fn numbered(&self, number: u32) -> Result<TopicHandle, (Arc<str>, SendError)> {
        let Some(entry) = self.entries.get(number as usize) else {
            return Err((Arc::default(), SendError::Closed));
        };
        let lost = SendError::Failed(FatalError::MachineLost);
        let error = entry.error.map_or(lost, SendError::Topic);
        entry.handle.ok_or_else(|| (Arc::clone(&entry.name), error))
    }

    /// The name behind a handle; empty for one that was never given out.
    pub(crate) fn name(&self, handle: TopicHandle) -> Arc<str> {
        self.entry(handle)
            .map(|entry| Arc::clone(&entry.name))
            .unwrap_or_default()
    }

    /// Why the machine refused the topic of a translated record, if it did.
    pub(crate) fn error(&self, handle: TopicHandle) -> Option<TopicError> {
        self.entry(handle)?.error
    }

    fn entry(&self, TopicHandle(handle): TopicHandle) -> Option<&Entry> {
        let number = match self.numbers.get(handle as usize) {
            Some(number) => *number,
            None => u32::MAX - handle,
        };
        self.entries.get(number as usize)
    }
}
