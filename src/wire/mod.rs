//! Bytes to values and back: the Kafka protocol as a producer speaks it. No state, no time.
//!
//! In scope: primitives, frames, headers, and one file per API, the client's side of it. Decoding is
//! total: any bytes give a value or a [`WireError`], and no count from a peer reserves memory.
//!
//! Out of scope: record batches (room `record`), what an answer means (rooms `cluster`, `producer`).
//!
//! # References
//!
//! The [protocol guide](https://kafka.apache.org/protocol), KIP-482 (flexible versions: compact
//! lengths, tagged fields), KIP-511 (ApiVersions and its downgrade).

pub mod api;
mod error;
mod frame;
mod header;
mod reader;
pub(crate) mod varint;
mod version;
mod writer;

pub use error::{WireError, WireErrorKind};
pub use frame::Deframer;
pub use header::{RequestHeader, begin_request, finish_request, read_response_header};
pub use reader::Reader;
pub use version::{ApiKey, VersionRange, negotiate};
pub use writer::{STRING_LEN_MAX, Writer};
