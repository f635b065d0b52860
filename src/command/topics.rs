//! Topics by name and by handle.

use odradek::cli::causes::describe_topic_error;
use odradek::wasi::Driver;
use odradek::{SendError, TopicHandle};
use std::collections::BTreeMap;

/// The topics that the machine has interned.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    handles: BTreeMap<String, TopicHandle>,
    names: BTreeMap<u32, String>,
}

/// Stands for a name that is no topic's: the machine refuses records for it.
const NONE: TopicHandle = TopicHandle(u32::MAX);

impl Topics {
    /// The handle of a topic.
    pub(crate) fn handle(&mut self, driver: &mut Driver, name: &str) -> TopicHandle {
        if let Some(handle) = self.handles.get(name) {
            return *handle;
        }
        let Ok(handle) = driver.topic(name) else {
            return NONE;
        };
        self.handles.insert(name.to_owned(), handle);
        self.names.insert(handle.0, name.to_owned());
        handle
    }

    /// The name behind a handle.
    pub(crate) fn name(&self, handle: TopicHandle) -> Option<&str> {
        self.names.get(&handle.0).map(String::as_str)
    }

    /// Why a record for a topic was refused for good.
    pub(crate) fn describe(driver: &mut Driver, name: &str, error: SendError) -> String {
        match (error, driver.topic(name)) {
            (SendError::UnknownTopic, Err(error)) => describe_topic_error(name, error),
            (error, _) => error.to_string(),
        }
    }
}
