//! Conversations about sequences and epochs, without transactions.

use super::produce::batch;
use super::talk::Talk;

pub(super) fn in_order(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    for (sequence, records) in [(0, 1), (1, 3), (4, 2)] {
        talk.produce(&batch(me, sequence, records));
    }
    talk.produce(&batch(me, 0, 1).to(1));
    for version in [3, 5, 7, 8, 9, 10, 11, 13] {
        talk.produce(&batch(me, i32::from(version), 1).to(1).by(version));
    }
}

pub(super) fn duplicates(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    for sequence in 0..3 {
        talk.produce(&batch(me, 2 * sequence, 2));
    }
    talk.produce(&batch(me, 4, 2));
    talk.produce(&batch(me, 0, 2));
    for sequence in 3..6 {
        talk.produce(&batch(me, 2 * sequence, 2));
    }
    // Five are remembered.
    talk.produce(&batch(me, 2, 2));
    talk.produce(&batch(me, 0, 2));
    // Only the whole range is a duplicate.
    talk.produce(&batch(me, 10, 1));
    talk.produce(&batch(me, 10, 3));
    talk.produce(&batch(me, 9, 3));
    talk.produce(&batch(me, 12, 1));
}

pub(super) fn gaps(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, 0, 2));
    talk.produce(&batch(me, 3, 1));
    talk.produce(&batch(me, 1, 1));
    talk.produce(&batch(me, 2, 1));
    talk.produce(&batch(me, 3, 1));
}

pub(super) fn epochs(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, 0, 2));
    talk.produce(&batch(me.epoch(1), 2, 1));
    talk.produce(&batch(me.epoch(1), 0, 1));
    talk.produce(&batch(me, 2, 1));
    talk.produce(&batch(me, 0, 2));
    talk.produce(&batch(me.epoch(1), 1, 1));
    // Epochs may be left out, and another partition has its own.
    talk.produce(&batch(me.epoch(7), 0, 1));
    talk.produce(&batch(me, 0, 1).to(1));
    talk.produce(&batch(me.epoch(7), 1, 1).acks_of_leader());
}

pub(super) fn unknown_producer(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, 5, 2));
    talk.produce(&batch(me, 7, 1));
    talk.produce(&batch(me.epoch(3), 9, 1).to(1).by(9));
    talk.produce(&batch(me.epoch(3), 11, 1).to(1).by(9));
}

pub(super) fn wrap(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, i32::MAX - 1, 4));
    talk.produce(&batch(me, i32::MAX - 1, 4));
    talk.produce(&batch(me, 2, 1));
    talk.produce(&batch(me, i32::MAX, 1).to(1));
    talk.produce(&batch(me, 1, 1).to(1));
    talk.produce(&batch(me, 0, 1).to(1));
}

pub(super) fn broker_time(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, 0, 3));
    talk.produce(&batch(me, 0, 3));
    talk.produce(&batch(me, 3, 1));
}

pub(super) fn keys_demanded(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, 0, 2));
    talk.produce(&batch(me, 2, 2).without_keys());
    talk.produce(&batch(me, 7, 2).without_keys().by(7));
    talk.produce(&batch(me, 2, 1));
}

pub(super) fn too_large(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, 0, 2));
    talk.produce(&batch(me, 2, 10).values_of(500));
    talk.produce(&batch(me, 2, 1).values_of(500));
}

pub(super) fn nonsense(talk: &mut Talk<'_>) {
    let me = talk.init(None, None, 60_000);
    talk.produce(&batch(me, 0, 2));
    // In the last record, in the checksum, in the base offset.
    talk.produce(&batch(me, 2, 2).damaged(90, 1));
    talk.produce(&batch(me, 2, 2).damaged(18, 1));
    talk.produce(&batch(me, 2, 2).damaged(7, 1));
    talk.produce(&batch(me, 2, 2).to(2));
    talk.produce(&batch(me, 2, 2));
    talk.topic = talk.name("missing");
    talk.produce(&batch(me, 0, 1));
}
