//! Which APIs and versions we speak, and the version that two ends agree on.

use core::fmt;

/// The APIs that a producer uses. The discriminant is the api key on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {
    /// Appends record batches to partitions.
    Produce = 0,
    /// Tells brokers, topics, partitions and leaders.
    Metadata = 3,
    /// Tells the coordinator of a group or a transaction.
    FindCoordinator = 10,
    /// Tells the versions and finalized features of a broker.
    ApiVersions = 18,
    /// Gives a producer id and epoch.
    InitProducerId = 22,
    /// Adds partitions to a transaction of the first kind.
    AddPartitionsToTxn = 24,
    /// Adds the offsets of a group to a transaction of the first kind.
    AddOffsetsToTxn = 25,
    /// Commits or aborts a transaction.
    EndTxn = 26,
    /// Commits offsets of a group as a part of a transaction.
    TxnOffsetCommit = 28,
}

impl ApiKey {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 9] = [
        Self::Produce,
        Self::Metadata,
        Self::FindCoordinator,
        Self::ApiVersions,
        Self::InitProducerId,
        Self::AddPartitionsToTxn,
        Self::AddOffsetsToTxn,
        Self::EndTxn,
        Self::TxnOffsetCommit,
    ];

    /// The api key as it is on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The API with this key, if it is one of ours.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.code() == code)
    }

    /// The versions that we speak.
    ///
    /// Produce begins at 3: earlier versions carry other formats than record batches, and brokers
    /// from 4.0 on advertise 0 to 2 but close the connection on them (KAFKA-18659). InitProducerId
    /// ends at 5: version 6 is for two-phase commit alone, see
    /// [`ApiKey::supported_with_two_phase_commit`]. AddPartitionsToTxn ends at 3: later versions are
    /// for brokers among themselves (KIP-890).
    #[must_use]
    pub const fn supported(self) -> VersionRange {
        match self {
            Self::Produce => VersionRange { min: 3, max: 13 },
            Self::Metadata => VersionRange { min: 4, max: 13 },
            Self::ApiVersions => VersionRange { min: 0, max: 4 },
            Self::InitProducerId => VersionRange { min: 0, max: 5 },
            Self::FindCoordinator => VersionRange { min: 0, max: 6 },
            Self::AddPartitionsToTxn => VersionRange { min: 0, max: 3 },
            Self::AddOffsetsToTxn => VersionRange { min: 0, max: 4 },
            Self::EndTxn | Self::TxnOffsetCommit => VersionRange { min: 0, max: 5 },
        }
    }

    /// The versions that a producer with `transaction.two.phase.commit.enable` speaks: those of
    /// [`ApiKey::supported`], and version 6 of InitProducerId (KIP-939). Kafka has not made that
    /// version stable, so nobody else asks for it.
    #[must_use]
    pub const fn supported_with_two_phase_commit(self) -> VersionRange {
        match self {
            Self::InitProducerId => VersionRange { min: 0, max: 6 },
            Self::Produce
            | Self::Metadata
            | Self::FindCoordinator
            | Self::ApiVersions
            | Self::AddPartitionsToTxn
            | Self::AddOffsetsToTxn
            | Self::EndTxn
            | Self::TxnOffsetCommit => self.supported(),
        }
    }

    /// The highest version to use for a transaction of the first kind, with `transaction.version`
    /// below 2. A broker takes a later one as a sign of the second kind, where partitions and groups
    /// join implicitly and every end bumps the epoch (KIP-890).
    #[must_use]
    pub const fn max_for_first_kind(self) -> i16 {
        match self {
            Self::Produce => 11,
            Self::EndTxn | Self::TxnOffsetCommit => 4,
            Self::Metadata
            | Self::FindCoordinator
            | Self::ApiVersions
            | Self::InitProducerId
            | Self::AddPartitionsToTxn
            | Self::AddOffsetsToTxn => self.supported().max,
        }
    }

    /// The first version with compact lengths and tagged fields (KIP-482).
    #[must_use]
    pub const fn first_flexible(self) -> i16 {
        match self {
            Self::Produce | Self::Metadata => 9,
            Self::InitProducerId => 2,
            Self::FindCoordinator
            | Self::ApiVersions
            | Self::AddPartitionsToTxn
            | Self::AddOffsetsToTxn
            | Self::EndTxn
            | Self::TxnOffsetCommit => 3,
        }
    }

    /// The first version in whose answer `throttle_time_ms` asks the client for silence. A broker that
    /// speaks a lower one was silent itself before it answered, and only tells (KIP-219).
    #[must_use]
    pub const fn first_throttled_by_client(self) -> i16 {
        match self {
            Self::Produce | Self::Metadata => 6,
            Self::FindCoordinator | Self::ApiVersions => 2,
            Self::InitProducerId
            | Self::AddPartitionsToTxn
            | Self::AddOffsetsToTxn
            | Self::EndTxn
            | Self::TxnOffsetCommit => 1,
        }
    }

    /// Whether `version` has compact lengths and tagged fields.
    #[must_use]
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.first_flexible()
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Produce => "Produce",
            Self::Metadata => "Metadata",
            Self::ApiVersions => "ApiVersions",
            Self::InitProducerId => "InitProducerId",
            Self::FindCoordinator => "FindCoordinator",
            Self::AddPartitionsToTxn => "AddPartitionsToTxn",
            Self::AddOffsetsToTxn => "AddOffsetsToTxn",
            Self::EndTxn => "EndTxn",
            Self::TxnOffsetCommit => "TxnOffsetCommit",
        })
    }
}

/// Versions of one API, both ends included. What a peer sends may be empty (`min` above `max`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest version.
    pub min: i16,
    /// The highest version.
    pub max: i16,
}

impl VersionRange {
    /// Whether `version` is in the range.
    #[must_use]
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// The highest version in both ranges, or `None` when they have none in common.
#[must_use]
pub fn negotiate(ours: VersionRange, theirs: VersionRange) -> Option<i16> {
    let version = ours.max.min(theirs.max);
    (ours.contains(version) && theirs.contains(version)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(min: i16, max: i16) -> VersionRange {
        VersionRange { min, max }
    }

    #[test]
    fn the_highest_common_version_wins() {
        assert_eq!(negotiate(range(3, 13), range(0, 9)), Some(9));
        assert_eq!(negotiate(range(3, 13), range(5, 20)), Some(13));
        assert_eq!(negotiate(range(3, 13), range(13, 20)), Some(13));
        assert_eq!(negotiate(range(3, 13), range(0, 3)), Some(3));
    }

    #[test]
    fn ranges_apart_or_empty_agree_on_nothing() {
        assert_eq!(negotiate(range(3, 13), range(14, 20)), None);
        assert_eq!(negotiate(range(3, 13), range(9, 5)), None);
        assert_eq!(negotiate(range(0, 4), range(-5, -1)), None);
    }

    #[test]
    fn produce_below_3_is_never_chosen() {
        assert_eq!(negotiate(ApiKey::Produce.supported(), range(0, 2)), None);
    }

    #[test]
    fn init_producer_id_6_is_for_two_phase_commit_alone() {
        let unstable = range(0, 6);
        let key = ApiKey::InitProducerId;
        assert_eq!(negotiate(key.supported(), unstable), Some(5));
        assert_eq!(
            negotiate(key.supported_with_two_phase_commit(), unstable),
            Some(6)
        );
    }

    #[test]
    fn every_api_is_found_by_its_code() {
        for key in ApiKey::ALL {
            assert_eq!(ApiKey::from_code(key.code()), Some(key));
        }
        assert_eq!(ApiKey::from_code(1), None);
    }
}
