//! Request headers v1 and v2, response headers v0 and v1, and the length before a request frame.

use super::error::{WireError, WireErrorKind};
use super::reader::Reader;
use super::version::ApiKey;
use super::writer::Writer;

/// What is the same in every request. The api key comes from the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    /// The version of the API, one that [`ApiKey::supported_with_two_phase_commit`]
    /// contains.
    pub version: i16,
    /// The number that the answer repeats. Answers come in the order of the requests.
    pub correlation_id: i32,
    /// `client.id`, at most 32767 bytes. Brokers put it in logs, metrics and quotas.
    pub client_id: Option<&'a str>,
}

/// Appends the frame's length (to be known later) and the request header to `out`.
///
/// Gives a writer in the encoding of the version and the position of the length, both for
/// [`finish_request`].
///
/// # Panics
///
/// When the client id is longer than 32767 bytes.
#[must_use]
pub fn begin_request<'o>(
    out: &'o mut Vec<u8>,
    key: ApiKey,
    header: &RequestHeader<'_>,
) -> (Writer<'o>, usize) {
    debug_assert!(
        key.supported_with_two_phase_commit()
            .contains(header.version),
        "{key} v{}",
        header.version
    );
    let mut writer = Writer::new(out, key.is_flexible(header.version));
    let length_at = writer.at();
    writer.i32(0);
    writer.i16(key.code());
    writer.i16(header.version);
    writer.i32(header.correlation_id);
    // Not compact in header v2 either, so that a broker can read it before it knows the version.
    writer.classic_nullable_string(header.client_id);
    writer.no_tagged_fields();
    (writer, length_at)
}

/// Writes the frame's length: everything appended after it, and `outside` bytes that belong to the
/// frame but not to the buffer.
///
/// # Panics
///
/// When the frame has 2 GiB or more.
pub fn finish_request(mut writer: Writer<'_>, length_at: usize, outside: usize) {
    let inside = writer.at() - length_at - size_of::<i32>();
    let length = inside
        .checked_add(outside)
        .and_then(|length| i32::try_from(length).ok());
    let Some(length) = length else {
        panic!("a request is too large")
    };
    writer.patch_i32(length_at, length);
}

/// Reads the header of a response frame (after its length) and gives a reader of the body.
///
/// `key`, `version` and `correlation_id` are those of the oldest open request.
///
/// # Errors
///
/// `WrongCorrelationId` when it answers another request; `UnexpectedEnd`, `VarintTooLong`,
/// `BadLength`.
pub fn read_response_header(
    frame: &[u8],
    key: ApiKey,
    version: i16,
    correlation_id: i32,
) -> Result<Reader<'_>, WireError> {
    let mut reader = Reader::new(frame);
    if reader.i32()? != correlation_id {
        return Err(WireError {
            at: 0,
            kind: WireErrorKind::WrongCorrelationId,
        });
    }
    let mut reader = reader.flexible(has_tagged_fields(key, version));
    reader.skip_tagged_fields()?;
    Ok(reader.flexible(false))
}

/// Whether the response header is v1. That of ApiVersions is always v0, because a client does not
/// know which versions the broker understands when it reads it (KIP-511).
fn has_tagged_fields(key: ApiKey, version: i16) -> bool {
    key != ApiKey::ApiVersions && key.is_flexible(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_bytes_outside_the_buffer() {
        let mut out = vec![7; 3];
        let header = RequestHeader {
            version: 0,
            correlation_id: 9,
            client_id: None,
        };
        let (writer, length_at) = begin_request(&mut out, ApiKey::ApiVersions, &header);
        finish_request(writer, length_at, 1000);
        let expected = [7, 7, 7, 0, 0, 3, 242, 0, 18, 0, 0, 0, 0, 0, 9, 255, 255];
        assert_eq!(out, expected);
    }

    #[test]
    fn answer_to_another_request_is_refused() {
        let error = read_response_header(&[0, 0, 0, 8], ApiKey::Metadata, 4, 9).unwrap_err();
        assert_eq!(
            error,
            WireError {
                at: 0,
                kind: WireErrorKind::WrongCorrelationId
            }
        );
    }

    #[test]
    fn tagged_fields_of_the_header_are_skipped_except_for_api_versions() {
        let frame = [0, 0, 0, 9, 1, 5, 2, 0xaa, 0xbb, 0x77];
        let body = read_response_header(&frame, ApiKey::Metadata, 9, 9).unwrap();
        assert_eq!(body.at(), 9);
        let body = read_response_header(&frame, ApiKey::ApiVersions, 4, 9).unwrap();
        assert_eq!(body.at(), 4);
    }
}
