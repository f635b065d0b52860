//! Requests on their way out: correlation ids, and the requests that the cluster makes by itself.

use super::in_flight::InFlightRequest;
use super::node::Link;
use super::{Cluster, RequestTag};
use crate::driver::Output;
use crate::ids::{BrokerId, ConnectionId};
use crate::time::Instant;
use crate::wire::api::api_versions::ApiVersionsRequest;
use crate::wire::api::metadata::MetadataRequest;
use crate::wire::{ApiKey, RequestHeader};
use bytes::Bytes;

/// A request about to be encoded: where it goes and the numbers that its header needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestSlot {
    connection: ConnectionId,
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
}

impl Cluster {
    /// The header of a request that goes into a slot.
    pub(crate) fn request_header(&self, slot: &RequestSlot) -> RequestHeader<'_> {
        RequestHeader {
            version: slot.version,
            correlation_id: slot.correlation_id,
            client_id: Some(&self.settings.client_id),
        }
    }

    /// Reserves the next correlation id of a usable connection; [`submit`](Self::submit) must follow.
    pub(crate) fn begin(&mut self, node: BrokerId, api: ApiKey) -> Option<RequestSlot> {
        let Link::Connection(id) = self.nodes.get(&node)?.link else {
            return None;
        };
        let connection = self.connections.get_mut(&id)?;
        let version = connection.version(api)?;
        let correlation_id = connection.next_correlation_id();
        Some(RequestSlot {
            connection: id,
            api,
            version,
            correlation_id,
        })
    }

    /// As [`begin`](Self::begin) for InitProducerId, with two-phase commit where the broker offers it:
    /// whether it does is in the version.
    pub(crate) fn begin_two_phase_commit(&mut self, node: BrokerId) -> Option<RequestSlot> {
        let version = self.connection_of(node)?.two_phase_commit_version()?;
        let slot = self.begin(node, ApiKey::InitProducerId)?;
        Some(RequestSlot { version, ..slot })
    }

    /// Hands out a request whose answer goes to `tag`.
    pub(crate) fn submit(
        &mut self,
        slot: RequestSlot,
        tag: RequestTag,
        slices: Vec<Bytes>,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&slot.connection) else {
            return;
        };
        connection.active_at = now;
        let bytes = frame_bytes(&slices);
        self.traffic.on_request(connection.node, bytes);
        connection.in_flight.push(
            InFlightRequest {
                correlation_id: slot.correlation_id,
                api: slot.api,
                version: slot.version,
                tag,
                sent_at: now,
                deadline: now.after(self.settings.request_timeout),
            },
            bytes,
        );
        self.outputs.push_back(Output::Transmit {
            connection: slot.connection,
            slices,
        });
    }

    /// Hands out a request that nobody answers (`acks=0`).
    pub(crate) fn submit_unanswered(
        &mut self,
        slot: RequestSlot,
        tag: RequestTag,
        slices: Vec<Bytes>,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&slot.connection) else {
            return;
        };
        let deadline = now.after(self.settings.request_timeout);
        connection.active_at = now;
        let bytes = frame_bytes(&slices);
        self.traffic.on_request(connection.node, bytes);
        connection.in_flight.push_unanswered(tag, bytes, deadline);
        self.outputs.push_back(Output::Transmit {
            connection: slot.connection,
            slices,
        });
    }

    /// Whether a metadata request is due and can be sent.
    pub(crate) fn may_ask_for_metadata(&self, now: Instant) -> bool {
        self.is_metadata_due(now) && self.least_loaded(now).is_some()
    }

    fn is_metadata_due(&self, now: Instant) -> bool {
        !self.is_shutting_down && self.metadata.due_at().is_some_and(|due| due <= now)
    }

    /// Sends a metadata request if one is due, or works towards a connection that can carry it.
    /// Returns whether anything was done.
    pub(crate) fn refresh_metadata(&mut self, now: Instant) -> bool {
        if !self.is_metadata_due(now) {
            return false;
        }
        let usable = self.least_loaded(now);
        let is_attempt_over = usable.is_some() || !self.is_linked();
        if is_attempt_over && self.metadata.is_in_trouble(now) && self.rebootstrap() {
            return true;
        }
        if let Some(node) = usable {
            return self.send_metadata_request(node, now);
        }
        !self.is_linked() && self.connect_anywhere(now)
    }

    fn send_metadata_request(&mut self, node: BrokerId, now: Instant) -> bool {
        let Some(slot) = self.begin(node, ApiKey::Metadata) else {
            return false;
        };
        let header = RequestHeader {
            version: slot.version,
            correlation_id: slot.correlation_id,
            client_id: Some(&self.settings.client_id),
        };
        let names = self.metadata.begin_request(now);
        let request = MetadataRequest {
            topics: Some(&names),
            allow_auto_topic_creation: self.settings.allow_auto_topic_creation,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, &header);
        self.submit(slot, RequestTag::Metadata, vec![Bytes::from(frame)], now);
        true
    }

    pub(super) fn send_api_versions(&mut self, id: ConnectionId, version: i16, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let slot = RequestSlot {
            connection: id,
            api: ApiKey::ApiVersions,
            version,
            correlation_id: connection.next_correlation_id(),
        };
        let request = ApiVersionsRequest {
            software_name: "odradek",
            software_version: env!("CARGO_PKG_VERSION"),
        };
        let mut frame = Vec::new();
        request.encode(&mut frame, &self.request_header(&slot));
        self.submit(slot, RequestTag::ApiVersions, vec![Bytes::from(frame)], now);
    }
}
fn frame_bytes(slices: &[Bytes]) -> u64 {
    slices.iter().map(|slice| slice.len() as u64).sum()
}
