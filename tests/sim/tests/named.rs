//! Seeds that once failed, each with what it found. A seed stands for a world of the present generator:
//! whoever changes `world/plan.rs` looks for other seeds of the same faults.

use odradek_tests_sim::world::run;

fn passes(seed: u64) {
    let run = run(seed, false);
    assert!(
        run.complaints.is_empty(),
        "{:#?}\nall of it: ODRADEK_SEED={seed} cargo test -p odradek-tests-sim --test seeds -- --nocapture",
        run.complaints
    );
}

#[test]
fn a_coordinator_that_is_down_is_not_waited_for_in_the_past() {
    // A request to a coordinator waited for retry.backoff.ms, while the deadline of its connection had passed:
    // the machine asked to be woken at once, over and over.
    for seed in [162, 176, 464, 690, 823, 825] {
        passes(seed);
    }
}

#[test]
fn a_topic_that_is_created_again_gets_its_batches_in_order() {
    passes(1508);
}
