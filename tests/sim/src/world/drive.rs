//! The driver: outputs are carried out, happenings are handed in, time jumps to what comes next.

use super::coverage::Situation;
use super::network::Happening;
use super::plan::MS;
use super::trace::report_line;
use super::{World, tap};
use odradek::{DisconnectReason, Event, Input, Output};

/// More outputs than this at one instant are a hot loop.
const OUTPUTS_PER_INSTANT_MAX: u64 = 5_000;

impl World {
    /// Runs until a condition holds, at most until `end`; says whether it does.
    pub(super) fn run_until(&mut self, end: u64, condition: impl Fn(&Self) -> bool) -> bool {
        while !condition(self) {
            let next = match (self.wait, self.network.next_at()) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, other) => one.or(other),
            };
            let Some(next) = next.filter(|next| *next <= end) else {
                if end < u64::MAX {
                    self.now = self.now.max(end);
                }
                return condition(self);
            };
            self.now = self.now.max(next);
            match self.network.take_due(self.now) {
                Some(happening) => self.happen(happening),
                None => self.time_out(),
            }
        }
        true
    }

    /// The machine is called when it asked for, sometimes a little late.
    fn time_out(&mut self) {
        if !self.is_calm && self.dice.chance(30) {
            self.now += self.dice.below(20 * MS);
        }
        let before = self.counts.outputs;
        let now = self.instant();
        self.producer.handle_input(Input::Timeout, now);
        self.drain();
        if self.counts.outputs == before {
            self.counts.idle_timeouts += 1;
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Resolved(query, result) => {
                let result = result.as_deref().map_err(|error| *error);
                self.input(Input::Resolved { query, result });
            }
            Happening::Connected(connection) => {
                if let Some(stream) = self.network.live(connection) {
                    stream.is_open = true;
                    self.input(Input::Connected { connection });
                }
            }
            Happening::Transmitted(connection, bytes) => {
                if self.network.live(connection).is_some() {
                    self.input(Input::Transmitted { connection, bytes });
                }
            }
            Happening::Arrive(connection, bytes) => self.arrive(connection, &bytes),
            Happening::Respond(connection, response) => self.leave(connection, response),
            Happening::Flow(connection) => self.flow(connection),
            Happening::Ended(connection, reason) => self.on_ended(connection, reason),
            Happening::Work => self.work(),
            Happening::TakeEvents => {
                self.release_events();
                self.drain();
            }
            Happening::Fault => self.fault(),
            Happening::Repair(repair) => self.repair(repair),
            Happening::Calm => self.calm(),
        }
        let now = self.now;
        self.cluster.advance(core::time::Duration::from_nanos(now));
    }

    /// Hands an input to the machine and lets it act.
    pub(super) fn input(&mut self, input: Input<'_>) {
        self.counts.stirs += 1;
        let now = self.instant();
        self.producer.handle_input(input, now);
        self.drain();
    }

    fn on_ended(&mut self, connection: odradek::ConnectionId, reason: DisconnectReason) {
        let out = self.ledger.on_ended(connection);
        self.forget_requests(connection);
        let Some(stream) = self.network.streams.get(&connection) else {
            return;
        };
        let (node, is_inside) = (stream.node, stream.read_bytes > 0);
        let begun = stream.answers.front().is_some_and(|(end, response)| {
            let start = end - response.bytes.len() as u64;
            is_inside && stream.read_bytes > start
        });
        self.coverage.hit_if(begun, Situation::ResponseCut);
        let is_timeout = reason == DisconnectReason::Requested && out > 0;
        self.coverage.hit_if(is_timeout, Situation::RequestTimedOut);
        self.watch_trouble(out);
        self.note(|_| format!("-x b{node} {connection} ended: {reason}; {out} requests were out"));
        self.input(Input::Disconnected { connection, reason });
    }

    /// The requests of a connection get no answer any more.
    fn forget_requests(&mut self, connection: odradek::ConnectionId) {
        let ends = (connection, i32::MIN)..=(connection, i32::MAX);
        let lost = self.out.range(ends).map(|(key, value)| (*key, *value));
        for (key, (api, is_answered)) in lost.collect::<Vec<_>>() {
            self.out.remove(&key);
            let is_end = api == tap::END_TXN && is_answered;
            self.coverage.hit_if(is_end, Situation::EndTxnAnswerLost);
        }
    }

    /// Polls until the machine waits.
    pub(super) fn drain(&mut self) {
        if self.counts.outputs_now.0 != self.now {
            self.counts.outputs_now = (self.now, 0);
        }
        loop {
            let now = self.instant();
            let output = self.producer.poll_output(now);
            if let Output::Wait { until, reason } = output {
                let until = until.map(odradek::Instant::as_nanos);
                if self.behind == 0 && until.is_some_and(|until| until <= self.now) {
                    panic!("a wait for the past ({reason:?}) is a hot loop");
                }
                self.wait = until.map(|until| until.max(self.now + self.behind));
                return;
            }
            self.counts.outputs += 1;
            self.counts.outputs_now.1 += 1;
            assert!(
                self.counts.outputs_now.1 < OUTPUTS_PER_INSTANT_MAX,
                "a hot loop: {OUTPUTS_PER_INSTANT_MAX} outputs at one instant, the last {output:?}"
            );
            self.act(output);
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Resolve { query, host, port } => self.resolve(query, &host, port),
            Output::Connect {
                connection,
                address,
                host: _,
            } => self.connect(connection, address),
            Output::Transmit { connection, slices } => {
                let bytes: Vec<u8> = slices.concat();
                self.transmit(connection, bytes);
            }
            Output::Disconnect { connection } => self.disconnect(connection),
            Output::Event(event) => self.on_event(event),
            Output::Wait { .. } => {}
        }
    }

    fn on_event(&mut self, event: Event) {
        if self.is_closed {
            self.complain(format!("an event after the last one: {event:?}"));
        }
        match event {
            Event::Delivered(report) => {
                self.note(|world| report_line(&world.ledger, &report));
                self.ledger.report(&report);
                self.watch_report(&report);
                self.hold_event();
            }
            Event::BufferAvailable { free_bytes } => {
                self.note(|_| format!("   {free_bytes} bytes are free"));
                self.application.is_refused = false;
            }
            Event::Flushed { flush } => self.on_flushed(flush),
            Event::OperationEnded(ended) => self.on_operation_ended(ended),
            Event::Failed(error) => {
                self.note(|_| format!("   failed: {error}"));
                if self.failed.is_some() {
                    self.complain("failed twice".to_owned());
                }
                self.failed = Some(error);
            }
            Event::Closed => {
                self.note(|_| "   closed".to_owned());
                self.is_closed = true;
            }
            Event::Partitions(_) | Event::ConnectionFailed(_) => {}
        }
    }

    fn watch_report(&mut self, report: &odradek::DeliveryReport) {
        use odradek::{Cause, Outcome};
        let Some(first) = report.tickets.tickets().next() else {
            return;
        };
        let fortune = self
            .ledger
            .fortunes
            .get(first.0 as usize)
            .cloned()
            .flatten();
        let Some(fortune) = fortune else { return };
        let is_expired = matches!(report.cause, Some(Cause::DeliveryTimeout { .. }));
        let cover = &mut self.coverage;
        let is_out = fortune.unanswered > 0;
        cover.hit_if(is_expired && is_out, Situation::ExpiredInFlight);
        let is_doubtful = report.outcome == Outcome::PossiblyWritten;
        cover.hit_if(is_expired && is_doubtful, Situation::ExpiredInDoubt);
        let is_fresh = fortune.attempts == 0;
        cover.hit_if(is_expired && is_fresh, Situation::ExpiredInQueue);
        let is_known = report.outcome == Outcome::NotWritten && !is_fresh;
        cover.hit_if(is_known, Situation::GivenUpNotWritten);
        if report.outcome != Outcome::Written && !is_fresh {
            let out = self.ledger.requests_out(None);
            self.watch_trouble(out);
        }
    }

    /// Something ended that may cost an identity, while so many requests were out.
    pub(super) fn watch_trouble(&mut self, out: usize) {
        self.watch.out_at_trouble = self.watch.out_at_trouble.max(out);
    }

    /// A batch goes out: under which stamp, and what it comes after.
    pub(super) fn watch_batch(&mut self, batch: &tap::BatchSeen, attempt: usize) {
        let stamp = (batch.producer_id, batch.epoch);
        if batch.producer_id >= 0 {
            let old = self.watch.stamps.insert(batch.place.clone(), stamp);
            if old.is_some_and(|old| old != stamp) {
                self.coverage.hit(Situation::EpochBump);
                let is_other = old.is_some_and(|(id, _)| id != batch.producer_id);
                let is_last = old.is_some_and(|(_, epoch)| epoch >= i16::MAX - 1);
                self.coverage
                    .hit_if(is_other && is_last, Situation::EpochsUsedUp);
                let is_transactional = self.plan.transactions.is_some();
                self.coverage.hit_if(
                    is_other && is_transactional,
                    Situation::OtherIdInTransactions,
                );
                let five = self.watch.out_at_trouble >= 5;
                self.coverage.hit_if(five, Situation::BumpWithFiveInFlight);
                self.watch.out_at_trouble = 0;
            }
        }
        let attempts = &self.ledger.attempts;
        let count = batch.numbers.len() as i32;
        let wraps = batch.producer_id >= 0 && batch.sequence.checked_add(count - 1).is_none();
        let again = attempts[attempt].earlier > 0;
        self.coverage.hit_if(wraps, Situation::WrapInsideBatch);
        self.coverage
            .hit_if(wraps && again, Situation::WrapWhileRetrying);
        if again {
            let later = attempts[..attempt].iter().filter(|one| {
                let other = &one.batch;
                (other.producer_id, other.epoch) == stamp
                    && other.place == batch.place
                    && other.sequence > batch.sequence
            });
            let behind = later.count() >= 4 && batch.producer_id >= 0;
            self.coverage.hit_if(behind, Situation::RetryWithFourBehind);
        }
    }
}
