//! Conversations about offsets in transactions.

use super::coordinate::{ALONE, Membership};
use super::produce::batch;
use super::talk::Talk;

const TIMEOUT_MS: i32 = 60_000;

pub(super) fn offsets(talk: &mut Talk<'_>) {
    let (id, group) = (talk.name("id"), talk.name("group"));
    let names = (id.as_str(), group.as_str());
    talk.find_coordinator(1, &id);
    talk.find_coordinator(0, &group);
    let first = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.commit_offset(names, first, 0, ALONE, 5);
    talk.commit_offset(names, first, 1, ALONE, 5);
    talk.commit_offset(names, first, 2, ALONE, 5);
    talk.produce(&batch(first, 0, 1).within(&id));
    let second = talk.end(&id, first, true, 5);
    talk.wait(200);
    talk.commit_offset(names, first, 0, ALONE, 5);
    talk.commit_offset(names, second.epoch(second.epoch + 1), 0, ALONE, 5);
    talk.commit_offset(names, second, 0, ALONE, 5);
    let third = talk.end(&id, second, false, 5);
    // Nobody is in the group, so nobody can speak for a member.
    let member = Membership {
        generation: 3,
        member: "somebody",
        instance: None,
        said: "somebody",
    };
    talk.commit_offset(names, third, 0, member, 5);
    let instance = Membership {
        instance: Some("static"),
        said: "somebody static",
        ..member
    };
    talk.commit_offset(names, third, 0, instance, 5);
    let without_generation = Membership {
        generation: -1,
        said: "somebody without generation",
        ..member
    };
    talk.commit_offset(names, third, 0, without_generation, 5);
    let missing = talk.name("missing");
    talk.commit_offset((&id, &missing), third, 0, member, 5);
    talk.commit_offset((&id, ""), third, 0, ALONE, 5);
    talk.end(&id, third, true, 5);
}

pub(super) fn classic_offsets(talk: &mut Talk<'_>) {
    let (id, group) = (talk.name("id"), talk.name("group"));
    let names = (id.as_str(), group.as_str());
    talk.find_coordinator(1, &id);
    talk.find_coordinator(0, &group);
    let me = talk.init(Some(&id), None, TIMEOUT_MS);
    talk.commit_offset(names, me, 0, ALONE, 4);
    talk.commit_offset(names, me, 0, ALONE, 3);
    talk.add_offsets(&id, me.epoch(9), &group);
    talk.add_offsets(&id, me, &group);
    talk.commit_offset(names, me, 0, ALONE, 4);
    talk.commit_offset(names, me, 1, ALONE, 2);
    talk.commit_offset(names, me.epoch(9), 0, ALONE, 4);
    talk.end(&id, me, true, 4);
    talk.wait(200);
    talk.commit_offset(names, me, 0, ALONE, 4);
}

pub(super) fn members(talk: &mut Talk<'_>) {
    let (id, group) = (talk.name("id"), talk.name("group"));
    talk.find_coordinator(1, &id);
    talk.find_coordinator(0, &group);
    let me = talk.init(Some(&id), None, TIMEOUT_MS);
    let (generation, member_id) = talk.join(&group, "static");
    let member = Membership {
        generation,
        member: &member_id,
        instance: None,
        said: "the member",
    };
    let instance = Membership {
        instance: Some("static"),
        said: "the member with its instance",
        ..member
    };
    let others = [
        Membership {
            generation: generation + 1,
            said: "the member in a later generation",
            ..member
        },
        Membership {
            generation: -1,
            said: "the member without generation",
            ..member
        },
        Membership {
            member: "",
            said: "nobody in the generation",
            ..member
        },
        Membership {
            member: "other",
            said: "another member",
            ..member
        },
        Membership {
            instance: Some("other"),
            said: "the member with another instance",
            ..member
        },
        Membership {
            member: "other",
            said: "another member with the instance",
            ..instance
        },
        ALONE,
    ];
    for membership in [member, instance].into_iter().chain(others) {
        talk.commit_offset((&id, &group), me, 0, membership, 5);
    }
    talk.commit_offset((&id, &group), me, 0, others[0], 3);
    talk.commit_offset((&id, &group), me, 0, ALONE, 2);
    talk.end(&id, me, true, 5);
}
