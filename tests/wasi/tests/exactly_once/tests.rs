//! The scenarios, one cluster or two at a time.

use crate::faults::{Fault, kill_a_node, move_leaders, pause_a_node, restart_all_nodes};
use crate::judge::Place;
use crate::pipeline::Pipeline;
use crate::size::Size;
use crate::subject::Subject;
use crate::{takeover, two_phase};
use odradek_tests_interop::cluster::{Cluster, Own};
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::kfake::Kfake;
use odradek_tests_interop::setup::Setup;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One of at most two clusters that run at the same time; at full size there is one.
struct Turn {
    cluster: Own,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits for the clusters of this lane that started before.
    fn start(lane: usize, setup: Setup, test: &str) -> Option<Self> {
        static LANES: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];
        let lane = &LANES[if Size::get().is_full { 0 } else { lane }];
        let turn = lane.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = Cluster::own(setup, test)?;
        Some(Self {
            cluster,
            _turn: turn,
        })
    }
}

/// The faults of both sizes, and those that take too long for every run.
fn faults<'a>(size: Size, short: &'a [Fault], long: &'a [Fault]) -> &'a [Fault] {
    if size.is_full { long } else { short }
}

#[test]
fn kafka_4_3() {
    let Some(mut turn) = Turn::start(0, Setup::three(Release::V4_3_0), "kafka_4_3") else {
        return;
    };
    let size = Size::get();
    let all: [Fault; 4] = [kill_a_node, pause_a_node, move_leaders, restart_all_nodes];
    let _ = Pipeline {
        name: "second",
        subject: Subject::Engine,
        size,
        faults: faults(size, &[kill_a_node], &all),
    }
    .run(&mut turn.cluster);
    takeover::fence(&mut turn.cluster, "fenced");
    takeover::kill_generations(&mut turn.cluster, "killed");
    two_phase::is_not_offered(&turn.cluster, "not-offered");
    // Transactions of the first kind, by the same nodes.
    turn.cluster.admin().tell("lower transaction.version 1");
    let _ = Pipeline {
        name: "first",
        subject: Subject::Engine,
        size,
        faults: faults(size, &[move_leaders], &all),
    }
    .run(&mut turn.cluster);
}

#[test]
fn kafka_unstable() {
    let Some(mut turn) = Turn::start(1, Setup::unstable(), "kafka_unstable") else {
        return;
    };
    two_phase::run(&mut turn.cluster, "two-phase");
}

#[test]
fn kafka_3_9() {
    let Some(mut turn) = Turn::start(1, Setup::three(Release::V3_9_1), "kafka_3_9") else {
        return;
    };
    let size = Size::get();
    let all: [Fault; 4] = [kill_a_node, pause_a_node, move_leaders, restart_all_nodes];
    let _ = Pipeline {
        name: "older",
        subject: Subject::Native,
        size,
        faults: faults(size, &[move_leaders], &all),
    }
    .run(&mut turn.cluster);
}

#[test]
fn kfake() {
    let Some(kfake) = Kfake::shared("kfake") else {
        return;
    };
    let place = Place {
        bootstrap: kfake.bootstrap().to_owned(),
        console: None,
    };
    let size = Size::get();
    // That librdkafka passes shows that what fails is a producer, and not the scenario.
    let few = Size {
        records: 300,
        transactions: 10,
        transacted: 200,
        ..size
    };
    let both = [
        ("ours", Subject::Engine, size),
        ("theirs", Subject::Reference, few),
    ];
    for (name, subject, size) in both {
        let _ = Pipeline {
            name,
            subject,
            size,
            faults: &[],
        }
        .run_in_peace(&place);
    }
}
