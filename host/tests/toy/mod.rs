//! A machine that speaks no Kafka: frames of records out, one byte per frame back. It shows what the
//! driver tells a machine and does for it, without the core.

mod transact;

use odradek::{
    Bulk, BulkError, BulkOutcome, Cause, ConnectionFailure, ConnectionId, DeliveryReport,
    DisconnectReason, Event, FlushId, Input, Instant, Metrics, OperationId, Outcome, Output,
    QueryId, SendError, Step, Ticket, TicketRuns, TopicError, TopicHandle, TransactionError,
    TransactionState, WaitReason,
};
use odradek_host::machine::{Machine, MachineLost, TransactionCommand};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
pub(crate) use transact::OFFSETS_BYTES;
use transact::Transactions;

/// What the test sees and steers.
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub reasons: Vec<DisconnectReason>,
    pub transmitted: usize,
    pub largest_transmit: usize,
    pub resolved: Option<usize>,
    pub lose: bool,
    pub largest_offer: usize,
    pub offers: u64,
    /// It has no room for anything.
    pub full: bool,
    pub transactions: Transactions,
}

/// The machine. Every frame is `length: u32, bytes`; the peer answers each with one byte.
pub(crate) struct Toy {
    control: Arc<Mutex<Control>>,
    address: SocketAddr,
    name: Option<String>,
    capacity: u64,
    held: u64,
    topics: Vec<String>,
    next_ticket: u64,
    next_connection: u32,
    connection: Option<ConnectionId>,
    connected: bool,
    /// Records that were not transmitted, and their bytes.
    open: (TicketRuns, Vec<u8>),
    /// Frames without an answer: tickets and bytes.
    frames: VecDeque<(TicketRuns, u64)>,
    flushes: Vec<FlushId>,
    next_flush: u32,
    closing: bool,
    closed: bool,
    retry_at: Option<Instant>,
    offset: i64,
    events: Vec<Output>,
}

impl Toy {
    pub(crate) fn new(address: SocketAddr, capacity: u64, control: &Arc<Mutex<Control>>) -> Self {
        Self {
            control: Arc::clone(control),
            address,
            name: None,
            capacity,
            held: 0,
            topics: Vec::new(),
            next_ticket: 0,
            next_connection: 0,
            connection: None,
            connected: false,
            open: Default::default(),
            frames: VecDeque::new(),
            flushes: Vec::new(),
            next_flush: 0,
            closing: false,
            closed: false,
            retry_at: None,
            offset: 0,
            events: Vec::new(),
        }
    }

    /// Looks `name` up before it connects.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    fn free(&self) -> u64 {
        if self.control.lock().expect("control").full {
            return 0;
        }
        self.capacity.saturating_sub(self.held)
    }

    fn report(&mut self, tickets: TicketRuns, outcome: Outcome, cause: Option<Cause>) {
        let base_offset = (outcome == Outcome::Written).then_some(self.offset);
        self.offset += tickets.count() as i64;
        self.events
            .push(Output::Event(Event::Delivered(DeliveryReport {
                topic: TopicHandle(0),
                partition: Some(0),
                base_offset,
                log_append_time: None,
                outcome,
                cause,
                message: None,
                tickets,
            })));
    }

    fn handle(&mut self, input: &Input<'_>, now: Instant) {
        match input {
            Input::Connected { connection } => {
                self.connected = self.connection == Some(*connection)
            }
            Input::Transmitted { bytes, .. } => {
                let mut control = self.control.lock().expect("control");
                control.transmitted += bytes;
                control.largest_transmit = control.largest_transmit.max(*bytes);
            }
            Input::Received { bytes, .. } => {
                for _ in 0..bytes.len() {
                    let (tickets, bytes) = self.frames.pop_front().expect("an answer to a frame");
                    self.held -= bytes;
                    self.report(tickets, Outcome::Written, None);
                }
            }
            Input::Disconnected { reason, .. } => {
                self.control.lock().expect("control").reasons.push(*reason);
                self.connection = None;
                self.connected = false;
                self.retry_at = Some(now.after(Duration::from_millis(20)));
                while let Some((tickets, bytes)) = self.frames.pop_front() {
                    self.held -= bytes;
                    let cause = Some(Cause::ConnectionLost);
                    self.report(tickets, Outcome::PossiblyWritten, cause);
                }
                let failure = ConnectionFailure {
                    host: "toy".to_owned(),
                    port: self.address.port(),
                    address: Some(self.address),
                    reason: *reason,
                    after: Duration::ZERO,
                    was_ready: false,
                };
                self.events
                    .push(Output::Event(Event::ConnectionFailed(failure)));
            }
            Input::Resolved { result, .. } => {
                let count = result.map_or(0, <[IpAddr]>::len);
                self.control.lock().expect("control").resolved = Some(count);
            }
            Input::Timeout => {}
        }
    }

    fn act(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        if let Some(host) = self.name.take() {
            let (query, port) = (QueryId(0), self.address.port());
            outputs.push(Output::Resolve { query, host, port });
        }
        if self.connection.is_none() && !self.closed && self.retry_at.is_none_or(|at| at <= now) {
            let connection = ConnectionId(self.next_connection);
            self.next_connection += 1;
            self.connection = Some(connection);
            outputs.push(Output::Connect {
                connection,
                address: self.address,
                host: "toy".to_owned(),
            });
        }
        if let (Some(connection), true, false) =
            (self.connection, self.connected, self.open.0.is_empty())
        {
            let (tickets, bytes) = std::mem::take(&mut self.open);
            self.frames.push_back((tickets, bytes.len() as u64));
            let length = (bytes.len() as u32).to_be_bytes().to_vec();
            let slices = vec![length.into(), bytes.into()];
            outputs.push(Output::Transmit { connection, slices });
        }
        outputs.append(&mut self.events);
        if self.frames.is_empty() && self.open.0.is_empty() {
            let control = &mut *self.control.lock().expect("control");
            control.transactions.act(outputs);
            for flush in self.flushes.drain(..) {
                outputs.push(Output::Event(Event::Flushed { flush }));
            }
            if self.closing && !self.closed {
                self.closed = true;
                if let Some(connection) = self.connection {
                    outputs.push(Output::Disconnect { connection });
                }
                outputs.push(Output::Event(Event::Closed));
            }
        }
    }
}

impl Machine for Toy {
    fn topic(&mut self, name: &str) -> Result<Result<TopicHandle, TopicError>, MachineLost> {
        if name.contains(' ') {
            return Ok(Err(TopicError::Character));
        }
        self.topics.push(name.to_owned());
        Ok(Ok(TopicHandle(self.topics.len() as u32 - 1)))
    }

    fn want_room(&mut self, _bytes: u64) -> Result<(), MachineLost> {
        Ok(())
    }

    fn watch(&mut self, _topic: TopicHandle, _now: Instant) -> Result<(), MachineLost> {
        Ok(())
    }

    fn send_many(
        &mut self,
        bulk: &Bulk<'_>,
        _wall: i64,
        _now: Instant,
    ) -> Result<BulkOutcome, MachineLost> {
        let mut control = self.control.lock().expect("control");
        control.offers += 1;
        control.largest_offer = control.largest_offer.max(bulk.data.len());
        if control.lose {
            return Err(MachineLost::BrokenContract("lost on request"));
        }
        drop(control);
        let first_ticket = Ticket(self.next_ticket);
        let (mut headers, mut data) = (bulk.headers, bulk.data);
        let (mut accepted, mut refused) = (0, None);
        for record in bulk.records {
            let (count, bytes) = record.extent(headers).expect("the index fits");
            let bytes = bytes as usize;
            let needed = bytes as u64;
            if record.topic.0 as usize >= self.topics.len() {
                refused = Some(BulkError::Send(SendError::UnknownTopic));
            } else if needed > self.free() {
                let free = self.free();
                refused = Some(BulkError::Send(SendError::BufferFull { needed, free }));
            }
            let control = &mut *self.control.lock().expect("control");
            if refused.is_none() {
                let sent = control.transactions.send(1);
                refused = sent.err().map(BulkError::Send);
            }
            if refused.is_some() {
                break;
            }
            self.open.0.push(Ticket(self.next_ticket));
            self.open.1.extend_from_slice(&data[..bytes]);
            self.held += needed;
            self.next_ticket += 1;
            (headers, data) = (&headers[count..], &data[bytes..]);
            accepted += 1;
        }
        Ok(BulkOutcome {
            accepted,
            first_ticket,
            refused,
            free_bytes: self.free(),
        })
    }

    fn flush(&mut self, _now: Instant) -> Result<FlushId, MachineLost> {
        self.next_flush += 1;
        self.flushes.push(FlushId(self.next_flush));
        Ok(FlushId(self.next_flush))
    }

    fn purge(&mut self, _now: Instant) -> Result<(), MachineLost> {
        let (tickets, bytes) = std::mem::take(&mut self.open);
        self.held -= bytes.len() as u64;
        if !tickets.is_empty() {
            self.report(tickets, Outcome::NotWritten, Some(Cause::Purged));
        }
        Ok(())
    }

    fn transact(
        &mut self,
        command: &TransactionCommand,
        _now: Instant,
    ) -> Result<Result<Option<OperationId>, TransactionError>, MachineLost> {
        let free = self.free();
        let control = &mut *self.control.lock().expect("control");
        Ok(control.transactions.transact(command, free))
    }

    fn transaction_state(&mut self) -> Result<Option<TransactionState>, MachineLost> {
        Ok(self.control.lock().expect("control").transactions.state)
    }

    fn close(&mut self, timeout: Duration, now: Instant) -> Result<(), MachineLost> {
        self.closing = true;
        if timeout.is_zero() {
            self.purge(now)?;
            while let Some((tickets, bytes)) = self.frames.pop_front() {
                self.held -= bytes;
                self.report(tickets, Outcome::PossiblyWritten, Some(Cause::Closed));
            }
        }
        Ok(())
    }

    fn step(
        &mut self,
        inputs: &[Input<'_>],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Result<Step, MachineLost> {
        for input in inputs {
            self.handle(input, now);
        }
        if self.retry_at.is_some_and(|at| at <= now) && self.connection.is_some() {
            self.retry_at = None;
        }
        self.act(now, outputs);
        Ok(Step {
            until: self.retry_at,
            reason: WaitReason::Idle,
            free_bytes: self.free(),
            more: false,
        })
    }

    fn metrics(&mut self, now: Instant) -> Result<Metrics, MachineLost> {
        let properties = [("bootstrap.servers", "toy:1")];
        let (config, _) = odradek::Config::from_properties(properties).expect("a configuration");
        Ok(odradek::Producer::new(&config, 0, now).metrics(now))
    }

    fn calls(&self) -> u64 {
        0
    }
}
