//! Commands about transactions in a recording: their number, and the fields of those that have some. A text
//! or number that may be missing stands behind a byte 1, or is a byte 0.

use super::fields::{Fields, put_bytes, put_number, put_signed};
use crate::machine::{GroupOffset, GroupOffsets, TransactionCommand};
use odradek::PreparedTransaction;

/// Appends a command.
pub(super) fn encode(command: &TransactionCommand, out: &mut Vec<u8>) {
    match command {
        TransactionCommand::Init { keep_prepared } => out.extend([0, u8::from(*keep_prepared)]),
        TransactionCommand::Begin => out.push(1),
        TransactionCommand::SendOffsets(offsets) => {
            out.push(2);
            encode_offsets(offsets, out);
        }
        TransactionCommand::Prepare => out.push(3),
        TransactionCommand::Complete(prepared) => {
            out.push(4);
            put_signed(out, prepared.producer_id);
            put_signed(out, prepared.producer_epoch.into());
        }
        TransactionCommand::Commit => out.push(5),
        TransactionCommand::Abort => out.push(6),
    }
}

/// Reads a command.
pub(super) fn decode(fields: &mut Fields<'_>) -> Option<TransactionCommand> {
    Some(match fields.byte()? {
        0 => TransactionCommand::Init {
            keep_prepared: fields.byte()? != 0,
        },
        1 => TransactionCommand::Begin,
        2 => TransactionCommand::SendOffsets(Box::new(decode_offsets(fields)?)),
        3 => TransactionCommand::Prepare,
        4 => TransactionCommand::Complete(PreparedTransaction {
            producer_id: fields.signed()?,
            producer_epoch: fields.small_signed()?,
        }),
        5 => TransactionCommand::Commit,
        6 => TransactionCommand::Abort,
        _ => return None,
    })
}

fn encode_offsets(group: &GroupOffsets, out: &mut Vec<u8>) {
    put_bytes(out, group.group_id.as_bytes());
    put_signed(out, group.generation_id.into());
    put_bytes(out, group.member_id.as_bytes());
    put_optional(out, group.group_instance_id.as_deref());
    put_number(out, group.offsets.len() as u64);
    for offset in &group.offsets {
        put_bytes(out, offset.topic.as_bytes());
        put_signed(out, offset.partition.into());
        put_signed(out, offset.offset);
        out.push(u8::from(offset.leader_epoch.is_some()));
        if let Some(epoch) = offset.leader_epoch {
            put_signed(out, epoch.into());
        }
        put_optional(out, offset.metadata.as_deref());
    }
}

fn decode_offsets(fields: &mut Fields<'_>) -> Option<GroupOffsets> {
    let mut group = GroupOffsets {
        group_id: fields.text()?.to_owned(),
        generation_id: fields.small_signed()?,
        member_id: fields.text()?.to_owned(),
        group_instance_id: take_optional(fields)?,
        offsets: Vec::new(),
    };
    for _ in 0..fields.number()? {
        group.offsets.push(GroupOffset {
            topic: fields.text()?.to_owned(),
            partition: fields.small_signed()?,
            offset: fields.signed()?,
            leader_epoch: match fields.byte()? {
                0 => None,
                _ => Some(fields.small_signed()?),
            },
            metadata: take_optional(fields)?,
        });
    }
    Some(group)
}

fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_bytes(out, text.as_bytes());
    }
}

#[expect(
    clippy::option_option,
    reason = "null and missing are different things"
)]
fn take_optional(fields: &mut Fields<'_>) -> Option<Option<String>> {
    match fields.byte()? {
        0 => Some(None),
        _ => Some(Some(fields.text()?.to_owned())),
    }
}
