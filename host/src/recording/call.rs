//! The calls of a machine as values: the one list of them, how they are written, and how they are made
//! again.
//!
//! An entry begins with the call's number (see [`Call::number`]) and the driver's clock, as the difference
//! in ns to the call before; its arguments follow, then the [`Answer`](super::answer::Answer). A list is
//! its number of elements and the elements.
//!
//! Of a bulk of a masked recording the file has both indexes, how many bytes there were, and the names of
//! the headers; every other byte comes back as zero.

use super::answer::Answer;
use super::fields::{Fields, put_bytes, put_number, put_signed};
use super::happening::Happening;
use super::{mask, transact};
use crate::machine::{Machine, MachineLost, TransactionCommand};
use odradek::{Bulk, BulkHeader, BulkRecord, Input, Instant, Output, TopicHandle};
use std::borrow::Cow;
use std::time::Duration;

/// One call of a machine.
#[derive(Clone, Debug)]
pub enum Call<'a> {
    /// [`Machine::topic`].
    Topic(Cow<'a, str>),
    /// [`Machine::send_many`].
    SendMany(Records<'a>),
    /// [`Machine::watch`].
    Watch(TopicHandle),
    /// [`Machine::want_room`].
    WantRoom(u64),
    /// [`Machine::flush`].
    Flush,
    /// [`Machine::purge`].
    Purge,
    /// [`Machine::close`].
    Close(Duration),
    /// [`Machine::step`].
    Step(Vec<Happening<'a>>),
    /// [`Machine::metrics`].
    Metrics,
    /// [`Machine::transact`].
    Transact(Cow<'a, TransactionCommand>),
    /// [`Machine::transaction_state`].
    TransactionState,
}

/// Records in bulk form, and the wall clock.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    /// One entry per record.
    pub records: Cow<'a, [BulkRecord]>,
    /// The headers of all records.
    pub headers: Cow<'a, [BulkHeader]>,
    /// Their bytes.
    pub data: Cow<'a, [u8]>,
    /// The wall clock in ms since 1970.
    pub wall: i64,
}

impl Records<'_> {
    /// The same, borrowed.
    pub fn bulk(&self) -> Bulk<'_> {
        Bulk {
            records: &self.records,
            headers: &self.headers,
            data: &self.data,
        }
    }
}

impl<'a> Call<'a> {
    /// The call's number in the file. 0 is the end.
    const fn number(&self) -> u8 {
        match self {
            Self::Topic(_) => 1,
            Self::SendMany(_) => 2,
            Self::Watch(_) => 3,
            Self::WantRoom(_) => 4,
            Self::Flush => 5,
            Self::Purge => 6,
            Self::Close(_) => 7,
            Self::Step(_) => 8,
            Self::Metrics => 9,
            Self::Transact(_) => 10,
            Self::TransactionState => 11,
        }
    }

    /// What the call is called.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Topic(_) => "topic",
            Self::SendMany(_) => "send",
            Self::Watch(_) => "watch",
            Self::WantRoom(_) => "want room",
            Self::Flush => "flush",
            Self::Purge => "purge",
            Self::Close(_) => "close",
            Self::Step(_) => "step",
            Self::Metrics => "metrics",
            Self::Transact(_) => "transact",
            Self::TransactionState => "transaction state",
        }
    }

    /// Appends the call; `elapsed` is the clock in ns since the call before.
    pub(super) fn encode(&self, elapsed: i64, is_masked: bool, out: &mut Vec<u8>) {
        out.push(self.number());
        put_signed(out, elapsed);
        match self {
            Self::Topic(name) => put_bytes(out, name.as_bytes()),
            Self::SendMany(records) => encode_records(records, is_masked, out),
            Self::Watch(topic) => put_number(out, topic.0.into()),
            Self::WantRoom(bytes) => put_number(out, *bytes),
            Self::Close(timeout) => {
                put_number(out, timeout.as_secs());
                put_number(out, timeout.subsec_nanos().into());
            }
            Self::Step(happenings) => {
                put_number(out, happenings.len() as u64);
                for happening in happenings {
                    happening.encode(out);
                }
            }
            Self::Transact(command) => transact::encode(command, out),
            Self::Flush | Self::Purge | Self::Metrics | Self::TransactionState => {}
        }
    }

    /// Reads a call, with the clock in ns since the call before.
    pub(super) fn decode(fields: &mut Fields<'a>, is_masked: bool) -> Option<(i64, Self)> {
        let number = fields.byte()?;
        let elapsed = fields.signed()?;
        let call = match number {
            1 => Self::Topic(fields.text()?.into()),
            2 => Self::SendMany(decode_records(fields, is_masked)?),
            3 => Self::Watch(TopicHandle(fields.small()?)),
            4 => Self::WantRoom(fields.number()?),
            5 => Self::Flush,
            6 => Self::Purge,
            7 => {
                let (seconds, nanos) = (fields.number()?, fields.small()?);
                Self::Close(Duration::from_secs(seconds) + Duration::from_nanos(nanos))
            }
            8 => {
                let mut happenings = Vec::new();
                for _ in 0..fields.number()? {
                    happenings.push(Happening::decode(fields)?);
                }
                Self::Step(happenings)
            }
            9 => Self::Metrics,
            10 => Self::Transact(Cow::Owned(transact::decode(fields)?)),
            11 => Self::TransactionState,
            _ => return None,
        };
        Some((elapsed, call))
    }

    /// Makes the call, and gives the answer. `outputs` is empty, and takes those of a step.
    pub(super) fn make<'o>(
        &self,
        machine: &mut dyn Machine,
        now: Instant,
        outputs: &'o mut Vec<Output>,
    ) -> Answer<'o> {
        let done = |result: Result<(), MachineLost>| result.map(|()| Answer::Done);
        let answer = match self {
            Self::Topic(name) => machine.topic(name).map(Answer::Topic),
            Self::SendMany(records) => {
                let sent = machine.send_many(&records.bulk(), records.wall, now);
                sent.map(Answer::Sent)
            }
            Self::Watch(topic) => done(machine.watch(*topic, now)),
            Self::WantRoom(bytes) => done(machine.want_room(*bytes)),
            Self::Flush => machine.flush(now).map(Answer::Flushing),
            Self::Purge => done(machine.purge(now)),
            Self::Close(timeout) => done(machine.close(*timeout, now)),
            Self::Step(happenings) => {
                let inputs: Vec<Input<'_>> = happenings.iter().map(Happening::input).collect();
                let step = machine.step(&inputs, now, outputs);
                step.map(|step| Answer::Step(outputs, step))
            }
            Self::Transact(command) => machine.transact(command, now).map(Answer::Transacted),
            Self::TransactionState => machine.transaction_state().map(Answer::State),
            Self::Metrics => machine
                .metrics(now)
                .map(|metrics| Answer::Counted(metrics.into())),
        };
        answer.unwrap_or_else(Answer::Lost)
    }
}

fn encode_records(records: &Records<'_>, is_masked: bool, out: &mut Vec<u8>) {
    put_signed(out, records.wall);
    put_number(out, records.records.len() as u64);
    for record in &*records.records {
        put_number(out, record.topic.0.into());
        put_signed(out, record.partition.into());
        put_signed(out, record.timestamp);
        put_signed(out, record.key_length.into());
        put_signed(out, record.value_length.into());
        put_number(out, record.header_count.into());
    }
    put_number(out, records.headers.len() as u64);
    for header in &*records.headers {
        put_number(out, header.name_length.into());
        put_signed(out, header.value_length.into());
    }
    if is_masked {
        put_number(out, records.data.len() as u64);
        for range in mask::header_names(&records.records, &records.headers, records.data.len()) {
            out.extend_from_slice(&records.data[range]);
        }
    } else {
        put_bytes(out, &records.data);
    }
}

fn decode_records<'a>(fields: &mut Fields<'a>, is_masked: bool) -> Option<Records<'a>> {
    let wall = fields.signed()?;
    let mut records = Vec::new();
    for _ in 0..fields.number()? {
        records.push(BulkRecord {
            topic: TopicHandle(fields.small()?),
            partition: fields.small_signed()?,
            timestamp: fields.signed()?,
            key_length: fields.small_signed()?,
            value_length: fields.small_signed()?,
            header_count: fields.small()?,
        });
    }
    let mut headers = Vec::new();
    for _ in 0..fields.number()? {
        headers.push(BulkHeader {
            name_length: fields.small()?,
            value_length: fields.small_signed()?,
        });
    }
    let data = if is_masked {
        let length = fields
            .small()
            .filter(|length| *length <= MASKED_BYTES_MAX)?;
        let mut data = vec![0; length];
        for range in mask::header_names(&records, &headers, length) {
            let name = fields.take(range.len())?;
            data[range].copy_from_slice(name);
        }
        data.into()
    } else {
        fields.bytes()?.into()
    };
    Some(Records {
        records: records.into(),
        headers: headers.into(),
        data,
        wall,
    })
}

/// The most bytes of records that one call can carry: what the largest buffer of a component has room for.
/// A file that asks for more is not one of ours.
const MASKED_BYTES_MAX: usize = 4 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{GroupOffset, GroupOffsets};
    use odradek::PreparedTransaction;

    fn both_ways(call: &Call<'_>, is_masked: bool) -> String {
        let mut entry = Vec::new();
        call.encode(-5, is_masked, &mut entry);
        let mut fields = Fields::new(&entry);
        let (elapsed, decoded) = Call::decode(&mut fields, is_masked).expect("it is whole");
        assert_eq!((elapsed, fields.rest()), (-5, &[][..]));
        for cut in 0..entry.len() {
            let mut fields = Fields::new(&entry[..cut]);
            assert!(
                Call::decode(&mut fields, is_masked).is_none(),
                "cut at {cut}"
            );
        }
        format!("{decoded:?}")
    }

    fn records() -> Records<'static> {
        let record = |key_length, header_count| BulkRecord {
            topic: TopicHandle(1),
            partition: -1,
            timestamp: 1_700_000_000_000,
            key_length,
            value_length: 2,
            header_count,
        };
        let header = |name_length, value_length| BulkHeader {
            name_length,
            value_length,
        };
        Records {
            records: vec![record(3, 2), record(-1, 0)].into(),
            headers: vec![header(4, 1), header(1, -1)].into(),
            data: b"keyvvnameHnvv"[..].into(),
            wall: 7,
        }
    }

    #[test]
    fn every_call_comes_back_as_it_was() {
        let calls = [
            Call::Topic("t".into()),
            Call::SendMany(records()),
            Call::Watch(TopicHandle(3)),
            Call::WantRoom(1 << 40),
            Call::Flush,
            Call::Purge,
            Call::Close(Duration::new(3, 5)),
            Call::Step(vec![Happening::Timeout]),
            Call::Metrics,
            Call::TransactionState,
        ];
        for call in calls {
            assert_eq!(both_ways(&call, false), format!("{call:?}"));
        }
    }

    #[test]
    fn every_command_about_transactions_comes_back_as_it_was() {
        let offset = |leader_epoch, metadata: Option<&str>| GroupOffset {
            topic: "t".to_owned(),
            partition: 3,
            offset: 1 << 40,
            leader_epoch,
            metadata: metadata.map(ToOwned::to_owned),
        };
        let group = GroupOffsets {
            group_id: "g".to_owned(),
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: Some("i".to_owned()),
            offsets: vec![offset(None, None), offset(Some(7), Some("m"))],
        };
        let prepared = PreparedTransaction {
            producer_id: 1 << 50,
            producer_epoch: 9,
        };
        for command in [
            TransactionCommand::Init {
                keep_prepared: true,
            },
            TransactionCommand::Begin,
            TransactionCommand::SendOffsets(Box::new(group)),
            TransactionCommand::Prepare,
            TransactionCommand::Complete(prepared),
            TransactionCommand::Commit,
            TransactionCommand::Abort,
        ] {
            let call = Call::Transact(Cow::Owned(command));
            assert_eq!(both_ways(&call, false), format!("{call:?}"));
        }
    }

    #[test]
    fn a_masked_bulk_keeps_lengths_and_header_names() {
        let mut expected = records();
        expected.data = b"\0\0\0\0\0name\0n\0\0"[..].into();
        let masked = both_ways(&Call::SendMany(records()), true);
        assert_eq!(masked, format!("{:?}", Call::SendMany(expected)));
    }

    #[test]
    fn a_bulk_whose_bytes_are_missing_can_be_masked() {
        let mut short = records();
        short.data = b"keyvvna"[..].into();
        let masked = both_ways(&Call::SendMany(short.clone()), true);
        short.data = vec![0; 7].into();
        assert_eq!(masked, format!("{:?}", Call::SendMany(short)));
    }
}
