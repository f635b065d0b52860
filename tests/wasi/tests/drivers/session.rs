//! A producer under test with the book of what was sent and reported, which is compared with the logs.

use crate::stage::Stage;
use crate::subject::{Record, Report, Subject, Transact};
use odradek::{ConnectionFailure, DisconnectReason, Outcome};
use odradek_tests_wasi::peers::{Cluster, LogRecord};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// How long a case waits for something that must come.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What a call may take beyond its timeout: the machine may be busy with other tests.
const SLACK: Duration = Duration::from_secs(5);

/// The header that carries a record's ticket into the log.
const TICKET: &str = "ticket";

/// A producer and its book.
pub(crate) struct Session {
    subject: Box<dyn Subject>,
    stage: Stage,
    sent: Vec<Record>,
    reports: Vec<Option<Report>>,
    failures: Vec<ConnectionFailure>,
}

impl Session {
    pub(crate) fn new(subject: Box<dyn Subject>, stage: Stage) -> Self {
        Self {
            subject,
            stage,
            sent: Vec::new(),
            reports: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Sends a record with this value to a partition.
    pub(crate) fn send(&mut self, topic: &str, partition: i32, value: &[u8]) {
        let key = format!("key {}", self.sent.len());
        self.send_record(topic, Some(partition), Some(key.as_bytes()), value);
    }

    /// Sends a record, to where the partitioner says if it names no partition.
    pub(crate) fn send_record(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) {
        let ticket = self.sent.len().to_string();
        let record = Record {
            topic: topic.to_owned(),
            partition,
            key: key.map(<[u8]>::to_vec),
            value: Some(value.to_vec()),
            headers: vec![
                (TICKET.to_owned(), Some(ticket.into_bytes())),
                ("null".to_owned(), None),
            ],
        };
        self.stage.waits_for("a record to be taken");
        let ticket = self.subject.send(&record, LIMIT);
        assert_eq!(ticket, self.sent.len() as u64, "tickets follow one another");
        self.sent.push(record);
        self.reports.push(None);
        self.take();
    }

    /// Sends so many small records, to the partitions in turn.
    pub(crate) fn send_small(&mut self, topic: &str, partitions: i32, count: usize) {
        for number in 0..count {
            let value = format!("value {number}");
            self.send(topic, number as i32 % partitions, value.as_bytes());
        }
    }

    /// Takes what can be taken.
    fn take(&mut self) {
        let taken = self.subject.take();
        self.failures.extend(taken.failures);
        for report in taken.reports {
            let place = self.reports.get_mut(report.ticket as usize);
            let place = place.unwrap_or_else(|| panic!("nobody sent {report:?}"));
            assert_eq!(*place, None, "reported twice: {report:?}");
            *place = Some(report);
        }
    }

    /// Lets the driver work until a condition holds.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.stage.waits_for(what);
        let end = Instant::now() + LIMIT;
        loop {
            self.take();
            if holds(self) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {LIMIT:?}: {what}; {self:?}");
            // Conditions may be about peers, of which the driver knows nothing.
            self.subject.wait(left.min(Duration::from_millis(10)));
        }
    }

    /// Waits until every record sent so far is reported.
    pub(crate) fn until_reported(&mut self) {
        self.until("a report of every record", |session| {
            session.reported() == session.sent.len()
        });
    }

    /// Flushes; whether that was complete in time.
    pub(crate) fn flush(&mut self, timeout: Duration) -> bool {
        let done = self.timed("flush", timeout, |subject| subject.flush(timeout));
        self.take();
        done
    }

    /// Makes a call of a transactional producer, again where it is not complete in time.
    pub(crate) fn transact(&mut self, call: &Transact) {
        for _ in 0..10 {
            let what = format!("{call:?}");
            let done = self.timed(&what, LIMIT, |subject| subject.transact(call, LIMIT));
            self.take();
            if done {
                return;
            }
        }
        panic!("{call:?} has no end: {self:?}");
    }

    /// Closes, and takes the last reports.
    pub(crate) fn close(&mut self, timeout: Duration) {
        self.timed("close", timeout, |subject| subject.close(timeout));
        self.until_reported();
    }

    /// Calls something that has a timeout, and sees that it keeps to it.
    fn timed<T>(
        &mut self,
        what: &str,
        timeout: Duration,
        call: impl FnOnce(&mut dyn Subject) -> T,
    ) -> T {
        self.stage.waits_for(&format!("{what} within {timeout:?}"));
        let started = Instant::now();
        let result = call(self.subject.as_mut());
        let took = started.elapsed();
        assert!(
            took <= timeout + SLACK,
            "{what} took {took:?}, allowed were {timeout:?}; {self:?}"
        );
        result
    }

    /// How many records are reported.
    pub(crate) fn reported(&self) -> usize {
        self.reports.iter().flatten().count()
    }

    /// How many records are reported with this outcome.
    pub(crate) fn outcomes(&self, outcome: Outcome) -> usize {
        let reports = self.reports.iter().flatten();
        reports.filter(|report| report.outcome == outcome).count()
    }

    /// The partitions of the records with this key, in the order of the records.
    pub(crate) fn partitions_of(&self, key: Option<&[u8]>) -> Vec<i32> {
        let both = self.sent.iter().zip(&self.reports);
        let own = both.filter(|(sent, _)| sent.key.as_deref() == key);
        own.filter_map(|(_, report)| report.as_ref()?.partition)
            .collect()
    }

    /// Connections that failed, in order.
    pub(crate) fn failures(&self) -> &[ConnectionFailure] {
        &self.failures
    }

    /// Whether a connection failed for this reason.
    pub(crate) fn has_failed(&self, reason: DisconnectReason) -> bool {
        self.failures.iter().any(|failure| failure.reason == reason)
    }

    /// Flushes, closes, and sees that every record is written exactly once, in order, as reported.
    pub(crate) fn finish(mut self, cluster: &Cluster) {
        let done = self.flush(LIMIT);
        assert!(done, "a flush that is not complete: {self:?}");
        self.close(LIMIT);
        let written = self.outcomes(Outcome::Written);
        assert_eq!(written, self.sent.len(), "all are written: {self:?}");
        self.compare(cluster);
    }

    /// Compares the reports with the logs: what is written is there once and where it was said to be,
    /// what is not written is not there, and each partition holds its records in order. With
    /// idempotence that is promised whatever the network did.
    pub(crate) fn compare(&self, cluster: &Cluster) {
        let mut topics: Vec<&str> = self.sent.iter().map(|record| &*record.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        let mut places = BTreeMap::new();
        for topic in topics {
            let mut last = BTreeMap::new();
            for stored in cluster.log(topic) {
                let ticket = self.ticket(topic, &stored);
                let before = last.insert(stored.partition, (ticket, stored.offset));
                let (above, offset) = before.map_or((None, 0), |(t, o)| (Some(t), o + 1));
                assert!(Some(ticket) > above, "{ticket} after {above:?} in {topic}");
                assert_eq!(stored.offset, offset, "a gap in {topic}");
                places.insert(ticket, (stored.partition, stored.offset));
            }
        }
        for (ticket, report) in self.reports.iter().enumerate() {
            let report = report.as_ref().expect("every record is reported");
            let place = places.get(&ticket).copied();
            let is_true = match report.outcome {
                Outcome::Written => place.is_some_and(|(partition, offset)| {
                    report.partition == Some(partition) && report.offset.is_none_or(|o| o == offset)
                }),
                Outcome::NotWritten => place.is_none(),
                Outcome::PossiblyWritten => true,
            };
            assert!(is_true, "the log says {place:?}, the report {report:?}");
        }
    }

    /// The ticket of a record in the log, which must be as it was sent.
    fn ticket(&self, topic: &str, stored: &LogRecord) -> usize {
        let header = stored.headers.iter().find(|(name, _)| name == TICKET);
        let ticket = header.and_then(|(_, value)| value.as_deref());
        let ticket = ticket.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let ticket: usize = ticket.unwrap_or_else(|| panic!("no ticket: {stored:?}"));
        let named = self.sent.get(ticket).and_then(|sent| sent.partition);
        let found = Record {
            topic: topic.to_owned(),
            partition: named.map(|_| stored.partition),
            key: stored.key.clone(),
            value: stored.value.clone(),
            headers: stored.headers.clone(),
        };
        // Values may be large.
        assert!(
            self.sent.get(ticket) == Some(&found),
            "record {ticket} is stored otherwise than it was sent"
        );
        ticket
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let odd = self.reports.iter().flatten();
        let mut odd = odd.filter(|report| report.outcome != Outcome::Written);
        let failures: Vec<String> = self
            .failures
            .iter()
            .rev()
            .take(5)
            .map(|one| format!("{}:{} {:?} {}", one.host, one.port, one.address, one.reason))
            .collect();
        f.debug_struct("Session")
            .field("sent", &self.sent.len())
            .field("reported", &self.reported())
            .field("first report other than written", &odd.next())
            .field("failures", &self.failures.len())
            .field("latest failures", &failures)
            .finish_non_exhaustive()
    }
}
