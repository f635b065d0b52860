//! The account of every record: what was accepted, every attempt to write it, what was answered, and what was
//! reported. It holds facts; what they mean is for the checker.

use super::tap::{BatchSeen, Place};
use odradek::{Cause, ConnectionId, DeliveryReport, Outcome, Ticket, TopicHandle};
use std::collections::BTreeMap;

/// A record that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// What it bears in its header.
    pub(crate) number: u64,
    pub(crate) handle: TopicHandle,
    pub(crate) topic: String,
    /// The partition asked for.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) timestamp: i64,
    /// The transaction that it belongs to, counted from 0.
    pub(crate) transaction: Option<usize>,
}

/// What was reported about one record.
#[derive(Clone, Debug)]
pub(crate) struct Fortune {
    pub(crate) outcome: Outcome,
    pub(crate) partition: Option<i32>,
    pub(crate) offset: Option<i64>,
    pub(crate) cause: Option<Cause>,
    /// How many attempts to write it there were by then.
    pub(crate) attempts: usize,
    /// Of those, how many had no answer at all.
    pub(crate) unanswered: usize,
    /// Error codes of the others.
    pub(crate) answers: Vec<i16>,
}

/// One batch in one request that was handed to the transport.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) batch: BatchSeen,
    /// How often the same records had been tried under the same stamp before.
    pub(crate) earlier: usize,
    pub(crate) state: AttemptState,
}

/// What the machine knows of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptState {
    /// No answer yet.
    Out,
    /// The connection ended before an answer came.
    Lost,
    /// The answer was read whole: its error code.
    Answered(i16),
}

/// All records of one producer.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By ticket, which counts from 0.
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) fortunes: Vec<Option<Fortune>>,
    pub(crate) attempts: Vec<Attempt>,
    by_number: BTreeMap<u64, usize>,
    /// The attempts of each record, by ticket.
    tries: Vec<Vec<usize>>,
    /// The attempts in each request that is out.
    requests: BTreeMap<(ConnectionId, i32), Vec<usize>>,
    numbers: u64,
    reported: usize,
    pub(crate) complaints: Vec<String>,
}

impl Ledger {
    /// The next record's number; a refused record leaves a gap.
    pub(crate) const fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn accept(&mut self, ticket: Ticket, record: Accepted) {
        if ticket.0 != self.accepted.len() as u64 {
            self.complaints
                .push(format!("{ticket} does not follow on the one before it"));
        }
        self.by_number.insert(record.number, self.accepted.len());
        self.accepted.push(record);
        self.fortunes.push(None);
        self.tries.push(Vec::new());
    }

    /// How many records have no outcome yet.
    pub(crate) const fn open(&self) -> usize {
        self.accepted.len() - self.reported
    }

    /// The ticket of a record by its number.
    pub(crate) fn ticket_of(&self, number: u64) -> Option<usize> {
        self.by_number.get(&number).copied()
    }

    /// Whether everything before a ticket is reported.
    pub(crate) fn is_reported_before(&self, ticket: usize) -> bool {
        self.fortunes[..ticket].iter().all(Option::is_some)
    }

    /// A batch was handed to the transport. Returns the attempt's number.
    pub(crate) fn on_attempt(
        &mut self,
        connection: ConnectionId,
        correlation: i32,
        batch: BatchSeen,
    ) -> usize {
        let attempt = self.attempts.len();
        let first = batch.numbers.first().and_then(|n| self.ticket_of(*n));
        let earlier = first.map_or(0, |ticket| {
            let tries = self.tries[ticket]
                .iter()
                .map(|index| &self.attempts[*index]);
            let same = tries.filter(|one| {
                let (a, b) = (&one.batch, &batch);
                (a.producer_id, a.epoch, a.sequence) == (b.producer_id, b.epoch, b.sequence)
            });
            same.count()
        });
        for number in &batch.numbers {
            match self.ticket_of(*number) {
                Some(ticket) => self.tries[ticket].push(attempt),
                None => {
                    let complaint = format!("record #{number} is sent and was never accepted");
                    self.complaints.push(complaint);
                }
            }
        }
        let request = self.requests.entry((connection, correlation));
        request.or_default().push(attempt);
        self.attempts.push(Attempt {
            batch,
            earlier,
            state: AttemptState::Out,
        });
        attempt
    }

    /// The attempts of a request that is out.
    pub(crate) fn in_request(&self, connection: ConnectionId, correlation: i32) -> &[usize] {
        let attempts = self.requests.get(&(connection, correlation));
        attempts.map_or(&[], Vec::as_slice)
    }

    /// A response was read whole by the machine.
    pub(crate) fn on_answer(
        &mut self,
        connection: ConnectionId,
        correlation: i32,
        answers: &[(Place, i16, i64)],
    ) {
        let Some(attempts) = self.requests.remove(&(connection, correlation)) else {
            return;
        };
        for index in attempts {
            let attempt = &mut self.attempts[index];
            let answer = answers.iter().find(|one| one.0 == attempt.batch.place);
            attempt.state = answer.map_or(AttemptState::Lost, |(_, code, _)| {
                AttemptState::Answered(*code)
            });
        }
    }

    /// The connection is gone. Returns how many requests with batches were out.
    pub(crate) fn on_ended(&mut self, connection: ConnectionId) -> usize {
        let ends = (connection, i32::MIN)..=(connection, i32::MAX);
        let gone: Vec<(ConnectionId, i32)> =
            self.requests.range(ends).map(|(key, _)| *key).collect();
        for key in &gone {
            for index in self.requests.remove(key).unwrap_or_default() {
                self.attempts[index].state = AttemptState::Lost;
            }
        }
        gone.len()
    }

    /// How many requests with batches are out: in all, and on one connection.
    pub(crate) fn requests_out(&self, connection: Option<ConnectionId>) -> usize {
        let keys = self.requests.keys();
        keys.filter(|(id, _)| connection.is_none_or(|wanted| wanted == *id))
            .count()
    }

    /// Attempts that are out for a partition.
    pub(crate) fn out_for(&self, place: &Place) -> usize {
        let out = self.requests.values().flatten();
        out.filter(|index| self.attempts[**index].batch.place == *place)
            .count()
    }

    pub(crate) fn report(&mut self, report: &DeliveryReport) {
        if report.tickets.is_empty() {
            self.complaints.push("a report on nothing".to_owned());
        }
        for (position, ticket) in (0..).zip(report.tickets.tickets()) {
            let index = ticket.0 as usize;
            let Some(accepted) = self.accepted.get(index) else {
                let complaint = format!("a report on {ticket}, which was never given");
                self.complaints.push(complaint);
                continue;
            };
            if accepted.handle != report.topic {
                let complaint = format!("{ticket} is reported for another topic");
                self.complaints.push(complaint);
            }
            let tries = self.tries[index].iter();
            let states: Vec<AttemptState> = tries.map(|at| self.attempts[*at].state).collect();
            let answers = states.iter().filter_map(|state| match state {
                AttemptState::Answered(code) => Some(*code),
                AttemptState::Out | AttemptState::Lost => None,
            });
            let answers: Vec<i16> = answers.collect();
            let fortune = Fortune {
                outcome: report.outcome,
                partition: report.partition,
                offset: report.base_offset.map(|base| base + position),
                cause: report.cause,
                attempts: states.len(),
                unanswered: states.len() - answers.len(),
                answers,
            };
            if let Some(old) = &self.fortunes[index] {
                let complaint = format!("{ticket} is reported twice: {old:?}, then {fortune:?}");
                self.complaints.push(complaint);
            } else {
                self.reported += 1;
            }
            self.fortunes[index] = Some(fortune);
        }
    }
}
