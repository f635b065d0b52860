//! Conversations about transactions that keep their epoch (before KIP-890: Produce 11, EndTxn 4).

use super::produce::batch;
use super::talk::Talk;

const TIMEOUT_MS: i32 = 60_000;

pub(super) fn classic_flow(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(me, 0, 1).within(&id).by(11));
    talk.produce(&batch(me, 0, 1).within(&id).by(10));
    talk.add(&id, me, &[0], 3);
    talk.add(&id, me, &[0], 3);
    talk.produce(&batch(me, 0, 2).within(&id).by(11));
    talk.produce(&batch(me, 2, 1).within(&id).by(9));
    talk.produce(&batch(me, 0, 1).within(&id).by(11).to(1));
    talk.end(&id, me, true, 4);
    talk.end(&id, me, true, 4);
    talk.end(&id, me, false, 3);
    talk.produce(&batch(me, 3, 1).within(&id).by(11));
    talk.add(&id, me, &[0, 1], 2);
    // Sequences go on.
    talk.produce(&batch(me, 0, 1).within(&id).by(11));
    talk.produce(&batch(me, 3, 1).within(&id).by(11));
    talk.produce(&batch(me, 0, 1).within(&id).by(11).to(1));
    talk.end(&id, me, false, 4);
    talk.end(&id, me, false, 4);
    talk.end(&id, me, true, 4);
}

pub(super) fn classic_refusals(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.end(&id, me, true, 4);
    talk.end(&id, me, false, 4);
    talk.add(&id, me, &[0, 2], 3);
    talk.add(&id, me.epoch(9), &[0], 3);
    talk.add(&id, me.epoch(9), &[0], 1);
    let other = talk.init(None, None, TIMEOUT_MS);
    talk.add(&id, other, &[0], 3);
    let unknown = talk.name("unknown");
    talk.add(&unknown, me, &[0], 3);
    talk.add(&id, me, &[0], 3);
    talk.end(&id, me.epoch(9), true, 4);
    talk.end(&id, me.epoch(9), true, 1);
    talk.produce(&batch(me.epoch(9), 0, 1).within(&id).by(11));
    talk.produce(&batch(other, 0, 1).within(&id).by(11));
    talk.end(&id, me, false, 4);
}

pub(super) fn classic_fenced(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let old = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.add(&id, old, &[0], 3);
    talk.produce(&batch(old, 0, 1).within(&id).by(11));
    talk.init_once(Some(&id), None, TIMEOUT_MS, false);
    let new = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.produce(&batch(old, 1, 1).within(&id).by(11));
    talk.add(&id, old, &[1], 3);
    talk.add(&id, old, &[1], 1);
    talk.end(&id, old, true, 4);
    talk.end(&id, old, false, 1);
    talk.init(Some(&id), Some(old), TIMEOUT_MS);
    talk.add(&id, new, &[0], 3);
    talk.produce(&batch(new, 1, 1).within(&id).by(11));
    talk.produce(&batch(new, 0, 1).within(&id).by(11));
    talk.end(&id, new, true, 4);
}

pub(super) fn classic_timed_out(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = talk.init(Some(&id), None, 500);
    talk.add(&id, me, &[0], 3);
    talk.produce(&batch(me, 0, 1).within(&id).by(11));
    talk.wait(2000);
    talk.produce(&batch(me, 1, 1).within(&id).by(11));
    talk.add(&id, me, &[1], 3);
    talk.end(&id, me, true, 4);
    talk.end(&id, me, false, 4);
    talk.init(Some(&id), Some(me), 500);
    let again = talk.init(Some(&id), None, 500);
    talk.add(&id, again, &[0], 3);
    talk.produce(&batch(again, 0, 1).within(&id).by(11));
    talk.end(&id, again, true, 4);
}

pub(super) fn unverified_order(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let me = talk.init(Some(&id), None, TIMEOUT_MS);
    // The first batch is refused before the partition is added; the second may not overtake it.
    talk.produce(&batch(me, 0, 1).within(&id).by(11));
    talk.add(&id, me, &[0, 1], 3);
    talk.produce(&batch(me, 1, 1).within(&id).by(11));
    talk.produce(&batch(me, 0, 1).within(&id).by(11));
    // Without such a memory any first sequence will do.
    talk.produce(&batch(me, 4, 1).within(&id).by(11).to(1));
    talk.end(&id, me, true, 4);
}

pub(super) fn classic_identity(talk: &mut Talk<'_>) {
    let id = talk.name("id");
    talk.find_coordinator(1, &id);
    let first = talk.init(Some(&id), None, TIMEOUT_MS);
    let second = talk.init(Some(&id), Some(first), TIMEOUT_MS);
    talk.init(Some(&id), Some(first), TIMEOUT_MS);
    talk.add(&id, second, &[0], 3);
    talk.produce(&batch(second, 0, 1).within(&id).by(11));
    talk.end(&id, second, false, 4);
    let third = talk.init(Some(&id), Some(second), TIMEOUT_MS);
    talk.init(Some(&id), Some(second), TIMEOUT_MS);
    // With a transaction open: it is aborted first.
    talk.add(&id, third, &[0], 3);
    talk.produce(&batch(third, 1, 1).within(&id).by(11));
    talk.produce(&batch(third, 0, 1).within(&id).by(11));
    talk.init_once(Some(&id), Some(third), TIMEOUT_MS, false);
    talk.init(Some(&id), Some(third), TIMEOUT_MS);
    talk.init(Some(&id), None, TIMEOUT_MS);
}
