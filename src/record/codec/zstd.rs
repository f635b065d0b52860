//! Zstandard frames (RFC 8878). This file is the seam: no other one names the crate behind it.
//!
//! The crate is `zrip`: pure Rust without `unsafe`, close to the C library in speed and ratio up to
//! level 4, and young, so that its output is judged by decoders of others at every level.

use zrip::CompressContext;

/// Java's default. It is the level of that number here too.
pub(super) const DEFAULT_LEVEL: i32 = 3;

/// The levels that the crate has.
const LEVEL_MIN: i32 = -7;
const LEVEL_MAX: i32 = 4;

/// What [`Encoder::compress`] made of `len` bytes; `None` if it is not that.
pub(super) fn decompress(frame: &[u8], len: usize) -> Option<Vec<u8>> {
    let bytes = zrip::decompress_with_limit(frame, len).ok()?;
    (bytes.len() == len).then_some(bytes)
}

/// An encoder with its hash tables (1 MiB at level 3) and room for the matches of a block.
pub(super) struct Encoder {
    context: Option<Box<CompressContext>>,
}

impl Encoder {
    /// An encoder of level -7 to 4. Level 0 is the default, as it is in the C library.
    pub(super) fn new(level: i32) -> Self {
        let level = match level.clamp(LEVEL_MIN, LEVEL_MAX) {
            0 => DEFAULT_LEVEL,
            level => level,
        };
        // The only error is a level out of range; without a context records go out as they are.
        let mut context = CompressContext::new(level).ok().map(Box::new);
        if let Some(context) = &mut context {
            // The batch has a checksum of its own, and Java's producer sends none either.
            context.set_content_checksum(false);
        }
        Self { context }
    }

    /// One frame with the bytes given, if that is shorter than they are.
    pub(super) fn compress(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![0; bytes.len().saturating_sub(1)];
        let len = self.context.as_mut()?.compress_into(bytes, &mut out).ok()?;
        out.truncate(len);
        Some(out)
    }
}
