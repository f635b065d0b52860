//! The file: a magic, the format's version, and blocks of entries with a checksum each.
//!
//! ```text
//! file    = "ODRADEK" , version , block *
//! version = one byte: 1
//! block   = length , checksum , entry *
//! entry   = number of bytes (LEB128) , bytes
//! ```
//!
//! `length` is that of the entries together, in bytes, and `checksum` the CRC-32 (IEEE) of `length` and of
//! the entries; both have 4 bytes, the lowest first. An entry is never divided. A block is written when its
//! entries have 64 KiB or more, so that it is larger than that only by its last entry. Nothing is
//! compressed.
//!
//! The entries, in this order:
//!
//! 1. One [`Opening`]: what the machine was opened with.
//! 2. Any number of calls of the machine, each with its answer: see [`call`](super::call) and
//!    [`answer`](super::answer). The driver's clock is part of a call, and so is everything else that the
//!    machine is told; it has no other inputs.
//! 3. One entry of a single byte 0, the end. A file without it was cut.
//!
//! Numbers are LEB128, signed ones in zigzag form, and bytes and text stand behind their number.
//!
//! A recording belongs to the version of the core that it was made with: another one may answer otherwise,
//! and answers contain the debug form of that version's values.

use super::fields::{Fields, put_bytes, put_number};
use crate::machine::Backend;
use std::fmt;
use std::io::{self, Read, Write};
use std::ops::Range;

/// What every recording begins with.
const MAGIC: [u8; 7] = *b"ODRADEK";

/// The version of the format that is described here.
const FORMAT: u8 = 1;

/// How many bytes of entries make a block.
const BLOCK_BYTES: usize = 64 << 10;

/// The bytes before the entries of a block.
const BLOCK_HEADER_BYTES: usize = 8;

/// The only entry after the last call.
const END: [u8; 1] = [0];

/// What a machine was opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The version of the core.
    pub core: String,
    /// The CRC-32 of the engine component that the recording binary carried: another number is another
    /// build of the core.
    pub build: u32,
    /// Where the machine ran.
    pub backend: Backend,
    /// Whether keys, values and header values were left out.
    pub is_masked: bool,
    /// What made every random choice.
    pub seed: u64,
    /// The properties that the machine obeys, in the order given; those of secrets are left out.
    pub properties: Vec<(String, String)>,
}

impl Opening {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, self.core.as_bytes());
        put_number(&mut out, self.build.into());
        out.push(match self.backend {
            Backend::Component => 0,
            Backend::Native => 1,
        });
        out.push(u8::from(self.is_masked));
        put_number(&mut out, self.seed);
        for (key, value) in &self.properties {
            put_bytes(&mut out, key.as_bytes());
            put_bytes(&mut out, value.as_bytes());
        }
        out
    }

    fn decode(entry: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(entry);
        let mut opening = Self {
            core: fields.text()?.to_owned(),
            build: fields.small()?,
            backend: match fields.byte()? {
                0 => Backend::Component,
                _ => Backend::Native,
            },
            is_masked: fields.byte()? != 0,
            seed: fields.number()?,
            properties: Vec::new(),
        };
        while !fields.rest().is_empty() {
            let pair = (fields.text()?.to_owned(), fields.text()?.to_owned());
            opening.properties.push(pair);
        }
        Some(opening)
    }
}

/// Writes a recording, block by block. Holds less than a block and one entry.
#[derive(Debug)]
pub(super) struct BlockWriter<W: Write> {
    file: W,
    /// The block's header, to be filled in, and its entries.
    block: Vec<u8>,
}

impl<W: Write> BlockWriter<W> {
    /// Begins a recording.
    pub(super) fn new(mut file: W, opening: &Opening) -> io::Result<Self> {
        file.write_all(&MAGIC)?;
        file.write_all(&[FORMAT])?;
        let block = vec![0; BLOCK_HEADER_BYTES];
        let mut writer = Self { file, block };
        writer.entry(&opening.encode())?;
        // Whatever happens next, this much can be read.
        writer.write_block()?;
        Ok(writer)
    }

    /// Adds an entry.
    pub(super) fn entry(&mut self, entry: &[u8]) -> io::Result<()> {
        put_bytes(&mut self.block, entry);
        if self.block.len() < BLOCK_HEADER_BYTES + BLOCK_BYTES {
            return Ok(());
        }
        self.write_block()
    }

    /// Ends the recording.
    pub(super) fn end(&mut self) -> io::Result<()> {
        put_bytes(&mut self.block, &END);
        self.write_block()?;
        self.file.flush()
    }

    fn write_block(&mut self) -> io::Result<()> {
        let too_long = |_| io::Error::other("a call of more than 4 GiB");
        let length = u32::try_from(self.block.len() - BLOCK_HEADER_BYTES).map_err(too_long)?;
        let length = length.to_le_bytes();
        let checksum = checksum(length, &self.block[BLOCK_HEADER_BYTES..]);
        self.block[..4].copy_from_slice(&length);
        self.block[4..8].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all(&self.block)?;
        self.block.truncate(BLOCK_HEADER_BYTES);
        // One huge call must not take its room for ever.
        self.block.shrink_to(2 * BLOCK_BYTES);
        Ok(())
    }
}

fn checksum(length: [u8; 4], entries: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(entries);
    hasher.finalize()
}

/// A recording that is being read, an entry at a time.
#[derive(Debug)]
pub struct Recording<R: Read> {
    file: R,
    opening: Opening,
    blocks: Blocks,
}

/// The block that is being read, and where it stands in the file.
#[derive(Debug, Default)]
struct Blocks {
    entries: Vec<u8>,
    /// How much of it has been read.
    position: usize,
    /// Where in the file the block begins.
    start: u64,
    /// Where in the file the next block begins.
    next: u64,
}

impl<R: Read> Recording<R> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`FormatError`]: it is no recording, or damaged before its first call.
    pub fn open(mut file: R) -> Result<Self, FormatError> {
        let mut head = [0; MAGIC.len() + 1];
        let length = read_up_to(&mut file, &mut head).map_err(FormatError::Read)?;
        if length < head.len() || head[..MAGIC.len()] != MAGIC {
            return Err(FormatError::NoRecording);
        }
        let format = head[MAGIC.len()];
        if format != FORMAT {
            return Err(FormatError::Format(format));
        }
        let mut blocks = Blocks {
            next: head.len() as u64,
            ..Blocks::default()
        };
        let range = blocks.next_entry(&mut file).map_err(FormatError::Damaged)?;
        let corrupt = FormatError::Damaged(Damage::Corrupt { at: blocks.start });
        let opening = Opening::decode(&blocks.entries[range]).ok_or(corrupt)?;
        Ok(Self {
            file,
            opening,
            blocks,
        })
    }

    /// What the machine was opened with.
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// The next call with its answer, or `None` at the end of a whole recording.
    pub(super) fn next_entry(&mut self) -> Result<Option<&[u8]>, Damage> {
        let range = self.blocks.next_entry(&mut self.file)?;
        if self.blocks.entries[range.clone()] != END {
            return Ok(Some(&self.blocks.entries[range]));
        }
        let mut more = [0];
        match read_up_to(&mut self.file, &mut more) {
            Ok(0) if self.blocks.is_read() => Ok(None),
            Ok(_) => Err(Damage::Corrupt { at: self.start() }),
            Err(error) => Err(Damage::Read(error.to_string())),
        }
    }

    /// Where in the file the block of the last entry begins.
    pub(super) const fn start(&self) -> u64 {
        self.blocks.start
    }
}

impl Blocks {
    const fn is_read(&self) -> bool {
        self.position == self.entries.len()
    }

    /// Where in the block the next entry is.
    fn next_entry(&mut self, file: &mut impl Read) -> Result<Range<usize>, Damage> {
        if self.is_read() {
            self.next_block(file)?;
        }
        let mut fields = Fields::new(&self.entries[self.position..]);
        let corrupt = Damage::Corrupt { at: self.start };
        let length = fields.bytes().ok_or(corrupt)?.len();
        self.position = self.entries.len() - fields.rest().len();
        Ok(self.position - length..self.position)
    }

    fn next_block(&mut self, file: &mut impl Read) -> Result<(), Damage> {
        self.start = self.next;
        self.entries.clear();
        self.position = 0;
        let cut = Damage::Cut { at: self.start };
        let failed = |error: io::Error| Damage::Read(error.to_string());
        let mut header = [0; BLOCK_HEADER_BYTES];
        if read_up_to(file, &mut header).map_err(failed)? < header.len() {
            return Err(cut);
        }
        let [a, b, c, d, e, f, g, h] = header;
        let length = [a, b, c, d];
        let wanted = u32::from_le_bytes(length);
        // Memory grows with what is there, never with what a damaged length announces.
        let mut piece = file.by_ref().take(wanted.into());
        let read = piece.read_to_end(&mut self.entries).map_err(failed)?;
        if read < wanted as usize {
            self.entries.clear();
            return Err(cut);
        }
        if checksum(length, &self.entries) != u32::from_le_bytes([e, f, g, h]) {
            self.entries.clear();
            return Err(Damage::Corrupt { at: self.start });
        }
        self.next = self.start + (BLOCK_HEADER_BYTES + read) as u64;
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends; how many bytes there were.
fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Where a recording stops to make sense. Everything before was whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The file ends too early: in the block that begins at this byte, or before it.
    Cut {
        /// The offset in bytes.
        at: u64,
    },
    /// The block that begins at this byte is not as it was written.
    Corrupt {
        /// The offset in bytes.
        at: u64,
    },
    /// The file cannot be read any further; with the system's description.
    Read(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { at } => write!(
                f,
                "the recording was cut: it has no end, and its last whole block ends at byte {at}"
            ),
            Self::Corrupt { at } => write!(
                f,
                "the recording is corrupt in the block that begins at byte {at}"
            ),
            Self::Read(error) => write!(f, "the recording cannot be read any further: {error}"),
        }
    }
}

/// Why a file cannot be read as a recording at all.
#[derive(Debug)]
pub enum FormatError {
    /// It does not begin like one.
    NoRecording,
    /// It is one in a format that is not known here.
    Format(u8),
    /// It is damaged before the first call.
    Damaged(Damage),
    /// It cannot be read.
    Read(io::Error),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecording => f.write_str("this is no recording"),
            Self::Format(format) => write!(
                f,
                "the recording has format {format}, and this program reads format {FORMAT}"
            ),
            Self::Damaged(damage) => damage.fmt(f),
            Self::Read(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FormatError {}
