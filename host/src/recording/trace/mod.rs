//! A recording as a timeline for people: one line for each thing that happened, in the order of time.
//!
//! What the machine *decided* is told as far as it shows in what it does; nothing looks into it:
//!
//! | line | what it is told from |
//! | --- | --- |
//! | `retry` | a batch goes out that went out before: the same identity and sequence, or the same checksum without one; with what went wrong last |
//! | `split` | a batch goes out with the sequence of a larger one |
//! | `identity` | a partition's batches carry another producer id or epoch than before |
//! | `report` | the core's own verdict, with its cause |
//! | `failure` | the core's own event about a connection, with its reason |
//! | `wait` | what the machine waits for, whenever that changes; deadlines alone are not repeated |
//! | `refused` | the core's own answer to a record that it does not take |
//!
//! Bytes taken by a transport, and pieces of answers, are not told.

mod batches;
mod coordinators;
mod traffic;
mod words;

pub(super) use traffic::asked;

use super::answer::{Answer, ends};
use super::call::{Call, Records};
use super::format::Opening;
use super::happening::Happening;
use super::replayer::Replayed;
use crate::machine::Backend;
use batches::Batches;
use odradek::{DeliveryReport, Event, Instant, Outcome, Output, Step, TopicHandle, WaitReason};
use std::collections::BTreeMap;
use std::io::{self, Write};
use traffic::Traffic;

/// Writes the timeline of a replay.
#[derive(Debug)]
pub struct Timeline<W> {
    out: W,
    now: Instant,
    /// The names of topics, by handle.
    topics: BTreeMap<u32, String>,
    traffic: Traffic,
    batches: Batches,
    /// What the machine waited for last.
    waiting: Option<WaitReason>,
}

/// One line: what kind of thing, and its particulars.
type Line = (&'static str, String);

impl<W: Write> Timeline<W> {
    /// Begins with what the machine was opened with.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn new(out: W, opening: &Opening) -> io::Result<Self> {
        let mut timeline = Self {
            out,
            now: Instant::ZERO,
            topics: BTreeMap::new(),
            traffic: Traffic::default(),
            batches: Batches::default(),
            waiting: None,
        };
        let backend = match opening.backend {
            Backend::Component => "in the component",
            Backend::Native => "natively",
        };
        let masked = if opening.is_masked {
            ", payloads masked"
        } else {
            ""
        };
        let (core, seed) = (&opening.core, opening.seed);
        let mut lines = vec![(
            "open",
            format!("core {core} {backend}, seed {seed}{masked}"),
        )];
        for (key, value) in &opening.properties {
            lines.push(("config", format!("{key}={value}")));
        }
        timeline.write(lines)?;
        Ok(timeline)
    }

    /// Tells of one call.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn tell(&mut self, replayed: &Replayed<'_, '_>) -> io::Result<()> {
        self.now = replayed.now;
        self.traffic.on_step();
        let mut lines = Vec::new();
        self.called(replayed.call, replayed.answer, &mut lines);
        if let Answer::Step(outputs, step) = replayed.answer {
            for output in *outputs {
                self.said(output, &mut lines);
            }
            self.waits(*step, &mut lines);
        }
        if let Answer::Lost(lost) = replayed.answer {
            lines.push(("lost", lost.to_string()));
        }
        self.write(lines)
    }

    fn write(&mut self, lines: Vec<Line>) -> io::Result<()> {
        let micros = self.now.as_nanos() / 1000;
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        for (what, particulars) in lines {
            // Text from brokers may hold anything, and must not rewrite what a terminal shows.
            let particulars = particulars.replace(char::is_control, "\u{fffd}");
            writeln!(
                self.out,
                "{seconds:>5}.{fraction:06}  {what:<9} {particulars}"
            )?;
        }
        Ok(())
    }

    fn called(&mut self, call: &Call<'_>, answer: &Answer<'_>, lines: &mut Vec<Line>) {
        match call {
            Call::Topic(name) => {
                let said = match answer {
                    Answer::Topic(Ok(topic)) => {
                        self.topics.insert(topic.0, name.to_string());
                        format!("{topic} is {name}")
                    }
                    Answer::Topic(Err(error)) => format!("{name:?} is refused: {error}"),
                    Answer::Sent(_)
                    | Answer::Flushing(_)
                    | Answer::Done
                    | Answer::Counted(_)
                    | Answer::Transacted(_)
                    | Answer::State(_)
                    | Answer::Step(..)
                    | Answer::Lost(_) => name.to_string(),
                };
                lines.push(("topic", said));
            }
            Call::SendMany(records) => self.sent(records, answer, lines),
            Call::Watch(topic) => lines.push(("watch", self.topic(*topic))),
            Call::WantRoom(bytes) => {
                lines.push(("room", format!("somebody waits for {bytes} bytes")));
            }
            Call::Flush => {
                if let Answer::Flushing(flush) = answer {
                    lines.push(("flush", flush.to_string()));
                }
            }
            Call::Purge => lines.push(("purge", "what is not in flight is dropped".to_owned())),
            Call::Close(timeout) => lines.push(("close", format!("within {timeout:.3?}"))),
            Call::Transact(command) => {
                let mut said = format!("{command:?}");
                if let Answer::Transacted(Ok(Some(operation))) = answer {
                    said.push_str(&format!(": {operation}"));
                }
                if let Answer::Transacted(Err(error)) = answer {
                    said.push_str(&format!(", refused: {error}"));
                }
                lines.push(("transact", said));
            }
            Call::TransactionState => {
                if let Answer::State(Some(state)) = answer {
                    lines.push(("state", state.to_string()));
                }
            }
            Call::Metrics => lines.push(("metrics", "a snapshot is taken".to_owned())),
            Call::Step(happenings) => {
                for happening in happenings {
                    self.happened(happening, lines);
                }
            }
        }
    }

    fn sent(&self, records: &Records<'_>, answer: &Answer<'_>, lines: &mut Vec<Line>) {
        let Answer::Sent(outcome) = answer else {
            return;
        };
        let (offered, accepted) = (records.records.len(), u64::from(outcome.accepted));
        let (bytes, free) = (records.data.len(), outcome.free_bytes);
        let first = outcome.first_ticket.0;
        let tickets = match accepted.checked_sub(1) {
            Some(more) => format!("tickets {first} to {}", first + more),
            None => "no ticket".to_owned(),
        };
        let said = format!("{offered} records of {bytes} bytes: {tickets}; {free} bytes free");
        lines.push(("send", said));
        if let Some(error) = outcome.refused {
            lines.push((
                "refused",
                format!("record {accepted} of these and all after it: {error:?}"),
            ));
        }
    }

    fn happened(&mut self, happening: &Happening<'_>, lines: &mut Vec<Line>) {
        match happening {
            Happening::Resolved(query, Ok(addresses)) => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                lines.push(("resolved", format!("{query}: {}", addresses.join(", "))));
            }
            Happening::Resolved(query, Err(error)) => {
                lines.push(("resolved", format!("{query}: {error}")));
            }
            Happening::Connected(connection) => {
                lines.push(("connected", self.traffic.named(*connection)));
            }
            Happening::Received(connection, bytes) => {
                self.traffic
                    .received(*connection, bytes, &mut self.batches, lines);
            }
            Happening::Disconnected(connection, reason) => {
                self.traffic
                    .ended(*connection, *reason, &mut self.batches, lines);
            }
            Happening::Transmitted(..) | Happening::Timeout => {}
        }
    }

    fn said(&mut self, output: &Output, lines: &mut Vec<Line>) {
        match output {
            Output::Resolve { query, host, port } => {
                lines.push(("resolve", format!("{query}: {host}:{port}")));
            }
            Output::Connect {
                connection,
                address,
                host,
            } => {
                self.traffic.begin(*connection, host, *address);
                lines.push(("connect", self.traffic.named(*connection)));
            }
            Output::Transmit { connection, slices } => {
                let frame = slices.concat();
                self.traffic
                    .sent(*connection, &frame, &mut self.batches, lines);
            }
            Output::Disconnect { connection } => {
                lines.push(("hang up", self.traffic.named(*connection)));
            }
            Output::Event(event) => self.heard(event, lines),
            // A step says so itself.
            Output::Wait { .. } => {}
        }
    }

    fn heard(&mut self, event: &Event, lines: &mut Vec<Line>) {
        if let Event::Delivered(report) = event {
            lines.push(("report", self.reported(report)));
        } else if let Event::ConnectionFailed(failure) = event {
            let (host, port, reason) = (&failure.host, failure.port, failure.reason);
            let at = failure
                .address
                .map_or_else(String::new, |address| format!(" at {address}"));
            let after = failure.after;
            if let Some(address) = failure.address {
                self.traffic.explain(address, reason, &mut self.batches);
            }
            lines.push((
                "failure",
                format!("{host}:{port}{at} after {after:?}: {reason}"),
            ));
        } else if let Event::Partitions(told) = event {
            let topic = self.topic(told.topic);
            let said = match &told.leaders {
                Ok(leaders) => format!("{topic} has {} partitions", leaders.len()),
                Err(cause) => format!("{topic}: {cause}"),
            };
            lines.push(("topic", said));
        } else if let Event::OperationEnded(ended) = event {
            let (operation, call) = (ended.operation, ended.call);
            let said = match &ended.result {
                Ok(None) => "done".to_owned(),
                Ok(Some(prepared)) => format!("prepared as {prepared}"),
                Err(error) => error.to_string(),
            };
            lines.push(("outcome", format!("{operation}, {call}: {said}")));
        } else {
            lines.push(("event", format!("{event:?}")));
        }
    }

    fn reported(&self, report: &DeliveryReport) -> String {
        let place = match report.partition {
            Some(partition) => format!("{}-{partition}", self.topic(report.topic)),
            None => self.topic(report.topic),
        };
        let outcome = match report.outcome {
            Outcome::Written => "written",
            Outcome::NotWritten => "not written",
            Outcome::PossiblyWritten => "possibly written",
        };
        let (first, last) = ends(&report.tickets);
        let count = report.tickets.count();
        let mut said = format!("{place}: {count} records (tickets {first} to {last}) {outcome}");
        if let Some(offset) = report.base_offset {
            said.push_str(&format!(" from offset {offset} on"));
        }
        if let Some(cause) = report.cause {
            said.push_str(&format!(", because {cause}"));
        }
        if let Some(message) = &report.message {
            said.push_str(&format!(" ({message})"));
        }
        said
    }

    fn waits(&mut self, step: Step, lines: &mut Vec<Line>) {
        if step.more || self.waiting == Some(step.reason) {
            return;
        }
        self.waiting = Some(step.reason);
        let what = match step.reason {
            WaitReason::Idle => "nothing is pending",
            WaitReason::Linger => "an open batch waits for company (linger.ms)",
            WaitReason::DeliveryTimeout => "a batch would expire (delivery.timeout.ms)",
            WaitReason::MaxBlock => "a record waits for its topic's metadata (max.block.ms)",
            WaitReason::RequestTimeout => "a request is unanswered (request.timeout.ms)",
            WaitReason::RetryBackoff => "something is tried again (retry.backoff.ms)",
            WaitReason::ConnectionSetup => {
                "a connection is being set up (socket.connection.setup.timeout.ms)"
            }
            WaitReason::ReconnectBackoff => "a connection is tried again (reconnect.backoff.ms)",
            WaitReason::MetadataAge => "the cluster view grows old (metadata.max.age.ms)",
            WaitReason::Close => "a close has a deadline",
        };
        let said = match step.until {
            Some(until) => format!("at most {:.3?}: {what}", until.since(self.now)),
            None => format!("for an input: {what}"),
        };
        lines.push(("wait", said));
    }

    fn topic(&self, topic: TopicHandle) -> String {
        let name = self.topics.get(&topic.0);
        name.cloned().unwrap_or_else(|| topic.to_string())
    }
}
