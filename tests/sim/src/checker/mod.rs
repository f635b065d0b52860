//! The independent checker: reads the fake logs and the reports, and says what does not agree.
//!
//! It knows nothing of how the machine works. What it compares are three accounts that come from different
//! hands: what the application gave and was told (`Ledger`), what went over the wire (its attempts), and what
//! the brokers keep (`FakeLog`).

mod copies;
mod reports;
mod transactions;

use crate::cluster::FakeLog;
use crate::world::{Coverage, World};
use copies::Copies;

/// One log of one partition, in use or deleted with its topic.
pub(crate) struct LogView<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) log: &'a FakeLog,
    /// The ends that the log had when the partition forgot its producers.
    pub(crate) losses: Vec<i64>,
    /// Whether its topic is no more.
    pub(crate) is_deleted: bool,
    /// Whether the brokers give the records their timestamps.
    pub(crate) has_own_time: bool,
}

/// What is wrong; empty when all is well. Notes what only the logs show.
pub(crate) fn check(world: &World, coverage: &mut Coverage) -> Vec<String> {
    let logs = logs(world);
    let mut complaints = Vec::new();
    let copies = Copies::read(world, &logs, &mut complaints);
    copies::check_order(world, &logs, coverage, &mut complaints);
    copies.check_counts(world, &logs, &mut complaints);
    reports::check(world, &logs, &copies, &mut complaints);
    transactions::check(world, &logs, &copies, &mut complaints);
    reports::check_keys(world, &copies, &mut complaints);
    copies.situations(world, coverage);
    complaints
}

/// Every log that ever was.
fn logs(world: &World) -> Vec<LogView<'_>> {
    let mut views = Vec::new();
    for (topic, partitions, options) in &world.plan.topics {
        for partition in 0..*partitions {
            let mut logs = world.cluster.deleted_logs(topic, partition);
            logs.push(world.cluster.log(topic, partition));
            let last = logs.len() - 1;
            for (incarnation, log) in logs.into_iter().enumerate() {
                let here = (topic.as_str(), partition, incarnation);
                let losses = world.losses.iter();
                let losses = losses
                    .filter(|loss| (loss.topic.as_str(), loss.partition, loss.incarnation) == here);
                views.push(LogView {
                    topic,
                    partition,
                    log,
                    losses: losses.map(|loss| loss.end).collect(),
                    is_deleted: incarnation < last,
                    has_own_time: options.log_append_time,
                });
            }
        }
    }
    views
}
