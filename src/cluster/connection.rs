//! One connection to one broker: its phases, its versions, its answers.

use super::in_flight::{InFlight, InFlightRequest, RequestTag};
use crate::driver::DisconnectReason;
use crate::error_code::ErrorCode;
use crate::ids::BrokerId;
use crate::time::Instant;
use crate::wire::api::api_versions::{ApiVersionsAnswer, ApiVersionsResponse};
use crate::wire::{
    ApiKey, Deframer, Reader, WireError, WireErrorKind, negotiate, read_response_header,
};
use bytes::Bytes;
use core::net::SocketAddr;
use core::time::Duration;

/// How often the version of ApiVersions itself is negotiated down before a broker is given up.
const API_VERSIONS_ATTEMPTS_MAX: u32 = 3;

/// The life of a connection.
///
/// ```text
/// Connecting --connected--> Negotiating --ApiVersions--> Ready
///      \________________________|__________________________/
///                               v
///                            Closing --disconnected--> (removed)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The driver opens the stream.
    Connecting {
        /// `socket.connection.setup.timeout.ms`.
        deadline: Instant,
    },
    /// ApiVersions is in flight.
    Negotiating,
    /// Requests may be sent.
    Ready,
    /// The driver was asked to close; nothing that still arrives matters.
    Closing {
        /// What the machine decided, which explains more than what the driver sees.
        reason: DisconnectReason,
    },
}

/// One stream to one broker.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) node: BrokerId,
    pub(super) address: SocketAddr,
    pub(super) opened_at: Instant,
    /// When bytes last went either way.
    pub(super) active_at: Instant,
    pub(super) in_flight: InFlight,
    phase: Phase,
    /// Whether the stream was ever open.
    was_connected: bool,
    /// Whether [`Phase::Ready`] was ever reached; the phase alone forgets it when closing.
    was_ready: bool,
    deframer: Deframer,
    /// The version to use for each API; re-read on every connection, because brokers are upgraded one
    /// by one.
    versions: Versions,
    negotiations: u32,
    next_correlation: i32,
    /// No request before this instant: the broker asked for silence (KIP-219).
    muted_until: Instant,
}

/// Versions that both sides speak.
#[derive(Clone, Copy, Debug, Default)]
struct Versions {
    /// One place per entry of [`ApiKey::ALL`], `None` where there is no common version.
    agreed: [Option<i16>; ApiKey::ALL.len()],
    /// The version of InitProducerId for two-phase commit.
    two_phase_commit: Option<i16>,
}

impl Versions {
    fn negotiate(told: &ApiVersionsResponse) -> Self {
        let pick = |api, ours| told.range(api).and_then(|theirs| negotiate(ours, theirs));
        let two_phase_commit = ApiKey::InitProducerId.supported_with_two_phase_commit();
        Self {
            agreed: ApiKey::ALL.map(|api| pick(api, api.supported())),
            two_phase_commit: pick(ApiKey::InitProducerId, two_phase_commit),
        }
    }

    fn of(&self, api: ApiKey) -> Option<i16> {
        let mut places = ApiKey::ALL.iter().zip(self.agreed);
        places.find_map(|(place, version)| if *place == api { version } else { None })
    }
}

/// What follows from the answer to ApiVersions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Negotiation {
    /// The broker did not understand the question: ask again with this version.
    AskAgain(i16),
    /// The connection is ready. What the broker told about itself.
    Agreed(ApiVersionsResponse),
}

/// A whole answer, not decoded beyond its header.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) tag: RequestTag,
    pub(super) version: i16,
    /// When its request was handed out.
    pub(super) sent_at: Instant,
    pub(super) body: Bytes,
}

impl Connection {
    pub(super) fn new(
        node: BrokerId,
        address: SocketAddr,
        deadline: Instant,
        receive_max_bytes: usize,
        now: Instant,
    ) -> Self {
        Self {
            node,
            address,
            opened_at: now,
            active_at: now,
            in_flight: InFlight::default(),
            phase: Phase::Connecting { deadline },
            was_connected: false,
            was_ready: false,
            deframer: Deframer::new(receive_max_bytes),
            versions: Versions::default(),
            negotiations: 0,
            next_correlation: 0,
            muted_until: Instant::ZERO,
        }
    }

    /// Returns the version of ApiVersions to ask with, if the connection was being opened.
    pub(super) fn on_connected(&mut self) -> Option<i16> {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return None;
        }
        self.phase = Phase::Negotiating;
        self.was_connected = true;
        Some(ApiKey::ApiVersions.supported().max)
    }

    pub(super) fn push_received(&mut self, bytes: &[u8]) {
        if !self.is_closing() {
            self.deframer.push(bytes);
        }
    }

    /// The next whole answer, matched with the oldest request.
    pub(super) fn next_answer(&mut self) -> Result<Option<Answer>, WireError> {
        if self.is_closing() {
            return Ok(None);
        }
        let Some(frame) = self.deframer.next_frame()? else {
            return Ok(None);
        };
        let Some(request) = self.in_flight.pop() else {
            return Err(WireError {
                at: 0,
                kind: WireErrorKind::Unasked,
            });
        };
        let InFlightRequest {
            api,
            version,
            correlation_id,
            tag,
            sent_at,
            ..
        } = request;
        let body_at = match read_response_header(&frame, api, version, correlation_id) {
            Ok(reader) => reader.at(),
            Err(error) => {
                // In the eyes of its owner the request still waits: closing the connection ends it.
                self.in_flight.push_front(request);
                return Err(error);
            }
        };
        Ok(Some(Answer {
            tag,
            version,
            sent_at,
            body: frame.slice(body_at..),
        }))
    }

    /// Takes the broker's versions. Those of every API are remembered, few are required.
    pub(super) fn on_api_versions(
        &mut self,
        answer: &Answer,
        needs_producer_id: bool,
        now: Instant,
    ) -> Result<Negotiation, DisconnectReason> {
        let told = ApiVersionsAnswer::decode(Reader::new(&answer.body), answer.version)
            .map_err(DisconnectReason::Malformed)?;
        let response = match told {
            ApiVersionsAnswer::Response(response) => response,
            ApiVersionsAnswer::Downgrade(version) => {
                let next = self.downgrade(version, answer.version)?;
                return Ok(Negotiation::AskAgain(next));
            }
        };
        if response.error != ErrorCode::NONE {
            return Err(DisconnectReason::Rejected(response.error));
        }
        self.versions = Versions::negotiate(&response);
        let required = [
            (ApiKey::Produce, true),
            (ApiKey::Metadata, true),
            (ApiKey::InitProducerId, needs_producer_id),
        ];
        for (api, is_needed) in required {
            if is_needed && self.version(api).is_none() {
                return Err(DisconnectReason::UnsupportedVersion {
                    api_key: api.code(),
                });
            }
        }
        self.phase = Phase::Ready;
        self.was_ready = true;
        if answer.version >= ApiKey::ApiVersions.first_throttled_by_client() {
            self.throttle(response.throttle_time_ms, now);
        }
        Ok(Negotiation::Agreed(response))
    }

    /// One attempt with the version that the broker suggests, then version 0, then the end: a broker
    /// that answers UNSUPPORTED_VERSION for ever must not keep us asking.
    fn downgrade(&mut self, suggested: i16, asked: i16) -> Result<i16, DisconnectReason> {
        self.negotiations += 1;
        if asked == 0 || self.negotiations >= API_VERSIONS_ATTEMPTS_MAX {
            return Err(DisconnectReason::Rejected(ErrorCode::UNSUPPORTED_VERSION));
        }
        let is_first = self.negotiations == 1;
        let takes_suggested = is_first && suggested < asked;
        Ok(if takes_suggested { suggested } else { 0 })
    }

    /// No request leaves before the time is over. The broker reads nothing meanwhile, so what is in
    /// flight gets as much more time (KIP-219).
    pub(super) fn throttle(&mut self, throttle_ms: i32, now: Instant) {
        let wait = Duration::from_millis(u64::try_from(throttle_ms).unwrap_or(0));
        let from = self.muted_until.max(now);
        let until = from.max(now.after(wait));
        self.in_flight.postpone(until.since(from));
        self.muted_until = until;
    }

    pub(super) fn next_correlation_id(&mut self) -> i32 {
        let id = self.next_correlation;
        self.next_correlation = id.checked_add(1).unwrap_or(0);
        id
    }

    /// Starts closing; false if it was closing already.
    pub(super) fn close(&mut self, reason: DisconnectReason) -> bool {
        if self.is_closing() {
            return false;
        }
        self.phase = Phase::Closing { reason };
        true
    }

    /// The highest version of an API that both sides speak.
    pub(super) fn version(&self, api: ApiKey) -> Option<i16> {
        self.versions.of(api)
    }

    /// The highest version of InitProducerId that both sides speak, with two-phase commit.
    pub(super) const fn two_phase_commit_version(&self) -> Option<i16> {
        self.versions.two_phase_commit
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) const fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    pub(super) const fn was_connected(&self) -> bool {
        self.was_connected
    }

    pub(super) const fn is_ready_or_was(&self) -> bool {
        self.was_ready
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        self.phase == Phase::Ready && self.muted_until <= now
    }

    pub(super) fn muted_until(&self, now: Instant) -> Option<Instant> {
        (self.muted_until > now).then_some(self.muted_until)
    }

    /// When the connection is closed because nothing happens on it (`connections.max.idle.ms`), not
    /// counting silence that the broker asked for.
    pub(super) fn idle_deadline(&self, max_idle: Option<Duration>) -> Option<Instant> {
        let is_idle = self.phase == Phase::Ready && self.in_flight.len() == 0;
        let since = self.active_at.max(self.muted_until);
        max_idle
            .filter(|_| is_idle)
            .map(|max_idle| since.after(max_idle))
    }

    pub(super) const fn closing_reason(&self) -> Option<DisconnectReason> {
        match self.phase {
            Phase::Closing { reason } => Some(reason),
            Phase::Connecting { .. } | Phase::Negotiating | Phase::Ready => None,
        }
    }

    /// Why this connection has to be given up at `now`, if it has to.
    pub(super) fn overdue(&self, now: Instant) -> Option<DisconnectReason> {
        match self.phase {
            Phase::Connecting { deadline } => {
                (deadline <= now).then_some(DisconnectReason::SetupTimedOut)
            }
            Phase::Negotiating | Phase::Ready => {
                let is_late = self
                    .in_flight
                    .deadline()
                    .is_some_and(|deadline| deadline <= now);
                is_late.then_some(DisconnectReason::RequestTimedOut)
            }
            Phase::Closing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a broker of these APIs, all from version 0 on, tells.
    fn told(apis: &[(ApiKey, i16)]) -> ApiVersionsResponse {
        let mut body = vec![0, 0, 0, 0, 0, apis.len() as u8];
        for (api, max) in apis {
            for number in [api.code(), 0, *max] {
                body.extend_from_slice(&number.to_be_bytes());
            }
        }
        ApiVersionsResponse::decode(Reader::new(&body), 0).unwrap()
    }

    #[test]
    fn every_api_is_negotiated_by_itself() {
        let told = told(&[(ApiKey::Produce, 9), (ApiKey::AddPartitionsToTxn, 5)]);
        let versions = Versions::negotiate(&told);
        assert_eq!(versions.of(ApiKey::Produce), Some(9));
        assert_eq!(versions.of(ApiKey::AddPartitionsToTxn), Some(3));
        assert_eq!(versions.of(ApiKey::EndTxn), None);
        assert_eq!(versions.two_phase_commit, None);
    }

    #[test]
    fn the_version_with_two_phase_commit_is_apart() {
        for (theirs, usual) in [(4, 4), (5, 5), (6, 5)] {
            let versions = Versions::negotiate(&told(&[(ApiKey::InitProducerId, theirs)]));
            assert_eq!(versions.of(ApiKey::InitProducerId), Some(usual));
            assert_eq!(versions.two_phase_commit, Some(theirs));
        }
    }
}
