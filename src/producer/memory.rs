//! The budget of `buffer.memory`: who holds how many bytes, and whether somebody was refused.

/// Counts the bytes that the machine holds for records. Charges are numbers that the machine
/// computes itself, never the width of a pointer or the capacity of a `Vec`, so that native and wasm
/// refuse the same record.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    held: u64,
    /// What the last refused record needed, until [`take_relief`](Self::take_relief) reports room.
    refused: Option<u64>,
    /// While something that was accepted before moves from one form into another: charges succeed
    /// past the limit.
    is_lending: bool,
}

impl Memory {
    pub(crate) const fn new(limit: u64) -> Self {
        Self {
            limit,
            held: 0,
            refused: None,
            is_lending: false,
        }
    }

    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) const fn free(&self) -> u64 {
        self.limit.saturating_sub(self.held)
    }

    pub(crate) const fn held(&self) -> u64 {
        self.held
    }

    /// Whether `bytes` may be taken.
    pub(crate) const fn has_room(&self, bytes: u64) -> bool {
        self.is_lending || bytes <= self.free()
    }

    /// Takes `bytes` if they are free.
    pub(crate) const fn try_charge(&mut self, bytes: u64) -> bool {
        if !self.has_room(bytes) {
            return false;
        }
        self.charge(bytes);
        true
    }

    /// Starts or ends lending: an accepted record that waited for its topic must not be refused when
    /// its batch takes a little more than it did.
    pub(crate) const fn set_lending(&mut self, is_lending: bool) {
        self.is_lending = is_lending;
    }

    pub(crate) const fn is_lending(&self) -> bool {
        self.is_lending
    }

    /// Takes `bytes` for something already accepted, even past the limit (bookkeeping that moves from
    /// one form into another must not fail halfway).
    pub(crate) const fn charge(&mut self, bytes: u64) {
        self.held = self.held.saturating_add(bytes);
    }

    pub(crate) fn release(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.held, "released more than was held");
        self.held = self.held.saturating_sub(bytes);
    }

    /// Remembers that a record was refused that needed so much.
    pub(crate) const fn note_refusal(&mut self, needed: u64) {
        self.refused = Some(needed);
    }

    /// Whether somebody waits for room.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.refused.is_some()
    }

    /// Whether so little is free that nothing should wait for company: a caller that offers no more than
    /// is free would otherwise wait for `linger.ms` with it.
    pub(crate) const fn is_short(&self) -> bool {
        self.free() < self.limit / 8
    }

    /// True once after a refusal, as soon as the refused record fits and an eighth of the buffer is
    /// free: enough that the caller does not come back for every single batch.
    pub(crate) fn take_relief(&mut self) -> bool {
        let Some(needed) = self.refused else {
            return false;
        };
        let is_relieved = self.free() >= needed.max(self.limit / 8) || self.held == 0;
        if is_relieved {
            self.refused = None;
        }
        is_relieved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_announced_once_per_refusal() {
        let mut memory = Memory::new(800);
        assert!(memory.try_charge(800));
        assert!(!memory.try_charge(1));
        memory.note_refusal(1);
        assert!(!memory.take_relief());
        memory.release(100);
        assert!(memory.take_relief());
        assert!(!memory.take_relief());
        assert_eq!(memory.held(), 700);
    }

    #[test]
    fn room_is_announced_when_it_is_enough_for_the_record_refused() {
        let mut memory = Memory::new(800);
        memory.charge(500);
        memory.note_refusal(400);
        assert!(!memory.take_relief(), "300 are free, 400 are needed");
        memory.release(100);
        assert!(memory.take_relief());
    }
}
