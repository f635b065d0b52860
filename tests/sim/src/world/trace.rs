//! The timeline of a run: one line for everything that can be seen from outside.

use super::ledger::Ledger;
use super::plan::MS;
use super::tap::{AnswerSeen, Place, RequestSeen, api_name};
use odradek::{DeliveryReport, ErrorCode, TicketRuns};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The lines, if anybody wants them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    is_on: bool,
    pub(crate) lines: Vec<String>,
}

impl Trace {
    pub(crate) const fn new(is_on: bool) -> Self {
        Self {
            is_on,
            lines: Vec::new(),
        }
    }

    /// Adds a line; it is only made when the trace is wanted.
    pub(crate) fn note(&mut self, now: u64, line: impl FnOnce() -> String) {
        if self.is_on {
            let (ms, rest) = (now / MS, now % MS / 1000);
            self.lines.push(format!("{ms:>7}.{rest:03} {}", line()));
        }
    }
}

/// Numbers of records in runs.
fn runs(numbers: &[u64]) -> String {
    let mut text = String::new();
    let mut rest = numbers;
    while let Some(first) = rest.first() {
        let run = rest.iter().zip(*first..).take_while(|(a, b)| *a == b);
        let count = run.count();
        let gap = if text.is_empty() { "#" } else { ",#" };
        let _ = write!(text, "{gap}{first}");
        if count > 1 {
            let _ = write!(text, "-{}", first + count as u64 - 1);
        }
        rest = &rest[count..];
    }
    text
}

/// Names of topics by their ids.
pub(crate) type Names = BTreeMap<String, String>;

fn place_name(names: &Names, place: &Place) -> String {
    let name = names.get(&place.0).unwrap_or(&place.0);
    format!("{name}/{}", place.1)
}

/// A request that goes out.
pub(crate) fn request_line(names: &Names, node: i32, seen: &RequestSeen) -> String {
    let (api, version, correlation) = (api_name(seen.api), seen.version, seen.correlation);
    let mut line = format!("-> b{node} {api} v{version} ({correlation})");
    if let Some(commits) = seen.commits {
        line.push_str(if commits { " commit" } else { " abort" });
    }
    for batch in &seen.batches {
        let numbers = runs(&batch.numbers);
        let _ = write!(line, " {} {numbers}", place_name(names, &batch.place));
        if batch.producer_id >= 0 {
            let (id, epoch, sequence) = (batch.producer_id, batch.epoch, batch.sequence);
            let _ = write!(line, " as {id}:{epoch} seq {sequence}");
        }
    }
    line
}

/// A response that was read whole, or leaves its broker.
pub(crate) fn answer_line(
    names: &Names,
    (arrow, node): (&str, i32),
    (api, correlation): (i16, i32),
    seen: &AnswerSeen,
) -> String {
    let mut line = format!("{arrow} b{node} {} ({correlation})", api_name(api));
    for (place, code, offset) in &seen.batches {
        let _ = write!(line, " {} ", place_name(names, place));
        if *code == 0 {
            let _ = write!(line, "at {offset}");
        } else {
            line.push_str(&code_name(*code));
        }
    }
    for code in &seen.errors {
        let _ = write!(line, " {}", code_name(*code));
    }
    if seen.throttle_ms > 0 {
        let _ = write!(line, " throttled for {} ms", seen.throttle_ms);
    }
    line
}

/// A report.
pub(crate) fn report_line(ledger: &Ledger, report: &DeliveryReport) -> String {
    let numbers = numbers_of(ledger, &report.tickets);
    let (outcome, partition) = (report.outcome, report.partition);
    let mut line = format!("   report {} {outcome:?}", runs(&numbers));
    if let Some(partition) = partition {
        let _ = write!(line, " partition {partition}");
    }
    if let Some(offset) = report.base_offset {
        let _ = write!(line, " at {offset}");
    }
    if let Some(cause) = report.cause {
        let _ = write!(line, ": {cause}");
    }
    line
}

fn numbers_of(ledger: &Ledger, tickets: &TicketRuns) -> Vec<u64> {
    let tickets = tickets.tickets();
    let accepted = tickets.filter_map(|ticket| ledger.accepted.get(ticket.0 as usize));
    accepted.map(|record| record.number).collect()
}

pub(crate) fn code_name(code: i16) -> String {
    ErrorCode(code)
        .name()
        .map_or_else(|| format!("error {code}"), ToOwned::to_owned)
}
