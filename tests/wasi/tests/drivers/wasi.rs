//! The driver over WASI, inside the client component in a stock WASI host.

use crate::subject::{Record, Report, Subject, Taken, Transact};
use odradek::wire::{WireError, WireErrorKind};
use odradek::{Cause, ConnectionFailure, DisconnectReason, ErrorCode, Outcome, ResolveError};
use odradek_tests_wasi::client::{Instance, Producer, Progress, types, types::Event};
use odradek_tests_wasi::policy::Policy;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Opens a producer in an instance of its own.
pub(crate) fn open(properties: &[(String, String)]) -> Box<dyn Subject> {
    let properties: Vec<(&str, &str)> = properties
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let mut instance = Instance::new(&Policy::default());
    let opened = instance.open(&properties).expect("no trap");
    let producer = opened.expect("the properties are right").producer;
    Box::new(Client {
        instance,
        producer,
        topics: BTreeMap::new(),
        taken: Taken::default(),
    })
}

struct Client {
    instance: Instance,
    producer: Producer,
    topics: BTreeMap<String, u32>,
    /// What was taken to make room.
    taken: Taken,
}

impl Client {
    fn topic(&mut self, name: &str) -> u32 {
        if let Some(topic) = self.topics.get(name) {
            return *topic;
        }
        let (guest, store) = self.instance.producer();
        let topic = guest.call_topic(store, self.producer, name);
        let topic = topic.expect("no trap").expect("a topic's name");
        self.topics.insert(name.to_owned(), topic);
        topic
    }

    fn wait_ms(&mut self, timeout: Duration) -> Progress {
        let (guest, store) = self.instance.producer();
        let waited = guest.call_wait(store, self.producer, millis(timeout));
        waited.expect("no trap")
    }

    fn take_events(&mut self) {
        let (guest, store) = self.instance.producer();
        let taken = guest.call_take_events(store, self.producer, u32::MAX);
        let taken = taken.expect("no trap");
        let mut data = taken.data.as_slice();
        for event in taken.events {
            match event {
                Event::Delivered(report) => {
                    let (runs, rest) = data.split_at(report.tickets_length as usize);
                    data = rest;
                    self.note(&report, runs);
                }
                Event::ConnectionFailed(failed) => self.taken.failures.push(failure(failed)),
                Event::Failed(error) => panic!("the producer failed: {error:?}"),
                Event::BufferAvailable(_)
                | Event::Flushed(_)
                | Event::OperationEnded(_)
                | Event::Partitions(_)
                | Event::Closed => {}
            }
        }
    }

    /// A report for each of the tickets.
    fn note(&mut self, report: &types::Report, runs: &[u8]) {
        let runs = odradek::TicketRuns::decode(runs).expect("runs of tickets");
        for (position, ticket) in (0..).zip(runs.tickets()) {
            self.taken.reports.push(Report {
                ticket: ticket.0,
                partition: report.partition,
                offset: report.base_offset.map(|base| base + position),
                outcome: match report.outcome {
                    types::Outcome::Written => Outcome::Written,
                    types::Outcome::NotWritten => Outcome::NotWritten,
                    types::Outcome::PossiblyWritten => Outcome::PossiblyWritten,
                },
                cause: report.cause.map(cause),
            });
        }
    }
}

impl Subject for Client {
    fn send(&mut self, record: &Record, timeout: Duration) -> u64 {
        let headers = record.headers.iter().map(|(name, value)| types::Header {
            name: name.clone(),
            value: value.clone(),
        });
        let record = types::ProducerRecord {
            topic: self.topic(&record.topic),
            partition: record.partition,
            timestamp: None,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: headers.collect(),
        };
        let end = Instant::now() + timeout;
        loop {
            let (guest, store) = self.instance.producer();
            let outcome = guest.call_send(store, self.producer, &record);
            let outcome = outcome.expect("no trap");
            match outcome.refused {
                None => return outcome.first_ticket,
                Some(types::Refusal::Send(types::SendError::BufferFull(_))) => {
                    let left = end.saturating_duration_since(Instant::now());
                    assert!(!left.is_zero(), "no room in time");
                    self.wait_ms(left);
                    self.take_events();
                }
                Some(refused) => panic!("refused: {refused:?}"),
            }
        }
    }

    fn wait(&mut self, timeout: Duration) {
        if self.taken.reports.is_empty() && self.taken.failures.is_empty() {
            self.wait_ms(timeout);
        }
    }

    fn take(&mut self) -> Taken {
        self.take_events();
        std::mem::take(&mut self.taken)
    }

    fn flush(&mut self, timeout: Duration) -> bool {
        let (guest, store) = self.instance.producer();
        let flushing = guest.call_flush(store, self.producer, millis(timeout));
        flushing.expect("no trap").progress.done
    }

    fn transact(&mut self, call: &Transact, limit: Duration) -> bool {
        let (guest, store) = self.instance.producer();
        let (producer, timeout) = (self.producer, millis(limit));
        let begun = match call {
            Transact::Begin => {
                let begun = guest.call_begin_transaction(store, producer);
                begun.expect("no trap").expect("legal");
                return true;
            }
            Transact::Init => guest.call_init_transactions(store, producer, false, timeout),
            Transact::Offset {
                group,
                topic,
                offset,
            } => {
                let offset = types::OffsetToCommit {
                    topic: (*topic).to_owned(),
                    partition: 0,
                    offset: *offset,
                    leader_epoch: None,
                    metadata: None,
                };
                let group = types::GroupMetadata {
                    group_id: (*group).to_owned(),
                    generation_id: -1,
                    member_id: String::new(),
                    group_instance_id: None,
                };
                guest.call_send_offsets(store, producer, &[offset], &group, timeout)
            }
            Transact::Commit => guest.call_commit_transaction(store, producer, timeout),
            Transact::Abort => guest.call_abort_transaction(store, producer, timeout),
        };
        let begun = begun.expect("no trap");
        if let Err(types::TransactionError::BufferFull(_)) = begun {
            // The event that announces room ends the wait.
            self.wait_ms(limit);
            self.take_events();
            return false;
        }
        let operating = begun.expect("legal");
        assert_eq!(operating.progress.done, operating.result.is_some());
        match operating.result {
            Some(Ok(None)) => true,
            Some(Err(types::OperationError::TimedOut)) | None => false,
            Some(other) => panic!("{call:?}: {other:?}"),
        }
    }

    fn close(&mut self, timeout: Duration) {
        let (guest, store) = self.instance.producer();
        let closed = guest.call_close(store, self.producer, millis(timeout));
        assert!(closed.expect("no trap").done);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn failure(failure: types::ConnectionFailure) -> ConnectionFailure {
    ConnectionFailure {
        host: failure.host,
        port: failure.port,
        address: failure.address.map(address),
        reason: reason(failure.reason),
        after: Duration::from_nanos(failure.after),
        was_ready: failure.was_ready,
    }
}

fn address(address: types::SocketAddress) -> SocketAddr {
    let ip = match address.ip {
        types::IpAddress::Ipv4(bits) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        types::IpAddress::Ipv6((high, low)) => {
            let bits = u128::from(high) << 64 | u128::from(low);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
    };
    SocketAddr::new(ip, address.port)
}

fn reason(reason: types::DisconnectReason) -> DisconnectReason {
    use types::DisconnectReason as Wit;
    match reason {
        Wit::Refused => DisconnectReason::Refused,
        Wit::Reset => DisconnectReason::Reset,
        Wit::Closed => DisconnectReason::Closed,
        Wit::Unreachable => DisconnectReason::Unreachable,
        Wit::Denied => DisconnectReason::Denied,
        Wit::Exhausted => DisconnectReason::Exhausted,
        Wit::Tls => DisconnectReason::Tls,
        Wit::Transport => DisconnectReason::Transport,
        Wit::Requested => DisconnectReason::Requested,
        Wit::SetupTimedOut => DisconnectReason::SetupTimedOut,
        Wit::RequestTimedOut => DisconnectReason::RequestTimedOut,
        Wit::Malformed(error) => DisconnectReason::Malformed(wire_error(error)),
        Wit::Unresolved(error) => DisconnectReason::Unresolved(match error {
            types::ResolveError::NotFound => ResolveError::NotFound,
            types::ResolveError::Unavailable => ResolveError::Unavailable,
            types::ResolveError::Denied => ResolveError::Denied,
        }),
        Wit::UnsupportedVersion(api_key) => DisconnectReason::UnsupportedVersion { api_key },
        Wit::Rejected(code) => DisconnectReason::Rejected(ErrorCode(code)),
    }
}

fn wire_error(error: types::WireError) -> WireError {
    use types::WireErrorKind as Wit;
    WireError {
        at: error.at as usize,
        kind: match error.kind {
            Wit::UnexpectedEnd => WireErrorKind::UnexpectedEnd,
            Wit::BadLength => WireErrorKind::BadLength,
            Wit::NotUtf8 => WireErrorKind::NotUtf8,
            Wit::VarintTooLong => WireErrorKind::VarintTooLong,
            Wit::UnexpectedNull => WireErrorKind::UnexpectedNull,
            Wit::TrailingBytes => WireErrorKind::TrailingBytes,
            Wit::WrongCorrelationId => WireErrorKind::WrongCorrelationId,
            Wit::Unasked => WireErrorKind::Unasked,
        },
    }
}

fn cause(cause: types::Cause) -> Cause {
    use types::Cause as Wit;
    match cause {
        Wit::AcksZero => Cause::AcksZero,
        Wit::Duplicate => Cause::Duplicate,
        Wit::Broker(code) => Cause::Broker(ErrorCode(code)),
        Wit::DeliveryTimeout(last) => Cause::DeliveryTimeout {
            last: last.map(ErrorCode),
        },
        Wit::NoMetadata(last) => Cause::NoMetadata {
            last: last.map(ErrorCode),
        },
        Wit::UnknownPartition(count) => Cause::UnknownPartition { count },
        Wit::ConnectionLost => Cause::ConnectionLost,
        Wit::InDoubt => Cause::InDoubt,
        Wit::Purged => Cause::Purged,
        Wit::TransactionAborted => Cause::TransactionAborted,
        Wit::Closed => Cause::Closed,
        Wit::Failed(error) => panic!("the producer failed: {error:?}"),
    }
}
