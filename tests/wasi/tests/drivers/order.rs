//! Order within a partition while several requests are under way and connections end at random.

use crate::stage::{Stage, is_full};
use odradek_tests_component::records::Dice;
use odradek_tests_wasi::peers::{Cluster, Conduct, Fault, FaultKind, Flow, Pace};
use std::time::Duration;

/// Faults at random distances of at most `distance` bytes.
fn faults(dice: &mut Dice, count: usize, distance: u64) -> Vec<Fault> {
    let mut after = 0;
    let faults = (0..count).map(|_| {
        after += 1 + dice.below(distance);
        let kind = match dice.below(3) {
            0 => FaultKind::Reset,
            1 => FaultKind::Close,
            _ => FaultKind::HalfClose,
        };
        Fault { after, kind }
    });
    faults.collect()
}

/// Several requests are under way at any time, as the answers take 1 ms each.
fn storm(stage: &Stage, seed: u64) {
    let (records, cuts) = if is_full() {
        (20_000, 200)
    } else {
        (2_000, 20)
    };
    let mut dice = Dice::new(seed);
    let cluster = Cluster::start(1);
    cluster.create_topic("t", 1);
    let deaf = |fault: &Fault| fault.kind == FaultKind::HalfClose;
    let mut requests = faults(&mut dice, cuts, 8_000);
    // These take until a request times out, and are tried elsewhere.
    requests.retain(|fault| !deaf(fault));
    cluster.proxy(0).behave(Conduct {
        requests: Flow {
            faults: requests,
            pace: None,
        },
        responses: Flow {
            faults: faults(&mut dice, cuts, 500),
            pace: Some(Pace {
                bytes: 64,
                pause: Duration::from_millis(1),
            }),
        },
        spoils: Vec::new(),
    });
    let mut session = stage.open_at(&cluster, &[("batch.size", "800"), ("linger.ms", "1")]);
    session.send_small("t", 1, records);
    session.until_reported();
    let counts = cluster.proxy(0).counts();
    assert!(counts.connections as usize > cuts / 2, "{counts:?}");
    assert_eq!(counts.left, 0, "all cuts were met: {counts:?}");
    session.finish(&cluster);
}

pub(crate) fn records_stay_in_order_while_connections_are_cut(stage: &Stage) {
    for seed in 0..if is_full() { 10 } else { 3 } {
        eprintln!("seed {seed}");
        storm(stage, seed);
    }
}
