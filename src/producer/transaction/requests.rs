//! What a coordinator is asked next, and how it is written.
//!
//! One request at a time, in this order: where the coordinator is, the producer id, what the transaction
//! writes to, its end, another epoch.

use super::coordinators::Destination;
use super::{Registration, Transactions};
use crate::cluster::Cluster;
use crate::ids::BrokerId;
use crate::producer::identity::IdAndEpoch;
use crate::time::Instant;
use crate::transaction::{PreparedTransaction, TransactionState};
use crate::wire::RequestHeader;
use crate::wire::api::add_offsets_to_txn::AddOffsetsToTxnRequest;
use crate::wire::api::add_partitions_to_txn::{AddPartitionsToTxnRequest, TopicToAdd};
use crate::wire::api::end_txn::EndTxnRequest;
use crate::wire::api::find_coordinator::{
    CoordinatorType, FIRST_WITH_KEY_TYPE, FindCoordinatorRequest,
};
use crate::wire::api::init_producer_id::{
    FIRST_WITH_IDENTITY, FIRST_WITH_TWO_PHASE_COMMIT, InitProducerIdRequest,
};
use crate::wire::api::txn_offset_commit::{FIRST_WITH_MEMBER, TxnOffsetCommitRequest};
use crate::wire::{ApiKey, VersionRange};

/// A request to a coordinator, or for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Request {
    /// FindCoordinator for the transactional id.
    FindTransaction,
    /// FindCoordinator for a group.
    FindGroup(String),
    /// InitProducerId: the first, or with the identity held so far another epoch (KIP-360).
    InitProducerId { is_bump: bool },
    /// AddPartitionsToTxn.
    AddPartitions,
    /// AddOffsetsToTxn.
    AddOffsets,
    /// TxnOffsetCommit.
    CommitOffsets,
    /// EndTxn.
    End { is_commit: bool },
}

impl Request {
    pub(in super::super) const fn api(&self) -> ApiKey {
        match self {
            Self::FindTransaction | Self::FindGroup(_) => ApiKey::FindCoordinator,
            Self::InitProducerId { .. } => ApiKey::InitProducerId,
            Self::AddPartitions => ApiKey::AddPartitionsToTxn,
            Self::AddOffsets => ApiKey::AddOffsetsToTxn,
            Self::CommitOffsets => ApiKey::TxnOffsetCommit,
            Self::End { .. } => ApiKey::EndTxn,
        }
    }

    /// The group whose coordinator is asked for.
    pub(super) const fn group(&self) -> Option<&String> {
        match self {
            Self::FindGroup(group) => Some(group),
            Self::FindTransaction
            | Self::InitProducerId { .. }
            | Self::AddPartitions
            | Self::AddOffsets
            | Self::CommitOffsets
            | Self::End { .. } => None,
        }
    }

    /// Whether the coordinator notes by it what the transaction will write to.
    pub(super) const fn registers(&self) -> bool {
        matches!(self, Self::AddPartitions | Self::AddOffsets)
    }

    /// Whose coordinator answers it, or is asked for.
    pub(super) const fn concerns(&self) -> CoordinatorType {
        match self {
            Self::CommitOffsets | Self::FindGroup(_) => CoordinatorType::Group,
            Self::FindTransaction
            | Self::InitProducerId { .. }
            | Self::AddPartitions
            | Self::AddOffsets
            | Self::End { .. } => CoordinatorType::Transaction,
        }
    }
}

impl Transactions {
    /// Goes on as far as no request is needed for it. `is_settled`: every record of the transaction is
    /// reported and no request with records is out. Returns whether anything changed.
    pub(in super::super) fn progress(&mut self, is_settled: bool, bearer: IdAndEpoch) -> bool {
        if self.is_closing && self.state == TransactionState::AbortableError {
            self.start_aborting();
            return true;
        }
        if self.in_flight.is_some() || self.is_held() || !is_settled {
            return false;
        }
        if self.state == TransactionState::Preparing && self.wants_registration().is_none() {
            self.end_operation(Ok(Some(PreparedTransaction {
                producer_id: bearer.producer_id,
                producer_epoch: bearer.producer_epoch,
            })));
            return true;
        }
        let is_over =
            self.is_ending() && self.wants_registration().is_none() && self.wants_end().is_none();
        if is_over {
            self.end_operation(Ok(None));
        }
        is_over
    }

    /// The next request, if it may leave now.
    pub(in super::super) fn next_request(&self, is_settled: bool) -> Option<Request> {
        if self.in_flight.is_some() || self.is_held() {
            return None;
        }
        let wanted = match self.state {
            TransactionState::Initializing => Some(Request::InitProducerId { is_bump: false }),
            TransactionState::InTransaction | TransactionState::Preparing => {
                self.wants_registration()
            }
            TransactionState::Committing | TransactionState::Aborting => {
                let end = || is_settled.then(|| self.wants_end()).flatten();
                self.wants_registration().or_else(end)
            }
            TransactionState::Uninitialized
            | TransactionState::Ready
            | TransactionState::Prepared
            | TransactionState::AbortableError
            | TransactionState::FatalError => None,
        }?;
        Some(self.with_coordinator(wanted))
    }

    /// Whether a result waits for the application, which keeps the state as it is.
    fn is_held(&self) -> bool {
        let result = self.operation.as_ref().and_then(|one| one.result.as_ref());
        result.is_some()
    }

    /// What the transaction writes to and the coordinators do not know, and offsets.
    fn wants_registration(&self) -> Option<Request> {
        // What was asked without an answer may be registered: the answer decides whether there is a
        // transaction to be aborted.
        let is_open = !self.is_dropping();
        let is_in_doubt = self.current.may_be_registered && !self.current.is_started;
        if is_open || is_in_doubt {
            match &self.current.registering {
                Some(Registration::Partitions(_)) => return Some(Request::AddPartitions),
                Some(Registration::Group(_)) => return Some(Request::AddOffsets),
                None => {}
            }
        }
        if !is_open {
            return None;
        }
        if !self.current.unregistered.is_empty() {
            return Some(Request::AddPartitions);
        }
        let offsets = self.offsets.front()?;
        Some(if offsets.is_registered {
            Request::CommitOffsets
        } else {
            Request::AddOffsets
        })
    }

    /// What is left to be done once everything is written: nothing where no coordinator knows of the
    /// transaction.
    fn wants_end(&self) -> Option<Request> {
        let current = &self.current;
        let is_abort = self.state == TransactionState::Aborting;
        // First of all the end, also under an epoch that a leader does not take any more: a coordinator
        // that is asked for the next epoch in an open transaction fences whoever asks (KIP-360).
        let may_be_open = current.is_started || (is_abort && current.may_be_registered);
        if may_be_open && !current.is_ended {
            return Some(Request::End {
                is_commit: !is_abort,
            });
        }
        current
            .needs_new_epoch
            .then_some(Request::InitProducerId { is_bump: true })
    }

    /// The request itself, or the search for the coordinator that it needs.
    fn with_coordinator(&self, wanted: Request) -> Request {
        let kind = wanted.concerns();
        if self.coordinator(kind).is_some() {
            return wanted;
        }
        match kind {
            CoordinatorType::Group => Request::FindGroup(self.next_group().to_owned()),
            CoordinatorType::Transaction => Request::FindTransaction,
        }
    }

    pub(in super::super) fn destination(&self, request: &Request) -> Destination {
        if request.api() == ApiKey::FindCoordinator {
            return Destination::Anyone;
        }
        let node = self.coordinator(request.concerns());
        node.map_or(Destination::Anyone, Destination::Broker)
    }

    fn coordinator(&self, kind: CoordinatorType) -> Option<BrokerId> {
        match kind {
            CoordinatorType::Group => self.coordinators.of_group(self.next_group()),
            CoordinatorType::Transaction => self.coordinators.transaction(),
        }
    }

    /// The group of the next offsets.
    fn next_group(&self) -> &str {
        let offsets = self.offsets.front();
        offsets.map_or("", |one| one.group.id.as_str())
    }

    /// When the next request may leave.
    pub(in super::super) const fn retry_at(&self) -> Instant {
        self.retry_at
    }

    /// The versions in which a request may be sent, where not all that both sides speak may be: what
    /// registers by itself is for transactions of the second kind (KIP-890), and two-phase commit has a
    /// version of its own (KIP-939).
    pub(in super::super) fn versions(&self, request: &Request) -> VersionRange {
        let api = request.api();
        let supported = api.supported();
        let from = |min| VersionRange { min, ..supported };
        let first_kind = |min| VersionRange {
            min,
            max: api.max_for_first_kind(),
        };
        let is_first = self.registers();
        match request {
            Request::InitProducerId { .. } if self.is_two_phase() => VersionRange {
                min: FIRST_WITH_TWO_PHASE_COMMIT,
                max: api.supported_with_two_phase_commit().max,
            },
            Request::InitProducerId { is_bump: true } => from(FIRST_WITH_IDENTITY),
            Request::FindTransaction => from(FIRST_WITH_KEY_TYPE),
            // A coordinator that is not told the member cannot fence it.
            Request::CommitOffsets if is_first && self.names_member() => {
                first_kind(FIRST_WITH_MEMBER)
            }
            Request::CommitOffsets | Request::End { .. } if is_first => first_kind(supported.min),
            Request::CommitOffsets | Request::End { .. } => from(api.max_for_first_kind() + 1),
            Request::FindGroup(_)
            | Request::InitProducerId { is_bump: false }
            | Request::AddPartitions
            | Request::AddOffsets => supported,
        }
    }

    /// Whether the next offsets are those of a member of their group.
    fn names_member(&self) -> bool {
        let offsets = self.offsets.front();
        offsets.is_some_and(|one| one.group.generation_id >= 0 || !one.group.member_id.is_empty())
    }

    /// Writes a request, and notes it as out.
    pub(in super::super) fn encode(
        &mut self,
        request: Request,
        bearer: IdAndEpoch,
        header: &RequestHeader<'_>,
        topics: impl Fn(super::Slot) -> Option<(String, i32)>,
    ) -> Vec<u8> {
        let mut frame = Vec::new();
        match &request {
            Request::FindTransaction => {
                let key_type = CoordinatorType::Transaction;
                let key = self.id();
                FindCoordinatorRequest { key, key_type }.encode(&mut frame, header);
            }
            Request::FindGroup(group) => {
                let key_type = CoordinatorType::Group;
                let key = group.as_str();
                FindCoordinatorRequest { key, key_type }.encode(&mut frame, header);
            }
            Request::InitProducerId { is_bump } => {
                self.init_request(*is_bump, bearer)
                    .encode(&mut frame, header);
            }
            Request::AddPartitions => self.encode_partitions(bearer, &mut frame, header, topics),
            Request::AddOffsets => self.encode_group(bearer, &mut frame, header),
            Request::CommitOffsets => self.encode_offsets(bearer, &mut frame, header),
            Request::End { is_commit } => EndTxnRequest {
                transactional_id: self.id(),
                producer_id: bearer.producer_id,
                producer_epoch: bearer.producer_epoch,
                committed: *is_commit,
            }
            .encode(&mut frame, header),
        }
        self.in_flight = Some(request);
        frame
    }

    fn init_request(&self, is_bump: bool, bearer: IdAndEpoch) -> InitProducerIdRequest<'_> {
        let timeout = self.settings.transactional.timeout.as_millis();
        InitProducerIdRequest {
            transactional_id: Some(self.id()),
            transaction_timeout_ms: i32::try_from(timeout).unwrap_or(i32::MAX),
            producer_id: if is_bump { bearer.producer_id } else { -1 },
            producer_epoch: if is_bump { bearer.producer_epoch } else { -1 },
            enable_2pc: self.settings.transactional.two_phase,
            keep_prepared_txn: self.current.keeps_prepared && !is_bump,
        }
    }

    fn encode_partitions(
        &mut self,
        bearer: IdAndEpoch,
        frame: &mut Vec<u8>,
        header: &RequestHeader<'_>,
        topics: impl Fn(super::Slot) -> Option<(String, i32)>,
    ) {
        if self.current.registering.is_none() {
            let slots = core::mem::take(&mut self.current.unregistered);
            let slots = slots.into_iter().collect();
            self.current.registering = Some(Registration::Partitions(slots));
        }
        let Some(Registration::Partitions(slots)) = &self.current.registering else {
            return;
        };
        let mut named: Vec<(String, i32)> = slots.iter().filter_map(|slot| topics(*slot)).collect();
        named.sort_unstable();
        let indexes: Vec<i32> = named.iter().map(|(_, index)| *index).collect();
        let mut list = Vec::new();
        let mut start = 0;
        for group in named.chunk_by(|a, b| a.0 == b.0) {
            let end = start + group.len();
            list.push(TopicToAdd {
                name: &group[0].0,
                partitions: &indexes[start..end],
            });
            start = end;
        }
        AddPartitionsToTxnRequest {
            transactional_id: self.id(),
            producer_id: bearer.producer_id,
            producer_epoch: bearer.producer_epoch,
            topics: &list,
        }
        .encode(frame, header);
    }

    fn encode_group(
        &mut self,
        bearer: IdAndEpoch,
        frame: &mut Vec<u8>,
        header: &RequestHeader<'_>,
    ) {
        if self.current.registering.is_none()
            && let Some(offsets) = self.offsets.front()
        {
            let group = offsets.group.id.clone();
            self.current.registering = Some(Registration::Group(group));
        }
        let Some(Registration::Group(group_id)) = &self.current.registering else {
            return;
        };
        AddOffsetsToTxnRequest {
            transactional_id: self.id(),
            producer_id: bearer.producer_id,
            producer_epoch: bearer.producer_epoch,
            group_id,
        }
        .encode(frame, header);
    }

    fn encode_offsets(
        &mut self,
        bearer: IdAndEpoch,
        frame: &mut Vec<u8>,
        header: &RequestHeader<'_>,
    ) {
        // Of the second kind this is what registers the group.
        self.current.is_started = true;
        let Some(offsets) = self.offsets.front() else {
            return;
        };
        offsets.with_topics(|topics| {
            TxnOffsetCommitRequest {
                transactional_id: self.id(),
                group_id: &offsets.group.id,
                producer_id: bearer.producer_id,
                producer_epoch: bearer.producer_epoch,
                generation_id: offsets.group.generation_id,
                member_id: &offsets.group.member_id,
                group_instance_id: offsets.group.instance_id.as_deref(),
                topics,
            }
            .encode(frame, header);
        });
    }

    /// Forgets coordinators that cannot be connected to.
    pub(in super::super) fn forget_unreachable(&mut self, cluster: &Cluster) -> bool {
        self.coordinators.forget_unreachable(cluster)
    }
}
