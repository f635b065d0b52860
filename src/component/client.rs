//! The world `client`: the application's interface over the driver for WASI.

use super::bindings::exports::odradek::kafka::producer as wit;
use super::bindings::exports::odradek::kafka::producer_poll;
use super::bindings::exports::odradek::kafka::types;
use super::transaction::{group, offsets, result};
use super::types::{addressed, bulk_index, length};
use crate::bulk::Bulk;
use crate::config::Config;
use crate::error::SendError;
use crate::ids::{OperationId, Ticket, TopicHandle};
use crate::record::{Header, Record};
use crate::transaction::TransactionError;
use crate::wasi::{Driver, clock};
use ::wasi::io::poll::Pollable;
use core::cell::RefCell;
use core::time::Duration;

/// The component as a whole, which has no state of its own.
pub(super) struct ClientComponent;

impl wit::Guest for ClientComponent {
    type Producer = Client;
}

/// One producer behind the interface's resource. The borrows never meet: no import of this component
/// calls back into it.
pub(super) struct Client {
    driver: RefCell<Driver>,
}

impl wit::GuestProducer for Client {
    fn open(properties: Vec<(String, String)>) -> Result<wit::Opened, types::ConfigError> {
        let (config, notes) = Config::from_properties(properties)?;
        let driver = Driver::new(&config);
        Ok(wit::Opened {
            free_bytes: driver.free_bytes(),
            notes: notes.iter().map(ToString::to_string).collect(),
            producer: wit::Producer::new(Self {
                driver: RefCell::new(driver),
            }),
        })
    }

    fn topic(&self, name: String) -> Result<u32, types::TopicError> {
        let topic = self.driver.borrow_mut().topic(&name)?;
        Ok(topic.0)
    }

    fn watch(&self, topic: u32) {
        self.driver.borrow_mut().watch(TopicHandle(topic));
    }

    fn send(&self, record: types::ProducerRecord) -> types::SendOutcome {
        self.send_many(vec![record])
    }

    fn send_many(&self, records: Vec<types::ProducerRecord>) -> types::SendOutcome {
        let mut driver = self.driver.borrow_mut();
        let wall = clock::wall_ms();
        let mut first_ticket = None;
        let (mut accepted, mut refused) = (0, None);
        for record in &records {
            match send(&mut driver, record, wall) {
                Ok(ticket) => {
                    first_ticket.get_or_insert(ticket);
                    accepted += 1;
                }
                Err(error) => {
                    refused = Some(types::Refusal::Send(error.into()));
                    break;
                }
            }
        }
        types::SendOutcome {
            accepted,
            first_ticket: first_ticket.map_or(0, |ticket| ticket.0),
            refused,
            free_bytes: driver.free_bytes(),
        }
    }

    fn send_bulk(
        &self,
        records: Vec<types::RecordIndex>,
        headers: Vec<types::HeaderIndex>,
        data: Vec<u8>,
    ) -> types::SendOutcome {
        let (records, headers) = bulk_index(records, headers);
        let bulk = Bulk {
            records: &records,
            headers: &headers,
            data: &data,
        };
        self.driver.borrow_mut().send_many(&bulk).into()
    }

    fn take_events(&self, max: u32) -> wit::Taken {
        let mut driver = self.driver.borrow_mut();
        let mut data = Vec::new();
        let mut events = Vec::with_capacity(driver.event_count().min(max as usize));
        for _ in 0..max {
            let Some(event) = driver.next_event() else {
                break;
            };
            events.push(addressed(event, &mut data));
        }
        wit::Taken {
            events,
            data,
            progress: progress(&driver, driver.event_count() == 0),
        }
    }

    fn wait(&self, timeout: u64) -> wit::Progress {
        let mut driver = self.driver.borrow_mut();
        let deadline = clock::now().after(Duration::from_millis(timeout));
        // After the last event there is nothing to wait for.
        driver.run_until(deadline, |driver| {
            driver.event_count() > 0 || driver.is_closed()
        });
        progress(&driver, driver.event_count() > 0)
    }

    fn flush(&self, timeout: u64) -> wit::Flushing {
        let mut driver = self.driver.borrow_mut();
        let deadline = clock::now().after(Duration::from_millis(timeout));
        let flush = driver.flush();
        let done = driver.run_until(deadline, |driver| driver.is_flushed(flush));
        wit::Flushing {
            flush: flush.0,
            progress: progress(&driver, done),
        }
    }

    fn purge(&self) -> wit::Progress {
        let mut driver = self.driver.borrow_mut();
        driver.purge();
        driver.pump();
        progress(&driver, driver.is_waiting())
    }

    fn init_transactions(
        &self,
        keep_prepared: bool,
        timeout: u64,
    ) -> Result<wit::Operating, types::TransactionError> {
        self.operate(timeout, |driver| driver.init_transactions(keep_prepared))
    }

    fn begin_transaction(&self) -> Result<(), types::TransactionError> {
        self.driver.borrow_mut().begin_transaction()?;
        Ok(())
    }

    fn send_offsets(
        &self,
        committed: Vec<types::OffsetToCommit>,
        member: types::GroupMetadata,
        timeout: u64,
    ) -> Result<wit::Operating, types::TransactionError> {
        let (offsets, group) = (offsets(&committed), group(&member));
        self.operate(timeout, |driver| driver.send_offsets(&offsets, &group))
    }

    fn prepare_transaction(&self, timeout: u64) -> Result<wit::Operating, types::TransactionError> {
        self.operate(timeout, Driver::prepare_transaction)
    }

    fn complete_transaction(
        &self,
        prepared: types::PreparedTransaction,
        timeout: u64,
    ) -> Result<wit::Operating, types::TransactionError> {
        self.operate(timeout, |driver| {
            driver.complete_transaction(prepared.into())
        })
    }

    fn commit_transaction(&self, timeout: u64) -> Result<wit::Operating, types::TransactionError> {
        self.operate(timeout, Driver::commit_transaction)
    }

    fn abort_transaction(&self, timeout: u64) -> Result<wit::Operating, types::TransactionError> {
        self.operate(timeout, Driver::abort_transaction)
    }

    fn transaction_state(&self) -> Option<types::TransactionState> {
        let state = self.driver.borrow().transaction_state();
        state.map(Into::into)
    }

    fn metrics(&self) -> types::Metrics {
        self.driver.borrow().metrics().into()
    }

    fn close(&self, timeout: u64) -> wit::Progress {
        let mut driver = self.driver.borrow_mut();
        driver.close_within(Duration::from_millis(timeout));
        progress(&driver, driver.is_closed())
    }
}

impl Client {
    /// Begins or joins an operation and goes on with it for at most `timeout` ms.
    fn operate(
        &self,
        timeout: u64,
        begin: impl FnOnce(&mut Driver) -> Result<OperationId, TransactionError>,
    ) -> Result<wit::Operating, types::TransactionError> {
        let mut driver = self.driver.borrow_mut();
        let deadline = clock::now().after(Duration::from_millis(timeout));
        let operation = begin(&mut driver)?;
        let ended = driver.run_operation(operation, deadline);
        Ok(wit::Operating {
            operation: operation.0,
            progress: progress(&driver, ended.is_some()),
            result: ended.map(result),
        })
    }
}

impl producer_poll::Guest for ClientComponent {
    fn pump(producer: wit::ProducerBorrow<'_>) -> wit::Progress {
        let mut driver = producer.get::<Client>().driver.borrow_mut();
        driver.pump();
        progress(&driver, driver.event_count() > 0)
    }

    fn pollables(producer: wit::ProducerBorrow<'_>) -> Vec<Pollable> {
        producer.get::<Client>().driver.borrow().pollables()
    }

    fn begin_close(producer: wit::ProducerBorrow<'_>, timeout: u64) -> wit::Progress {
        let mut driver = producer.get::<Client>().driver.borrow_mut();
        driver.close(Duration::from_millis(timeout));
        driver.pump();
        progress(&driver, driver.is_closed())
    }
}

fn progress(driver: &Driver, done: bool) -> wit::Progress {
    wit::Progress {
        done,
        events: length(driver.event_count()),
        free_bytes: driver.free_bytes(),
    }
}

fn send(
    driver: &mut Driver,
    record: &types::ProducerRecord,
    wall: i64,
) -> Result<Ticket, SendError> {
    let headers: Vec<Header<'_>> = record.headers.iter().map(header).collect();
    driver.send(&Record {
        topic: TopicHandle(record.topic),
        partition: record.partition,
        timestamp: record.timestamp.unwrap_or(wall),
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: &headers,
    })
}

fn header(header: &types::Header) -> Header<'_> {
    Header {
        name: &header.name,
        value: header.value.as_deref(),
    }
}
