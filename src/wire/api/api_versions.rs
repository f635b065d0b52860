//! ApiVersions, api key 18, versions 0 to 4: what a broker speaks.
//!
//! - v1: throttle time.
//! - v2: the client throttles itself, not the broker.
//! - v3: flexible; the client names its software; tagged fields tell the features.
//! - v4: features whose lowest version is 0 are told too (KAFKA-17011).

use crate::error_code::ErrorCode;
use crate::wire::{
    ApiKey, Reader, RequestHeader, VersionRange, WireError, begin_request, finish_request,
    negotiate,
};

/// The first version that names the client's software and tells features.
const FIRST_WITH_SOFTWARE: i16 = 3;

/// The tag of the epoch of the finalized features. Tag 0 is what the broker supports, 3 the ZooKeeper
/// migration.
const FINALIZED_FEATURES_EPOCH_TAG: u32 = 1;

/// The tag of the finalized features.
const FINALIZED_FEATURES_TAG: u32 = 2;

/// The finalized feature that gates transactions of the second kind (KIP-890).
const TRANSACTION_VERSION: &str = "transaction.version";

/// UNSUPPORTED_VERSION.
const UNSUPPORTED_VERSION: ErrorCode = ErrorCode(35);

/// The request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersionsRequest<'a> {
    /// The name of the client's software (v3+), one for which [`is_valid_software`] holds.
    pub software_name: &'a str,
    /// The version of the client's software (v3+), one for which [`is_valid_software`] holds.
    pub software_version: &'a str,
}

impl ApiVersionsRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let (mut writer, length_at) = begin_request(out, ApiKey::ApiVersions, header);
        if header.version >= FIRST_WITH_SOFTWARE {
            writer.string(self.software_name);
            writer.string(self.software_version);
        }
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

/// Whether a broker accepts this as a software name or version:
/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`. Otherwise it answers INVALID_REQUEST (KIP-511).
#[must_use]
pub fn is_valid_software(value: &str) -> bool {
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(byte))
}

/// What to make of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersionsAnswer {
    /// The response, which may carry an error.
    Response(ApiVersionsResponse),
    /// The broker does not know the version asked for: ask again with this one, which is lower.
    Downgrade(i16),
}

impl ApiVersionsAnswer {
    /// Decodes the body of an answer to a request of `version`.
    ///
    /// A broker that does not know the version answers UNSUPPORTED_VERSION in version 0, since 2.4
    /// with the range that it speaks. That range is used if the body decodes as version 0 and gives
    /// a version below the one asked for, so that asking again ends; otherwise it is version 0.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no answer of that version.
    pub fn decode(body: Reader<'_>, version: i16) -> Result<Self, WireError> {
        let error = ErrorCode(body.clone().i16()?);
        if error != UNSUPPORTED_VERSION || version == 0 {
            return Ok(Self::Response(ApiVersionsResponse::decode(body, version)?));
        }
        let told = ApiVersionsResponse::decode(body, 0).ok();
        let theirs = told.and_then(|response| response.range(ApiKey::ApiVersions));
        let ours = VersionRange {
            min: 0,
            max: version - 1,
        };
        let next = theirs.and_then(|theirs| negotiate(ours, theirs));
        Ok(Self::Downgrade(next.unwrap_or(0)))
    }
}

/// The response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersionsResponse {
    /// The error of the whole answer.
    pub error: ErrorCode,
    /// How long the client should send nothing, in ms; 0 below v1.
    pub throttle_time_ms: i32,
    /// The finalized level of `transaction.version`, 0 when there is none (v3+).
    pub transaction_version: i16,
    /// How recent the finalized features are: a higher epoch replaces a lower one. -1 when the broker
    /// tells none (v3+).
    pub finalized_features_epoch: i64,
    /// One place per entry of [`ApiKey::ALL`], `None` where the broker does not have that API.
    ranges: [Option<VersionRange>; ApiKey::ALL.len()],
}

impl ApiVersionsResponse {
    /// The versions that the broker advertises for `key`, `None` when it does not have that API.
    #[must_use]
    pub fn range(&self, key: ApiKey) -> Option<VersionRange> {
        let mut places = ApiKey::ALL.iter().zip(self.ranges);
        places.find_map(|(place, range)| if *place == key { range } else { None })
    }

    /// Decodes the body of a response of `version`. APIs and features that are not ours are skipped.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'_>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::ApiVersions.is_flexible(version));
        let error = ErrorCode(reader.i16()?);
        let mut ranges = [None; ApiKey::ALL.len()];
        for _ in 0..reader.array_len()? {
            let code = reader.i16()?;
            let range = VersionRange {
                min: reader.i16()?,
                max: reader.i16()?,
            };
            reader.skip_tagged_fields()?;
            for (key, place) in ApiKey::ALL.iter().zip(&mut ranges) {
                if key.code() == code {
                    *place = Some(range);
                }
            }
        }
        let throttle_time_ms = if version >= 1 { reader.i32()? } else { 0 };
        let (mut transaction_version, mut finalized_features_epoch) = (0, -1);
        reader.tagged_fields(|tag, mut field| {
            if tag == FINALIZED_FEATURES_EPOCH_TAG {
                finalized_features_epoch = field.i64()?;
                field.finish()?;
            } else if tag == FINALIZED_FEATURES_TAG {
                transaction_version = decode_transaction_version(field)?;
            }
            Ok(())
        })?;
        reader.finish()?;
        Ok(Self {
            error,
            throttle_time_ms,
            transaction_version,
            finalized_features_epoch,
            ranges,
        })
    }
}

/// Finds the level of `transaction.version` among the finalized features.
fn decode_transaction_version(mut field: Reader<'_>) -> Result<i16, WireError> {
    let mut transaction_version = 0;
    for _ in 0..field.array_len()? {
        let name = field.string()?;
        // The highest level is the one in force; the lowest is there for the brokers themselves.
        let level = field.i16()?;
        let _level_min = field.i16()?;
        field.skip_tagged_fields()?;
        if name == TRANSACTION_VERSION {
            transaction_version = level;
        }
    }
    field.finish()?;
    Ok(transaction_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_follow_the_brokers_pattern() {
        for good in ["a", "odradek", "0.1.0", "a-b.c9"] {
            assert!(is_valid_software(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a.", ".", "a b", "a_b", "\u{e9}"] {
            assert!(!is_valid_software(bad), "{bad}");
        }
    }

    fn downgrade_after(version: i16, body: &[u8]) -> i16 {
        match ApiVersionsAnswer::decode(Reader::new(body), version).unwrap() {
            ApiVersionsAnswer::Downgrade(next) => next,
            ApiVersionsAnswer::Response(response) => panic!("{response:?}"),
        }
    }

    #[test]
    fn error_35_uses_the_range_in_the_answer() {
        let body = [0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 2];
        assert_eq!(downgrade_after(4, &body), 2);
    }

    #[test]
    fn error_35_ends_even_if_the_broker_insists() {
        let body = [0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 9];
        assert_eq!(downgrade_after(4, &body), 3);
        assert_eq!(downgrade_after(1, &body), 0);
        let response = ApiVersionsAnswer::decode(Reader::new(&body), 0).unwrap();
        assert!(matches!(response, ApiVersionsAnswer::Response(_)));
    }

    #[test]
    fn error_35_without_a_usable_range_goes_to_0() {
        let bodies: [&[u8]; 5] = [
            &[0, 35],
            &[0, 35, 0, 0, 0, 0],
            &[0, 35, 0, 0, 0, 1, 0, 3, 0, 0, 0, 2],
            &[0, 35, 0, 0, 0, 1, 0, 18, 0, 7, 0, 9],
            &[0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 2, 0],
        ];
        for body in bodies {
            assert_eq!(downgrade_after(4, body), 0, "{body:?}");
        }
    }
}
