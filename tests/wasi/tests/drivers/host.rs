//! The driver of the host crate, around the core and around the component.

use crate::subject::{Record, Report, Subject, Taken, Transact};
use odradek::{ConnectionFailure, Header};
use odradek_host::{
    Backend, GroupMetadata, Notice, OffsetToCommit, Producer, ReportCause, TransactionError,
};
use std::borrow::Cow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// Opens a producer around the core itself.
pub(crate) fn native(properties: &[(String, String)]) -> Box<dyn Subject> {
    Box::new(Host::open(Backend::Native, properties))
}

/// Opens a producer around the component.
pub(crate) fn component(properties: &[(String, String)]) -> Box<dyn Subject> {
    Box::new(Host::open(Backend::Component, properties))
}

enum Happening {
    Reported(Report),
    Failed(ConnectionFailure),
}

struct Host {
    /// Deliveries are awaited in it, one task each.
    runtime: Runtime,
    producer: Producer,
    sent: u64,
    happenings: Receiver<Happening>,
    tell: Sender<Happening>,
    /// What a wait found.
    found: Option<Happening>,
}

impl Host {
    fn open(backend: Backend, properties: &[(String, String)]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .expect("a runtime");
        let (tell, happenings) = channel();
        let failed = tell.clone();
        let producer = Producer::builder()
            .properties(properties.iter().cloned())
            .backend(backend)
            .on_notice(move |notice| match notice {
                Notice::ConnectionFailed(failure) => {
                    // Nobody listens once the case is over.
                    let _ = failed.send(Happening::Failed(failure.clone()));
                }
                Notice::Failed(error) => panic!("the producer failed: {error}"),
                Notice::MachineLost(lost) => panic!("the machine is lost: {lost}"),
                Notice::DroppedUnclosed => {}
            })
            .build()
            .expect("it opens");
        Self {
            runtime,
            producer,
            sent: 0,
            happenings,
            tell,
            found: None,
        }
    }
}

fn report(ticket: u64, report: &odradek_host::Report) -> Report {
    let cause = report.cause.map(|cause| match cause {
        ReportCause::Delivery(cause) => cause,
        other @ (ReportCause::Refused(_) | ReportCause::Topic(_)) => panic!("refused: {other}"),
    });
    Report {
        ticket,
        partition: report.partition,
        offset: report.offset,
        outcome: report.outcome,
        cause,
    }
}

fn borrowed(record: &Record) -> odradek_host::Record<'_> {
    let headers = record.headers.iter().map(|(name, value)| Header {
        name,
        value: value.as_deref(),
    });
    odradek_host::Record {
        topic: &record.topic,
        partition: record.partition,
        timestamp: None,
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: Cow::Owned(headers.collect()),
    }
}

impl Subject for Host {
    fn send(&mut self, record: &Record, limit: Duration) -> u64 {
        let record = borrowed(record);
        let sending = async { timeout(limit, self.producer.send(&record)).await };
        let delivery = self.runtime.block_on(sending);
        let delivery = delivery.expect("room in time").expect("accepted");
        let (ticket, tell) = (self.sent, self.tell.clone());
        self.sent += 1;
        self.runtime.spawn(async move {
            let report = report(ticket, &delivery.await);
            let _ = tell.send(Happening::Reported(report));
        });
        ticket
    }

    fn wait(&mut self, timeout: Duration) {
        if self.found.is_none() {
            self.found = self.happenings.recv_timeout(timeout).ok();
        }
    }

    fn take(&mut self) -> Taken {
        let mut taken = Taken::default();
        for happening in self
            .found
            .take()
            .into_iter()
            .chain(self.happenings.try_iter())
        {
            match happening {
                Happening::Reported(report) => taken.reports.push(report),
                Happening::Failed(failure) => taken.failures.push(failure),
            }
        }
        taken
    }

    fn flush(&mut self, limit: Duration) -> bool {
        let flushing = async { timeout(limit, self.producer.flush()).await };
        self.runtime.block_on(flushing).is_ok()
    }

    fn transact(&mut self, call: &Transact, limit: Duration) -> bool {
        let producer = &self.producer;
        let ended = async {
            match call {
                Transact::Init => producer.init_transactions().await,
                Transact::Begin => producer.begin_transaction().await,
                Transact::Offset {
                    group,
                    topic,
                    offset,
                } => {
                    let offset = OffsetToCommit {
                        topic,
                        partition: 0,
                        offset: *offset,
                        leader_epoch: None,
                        metadata: None,
                    };
                    let group = GroupMetadata::of_group(group);
                    producer.send_offsets(&[offset], &group).await
                }
                Transact::Commit => producer.commit_transaction().await,
                Transact::Abort => producer.abort_transaction().await,
            }
        };
        let ended = async { timeout(limit, ended).await };
        match self.runtime.block_on(ended) {
            Ok(Ok(())) => true,
            Ok(Err(TransactionError::TimedOut)) | Err(_) => false,
            Ok(Err(error)) => panic!("{call:?}: {error}"),
        }
    }

    fn close(&mut self, timeout: Duration) {
        self.runtime.block_on(self.producer.close(timeout));
    }
}
