//! The way in: chunks of input become records, groups of records go to the machine.

use super::entry::{Entry, What};
use super::reading::Reading;
use crate::connect::Connected;
use crate::offer::{Offer, Offered, stayed_full};
use crate::staged::Entry as StagedEntry;
use crate::topics::Topics;
use odradek::cli::args::ProduceArgs;
use odradek::cli::course::Course;
use odradek::cli::grouping::Step;
use odradek::cli::input::{Defaults, InputRecord};
use odradek::cli::kept::{Keep, Kept};
use odradek::cli::tickets::Tickets;
use odradek::cli::timestamps::Timestamps;
use odradek::cli::window::{permits, permits_of_bytes, window_size};
use odradek::wasi::clock;
use odradek::{Config, Instant, SendError, Ticket};
use std::collections::VecDeque;
use std::time::Duration;
use wasi::io::poll::Pollable;

/// Everything between the input and the machine.
#[derive(Debug)]
pub(super) struct Intake {
    reading: Reading,
    keep: Keep,
    max_block: Duration,
    /// How many permits the window has, and how many of them are free. It bounds what is kept until it is
    /// reported.
    window: u32,
    free: u32,
    /// A step that waits for room in the window.
    next: Option<Step>,
    /// The records that are being offered, in the order in which they are staged.
    records: VecDeque<InputRecord>,
    offer: Offer,
    /// What the window has granted for them.
    granted: u32,
    /// The timestamp in ms since 1970 of those that name none.
    wall: i64,
    /// Whether the latest try was stopped by a lack of room.
    is_stuck: bool,
    /// No ticket comes before this one any more.
    ticket: Ticket,
}

/// Who is asked and told on the way in.
struct Around<'a> {
    connected: &'a mut Connected,
    topics: &'a mut Topics,
    tickets: &'a mut Tickets<Entry>,
    defaults: &'a Defaults,
    course: Course,
    now: Instant,
}

impl Intake {
    pub(super) fn new(arguments: &ProduceArgs, reading: Reading, config: &Config) -> Self {
        let window = window_size(config.buffer_memory);
        Self {
            reading,
            keep: Keep::of(arguments),
            max_block: config.max_block,
            window,
            free: window,
            next: None,
            records: VecDeque::new(),
            offer: Offer::default(),
            granted: 0,
            wall: 0,
            is_stuck: false,
            ticket: Ticket(0),
        }
    }

    /// Whether everything was read and handed over.
    pub(super) const fn is_over(&self) -> bool {
        self.reading.is_over()
    }

    /// Whether there is more to do without waiting for anything.
    pub(super) fn is_busy(&self) -> bool {
        !self.is_stuck && self.reading.is_ready()
    }

    /// What to wait for while the input pauses. Not while there is no room for more: some hosts are busy
    /// with an input that is looked at.
    pub(super) fn pollable(&self) -> Option<&Pollable> {
        self.reading.pollable().filter(|_| !self.is_stuck)
    }

    /// Notes that the pollable is ready.
    pub(super) const fn set_ready(&mut self) {
        self.reading.set_ready();
    }

    /// Until when to wait at most.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.is_over() {
            return None;
        }
        if self.is_stuck {
            return self.offer.deadline(self.max_block);
        }
        self.reading.deadline()
    }

    /// Takes permits back.
    pub(super) const fn give_back(&mut self, permits: u32) {
        self.free += permits;
    }

    /// Reads at most one chunk, and hands over what there is room for.
    pub(super) fn run(
        &mut self,
        connected: &mut Connected,
        topics: &mut Topics,
        tickets: &mut Tickets<Entry>,
        defaults: &Defaults,
        course: Course,
        now: Instant,
    ) {
        let mut around = Around {
            connected,
            topics,
            tickets,
            defaults,
            course,
            now,
        };
        if self.is_over() || !self.hand_over_all(&mut around) {
            return;
        }
        self.read(&mut around);
        self.hand_over_all(&mut around);
    }

    /// Reads on. Everything that there was is handed over.
    fn read(&mut self, around: &mut Around<'_>) {
        if let Some(error) = self.reading.read(around.course, around.now) {
            // What was cut belongs to the input that failed, and comes first.
            self.hand_over_all(around);
            self.enter(around, What::Unreadable(error), 0);
        }
    }

    /// Hands over as much as there is room for; whether that was all.
    fn hand_over_all(&mut self, around: &mut Around<'_>) -> bool {
        loop {
            if !self.offer_records(around) {
                self.is_stuck = true;
                return false;
            }
            let step = self.next.take();
            let step = step.or_else(|| self.reading.next_step(around.defaults));
            let Some(step) = step else {
                self.is_stuck = false;
                return true;
            };
            let wanted = match &step {
                Step::Group(records) => permits(self.keep, records),
                Step::Refused(record, _) => permits_of_bytes(record.held_bytes()),
                Step::Bad(line) => permits_of_bytes(line.bytes.len() as u64),
            };
            // What is larger than the window takes all of it.
            let wanted = wanted.min(self.window);
            if wanted > self.free {
                self.next = Some(step);
                self.is_stuck = true;
                return false;
            }
            self.free -= wanted;
            match step {
                Step::Group(records) => self.stage(around, records, wanted),
                Step::Refused(record, error) => {
                    self.enter(around, What::Refused { record, error }, wanted);
                }
                Step::Bad(line) => self.enter(around, What::Bad(line), wanted),
            }
        }
    }

    fn stage(&mut self, around: &mut Around<'_>, records: Vec<InputRecord>, granted: u32) {
        self.granted = granted;
        self.records = records.into();
        if around.course.why_not().is_some() {
            return;
        }
        self.wall = clock::wall_ms();
        let defaults = around.defaults;
        for record in &self.records {
            let name = defaults.topic_of(record).unwrap_or_default();
            let topic = around.topics.handle(&mut around.connected.driver, name);
            let entry = StagedEntry {
                topic,
                partition: defaults.partition_of(record),
                timestamp: record.timestamp.unwrap_or(self.wall),
                key: record.key.as_deref(),
                value: record.value.as_deref(),
            };
            let headers = defaults.headers_of(record);
            let headers = headers.map(|header| (header.name.as_str(), header.value.as_deref()));
            self.offer.staged.push(entry, headers);
        }
    }

    /// Offers what is staged; whether nothing is left.
    fn offer_records(&mut self, around: &mut Around<'_>) -> bool {
        if let Some(error) = around.course.why_not() {
            return self.refuse_all(around, error);
        }
        while !self.records.is_empty() {
            let driver = &mut around.connected.driver;
            let offered = self
                .offer
                .offer(driver, usize::MAX, self.max_block, around.now);
            match offered {
                Offered::Accepted(first, count) => self.sent(around, first, count),
                Offered::Rejected(error) => self.rejected(around, error),
                Offered::StayedFull => self.stayed_full(around),
                Offered::Full => return false,
                // As many are staged as there are records, so this does not happen.
                Offered::Done => return self.refuse_all(around, "the record was lost on its way"),
            }
        }
        true
    }

    /// Refuses what was to be offered, as far as the window has room; whether nothing is left.
    fn refuse_all(&mut self, around: &mut Around<'_>, error: &str) -> bool {
        self.offer = Offer::default();
        self.free += std::mem::take(&mut self.granted);
        while let Some(record) = self.records.pop_front() {
            let wanted = permits_of_bytes(record.held_bytes()).min(self.window);
            if wanted > self.free {
                self.records.push_front(record);
                return false;
            }
            self.free -= wanted;
            let (record, error) = (Box::new(record), error.to_owned());
            self.enter(around, What::Refused { record, error }, wanted);
        }
        true
    }

    fn sent(&mut self, around: &mut Around<'_>, first: Ticket, count: usize) {
        let records: Vec<InputRecord> = self.records.drain(..count).collect();
        let permits = self.share(&records);
        let timestamps = records.iter().map(|record| self.timestamp(record));
        let timestamps = Timestamps::of(timestamps);
        let kept = Kept::of(self.keep, records);
        let entry = Entry {
            what: What::Sent { kept, timestamps },
            source: self.reading.index(),
            permits,
        };
        self.ticket = Ticket(first.0 + count as u64);
        around.tickets.accept(first, count, entry);
    }

    fn rejected(&mut self, around: &mut Around<'_>, error: SendError) {
        let Some(record) = self.records.pop_front() else {
            return;
        };
        let topic = around.defaults.topic_of(&record).unwrap_or_default();
        let error = Topics::describe(&mut around.connected.driver, topic, error);
        let permits = self.share(std::slice::from_ref(&record));
        let timestamp = self.timestamp(&record);
        let kept = Kept::of(self.keep, vec![record]);
        let what = What::Rejected {
            kept,
            timestamp,
            error,
        };
        self.enter(around, what, permits);
    }

    fn stayed_full(&mut self, around: &mut Around<'_>) {
        let Some(record) = self.records.pop_front() else {
            return;
        };
        let permits = self.share(std::slice::from_ref(&record));
        let (record, error) = (Box::new(record), stayed_full(self.max_block));
        self.enter(around, What::Refused { record, error }, permits);
    }

    fn timestamp(&self, record: &InputRecord) -> i64 {
        record.timestamp.unwrap_or(self.wall)
    }

    /// What of the granted permits goes with some of the records: with the last ones all that is left.
    fn share(&mut self, records: &[InputRecord]) -> u32 {
        let share = if self.records.is_empty() {
            self.granted
        } else {
            permits(self.keep, records).min(self.granted)
        };
        self.granted -= share;
        share
    }

    /// A step that the machine has nothing to do with.
    fn enter(&self, around: &mut Around<'_>, what: What, permits: u32) {
        let entry = Entry {
            what,
            source: self.reading.index(),
            permits,
        };
        around.tickets.accept(self.ticket, 0, entry);
    }
}
