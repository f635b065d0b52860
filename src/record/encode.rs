//! One record as bytes in a batch: its exact size, and the bytes themselves.

use super::{Header, Record};
use crate::wire::varint::{put_signed, signed_size};

/// Size in bytes of a record without its length varint.
///
/// In `u64`, because headers may borrow the same memory many times over, which would overflow a
/// 32-bit `usize`.
pub(super) fn body_size(record: &Record<'_>, timestamp_delta: i64, offset_delta: i64) -> u64 {
    let fixed = 1
        + signed_size(timestamp_delta)
        + signed_size(offset_delta)
        + signed_size(record.headers.len() as i64);
    let mut size = fixed as u64 + nullable_size(record.key) + nullable_size(record.value);
    for Header { name, value } in record.headers {
        size += nullable_size(Some(name.as_bytes())) + nullable_size(*value);
    }
    size
}

/// Size in bytes of a record with its length varint.
pub(super) fn full_size(body: u64) -> u64 {
    signed_size(body as i64) as u64 + body
}

/// Appends a record whose [`body_size`] is `body`.
pub(super) fn put_record(
    out: &mut Vec<u8>,
    record: &Record<'_>,
    body: u64,
    timestamp_delta: i64,
    offset_delta: i64,
) {
    put_signed(out, body as i64);
    // Attributes: no bit of a record has a meaning in version 2.
    out.push(0);
    put_signed(out, timestamp_delta);
    put_signed(out, offset_delta);
    put_nullable(out, record.key);
    put_nullable(out, record.value);
    put_signed(out, record.headers.len() as i64);
    for Header { name, value } in record.headers {
        put_nullable(out, Some(name.as_bytes()));
        put_nullable(out, *value);
    }
}

fn nullable_size(bytes: Option<&[u8]>) -> u64 {
    match bytes {
        None => 1,
        Some(bytes) => signed_size(bytes.len() as i64) as u64 + bytes.len() as u64,
    }
}

#[inline]
fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_signed(out, -1),
        Some(bytes) => {
            put_signed(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    }
}
