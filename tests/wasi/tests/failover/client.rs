//! A producer through the client component, which opens its own connections over WASI.

use crate::plan::{Counted, Pacer, Plan, Progress, SETTLE_LIMIT, TICK};
use odradek::ErrorCode;
use odradek_tests_interop::ledger::{Outcome, Said};
use odradek_tests_interop::numbered::Numbered;
use odradek_tests_wasi::client::types::{self, Event, ProducerRecord};
use odradek_tests_wasi::client::{Instance, Producer};
use odradek_tests_wasi::policy::Policy;
use std::mem;
use std::time::Instant;

struct Client {
    instance: Instance,
    producer: Producer,
    /// When each record was sent.
    sent: Vec<Instant>,
    failures: Vec<String>,
    /// By number, which is the ticket: nothing is refused for good.
    reports: Vec<Option<Said>>,
}

/// Sends what is planned; the reports by the number of the record, or fewer where the scenario has failed.
pub(crate) fn send(plan: &Plan, progress: &Progress) -> Vec<Said> {
    let mut instance = Instance::new(&Policy::default());
    let properties: Vec<(&str, &str)> = plan
        .properties
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let opened = instance.open(&properties).expect("no trap");
    let producer = opened.expect("the properties are right").producer;
    let (guest, store) = instance.producer();
    let topic = guest.call_topic(store, producer, &plan.topic);
    let topic = topic.expect("no trap").expect("it is a name");
    let mut client = Client {
        instance,
        producer,
        sent: Vec::new(),
        failures: Vec::new(),
        reports: vec![None; plan.count as usize],
    };
    let mut pacer = Pacer::new(plan, progress);
    while let Some(due) = pacer.due() {
        for number in due {
            client.send(number, topic, plan.partitions);
        }
        client.wait(TICK.as_millis() as u64);
    }
    if progress.is_abandoned() {
        return Vec::new();
    }
    let (guest, store) = client.instance.producer();
    let limit = SETTLE_LIMIT.as_millis() as u64;
    let closed = guest.call_close(store, producer, limit).expect("no trap");
    assert!(closed.done, "the producer closes in time");
    client.take();
    *plan.failures.lock().expect("nobody panicked") = mem::take(&mut client.failures);
    let (guest, store) = client.instance.producer();
    let metrics = guest.call_metrics(store, producer).expect("no trap");
    let errors = metrics.errors.into_iter();
    let counted = plan.counted.set(Counted {
        splits: metrics.batch_splits,
        errors: errors
            .map(|(code, times)| (ErrorCode(code), times))
            .collect(),
    });
    counted.expect("it ends once");
    let reports = client.reports.into_iter().enumerate();
    reports
        .map(|(number, said)| said.unwrap_or_else(|| panic!("record {number} has no report")))
        .collect()
}

impl Client {
    /// Sends one record, after waiting for room where there is none.
    fn send(&mut self, number: u64, topic: u32, partitions: i32) {
        let sent = Numbered::new(number, partitions);
        let record = ProducerRecord {
            topic,
            partition: sent.partition,
            timestamp: None,
            key: sent.key,
            value: Some(sent.value),
            headers: Vec::new(),
        };
        let start = Instant::now();
        loop {
            let (guest, store) = self.instance.producer();
            let outcome = guest.call_send(store, self.producer, &record);
            let outcome = outcome.expect("no trap");
            if outcome.accepted == 1 {
                assert_eq!(outcome.first_ticket, number, "tickets follow one another");
                self.sent.push(start);
                return;
            }
            assert!(start.elapsed() < SETTLE_LIMIT, "{:?}", outcome.refused);
            self.wait(100);
        }
    }

    /// Gives the component time, and takes what happened.
    fn wait(&mut self, ms: u64) {
        let (guest, store) = self.instance.producer();
        guest.call_wait(store, self.producer, ms).expect("no trap");
        self.take();
    }

    fn take(&mut self) {
        let (guest, store) = self.instance.producer();
        let taken = guest.call_take_events(store, self.producer, u32::MAX);
        let taken = taken.expect("no trap");
        let mut data = taken.data.as_slice();
        for event in taken.events {
            let report = match event {
                Event::Delivered(report) => report,
                Event::ConnectionFailed(failure) => {
                    self.failures.push(format!("{failure:?}"));
                    continue;
                }
                Event::BufferAvailable(_)
                | Event::Partitions(_)
                | Event::Flushed(_)
                | Event::OperationEnded(_)
                | Event::Failed(_)
                | Event::Closed => continue,
            };
            let (runs, rest) = data.split_at(report.tickets_length as usize);
            data = rest;
            let runs = odradek::TicketRuns::decode(runs).expect("whole runs");
            for (position, ticket) in (0..).zip(runs.tickets()) {
                let said = said(&report, position, self.sent[ticket.0 as usize]);
                let slot = &mut self.reports[ticket.0 as usize];
                assert_eq!(slot.replace(said), None, "a second report of {ticket:?}");
            }
        }
    }
}

/// The report of the record at a position of its batch.
fn said(report: &types::Report, position: i64, sent: Instant) -> Said {
    Said {
        outcome: match report.outcome {
            types::Outcome::Written => Outcome::Written,
            types::Outcome::NotWritten => Outcome::NotWritten,
            types::Outcome::PossiblyWritten => Outcome::PossiblyWritten,
        },
        partition: report.partition,
        offset: report.base_offset.map(|base| base + position),
        timestamp: report.log_append_time,
        cause: report
            .cause
            .as_ref()
            .map(|it| format!("{it:?}"))
            .unwrap_or_default(),
        message: report.message.clone().unwrap_or_default(),
        sent,
        at: Instant::now(),
    }
}
