//! The file of `--failed`, written through WASI itself: wasi-libc asks for the right to change the
//! directory, which some hosts do not give.

use crate::input::Input;
use crate::paths::{describe, locate};
use std::path::Path;
use wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, MetadataHashValue, OpenFlags, PathFlags,
};

/// A file that is written from its beginning.
#[derive(Debug)]
pub(crate) struct FailedFile {
    descriptor: Descriptor,
    /// How many bytes have been written.
    offset: u64,
}

impl FailedFile {
    /// Opens a file for writing and empties it, unless that would destroy one of the inputs. WASI does not
    /// tell which file standard input is, so a file with content is not emptied beside it.
    ///
    /// # Errors
    ///
    /// Why the file cannot be written, for people to read; it is as it was then.
    pub(crate) fn create_beside(input: &Input, path: &Path) -> Result<Self, String> {
        let name = path.display();
        let describe = |error| describe(path, error);
        let (directory, way) = locate(path).ok_or_else(|| describe(ErrorCode::NoEntry))?;
        let descriptor = directory.open_at(
            PathFlags::SYMLINK_FOLLOW,
            &way,
            OpenFlags::CREATE,
            DescriptorFlags::WRITE,
        );
        let descriptor = descriptor.map_err(describe)?;
        // Nothing else can be harmed, or be emptied.
        if descriptor.get_type().map_err(describe)? == DescriptorType::RegularFile {
            let hash = descriptor.metadata_hash().map_err(describe)?;
            if input.files().any(|file| is_same(file, hash)) {
                return Err(format!(
                    "{name}: the file is an input and would be overwritten"
                ));
            }
            if input.has_standard() && descriptor.stat().map_err(describe)?.size > 0 {
                return Err(format!(
                    "{name}: the file has content, and a WASI host does not tell whether it is an input \
                     as standard input: empty or remove it first"
                ));
            }
            descriptor.set_size(0).map_err(describe)?;
        }
        Ok(Self {
            descriptor,
            offset: 0,
        })
    }

    /// Writes everything.
    ///
    /// # Errors
    ///
    /// The host's reason.
    pub(crate) fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), ErrorCode> {
        while !bytes.is_empty() {
            let piece = &bytes[..bytes.len().min(PIECE)];
            let written = self.descriptor.write(piece, self.offset)?;
            if written == 0 {
                return Err(ErrorCode::Io);
            }
            self.offset += written;
            let written = usize::try_from(written).unwrap_or(usize::MAX);
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

/// How many bytes are written in one call.
const PIECE: usize = 64 * 1024;

fn is_same(input: &Descriptor, hash: MetadataHashValue) -> bool {
    let input = input.metadata_hash();
    input.is_ok_and(|input| (input.lower, input.upper) == (hash.lower, hash.upper))
}
