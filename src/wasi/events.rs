//! What the application has not taken yet.

use crate::event::Event;
use std::collections::VecDeque;

/// Events in the order in which they happened.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    /// How many of them are connection failures.
    failures: usize,
}

/// How many connection failures are kept when nobody takes them.
const FAILURES_KEPT: usize = 64;

impl Events {
    /// Adds an event. Of too many connection failures the oldest is given back, and of two flushes that
    /// ended one after the other the first.
    pub(super) fn push(&mut self, event: Event) -> Option<Event> {
        if let (Event::Flushed { .. }, Some(last @ Event::Flushed { .. })) =
            (&event, self.queue.back_mut())
        {
            return Some(core::mem::replace(last, event));
        }
        let is_failure = matches!(event, Event::ConnectionFailed(_));
        self.queue.push_back(event);
        self.failures += usize::from(is_failure);
        if self.failures <= FAILURES_KEPT {
            return None;
        }
        self.failures -= 1;
        let is_failure = |event: &Event| matches!(event, Event::ConnectionFailed(_));
        let oldest = self.queue.iter().position(is_failure)?;
        self.queue.remove(oldest)
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front()?;
        self.failures -= usize::from(matches!(event, Event::ConnectionFailed(_)));
        Some(event)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}

/// How many bytes of `buffer.memory` an event takes while it waits: a number of our own, about what it
/// takes in linear memory.
pub(super) fn charge(event: &Event) -> u64 {
    match event {
        Event::Delivered(report) => {
            let message = report.message.as_ref().map_or(0, |message| message.len());
            EVENT_BYTES + report.tickets.charged_bytes() + message as u64
        }
        Event::ConnectionFailed(failure) => EVENT_BYTES + failure.host.len() as u64,
        Event::Partitions(told) => {
            let count = told.leaders.as_ref().map_or(0, Vec::len);
            EVENT_BYTES + count as u64 * LEADER_BYTES
        }
        Event::BufferAvailable { .. }
        | Event::Flushed { .. }
        | Event::OperationEnded(_)
        | Event::Failed(_)
        | Event::Closed => EVENT_BYTES,
    }
}

const EVENT_BYTES: u64 = 128;
const LEADER_BYTES: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::DisconnectReason;
    use crate::event::ConnectionFailure;
    use crate::ids::FlushId;
    use core::time::Duration;

    fn failure(port: u16) -> Event {
        Event::ConnectionFailed(ConnectionFailure {
            host: "h".to_owned(),
            port,
            address: None,
            reason: DisconnectReason::Refused,
            after: Duration::ZERO,
            was_ready: false,
        })
    }

    #[test]
    fn the_latest_failures_are_kept_and_everything_else() {
        let mut events = Events::default();
        let flushed = Event::Flushed { flush: FlushId(1) };
        assert_eq!(events.push(failure(0)), None);
        assert_eq!(events.push(flushed.clone()), None);
        for port in 1..64 {
            assert_eq!(events.push(failure(port)), None);
        }
        assert_eq!(events.push(failure(64)), Some(failure(0)));
        assert_eq!(events.len(), 65);
        assert_eq!(events.pop(), Some(flushed));
        assert_eq!(events.pop(), Some(failure(1)));
        assert_eq!(events.push(failure(65)), None);
    }

    #[test]
    fn of_flushes_in_a_row_the_last_is_kept() {
        let flushed = |id| Event::Flushed { flush: FlushId(id) };
        let mut events = Events::default();
        assert_eq!(events.push(flushed(1)), None);
        assert_eq!(events.push(flushed(2)), Some(flushed(1)));
        assert_eq!(events.push(Event::Closed), None);
        assert_eq!(events.push(flushed(3)), None);
        assert_eq!(events.len(), 3);
    }
}
