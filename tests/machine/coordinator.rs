//! What the fake cluster knows of transactions and of consumer groups, with a real coordinator's rules; what
//! is asked of it is written down, in words that a test can compare.

use crate::partition_log::ReceivedBatch;
use kafka_protocol::messages::api_versions_response::FinalizedFeatureKey;
use kafka_protocol::protocol::StrBytes;
use odradek::ErrorCode;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) const FIND_COORDINATOR: i16 = 10;
pub(crate) const ADD_PARTITIONS_TO_TXN: i16 = 24;
pub(crate) const ADD_OFFSETS_TO_TXN: i16 = 25;
pub(crate) const END_TXN: i16 = 26;
pub(crate) const TXN_OFFSET_COMMIT: i16 = 28;

/// The versions of a coordinator's requests that brokers take.
pub(crate) const VERSIONS: [(i16, (i16, i16)); 5] = [
    (FIND_COORDINATOR, (0, 6)),
    (ADD_PARTITIONS_TO_TXN, (0, 5)),
    (ADD_OFFSETS_TO_TXN, (0, 4)),
    (END_TXN, (0, 5)),
    (TXN_OFFSET_COMMIT, (0, 5)),
];

/// The first producer id that is given to a transactional id.
pub(crate) const FIRST_ID: i64 = 7001;
/// The last epoch that a coordinator gives: the one after it is kept for fencing.
pub(crate) const EPOCH_MAX: i16 = i16::MAX - 1;

/// A request of a transactional producer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) at: u64,
    pub(crate) broker: i32,
    pub(crate) version: i16,
    /// What is asked for, in a word: `find(me)`, `init`, `add(orders-0,orders-1)`, `add-offsets(group)`,
    /// `offsets(input-0=7)`, `produce(orders-0)`, `commit`, `abort`.
    pub(crate) word: String,
    /// Producer id and epoch that it names.
    pub(crate) identity: (i64, i16),
    /// Of InitProducerId: the transaction timeout.
    pub(crate) timeout_ms: i32,
    /// Of InitProducerId: two-phase commit enabled, prepared transaction kept.
    pub(crate) two_phase: (bool, bool),
    /// Of TxnOffsetCommit: generation, member, instance.
    pub(crate) member: (i32, String, Option<String>),
}

/// The coordinator of the one transactional id, and of every group.
#[derive(Debug)]
pub(crate) struct Coordinator {
    /// The brokers where the transactions and the groups are coordinated.
    pub(crate) transactions_at: i32,
    pub(crate) groups_at: i32,
    /// The finalized level of the feature `transaction.version`; brokers before 3.5 tell none.
    pub(crate) level: Option<i16>,
    /// How often the finalized features changed.
    pub(crate) features_epoch: i64,
    pub(crate) identity: Option<(i64, i16)>,
    /// The identity that the last InitProducerId replaced: its answer may have got lost (KIP-360).
    replaced: Option<(i64, i16)>,
    /// The identity that the last EndTxn 5 replaced, in the same way (KIP-890).
    ended_as: Option<(i64, i16)>,
    /// Whether a transaction is open, and what belongs to it.
    pub(crate) is_open: bool,
    pub(crate) partitions: BTreeSet<(String, i32)>,
    pub(crate) groups: BTreeSet<String>,
    pending_offsets: BTreeMap<(String, String, i32), i64>,
    /// How each transaction ended, `true` for a commit.
    pub(crate) ends: Vec<bool>,
    /// What was committed, by group, topic and partition.
    pub(crate) offsets: BTreeMap<(String, String, i32), i64>,
    /// Everything that was asked, in order.
    pub(crate) asked: Vec<Asked>,
    refusals: BTreeMap<(i16, String, i32), VecDeque<ErrorCode>>,
    /// The request that writes carries a transactional id, and its version.
    writing: Option<i16>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            transactions_at: 1,
            groups_at: 1,
            level: None,
            features_epoch: 1,
            identity: None,
            replaced: None,
            ended_as: None,
            is_open: false,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
            pending_offsets: BTreeMap::new(),
            ends: Vec::new(),
            offsets: BTreeMap::new(),
            asked: Vec::new(),
            refusals: BTreeMap::new(),
            writing: None,
        }
    }
}

/// Whether an InitProducerId request has a transactional id: it is the first thing in the body.
pub(crate) fn is_of_a_transaction(body: &[u8], version: i16) -> bool {
    if version >= 2 {
        body[0] != 0
    } else {
        body[..2] != [0xff, 0xff]
    }
}

impl Coordinator {
    pub(crate) fn features(&self) -> Vec<FinalizedFeatureKey> {
        let feature = |level| {
            FinalizedFeatureKey::default()
                .with_name(StrBytes::from_static_str("transaction.version"))
                .with_max_version_level(level)
                .with_min_version_level(level)
        };
        self.level.map(feature).into_iter().collect()
    }

    /// The cluster finalizes another level of the feature.
    pub(crate) const fn finalize(&mut self, level: i16) {
        self.level = Some(level);
        self.features_epoch += 1;
    }

    /// The next answers about a partition carry these errors; about the others as it should be.
    pub(crate) fn refuse(&mut self, api: i16, topic: &str, index: i32, errors: &[ErrorCode]) {
        let place = (api, topic.to_owned(), index);
        self.refusals.entry(place).or_default().extend(errors);
    }

    pub(crate) fn next_refusal(&mut self, api: i16, topic: &str, index: i32) -> Option<ErrorCode> {
        let place = (api, topic.to_owned(), index);
        self.refusals.get_mut(&place)?.pop_front()
    }

    /// Another producer with the same transactional id starts, or the time of the transaction is up: what is
    /// open is aborted under a higher epoch.
    pub(crate) fn fence(&mut self) {
        self.end(false);
        self.raise();
    }

    /// The transaction ends, as asked or because its time is up.
    pub(crate) fn end(&mut self, is_commit: bool) {
        if is_commit {
            self.offsets.append(&mut self.pending_offsets);
        }
        if self.is_open {
            self.ends.push(is_commit);
        }
        self.is_open = false;
        self.pending_offsets.clear();
        self.partitions.clear();
        self.groups.clear();
    }

    /// Gives the next identity.
    pub(crate) fn raise(&mut self) -> (i64, i16) {
        let next = match self.identity {
            None => (FIRST_ID, 0),
            Some((id, epoch)) if epoch >= EPOCH_MAX => (id + 1, 0),
            Some((id, epoch)) => (id, epoch + 1),
        };
        self.identity = Some(next);
        (self.replaced, self.ended_as) = (None, None);
        next
    }

    /// What InitProducerId is answered with. An open transaction is aborted first, or kept (KIP-939).
    pub(crate) fn init(&mut self, named: (i64, i16), keeps: bool) -> Result<(i64, i16), ErrorCode> {
        if named.0 >= 0 {
            if let (Some(now), true) = (self.identity, self.replaced == Some(named)) {
                return Ok(now);
            }
            self.check_identity(named, i16::MAX, 4)?;
        }
        if self.is_open && !keeps {
            // Whoever asked with the epoch that was good until now has fenced itself.
            self.fence();
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let before = self.identity;
        let raised = self.raise();
        self.replaced = before;
        Ok(raised)
    }

    /// Whether it is the present producer that asks. Versions below `fenced_from` do not know
    /// PRODUCER_FENCED.
    pub(crate) fn check_identity(
        &self,
        named: (i64, i16),
        version: i16,
        fenced_from: i16,
    ) -> Result<(), ErrorCode> {
        let Some((id, epoch)) = self.identity else {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        };
        if named == (id, epoch) {
            Ok(())
        } else if named.0 != id {
            Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
        } else if version >= fenced_from {
            Err(ErrorCode::PRODUCER_FENCED)
        } else {
            Err(ErrorCode::INVALID_PRODUCER_EPOCH)
        }
    }

    /// What EndTxn is answered with. From version 5 on the epoch is raised, and the same request again
    /// under the old one gets the same answer (KIP-890).
    pub(crate) fn end_txn(
        &mut self,
        named: (i64, i16),
        is_commit: bool,
        version: i16,
    ) -> Result<(), ErrorCode> {
        let is_v2 = version >= 5;
        let is_again = !self.is_open && self.ends.last() == Some(&is_commit);
        if is_v2 && is_again && self.ended_as == Some(named) {
            return Ok(());
        }
        self.check_identity(named, version, 2)?;
        let is_empty = !self.is_open;
        if is_empty && !is_again && (!is_v2 || is_commit) {
            return Err(ErrorCode::INVALID_TXN_STATE);
        }
        self.end(is_commit);
        if is_v2 {
            self.raise();
            self.ended_as = Some(named);
        }
        Ok(())
    }

    pub(crate) fn add_offset(&mut self, group: &str, topic: &str, partition: i32, offset: i64) {
        let place = (group.to_owned(), topic.to_owned(), partition);
        self.pending_offsets.insert(place, offset);
    }

    /// A Produce request arrives.
    pub(crate) fn on_produce(&mut self, id: Option<&str>, broker: i32, version: i16, at: u64) {
        self.writing = id.map(|_| version);
        if id.is_some() {
            self.asked.push(Asked {
                at,
                broker,
                version,
                word: "produce()".to_owned(),
                ..Asked::default()
            });
        }
    }

    /// Whether a batch may be appended. From Produce 12 on its partition belongs to the transaction from
    /// here on, whatever becomes of it (KIP-890).
    pub(crate) fn admit(
        &mut self,
        topic: &str,
        index: i32,
        batch: &ReceivedBatch,
    ) -> Result<(), ErrorCode> {
        assert_eq!(batch.is_transactional, self.writing.is_some());
        let Some(version) = self.writing else {
            return Ok(());
        };
        let asked = self.asked.last_mut().expect("the Produce request");
        let (open, comma) = (asked.word.len() - 1, ["", ","]);
        let comma = comma[usize::from(!asked.word.ends_with("()"))];
        asked
            .word
            .insert_str(open, &format!("{comma}{topic}-{index}"));
        asked.identity = (batch.producer_id, batch.producer_epoch);
        let place = (topic.to_owned(), index);
        self.check_identity(asked_identity(batch), 0, i16::MAX)?;
        if version >= 12 {
            self.is_open = true;
            self.partitions.insert(place);
        } else if !self.partitions.contains(&place) {
            return Err(ErrorCode::INVALID_TXN_STATE);
        }
        Ok(())
    }
}

const fn asked_identity(batch: &ReceivedBatch) -> (i64, i16) {
    (batch.producer_id, batch.producer_epoch)
}
