//! `odradek produce`: lines or JSON objects in, records to a topic, reports out; one loop.

mod entry;
mod intake;
mod outcomes;

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
use odradek::cli::ledger::{GATHERED, Ledger, Outlet};
use odradek::cli::tickets::Tickets;
use odradek::wasi::clock;
use outcomes::settle;
use wasi::io::poll::Pollable;

/// Produces, and prints how it went.
pub(crate) fn run(arguments: &ProduceArgs) -> ExitStatus {
    match Run::new(arguments) {
        Ok(run) => run.finish(),
        Err(error) => {
            complain(&error);
            ExitStatus::Usage
        }
    }
}

/// Everything that the loop looks at.
struct Run {
    connected: Connected,
    intake: Intake,
    /// Every record and line that has no line in the ledger yet, in the order of the input.
    tickets: Tickets<Entry>,
    topics: Topics,
    ledger: Ledger,
    course: Course,
    output: Option<Output>,
    failed: Option<FailedFile>,
}

impl Run {
    fn new(arguments: &ProduceArgs) -> Result<Self, String> {
        let format = arguments.input_format()?;
        let input = Input::open(&arguments.files)?;
        let names = input.names().to_vec();
        let connected = Connected::new(&arguments.connection)?;
        // The file is emptied last, when nothing else can be wrong.
        let failed = arguments.failed.as_deref();
        let failed = failed.map(|path| FailedFile::create_beside(&input, path));
        let failed = failed.transpose()?;
        let ledger = Ledger::new(arguments, names, connected.is_acks_zero());
        Ok(Self {
            intake: Intake::new(arguments, format, input, &connected.config),
            tickets: Tickets::default(),
            topics: Topics::default(),
            ledger,
            course: Course::Go,
            output: (arguments.report == ReportForm::Json).then(Output::new),
            failed,
            connected,
        })
    }

    fn finish(mut self) -> ExitStatus {
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
                break;
            }
            self.connected.driver.turn();
            if !self.is_busy() || self.ledger.gathered_bytes() >= GATHERED {
                self.write_out();
            }
            // Writing makes room for what is settled.
            self.wait(self.is_busy());
        }
        self.write_all();
        self.connected.close(CLOSE_TIMEOUT);
        let failures = self.connected.failures();
        tell(
            &self
                .ledger
                .summary(&failures, self.connected.is_unreached()),
        );
        self.ledger.status()
    }

    /// Whether there is more to do without waiting for anything.
    fn is_busy(&self) -> bool {
        let has_room = !self.output.as_ref().is_some_and(Output::is_full);
        self.intake.is_busy()
            || self.connected.driver.event_count() > 0
            || (has_room && self.tickets.has_settled())
    }

    /// Gives what is known to the ledger, in the order of the input, as long as its lines have somewhere
    /// to go.
    fn settle(&mut self) {
        while !self.output.as_ref().is_some_and(Output::is_full)
            && let Some(group) = self.tickets.next_settled()
        {
            let is_unheard = settle(&mut self.ledger, &self.topics, &group);
            // A cluster of which nothing was ever heard within max.block.ms will not take the rest either.
            if is_unheard && self.course == Course::Go && self.connected.is_unreached() {
                self.course = Course::GiveUp;
            }
            self.intake.give_back(group.payload.permits);
            if self.ledger.gathered_bytes() >= GATHERED {
                self.write_out();
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
            self.ledger.defaults(),
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
        let standard_input = self.intake.pollable();
        let standard_output = self.output.as_ref().and_then(Output::pollable);
        let others: Vec<&Pollable> = [standard_input, standard_output]
            .into_iter()
            .flatten()
            .collect();
        let output_at = usize::from(standard_input.is_some());
        let has = (standard_input.is_some(), standard_output.is_some());
        let ready = self.connected.driver.wait(until, &others);
        if has.0 && ready.contains(&0) {
            self.intake.set_ready();
        }
        if let Some(output) = &mut self.output
            && has.1
            && ready.contains(&output_at)
        {
            output.set_ready();
        }
    }

    /// Writes as much as is taken without waiting. The file of failed records is not waited for either:
    /// it is a file.
    fn write_out(&mut self) {
        if let Some(output) = &mut self.output {
            if let Some(lines) = self.ledger.gathered(Outlet::Reports) {
                output.push(lines);
            }
            if let Err(error) = output.write() {
                self.ledger.unwritable(Outlet::Reports, &error);
                self.output = None;
            }
        }
        if let Some(file) = &mut self.failed
            && let Some(lines) = self.ledger.gathered(Outlet::Failed)
        {
            let written = file.write_all(lines);
            lines.clear();
            if let Err(error) = written {
                self.ledger.unwritable(Outlet::Failed, &error.name());
            }
        }
    }

    /// Writes everything, and waits for that. The connections are still served.
    fn write_all(&mut self) {
        self.write_out();
        while let Some(output) = &mut self.output
            && let Some(writable) = output.pollable()
        {
            self.connected.driver.turn();
            if !self.connected.driver.wait(None, &[writable]).is_empty() {
                output.set_ready();
            }
            self.write_out();
        }
        if let Some(output) = &self.output
            && let Err(error) = output.finish()
        {
            self.ledger.unwritable(Outlet::Reports, &error);
        }
    }
}
