//! The gzip format (RFC 1952) around the raw deflate stream of `miniz_oxide`.

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};

/// Java's default: "the default of the library", which is level 6 there and here.
pub(super) const DEFAULT_LEVEL: i32 = -1;

/// Magic number, deflate, no flags, no time, no hint about the level, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The CRC-32 of the content and its length modulo 2^32, little-endian.
const TRAILER_BYTES: usize = 8;

/// What a member of [`Encoder::compress`] holds; `None` if it is no such member of exactly `len` bytes.
pub(super) fn decompress(member: &[u8], len: usize) -> Option<Vec<u8>> {
    let behind = member.strip_prefix(&HEADER)?;
    let body = behind.split_last_chunk::<TRAILER_BYTES>()?.0;
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(body, len).ok()?;
    (bytes.len() == len).then_some(bytes)
}

/// A deflate encoder with its window and tables, 0.3 MiB: too much to be made anew for each batch.
pub(super) struct Encoder {
    deflate: Box<CompressorOxide>,
}

impl Encoder {
    /// An encoder of level 1 to 9, or -1 for the default.
    pub(super) fn new(level: i32) -> Self {
        let level = if level == DEFAULT_LEVEL {
            6
        } else {
            level.clamp(1, 9)
        };
        // No window bits: a raw stream, without the header of zlib.
        let flags = create_comp_flags_from_zip_params(level, 0, 0);
        Self {
            deflate: Box::new(CompressorOxide::new(flags)),
        }
    }

    /// One member with the bytes given, if that is shorter than they are.
    pub(super) fn compress(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![0; bytes.len().saturating_sub(1)];
        let end = out.len().checked_sub(TRAILER_BYTES)?;
        let body = out.get_mut(HEADER.len()..end)?;
        let len = self.deflate(bytes, body)?;
        out[..HEADER.len()].copy_from_slice(&HEADER);
        out.truncate(HEADER.len() + len);
        out.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
        // Modulo 2^32 by the format.
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        Some(out)
    }

    /// Writes the deflate stream and returns its length; `None` when it does not fit.
    fn deflate(&mut self, mut bytes: &[u8], out: &mut [u8]) -> Option<usize> {
        self.deflate.reset();
        let mut at = 0;
        loop {
            let room = &mut out[at..];
            let (status, read, written) =
                compress(&mut self.deflate, bytes, room, TDEFLFlush::Finish);
            at += written;
            bytes = bytes.get(read..)?;
            match status {
                TDEFLStatus::Done => return Some(at),
                TDEFLStatus::Okay if at < out.len() && read + written > 0 => {}
                TDEFLStatus::Okay | TDEFLStatus::BadParam | TDEFLStatus::PutBufFailed => {
                    return None;
                }
            }
        }
    }
}
