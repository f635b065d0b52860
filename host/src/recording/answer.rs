//! What a machine answered to a call, as a recording keeps it: as items, one for each thing that was said.
//!
//! ```text
//! answer = number of items , item *
//! item   = 0 , text                                                  anything, in words
//!        | 1 , connection , bytes , api , version , correlation id , CRC-32     a request frame
//!        | 2 , accepted , first ticket , free bytes                  what became of a bulk
//!        | 3 , until , more , free bytes , reason                    the end of a step
//! ```
//!
//! `until` is a signed number of ns from the call on, behind a byte 1, or a byte 0 for never. A call whose
//! answer has no items never came back: the machine panicked.
//!
//! Two machines answer alike when the bytes of their answers are the same. The words are the core's own
//! debug forms, so that whatever the core says is compared, and a difference can be shown as it was. A
//! frame's checksum stands for its bytes: of two frames that differ one in 2^32 has the same. Metrics are a
//! checksum of their debug form.

use super::fields::{Fields, put_bytes, put_number, put_signed};
use super::mask;
use super::request::Head;
use crate::machine::MachineLost;
use bytes::Bytes;
use odradek::{
    BulkOutcome, DeliveryReport, Event, FlushId, Instant, Metrics, OperationId, Output, Step,
    TicketRuns, TopicError, TopicHandle, TransactionError, TransactionState,
};
use std::fmt::Write as _;

/// What a machine answered to a [`Call`](super::call::Call).
#[derive(Clone, Debug)]
pub enum Answer<'o> {
    /// To a topic's name.
    Topic(Result<TopicHandle, TopicError>),
    /// To records.
    Sent(BulkOutcome),
    /// To a flush.
    Flushing(FlushId),
    /// To a call that answers nothing.
    Done,
    /// To a command about transactions.
    Transacted(Result<Option<OperationId>, TransactionError>),
    /// To a question for the state of transactions.
    State(Option<TransactionState>),
    /// To a question for metrics.
    Counted(Box<Metrics>),
    /// To a step.
    Step(&'o [Output], Step),
    /// The machine is gone.
    Lost(MachineLost),
}

/// The items of an answer, as bytes.
struct Items<'v> {
    out: &'v mut Vec<u8>,
    /// Reused for words.
    text: String,
}

impl Items<'_> {
    fn say(&mut self, words: std::fmt::Arguments<'_>) {
        self.text.clear();
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(words);
        self.out.push(0);
        put_bytes(self.out, self.text.as_bytes());
    }
}

impl Answer<'_> {
    /// Appends the answer to a call that was made at `now`.
    pub(super) fn encode(&self, now: Instant, is_masked: bool, out: &mut Vec<u8>) {
        let count = match self {
            Answer::Step(outputs, _) => outputs.len() + 1,
            Answer::Sent(outcome) => 1 + usize::from(outcome.refused.is_some()),
            Answer::Topic(_)
            | Answer::Flushing(_)
            | Answer::Done
            | Answer::Counted(_)
            | Answer::Transacted(_)
            | Answer::State(_)
            | Answer::Lost(_) => 1,
        };
        put_number(out, count as u64);
        let text = String::new();
        let mut items = Items { out, text };
        match self {
            Self::Topic(result) => items.say(format_args!("{result:?}")),
            Self::Flushing(flush) => items.say(format_args!("{flush}")),
            Self::Transacted(result) => items.say(format_args!("{result:?}")),
            Self::State(state) => items.say(format_args!("{state:?}")),
            Self::Done => items.say(format_args!("done")),
            Self::Lost(lost) => items.say(format_args!("{lost}")),
            Self::Counted(metrics) => {
                let checksum = crc32fast::hash(format!("{metrics:?}").as_bytes());
                items.say(format_args!("metrics with checksum {checksum:08x}"));
            }
            Self::Sent(outcome) => sent(outcome, &mut items),
            Self::Step(outputs, step) => {
                for output in *outputs {
                    said(output, is_masked, &mut items);
                }
                waiting(step, now, &mut items);
            }
        }
    }
}

fn sent(outcome: &BulkOutcome, items: &mut Items<'_>) {
    let BulkOutcome {
        accepted,
        first_ticket,
        refused,
        free_bytes,
    } = outcome;
    items.out.push(2);
    put_number(items.out, (*accepted).into());
    put_number(items.out, first_ticket.0);
    put_number(items.out, *free_bytes);
    if let Some(error) = refused {
        items.say(format_args!("{error:?}"));
    }
}

fn waiting(step: &Step, now: Instant, items: &mut Items<'_>) {
    let Step {
        until,
        reason,
        free_bytes,
        more,
    } = step;
    items.out.push(3);
    match until {
        Some(until) => {
            items.out.push(1);
            let nanos = until.as_nanos().wrapping_sub(now.as_nanos());
            put_signed(items.out, nanos.cast_signed());
        }
        None => items.out.push(0),
    }
    items.out.push(u8::from(*more));
    put_number(items.out, *free_bytes);
    put_bytes(items.out, format!("{reason:?}").as_bytes());
}

fn said(output: &Output, is_masked: bool, items: &mut Items<'_>) {
    if let Output::Transmit { connection, slices } = output {
        let (head, bytes, checksum) = digest(slices, is_masked);
        items.out.push(1);
        put_number(items.out, connection.0.into());
        put_number(items.out, bytes);
        put_signed(items.out, head.api.into());
        put_signed(items.out, head.version.into());
        put_signed(items.out, head.correlation.into());
        put_number(items.out, checksum.into());
    } else if let Output::Event(Event::Delivered(report)) = output {
        delivered(report, is_masked, items);
    } else {
        items.say(format_args!("{output:?}"));
    }
}

/// A report. The debug form of tickets would tell how they are held.
fn delivered(report: &DeliveryReport, is_masked: bool, items: &mut Items<'_>) {
    let DeliveryReport {
        topic,
        partition,
        base_offset,
        log_append_time,
        outcome,
        cause,
        message,
        tickets,
    } = report;
    let mut runs = Vec::new();
    tickets.encode(&mut runs);
    let checksum = crc32fast::hash(&runs);
    let (first, last) = ends(tickets);
    let count = tickets.count();
    let message = message.as_deref().map(|message| {
        if is_masked {
            mask::hidden(message)
        } else {
            message.to_owned()
        }
    });
    items.say(format_args!(
        "report: {topic}, partition {partition:?}, base offset {base_offset:?}, append time \
         {log_append_time:?}, {outcome:?}, cause {cause:?}, message {message:?}, {count} records, \
         tickets {first} to {last} (checksum {checksum:08x})"
    ));
}

/// The first and the last of some tickets; zeros where there is none.
pub(super) fn ends(tickets: &TicketRuns) -> (u64, u64) {
    let first = tickets.iter().next().map_or(0, |(ticket, _)| ticket.0);
    let last = tickets.iter().last();
    (
        first,
        last.map_or(0, |(ticket, count)| ticket.0 + count - 1),
    )
}

/// Head, length in bytes and CRC-32 of a frame, which in masked recordings has no payloads.
fn digest(slices: &[Bytes], is_masked: bool) -> (Head, u64, u32) {
    if is_masked {
        let mut frame = slices.concat();
        mask::clear_payloads(&mut frame);
        let checksum = crc32fast::hash(&frame);
        return (Head::read(&frame), frame.len() as u64, checksum);
    }
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0;
    for slice in slices {
        hasher.update(slice);
        bytes += slice.len() as u64;
    }
    (head_of(slices), bytes, hasher.finalize())
}

/// The head of a frame in pieces.
pub(super) fn head_of(slices: &[Bytes]) -> Head {
    match slices.first() {
        Some(first) if first.len() >= 12 => Head::read(first),
        _ => Head::read(&slices.concat()),
    }
}

/// The items of an encoded answer for people, one line each.
pub(super) fn describe(answer: &[u8]) -> Vec<String> {
    let mut fields = Fields::new(answer);
    let mut lines = Vec::new();
    let count = fields.number().unwrap_or(0);
    for _ in 0..count {
        let Some(line) = describe_item(&mut fields) else {
            lines.push("(cannot be read)".to_owned());
            break;
        };
        lines.push(line);
    }
    if count == 0 {
        lines.push("nothing: the machine panicked".to_owned());
    }
    lines
}

fn describe_item(fields: &mut Fields<'_>) -> Option<String> {
    Some(match fields.byte()? {
        0 => fields.text()?.to_owned(),
        1 => {
            let (connection, bytes) = (fields.number()?, fields.number()?);
            let head = Head {
                api: fields.small_signed()?,
                version: fields.small_signed()?,
                correlation: fields.small_signed()?,
            };
            let checksum = fields.number()?;
            format!(
                "request on connection {connection}: {}, {bytes} bytes, checksum {checksum:08x}",
                super::trace::asked(head)
            )
        }
        2 => format!(
            "{} records accepted from ticket {} on, {} bytes free",
            fields.number()?,
            fields.number()?,
            fields.number()?
        ),
        3 => {
            let until = match fields.byte()? {
                0 => "no deadline".to_owned(),
                _ => format!("for {} ns", fields.signed()?),
            };
            let more = fields.byte()? != 0;
            let free = fields.number()?;
            let reason = fields.text()?;
            format!("wait {until}, reason {reason}, more {more}, {free} bytes free")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::request::tests::{produce_frame, record};
    use super::*;
    use odradek::{ConnectionId, Header, Outcome, Ticket, WaitReason};

    const STEP: Step = Step {
        until: Some(Instant::from_millis(3)),
        reason: WaitReason::Linger,
        free_bytes: 77,
        more: false,
    };

    fn encoded(outputs: &[Output], is_masked: bool) -> Vec<u8> {
        let mut out = Vec::new();
        Answer::Step(outputs, STEP).encode(Instant::from_millis(1), is_masked, &mut out);
        out
    }

    fn transmit(frame: Vec<u8>) -> Output {
        Output::Transmit {
            connection: ConnectionId(4),
            slices: vec![frame.into()],
        }
    }

    #[test]
    fn answers_are_told_in_words() {
        let frame = produce_frame(9, &record(b"k", b"v", &[]));
        let lines = describe(&encoded(&[transmit(frame)], false));
        assert!(
            lines[0].starts_with("request on connection 4: Produce v9, correlation 3, "),
            "{lines:?}"
        );
        assert_eq!(
            lines[1],
            "wait for 2000000 ns, reason Linger, more false, 77 bytes free"
        );
    }

    #[test]
    fn payloads_count_unless_they_are_masked() {
        let header = |value| {
            [Header {
                name: "n",
                value: Some(value),
            }]
        };
        let (one, other) = (header(b"one"), header(b"two"));
        let frames = [
            record(b"key", b"value", &one),
            record(b"kex", b"value", &one),
            record(b"key", b"other", &one),
            record(b"key", b"value", &other),
        ];
        for version in [3, 9, 13] {
            let [first, rest @ ..] = frames
                .each_ref()
                .map(|record| transmit(produce_frame(version, record)));
            let first = std::slice::from_ref(&first);
            for other in rest {
                let other = std::slice::from_ref(&other);
                assert_ne!(encoded(first, false), encoded(other, false));
                assert_eq!(encoded(first, true), encoded(other, true));
            }
        }
        let renamed = [Header {
            name: "m",
            value: Some(&b"one"[..]),
        }];
        let renamed = transmit(produce_frame(9, &record(b"key", b"value", &renamed)));
        let first = transmit(produce_frame(9, &frames[0]));
        assert_ne!(encoded(&[first], true), encoded(&[renamed], true));
    }

    #[test]
    fn reports_are_alike_however_their_tickets_are_held() {
        let report = |tickets| DeliveryReport {
            topic: TopicHandle(0),
            partition: Some(1),
            base_offset: Some(10),
            log_append_time: None,
            outcome: Outcome::Written,
            cause: None,
            message: Some("no".into()),
            tickets,
        };
        let mut tickets = TicketRuns::new();
        tickets.push(Ticket(3));
        tickets.push(Ticket(5));
        let mut runs = Vec::new();
        tickets.encode(&mut runs);
        let decoded = TicketRuns::decode(&runs).expect("its own encoding");
        let event = |tickets| [Output::Event(Event::Delivered(report(tickets)))];
        let one = encoded(&event(tickets.clone()), false);
        assert_eq!(one, encoded(&event(decoded), false));
        assert!(describe(&one)[0].contains("2 records, tickets 3 to 5"));
        tickets.push(Ticket(6));
        assert_ne!(one, encoded(&event(tickets), false));
        let hidden = encoded(&event(TicketRuns::new()), true);
        assert!(describe(&hidden)[0].contains("message Some(\"xx\")"));
    }
}
