//! `odradek produce`: lines or JSON objects in, records to a topic, reports out; one loop.

mod attempt;
mod entry;
mod intake;
mod outcomes;
mod outlets;
mod reading;
mod transactional;

use crate::connect::Connected;
use crate::failed_file::FailedFile;
use crate::input::Input;
use crate::output::Output;
use crate::terminal::{complain, tell};
use crate::topics::Topics;
use entry::Entry;
use intake::Intake;
use odradek::Instant;
use odradek::cli::args::{ProduceArgs, ReportForm};
use odradek::cli::course::{CLOSE_TIMEOUT, Course};
use odradek::cli::exit::ExitStatus;
use odradek::cli::ledger::{GATHERED, Ledger};
use odradek::cli::tickets::Tickets;
use odradek::wasi::clock;
use outcomes::settle;
use outlets::Outlets;
use reading::Reading;
use transactional::TransactionalRun;

/// Produces, and prints how it went.
pub(crate) fn run(arguments: &ProduceArgs) -> ExitStatus {
    produce(arguments).unwrap_or_else(|error| {
        complain(&error);
        ExitStatus::Usage
    })
}

/// Everything that the loop looks at.
struct Run {
    connected: Connected,
    intake: Intake,
    /// Every record and line that has no line in the ledger yet, in the order of the input.
    tickets: Tickets<Entry>,
    topics: Topics,
    course: Course,
    outlets: Outlets,
}

/// Checks the arguments, then does what they ask for.
fn produce(arguments: &ProduceArgs) -> Result<ExitStatus, String> {
    let format = arguments.input_format()?;
    let input = Input::open(&arguments.files)?;
    let names = input.names().to_vec();
    let connected = Connected::new(&arguments.connection())?;
    let limits = arguments.transactions(&connected.config)?;
    // The file is emptied last, when nothing else can be wrong.
    let failed = arguments.failed.as_deref();
    let failed = failed.map(|path| FailedFile::create_beside(&input, path));
    let failed = failed.transpose()?;
    let ledger = Ledger::new(arguments, names, connected.is_acks_zero());
    let output = (arguments.report == ReportForm::Json).then(Output::new);
    let reading = Reading::new(format, input, connected.config.max_request_size);
    let (connected, outlets) = if let Some(limits) = limits {
        let outlets = Outlets::new(ledger.with_transactions(), output, failed);
        TransactionalRun::new(connected, outlets, reading, limits).run()
    } else {
        let run = Run {
            intake: Intake::new(arguments, reading, &connected.config),
            tickets: Tickets::default(),
            topics: Topics::default(),
            course: Course::Go,
            outlets: Outlets::new(ledger, output, failed),
            connected,
        };
        run.run()
    };
    Ok(finish(connected, outlets))
}

/// Writes what is left, closes, and tells how it went.
fn finish(mut connected: Connected, mut outlets: Outlets) -> ExitStatus {
    outlets.write_all(&mut connected);
    connected.close(CLOSE_TIMEOUT);
    let failures = connected.failures();
    tell(&outlets.ledger.summary(&failures, connected.is_unreached()));
    outlets.ledger.status()
}

impl Run {
    fn run(mut self) -> (Connected, Outlets) {
        let mut is_flushed = false;
        loop {
            let now = clock::now();
            self.connected.driver.turn();
            while let Some(report) = self.connected.next_report() {
                self.tickets.settle(&report);
            }
            self.settle();
            self.take_input(now);
            if self.intake.is_over() && !is_flushed {
                self.connected.driver.flush();
                is_flushed = true;
            }
            if self.intake.is_over() && self.tickets.is_empty() {
                return (self.connected, self.outlets);
            }
            self.connected.driver.turn();
            if !self.is_busy() || self.outlets.ledger.gathered_bytes() >= GATHERED {
                self.outlets.write_out();
            }
            // Writing makes room for what is settled.
            self.wait(self.is_busy());
        }
    }

    /// Whether there is more to do without waiting for anything.
    fn is_busy(&self) -> bool {
        self.intake.is_busy()
            || self.connected.driver.event_count() > 0
            || (!self.outlets.is_full() && self.tickets.has_settled())
    }

    /// Gives what is known to the ledger, in the order of the input, as long as its lines have somewhere
    /// to go.
    fn settle(&mut self) {
        while !self.outlets.is_full()
            && let Some(group) = self.tickets.next_settled()
        {
            let is_unheard = settle(&mut self.outlets.ledger, &self.topics, &group);
            // A cluster of which nothing was ever heard within max.block.ms will not take the rest either.
            if is_unheard && self.course == Course::Go && self.connected.is_unreached() {
                self.course = Course::GiveUp;
            }
            self.intake.give_back(group.payload.permits);
            if self.outlets.ledger.gathered_bytes() >= GATHERED {
                self.outlets.write_out();
            }
        }
    }

    fn take_input(&mut self, now: Instant) {
        let Self {
            connected,
            tickets,
            topics,
            ..
        } = self;
        self.intake.run(
            connected,
            topics,
            tickets,
            self.outlets.ledger.defaults(),
            self.course,
            now,
        );
    }

    /// Waits for anything to happen; not at all while there is more to do.
    fn wait(&mut self, is_busy: bool) {
        // What has passed is no wait.
        let until = if is_busy {
            Some(Instant::ZERO)
        } else {
            self.intake.deadline()
        };
        let input = self.intake.pollable();
        if self.outlets.wait(&mut self.connected, until, input) {
            self.intake.set_ready();
        }
    }
}
