//! Where the coordinators are: of the transactional id, and of the group whose offsets were sent last.

use crate::cluster::Cluster;
use crate::ids::BrokerId;
use crate::wire::api::find_coordinator::CoordinatorType;

/// What is known of the coordinators.
#[derive(Debug, Default)]
pub(super) struct Coordinators {
    transaction: Option<Found>,
    group: Option<(String, Found)>,
}

/// A coordinator as it was found.
#[derive(Clone, Copy, Debug)]
struct Found {
    node: BrokerId,
    /// How often attempts to connect to it had failed by then: one more, and it is asked for anew, for
    /// another broker has taken over from one that is gone.
    failures: u32,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Destination {
    /// To whoever answers.
    Anyone,
    /// To this coordinator.
    Broker(BrokerId),
}

impl Coordinators {
    pub(super) fn transaction(&self) -> Option<BrokerId> {
        self.transaction.map(|found| found.node)
    }

    pub(super) fn of_group(&self, group: &str) -> Option<BrokerId> {
        let (id, found) = self.group.as_ref()?;
        (id == group).then_some(found.node)
    }

    /// A coordinator was found; `group` for that of a group.
    pub(super) fn note(&mut self, group: Option<String>, node: BrokerId, cluster: &Cluster) {
        let failures = cluster.failures_of(node).unwrap_or(0);
        let found = Found { node, failures };
        match group {
            Some(group) => self.group = Some((group, found)),
            None => self.transaction = Some(found),
        }
    }

    pub(super) fn forget(&mut self, kind: CoordinatorType) {
        match kind {
            CoordinatorType::Group => self.group = None,
            CoordinatorType::Transaction => self.transaction = None,
        }
    }

    /// Forgets a coordinator that cannot be connected to. Returns whether there was one.
    pub(super) fn forget_unreachable(&mut self, cluster: &Cluster) -> bool {
        let is_lost = |found: &mut Found| {
            let failures = cluster.failures_of(found.node);
            let is_lost = failures.is_none_or(|failures| failures > found.failures);
            found.failures = found.failures.min(failures.unwrap_or(0));
            is_lost
        };
        let transaction = self.transaction.as_mut().is_some_and(is_lost);
        let group = self.group.as_mut().is_some_and(|(_, found)| is_lost(found));
        if transaction {
            self.transaction = None;
        }
        if group {
            self.group = None;
        }
        transaction || group
    }
}
