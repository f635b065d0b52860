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

#[test]
fn what_went_with_the_log_of_a_deleted_topic_is_still_in_doubt() {
    // A batch was appended to a log that was deleted later. Its doubt was forgotten with the log, and it was reported
    // as not written when the new log refused it.
    for seed in [153, 623] {
        passes(seed);
    }
}

#[test]
fn nothing_starts_again_under_the_same_epoch_in_the_log_of_a_topic_that_is_created_again() {
    // Produce by name had reached the new log before its id was known. Sequences that started at 0 again under the
    // same epoch were taken for duplicates there: records were reported as written that nobody had stored.
    passes(337);
}

#[test]
fn a_batch_bears_the_identity_of_its_own_transaction() {
    // A batch expired while it was out and was acknowledged afterwards. Its partition was whole again only when the next
    // transaction drained it, and went on under the epoch of the transaction before.
    passes(803);
}

#[test]
fn an_abort_ends_what_a_lost_answer_may_have_begun() {
    // The answer to AddPartitionsToTxn was lost, and asking again was refused: the abort told nobody. The coordinator
    // ended the transaction when its time was over, within one of the next ones, and fenced the producer.
    for seed in [1533, 4649] {
        passes(seed);
    }
}
