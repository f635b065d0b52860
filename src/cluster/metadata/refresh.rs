//! When the cluster is asked for its view: on a wish, by age, and again after failures.

use crate::backoff::Backoff;
use crate::config::Config;
use crate::random::Random;
use crate::time::Instant;
use core::time::Duration;

/// The schedule of metadata requests: at most one is open at a time.
#[derive(Debug)]
pub(super) struct Refresh {
    backoff: Backoff,
    max_age: Duration,
    /// `metadata.recovery.rebootstrap.trigger.ms`.
    trigger: Duration,
    /// Somebody needs a newer view. Cleared when a request is sent, so that a wish which arrives while
    /// one is open leads to another.
    wanted: Scope,
    not_before: Instant,
    /// Incomplete answers and failures in a row.
    failures: u32,
    /// When the cluster last answered, and when it last answered for everything.
    answered_at: Option<Instant>,
    fetched_at: Option<Instant>,
    /// What the open request asks for.
    open: Option<Scope>,
    /// When the open request was sent, or the last one.
    asked_at: Instant,
    /// Since when the cluster has been asked without any answer.
    in_trouble_since: Option<Instant>,
}

/// How much of the view a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Nothing,
    /// The topics that the view does not have: with thousands of topics, one more must not cost as
    /// much as all of them.
    Missing,
    Everything,
}

impl Refresh {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            backoff: Backoff {
                base: config.retry_backoff,
                max: config.retry_backoff_max,
            },
            max_age: config.metadata_max_age,
            trigger: config.metadata_recovery_rebootstrap_trigger,
            wanted: Scope::Everything,
            not_before: Instant::ZERO,
            failures: 0,
            answered_at: None,
            fetched_at: None,
            open: None,
            asked_at: Instant::ZERO,
            in_trouble_since: None,
        }
    }

    pub(super) fn want(&mut self, scope: Scope) {
        self.wanted = self.wanted.max(scope);
    }

    /// The same without a wait, unless something is going wrong.
    pub(super) fn want_at_once(&mut self, scope: Scope) {
        self.want(scope);
        if self.failures == 0 {
            self.not_before = Instant::ZERO;
        }
    }

    pub(super) const fn answered_at(&self) -> Option<Instant> {
        self.answered_at
    }

    pub(super) fn due_at(&self) -> Option<Instant> {
        if self.open.is_some() {
            return None;
        }
        if self.wanted > Scope::Nothing {
            return Some(self.not_before);
        }
        self.fetched_at
            .map(|at| at.after(self.max_age).max(self.not_before))
    }

    /// A request is about to be sent. Returns what it asks for.
    pub(super) fn begin(&mut self, now: Instant) -> Scope {
        let is_old = self
            .fetched_at
            .is_none_or(|at| at.after(self.max_age) <= now);
        let scope = if is_old {
            Scope::Everything
        } else {
            self.wanted
        };
        self.open = Some(scope);
        self.wanted = Scope::Nothing;
        self.asked_at = now;
        self.note_trouble(now);
        scope
    }

    /// The open request is over. Returns what it asked for.
    pub(super) const fn end(&mut self) -> Option<Scope> {
        self.open.take()
    }

    /// Asks again, with a wait that grows.
    pub(super) fn repeat(&mut self, scope: Scope, random: &mut Random, now: Instant) {
        self.want(scope);
        self.not_before = now.after(self.backoff.delay(self.failures, random));
        self.failures = self.failures.saturating_add(1);
    }

    /// The cluster answered, with whatever is missing still missing.
    pub(super) fn on_answered(&mut self, scope: Option<Scope>, now: Instant) {
        self.in_trouble_since = None;
        self.answered_at = Some(now);
        if scope == Some(Scope::Everything) {
            self.fetched_at = Some(now);
        }
    }

    /// Nothing is missing of what was asked for; `has_unasked` says whether there is more.
    pub(super) fn on_complete(&mut self, has_unasked: bool, now: Instant) {
        self.failures = 0;
        if has_unasked {
            self.want(Scope::Missing);
            self.not_before = now;
            return;
        }
        if self.wanted == Scope::Missing {
            self.wanted = Scope::Nothing;
        }
        // A hint that arrives right after an answer is most likely as old as the answer.
        self.not_before = now.after(self.backoff.base);
    }

    /// Whether a need at this time is not older than the last request.
    pub(super) fn is_after_request(&self, needed_at: Instant) -> bool {
        needed_at >= self.asked_at
    }

    pub(super) fn note_trouble(&mut self, now: Instant) {
        self.in_trouble_since.get_or_insert(now);
    }

    pub(super) fn is_in_trouble(&self, now: Instant) -> bool {
        let is_over = |since: Instant| since < now && since.after(self.trigger) <= now;
        self.open.is_none() && self.in_trouble_since.is_some_and(is_over)
    }

    /// The whole view is wanted, and the trouble is over until there is new trouble. The back-off
    /// stays: starting again is no reason to hurry.
    pub(super) fn restart(&mut self) {
        self.want(Scope::Everything);
        self.in_trouble_since = None;
    }
}
