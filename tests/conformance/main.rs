//! The wire room against an outside judge, the `kafka-protocol` crate, and against hostile bytes; and
//! the table of what other producers test.

mod allocation;
mod dice;
mod hostile;
mod judge;
mod requests;
mod responses;
mod table;
mod transaction_requests;
mod transaction_responses;

use kafka_protocol::protocol::Message;
use odradek::wire::{ApiKey, VersionRange};

/// Versions that we speak and the judge does not, at least not in both directions. The schemas of Kafka's
/// own jar judge them, in `tests/interop/tests/schemas`.
const UNJUDGED: [(ApiKey, i16); 1] = [(ApiKey::InitProducerId, 6)];

/// How many generated cases each version of each API gets.
const CASES: usize = 60;

/// All versions of `key` that we speak.
fn versions(key: ApiKey) -> std::ops::RangeInclusive<i16> {
    let VersionRange { min, max } = key.supported_with_two_phase_commit();
    min..=max
}

#[test]
fn judge_speaks_every_version_that_we_speak() {
    use kafka_protocol::messages as judge;
    let mut unjudged = Vec::new();
    for key in ApiKey::ALL {
        let (request, response) = match key {
            ApiKey::Produce => (
                judge::ProduceRequest::VERSIONS,
                judge::ProduceResponse::VERSIONS,
            ),
            ApiKey::Metadata => (
                judge::MetadataRequest::VERSIONS,
                judge::MetadataResponse::VERSIONS,
            ),
            ApiKey::ApiVersions => (
                judge::ApiVersionsRequest::VERSIONS,
                judge::ApiVersionsResponse::VERSIONS,
            ),
            ApiKey::InitProducerId => (
                judge::InitProducerIdRequest::VERSIONS,
                judge::InitProducerIdResponse::VERSIONS,
            ),
            ApiKey::FindCoordinator => (
                judge::FindCoordinatorRequest::VERSIONS,
                judge::FindCoordinatorResponse::VERSIONS,
            ),
            ApiKey::AddPartitionsToTxn => (
                judge::AddPartitionsToTxnRequest::VERSIONS,
                judge::AddPartitionsToTxnResponse::VERSIONS,
            ),
            ApiKey::AddOffsetsToTxn => (
                judge::AddOffsetsToTxnRequest::VERSIONS,
                judge::AddOffsetsToTxnResponse::VERSIONS,
            ),
            ApiKey::EndTxn => (
                judge::EndTxnRequest::VERSIONS,
                judge::EndTxnResponse::VERSIONS,
            ),
            ApiKey::TxnOffsetCommit => (
                judge::TxnOffsetCommitRequest::VERSIONS,
                judge::TxnOffsetCommitResponse::VERSIONS,
            ),
        };
        for version in versions(key) {
            let known = |range: kafka_protocol::protocol::VersionRange| {
                range.min <= version && version <= range.max
            };
            if !known(request) || !known(response) {
                unjudged.push((key, version));
            }
        }
    }
    assert_eq!(unjudged, UNJUDGED);
}
