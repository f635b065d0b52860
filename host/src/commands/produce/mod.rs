//! `odradek produce`: lines or JSON objects in, records to a topic, reports out.

mod intake;
mod outcomes;
mod pending;
mod source;

use super::connect::{Complaints, Connected, connect, describe_failures, is_unreached};
use super::signals::Signals;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use intake::{Course, Intake};
use odradek::cli::args::{ProduceArgs, ReportForm};
use odradek::cli::exit::{ExitStatus, Tally};
use outcomes::{Lines, Outcomes};
use pending::{Keep, PERMIT_BYTES};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// How long records may still be sent after a signal; after the next one, not at all.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Produces, and prints how it went.
pub(crate) async fn run(arguments: ProduceArgs) -> ExitStatus {
    match prepare(&arguments) {
        Ok(run) => run.finish().await,
        Err(error) => {
            eprintln!("odradek: {error}");
            ExitStatus::Usage
        }
    }
}

/// A run whose arguments are all in order.
struct Run {
    connected: Connected,
    intake: Intake,
    outcomes: Outcomes,
    signals: Signals,
    course: watch::Sender<Course>,
}

fn prepare(arguments: &ProduceArgs) -> Result<Run, String> {
    let format = arguments.input_format()?;
    let sources = source::open(&arguments.files)?;
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let signals = Signals::catch().map_err(|error| format!("no signals: {error}"))?;
    let connected = connect(&arguments.connection)?;
    // The file is emptied last, when nothing else can be wrong.
    let failed = arguments.failed.as_deref();
    let failed = failed.map(|path| source::create_beside(&sources, path));
    let failed = failed
        .transpose()?
        .map(|file| Lines::new("the file of failed records", file));
    let report = match arguments.report {
        ReportForm::Summary => None,
        ReportForm::Json => Some(Lines::new("standard output", io::stdout())),
    };
    let keep = match (&failed, &report) {
        (Some(_), _) => Keep::Record,
        (None, Some(_)) => Keep::Line,
        (None, None) => Keep::Nothing,
    };
    let config = &connected.config;
    let window_size = u32::try_from(config.buffer_memory / PERMIT_BYTES).unwrap_or(u32::MAX);
    let window_size = window_size.clamp(1, u32::MAX / 2);
    let window = Arc::new(Semaphore::new(window_size as usize));
    let request_size = usize::try_from(config.max_request_size).unwrap_or(usize::MAX);
    let chunks = source::start(sources).map_err(|error| format!("no thread: {error}"))?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let course = watch::Sender::new(Course::Go);
    let defaults = Arc::new(arguments.defaults());
    let intake = Intake {
        producer: connected.producer.clone(),
        chunks,
        line_limit: format.line_limit(request_size),
        format,
        defaults: Arc::clone(&defaults),
        keep,
        window: Arc::clone(&window),
        window_size,
        course: course.subscribe(),
        entries: sender,
        source: 0,
    };
    let outcomes = Outcomes {
        producer: connected.producer.clone(),
        entries: receiver,
        window,
        course: course.clone(),
        defaults,
        names: (names.len() > 1).then_some(names),
        is_acks_zero: connected.is_acks_zero(),
        report,
        failed,
        progress: progress(arguments.report),
        tally: Tally::default(),
        complaints: Complaints::default(),
        is_broken: false,
    };
    Ok(Run {
        connected,
        intake,
        outcomes,
        signals,
        course,
    })
}

/// A line on standard error if it is a terminal, and if reports do not run over the same one.
fn progress(report: ReportForm) -> ProgressBar {
    let is_shared = report == ReportForm::Json && io::stdout().is_terminal();
    if is_shared || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} records, {per_sec}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Run {
    async fn finish(mut self) -> ExitStatus {
        let producer = &self.connected.producer;
        let mut outcomes = {
            let work = async {
                let (outcomes, ()) = tokio::join!(self.outcomes.run(), self.intake.run());
                outcomes
            };
            tokio::pin!(work);
            let mut timeout = CLOSE_TIMEOUT;
            loop {
                tokio::select! {
                    outcomes = &mut work => break outcomes,
                    () = self.signals.next() => {
                        self.course.send_replace(Course::Stop);
                        let producer = producer.clone();
                        tokio::spawn(async move { producer.close(timeout).await });
                        timeout = Duration::ZERO;
                    }
                }
            }
        };
        outcomes.progress.finish_and_clear();
        producer.close(CLOSE_TIMEOUT).await;
        let tally = outcomes.tally;
        let mut status = tally.status(outcomes.is_acks_zero);
        if outcomes.is_broken {
            status = ExitStatus::Undelivered;
        }
        eprint!("{}", std::mem::take(&mut outcomes.complaints).describe());
        if status != ExitStatus::Success {
            explain_connections(&self.connected);
        }
        eprintln!("{tally}");
        status
    }
}

/// Prints what went wrong with connections, if anything did.
fn explain_connections(connected: &Connected) {
    let failures = describe_failures(&connected.producer);
    if failures.is_empty() {
        return;
    }
    if is_unreached(&connected.producer) {
        eprintln!("odradek: no broker could be reached:");
    } else {
        eprintln!("odradek: connections that failed:");
    }
    eprint!("{failures}");
}
