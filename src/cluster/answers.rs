//! The answers that stay in the cluster: a broker's versions, and the view.

use super::connection::{Answer, Negotiation};
use super::metadata::Told;
use super::{Cluster, ClusterEvent, RequestTag};
use crate::driver::DisconnectReason;
use crate::ids::ConnectionId;
use crate::time::Instant;
use crate::wire::api::metadata::MetadataResponse;
use crate::wire::{ApiKey, Reader, WireError};

impl Cluster {
    pub(super) fn on_answer(
        &mut self,
        id: ConnectionId,
        answer: Answer,
        now: Instant,
    ) -> Result<(), DisconnectReason> {
        match answer.tag {
            RequestTag::ApiVersions => self.on_api_versions(id, &answer, now),
            RequestTag::Metadata => self.on_metadata(id, &answer, now).map_err(|error| {
                self.metadata.on_request_failed(&mut self.random, now);
                DisconnectReason::Malformed(error)
            }),
            RequestTag::InitProducerId | RequestTag::Transaction | RequestTag::Produce(_) => {
                let Answer {
                    tag, version, body, ..
                } = answer;
                self.events.push_back(ClusterEvent::Answered {
                    connection: id,
                    tag,
                    version,
                    body,
                });
                Ok(())
            }
        }
    }

    fn on_api_versions(
        &mut self,
        id: ConnectionId,
        answer: &Answer,
        now: Instant,
    ) -> Result<(), DisconnectReason> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Ok(());
        };
        let needs_producer_id = self.settings.needs_producer_id;
        match connection.on_api_versions(answer, needs_producer_id, now)? {
            Negotiation::AskAgain(version) => self.send_api_versions(id, version, now),
            Negotiation::Agreed(told) => {
                if let Some(node) = self.nodes.get_mut(&connection.node) {
                    node.failures = 0;
                }
                self.features.take(&told);
            }
        }
        Ok(())
    }

    fn on_metadata(
        &mut self,
        id: ConnectionId,
        answer: &Answer,
        now: Instant,
    ) -> Result<(), WireError> {
        let version = answer.version;
        let response = MetadataResponse::decode(Reader::new(&answer.body), version)?;
        let throttle_ms = response.throttle_time_ms;
        self.throttle(id, (ApiKey::Metadata, version), throttle_ms, now);
        let random = &mut self.random;
        match self.metadata.on_response(&response, version, random, now) {
            Told::News => {
                self.follow_brokers();
                self.events.push_back(ClusterEvent::MetadataChanged);
            }
            Told::Nothing => {}
            Told::Rebootstrap => {
                self.rebootstrap();
            }
        }
        Ok(())
    }
}
