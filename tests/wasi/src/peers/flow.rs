//! One direction of a proxy: what has passed, what goes wrong next, and responses that are changed.

use crate::peers::conduct::{Fault, FaultKind, Flow, Pace, Spoil};
use std::collections::VecDeque;

/// The state of a direction, shared by all connections of a proxy.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    passed: u64,
    faults: VecDeque<Fault>,
    pace: Option<Pace>,
}

impl Passage {
    pub(crate) fn new(flow: Flow) -> Self {
        Self {
            passed: 0,
            faults: flow.faults.into(),
            pace: flow.pace,
        }
    }

    pub(crate) const fn passed(&self) -> u64 {
        self.passed
    }

    pub(crate) fn faults_left(&self) -> usize {
        self.faults.len()
    }

    pub(crate) const fn pace(&self) -> Option<Pace> {
        self.pace
    }

    /// How many of the bytes may pass, and what happens to their connection then.
    pub(crate) fn pass(&mut self, count: usize) -> (usize, Option<FaultKind>) {
        let fault = self.faults.front().copied();
        let fault = fault.filter(|fault| fault.after <= self.passed + count as u64);
        let allowed = fault.map_or(count, |fault| {
            fault.after.saturating_sub(self.passed) as usize
        });
        self.passed += allowed as u64;
        if fault.is_some() {
            self.faults.pop_front();
        }
        (allowed, fault.map(|fault| fault.kind))
    }
}

/// Where in a frame the responses of one connection are.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    position: usize,
    length: [u8; 4],
    spoil: Option<Spoil>,
}

impl Frames {
    /// Follows the bytes and changes them where the response that `begin` gives says so.
    pub(crate) fn pass(&mut self, bytes: &mut [u8], mut begin: impl FnMut() -> Option<Spoil>) {
        for byte in bytes {
            if self.position == 0 {
                self.spoil = begin();
            }
            if let Some(place) = self.length.get_mut(self.position) {
                *place = *byte;
            }
            if let Some(spoil) = &self.spoil
                && let Some(index) = self.position.checked_sub(spoil.at)
                && let Some(other) = spoil.bytes.get(index)
            {
                *byte = *other;
            }
            self.position += 1;
            let length = u32::from_be_bytes(self.length) as usize;
            if self.position >= 4 && self.position == 4 + length {
                self.position = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_as_many_bytes_pass_as_the_fault_says() {
        let fault = |after| Fault {
            after,
            kind: FaultKind::Reset,
        };
        let mut passage = Passage::new(Flow {
            faults: vec![fault(3), fault(10)],
            pace: None,
        });
        assert_eq!(passage.pass(2), (2, None));
        assert_eq!(passage.pass(5), (1, Some(FaultKind::Reset)));
        assert_eq!(passage.pass(7), (7, Some(FaultKind::Reset)));
        assert_eq!(passage.pass(7), (7, None));
        assert_eq!(passage.passed(), 17);
    }

    #[test]
    fn a_spoiled_frame_changes_only_where_it_is_told_to() {
        let mut frames = Frames::default();
        let mut begun = 0;
        let mut bytes = *b"\0\0\0\x03abc\0\0\0\x02de\0\0\0\x01f";
        for piece in bytes.chunks_mut(3) {
            frames.pass(piece, || {
                begun += 1;
                (begun == 2).then(|| Spoil {
                    response: 1,
                    at: 3,
                    bytes: vec![9, 8, 7, 6],
                })
            });
        }
        assert_eq!(begun, 3);
        assert_eq!(&bytes, b"\0\0\0\x03abc\0\0\0\x09\x08\x07\0\0\0\x01f");
    }
}
