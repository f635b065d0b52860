//! Records that name no partition: the same choice through every driver.

use crate::stage::Stage;
use odradek_tests_wasi::peers::Cluster;

/// Keys, enough that no good hash puts all of them in one place.
const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

pub(crate) fn keys_stay_together_and_the_rest_is_spread(stage: &Stage) {
    let cluster = Cluster::start(1);
    cluster.create_topic("t", 6);
    // Batches of a few records, so that keyless ones move on.
    let others = [("batch.size", "400"), ("linger.ms", "1")];
    let mut session = stage.open_at(&cluster, &others);
    for round in 0..60 {
        for key in KEYS {
            let value = format!("value {round}");
            session.send_record("t", None, Some(key.as_bytes()), value.as_bytes());
            session.send_record("t", None, None, value.as_bytes());
        }
    }
    session.flush(crate::session::LIMIT);
    session.until_reported();
    let mut homes = Vec::new();
    for key in KEYS {
        let mut partitions = session.partitions_of(Some(key.as_bytes()));
        assert_eq!(partitions.len(), 60, "{session:?}");
        partitions.dedup();
        assert_eq!(partitions.len(), 1, "{key} is in {partitions:?}");
        homes.extend(partitions);
    }
    homes.sort_unstable();
    homes.dedup();
    assert!(homes.len() >= 3, "all keys are in {homes:?}");
    let mut spread = session.partitions_of(None);
    spread.sort_unstable();
    spread.dedup();
    assert_eq!(spread, [0, 1, 2, 3, 4, 5]);
    session.finish(&cluster);
}
