//! What the machine asks for, carried out.

use super::{Driver, End};
use crate::deliveries::Verdict;
use crate::notice::Notice;
use crate::partitions::{self, Partitions};
use crate::report::{ReportCause, SendError};
use odradek::{DeliveryReport, Event, FatalError, FlushId, Output, TopicPartitions};

impl Driver {
    /// Carries out the outputs of the last step.
    pub(super) fn carry_out(&mut self) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Resolve { query, host, port } => self.sockets.resolve(query, host, port),
                Output::Connect {
                    connection,
                    address,
                    host: _,
                } => {
                    self.shared.counters.connections.add(1);
                    self.sockets.connect(connection, address);
                }
                Output::Transmit { connection, slices } => {
                    self.sockets.transmit(connection, slices);
                }
                Output::Disconnect { connection } => self.sockets.disconnect(connection),
                Output::Event(event) => self.hear(event),
                // The step says so itself.
                Output::Wait { .. } => {}
            }
        }
        self.outputs = outputs;
        if !self.step.more {
            self.purges.clear();
        }
        self.wake_all();
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Delivered(report) => self.report(&report),
            // Every answer of the machine says how much room there is.
            Event::BufferAvailable { .. } => {
                // The machine has forgotten what it was told; somebody may still wait for more.
                self.told_wanted = 0;
                self.step.more |= self.wanted > 0 || self.transactions.needed.is_some();
            }
            Event::Flushed { flush } => self.flushed(flush),
            Event::OperationEnded(ended) => self.operation_ended(ended),
            Event::Partitions(TopicPartitions { topic, leaders }) => {
                let answer = leaders.map(Partitions::new).map_err(partitions::unknown);
                let name = self.topics.name(topic);
                self.shared.partitions.tell(&name, &answer);
            }
            Event::ConnectionFailed(failure) => {
                self.shared.failures().add(failure.clone());
                self.shared.notify(&Notice::ConnectionFailed(failure));
            }
            Event::Failed(error) => self.failed(error),
            Event::Closed => self.end = Some(End::Closed),
        }
    }

    fn report(&mut self, report: &DeliveryReport) {
        let verdict = Verdict {
            ticket: None,
            partition: report.partition,
            offset: report.base_offset,
            log_append_time: report.log_append_time,
            outcome: report.outcome,
            cause: report.cause.map(ReportCause::Delivery),
            message: report.message.as_deref().map(Into::into),
        };
        let topic = self.topics.name(report.topic);
        let before = self.window.outstanding();
        let mut slots = self.shared.deliveries.lock();
        // Whoever asked late for an earlier record is woken before the ones that are settled now. Under
        // this lock nobody can ask for those meanwhile.
        self.shared.staging().take_wakers(&mut self.wakers);
        let wakers = &mut self.wakers;
        self.window
            .settle(&report.tickets, &verdict, &topic, &mut slots, wakers);
        drop(slots);
        let settled = before - self.window.outstanding();
        self.shared.counters.records_reported.add(settled);
        self.shared.counters.reports.add(1);
    }

    fn flushed(&mut self, flush: FlushId) {
        // Dropping the sender tells the one who waits.
        self.flushes.retain(|(waiting, _)| *waiting != flush);
    }

    fn failed(&mut self, error: FatalError) {
        self.shared.staging().refuse(SendError::Failed(error));
        self.shared.room.close();
        self.shared.notify(&Notice::Failed(error));
    }
}
