//! Offers staged records to the machine until it has taken them, or waited long enough for room.

use crate::staged::Staged;
use odradek::wasi::Driver;
use odradek::{BulkError, Instant, SendError, Ticket};
use std::time::Duration;

/// Records that the machine is to take.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    pub(crate) staged: Staged,
    /// Since when the first record waits for room, and how many bytes must be free for it.
    blocked: Option<(Instant, u64)>,
}

/// What an offer brought.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Offered {
    /// So many records were accepted, under contiguous tickets from this one on.
    Accepted(Ticket, usize),
    /// The first record was refused for good.
    Rejected(SendError),
    /// There was no room for the first record within `max.block.ms`.
    StayedFull,
    /// There is no room now.
    Full,
    /// Nothing is staged any more.
    Done,
}

impl Offer {
    /// Offers up to `limit` records. What was accepted, or refused for good, is no longer staged.
    pub(crate) fn offer(
        &mut self,
        driver: &mut Driver,
        limit: usize,
        max_block: Duration,
        now: Instant,
    ) -> Offered {
        if self.staged.first().is_none() {
            return Offered::Done;
        }
        if let Some((since, needed)) = self.blocked
            && driver.free_bytes() < needed
        {
            if now < since.after(max_block) {
                return Offered::Full;
            }
            self.pass(1);
            return Offered::StayedFull;
        }
        let outcome = driver.send_many(&self.staged.rest(limit));
        if outcome.accepted > 0 {
            let accepted = outcome.accepted as usize;
            self.pass(accepted);
            return Offered::Accepted(outcome.first_ticket, accepted);
        }
        match outcome.refused {
            Some(BulkError::Send(SendError::BufferFull { needed, .. })) => {
                // The machine's own count decides: more room than now is needed in any case.
                let needed = needed.max(driver.free_bytes().saturating_add(1));
                let since = self.blocked.map_or(now, |(since, _)| since);
                self.blocked = Some((since, needed));
                Offered::Full
            }
            Some(BulkError::Send(error)) => {
                self.pass(1);
                Offered::Rejected(error)
            }
            // Records were staged here, so index and bytes fit.
            Some(BulkError::Malformed) | None => {
                self.pass(1);
                Offered::Rejected(SendError::UnknownTopic)
            }
        }
    }

    /// Until when to wait for room at most.
    pub(crate) fn deadline(&self, max_block: Duration) -> Option<Instant> {
        self.blocked.map(|(since, _)| since.after(max_block))
    }

    fn pass(&mut self, count: usize) {
        self.staged.advance(count);
        self.blocked = None;
    }
}

/// Why a record was given up that found no room, in the words of the native binary.
pub(crate) fn stayed_full(max_block: Duration) -> String {
    format!(
        "the buffer (buffer.memory) stayed full for {} ms, as long as max.block.ms allows",
        max_block.as_millis()
    )
}
