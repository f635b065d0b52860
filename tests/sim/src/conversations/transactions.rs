//! Conversations about transactions whose end bumps the epoch (KIP-890, Produce 12, EndTxn 5).

use super::produce::batch;
use super::talk::{Identity, Talk};

const TIMEOUT_MS: i32 = 60_000;

pub(super) fn commit_and_abort(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let first = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(first, 0, 2).within(&id));
    talk.produce(&batch(first, 2, 1).within(&id));
    talk.produce(&batch(first, 2, 1).within(&id));
    talk.produce(&batch(first, 0, 1).within(&id).to(1));
    let second = talk.end(&id, first, true, 5);
    talk.produce(&batch(second, 3, 1).within(&id));
    talk.produce(&batch(second, 0, 1).within(&id));
    let third = talk.end(&id, second, false, 5);
    talk.produce(&batch(third, 0, 1).within(&id).by(13));
    talk.produce(&batch(third, 2, 1).within(&id));
    let fourth = talk.end(&id, third, true, 5);
    // At once: the markers of the one before may not be written yet.
    talk.end(&id, fourth, false, 5);
}

pub(super) fn end_again(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let first = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(first, 0, 1).within(&id));
    let second = talk.end(&id, first, true, 5);
    talk.end(&id, first, true, 5);
    talk.end(&id, first, false, 5);
    talk.end(&id, second, true, 5);
    talk.produce(&batch(second, 0, 1).within(&id));
    talk.end(&id, first, true, 5);
    let third = talk.end(&id, second, false, 5);
    talk.end(&id, second, false, 5);
    talk.end(&id, second, true, 5);
    talk.end(&id, first, true, 5);
    // An empty transaction can be aborted, and not be committed.
    talk.end(&id, third, true, 5);
    let fourth = talk.end(&id, third, false, 5);
    talk.end(&id, third, false, 5);
    talk.end(&id, fourth.epoch(fourth.epoch + 1), false, 5);
}

pub(super) fn empty(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let first = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.end(&id, first, true, 5);
    let second = talk.end(&id, first, false, 5);
    talk.end(&id, first, true, 5);
    talk.produce(&batch(first, 0, 1).within(&id));
    talk.produce(&batch(second, 0, 1).within(&id));
    talk.end(&id, second, true, 5);
}

pub(super) fn late_batches(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let first = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(first, 0, 1).within(&id));
    let second = talk.end(&id, first, true, 5);
    talk.wait(200);
    // Of the transaction before: new, repeated, and to a partition that it never wrote to.
    talk.produce(&batch(first, 1, 1).within(&id));
    talk.produce(&batch(first, 0, 1).within(&id));
    talk.produce(&batch(first, 0, 1).within(&id).to(1));
    talk.produce(&batch(second, 0, 1).within(&id));
    talk.produce(&batch(first, 0, 1).within(&id));
    talk.produce(&batch(second.epoch(second.epoch + 1), 0, 1).within(&id));
    talk.end(&id, second, true, 5);
}

pub(super) fn first_sequence(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(me, 3, 1).within(&id));
    talk.produce(&batch(me, 0, 3).within(&id));
    talk.produce(&batch(me, 3, 1).within(&id));
    // The refused batch joined all the same.
    talk.produce(&batch(me, 1, 1).within(&id).to(1));
    talk.end(&id, me, false, 5);
}

pub(super) fn fenced(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let old = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(old, 0, 2).within(&id));
    // Somebody takes over: first the open transaction is aborted.
    talk.init_once(Some(&id), None, TIMEOUT_MS, false);
    let new = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.wait(200);
    talk.produce(&batch(old, 2, 1).within(&id));
    talk.produce(&batch(old, 0, 1).within(&id).to(1));
    talk.end(&id, old, true, 5);
    talk.end(&id, old, false, 5);
    talk.init(Some(&id), Some(old), TIMEOUT_MS);
    talk.produce(&batch(new, 0, 1).within(&id));
    talk.end(&id, old, true, 5);
    talk.end(&id, new, true, 5);
}

pub(super) fn own_identity(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let first = talk.init(Some(&id), None, TIMEOUT_MS);
    let second = talk.init(Some(&id), Some(first), TIMEOUT_MS);
    // The same request again, as after a lost answer.
    talk.init(Some(&id), Some(first), TIMEOUT_MS);
    let third = talk.init(Some(&id), Some(second), TIMEOUT_MS);
    talk.init(Some(&id), Some(first), TIMEOUT_MS);
    talk.produce(&batch(third, 0, 1).within(&id));
    let fourth = talk.end(&id, third, false, 5);
    talk.init(Some(&id), Some(third), TIMEOUT_MS);
    let fifth = talk.init(Some(&id), Some(fourth), TIMEOUT_MS);
    let sixth = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.init(Some(&id), Some(fifth), TIMEOUT_MS);
    // With a transaction open: it is aborted first, and the identity is an old one then.
    talk.produce(&batch(sixth, 0, 1).within(&id));
    talk.init_once(Some(&id), Some(sixth), TIMEOUT_MS, false);
    talk.init(Some(&id), Some(sixth), TIMEOUT_MS);
}

pub(super) fn strangers(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    let unknown = talk.name("unknown");
    talk.find_coordinator(1, &id);
    let me = talk.init(Some(&id), None, TIMEOUT_MS);
    let other = talk.init(None, None, TIMEOUT_MS);
    talk.end(&id, other, true, 5);
    talk.end(&unknown, me, true, 5);
    talk.produce(&batch(other, 0, 1).within(&id));
    talk.produce(&batch(me, 0, 1).within(&unknown));
    talk.init(Some(&id), Some(other), TIMEOUT_MS);
    // Beside the transaction, in the same partition.
    talk.produce(&batch(me, 0, 1).within(&id));
    talk.produce(&batch(me, 1, 1).beside(&id));
    talk.produce(&batch(me, 1, 1));
    talk.end(&id, me, true, 5);
    talk.init(Some(""), None, TIMEOUT_MS);
    talk.init(Some(&id), None, 900_001);
    talk.init(Some(&id), None, 0);
}

pub(super) fn timed_out(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = talk.init(Some(&id), None, 500);
    talk.produce(&batch(me, 0, 1).within(&id));
    talk.wait(2000);
    talk.produce(&batch(me, 1, 1).within(&id));
    talk.end(&id, me, true, 5);
    talk.end(&id, me, false, 5);
    let again = talk.init(Some(&id), Some(me), 500);
    talk.produce(&batch(again, 0, 1).within(&id));
    talk.end(&id, again, true, 5);
}

/// Takes over until the epoch is the last but `left` that a client gets.
fn use_up(talk: &mut Talk<'_>, id: &str, left: i16) -> Identity {
    loop {
        let me = talk.init_silently(id, TIMEOUT_MS);
        if me.epoch >= i16::MAX - 1 - left {
            talk.note("used up", &format!("epoch {}", me.epoch));
            return me;
        }
    }
}

pub(super) fn exhausted(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = use_up(talk, &id, 1);
    talk.produce(&batch(me, 0, 1).within(&id));
    let last = talk.end(&id, me, true, 5);
    talk.produce(&batch(last, 0, 1).within(&id));
    let next = talk.end(&id, last, true, 5);
    talk.end(&id, last, true, 5);
    talk.end(&id, last, false, 5);
    talk.produce(&batch(last, 1, 1).within(&id));
    talk.produce(&batch(next, 0, 1).within(&id));
    talk.end(&id, last, true, 5);
    talk.end(&id, next, true, 5);
}

pub(super) fn exhausted_by_fencing(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = use_up(talk, &id, 0);
    talk.produce(&batch(me, 0, 1).within(&id));
    talk.init_once(Some(&id), None, TIMEOUT_MS, false);
    let next = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(next, 0, 1).within(&id));
    talk.end(&id, me, false, 5);
    let next = talk.end(&id, next, true, 5);
    talk.init(Some(&id), Some(next), TIMEOUT_MS);
}

pub(super) fn exhausted_by_itself(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let last = use_up(talk, &id, 0);
    let next = talk.init(Some(&id), Some(last), TIMEOUT_MS);
    // The same request again, as after a lost answer.
    talk.init(Some(&id), Some(last), TIMEOUT_MS);
    talk.init(Some(&id), Some(next), TIMEOUT_MS);
    talk.init(Some(&id), Some(last), TIMEOUT_MS);
}
