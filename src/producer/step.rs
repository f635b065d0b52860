//! One bounded helping of outputs: what a driver takes from the machine in one turn, natively or
//! through a component.

use super::Producer;
use crate::driver::{Output, WaitReason};
use crate::time::Instant;
use bytes::Bytes;

/// How many bytes of request frames one helping has before it ends: 1 MiB. A single frame
/// may be larger.
const STEP_OUTPUT_BYTES: usize = 1 << 20;

/// How many outputs one helping has at most.
const STEP_OUTPUTS: usize = 256;

/// What a driver does after [`Producer::poll_outputs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When to call again at the latest; `None` when only an input or a command can help. With
    /// [`more`](Self::more) it is the present.
    pub until: Option<Instant>,
    /// What the machine waits for first.
    pub reason: WaitReason,
    /// Bytes of `buffer.memory` that are free.
    pub free_bytes: u64,
    /// Whether there may be outputs left: call again before waiting.
    pub more: bool,
}

impl Producer {
    /// Appends what the machine asks for to `outputs`, never an [`Output::Wait`], until it waits or the
    /// helping is full.
    pub fn poll_outputs(&mut self, now: Instant, outputs: &mut Vec<Output>) -> Step {
        let (mut count, mut bytes) = (0, 0usize);
        while count < STEP_OUTPUTS && bytes < STEP_OUTPUT_BYTES {
            let output = self.poll_output(now);
            match &output {
                Output::Wait { until, reason } => {
                    return Step {
                        until: *until,
                        reason: *reason,
                        free_bytes: self.free_bytes(),
                        more: false,
                    };
                }
                Output::Transmit { slices, .. } => {
                    bytes = bytes.saturating_add(slices.iter().map(Bytes::len).sum());
                }
                Output::Resolve { .. }
                | Output::Connect { .. }
                | Output::Disconnect { .. }
                | Output::Event(_) => {}
            }
            outputs.push(output);
            count += 1;
        }
        Step {
            until: Some(now),
            reason: WaitReason::Idle,
            free_bytes: self.free_bytes(),
            more: true,
        }
    }
}
