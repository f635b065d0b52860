//! Errors that a test makes the brokers answer with, and the violations that they noticed.

use super::FakeCluster;
use odradek::ErrorCode;

/// Makes the next requests of an API fail.
#[derive(Clone, Debug)]
pub struct Injection {
    /// Whose requests: a number of [`api`](super::api).
    pub api: i16,
    /// What they are answered with.
    pub error: ErrorCode,
    /// How many: of Produce and TxnOffsetCommit counted in partitions, of the others in requests.
    pub times: u32,
    /// Only for this partition of this topic, or this topic in Metadata.
    pub partition: Option<(String, i32)>,
    /// Whether nothing is done, or what was asked is done all the same.
    pub before_append: bool,
}

/// What every answer says besides its matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) throttle_ms: i32,
    pub(super) error: ErrorCode,
}

impl FakeCluster {
    /// Makes the next requests of an API fail. Injections of one API wear out in order.
    pub fn inject(&mut self, injection: Injection) {
        self.injections.push(injection);
    }

    /// Takes back every error that nobody has met yet.
    pub fn clear_injections(&mut self) {
        self.injections.clear();
    }

    /// Takes the injection that concerns this, if there is one: the error, and whether it comes first.
    pub(super) fn injected(
        &mut self,
        api: i16,
        place: Option<(&str, i32)>,
    ) -> Option<(ErrorCode, bool)> {
        let concerns = |injection: &Injection| {
            let wanted = injection.partition.as_ref();
            let wanted = wanted.map(|(topic, index)| (topic.as_str(), *index));
            injection.api == api && injection.times > 0 && (wanted.is_none() || wanted == place)
        };
        let at = self.injections.iter().position(concerns)?;
        let injection = &mut self.injections[at];
        injection.times -= 1;
        let taken = (injection.error, injection.before_append);
        if injection.times == 0 {
            self.injections.remove(at);
        }
        Some(taken)
    }

    /// Does what was asked, with the errors that a test injected: instead of it, or over its result.
    pub(super) fn with_faults<T>(
        &mut self,
        api: i16,
        place: Option<(&str, i32)>,
        act: impl FnOnce(&mut Self) -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        match self.injected(api, place) {
            Some((error, true)) => Err(error),
            Some((error, false)) => act(self).and(Err(error)),
            None => act(self),
        }
    }

    /// What no correct producer does, whatever the network did to it, in order. Errors that a correct
    /// producer may meet are answers and not here.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Notes what a correct producer does not do.
    pub(super) fn blame(&mut self, what: impl Into<String>) {
        let at = self.now;
        self.violations.push(format!("{at:?}: {}", what.into()));
    }
}
