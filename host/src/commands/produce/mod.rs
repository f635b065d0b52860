//! `odradek produce`: lines or JSON objects in, records to a topic, reports out.

mod attempt;
mod intake;
mod outcomes;
mod pending;
mod recording;
mod source;
mod transactional;

use super::connect::{Connected, connect, is_unreached};
use super::signals::Signals;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use intake::Intake;
use odradek::cli::args::{ProduceArgs, ReportForm};
use odradek::cli::course::{CLOSE_TIMEOUT, Course};
use odradek::cli::exit::ExitStatus;
use odradek::cli::kept::Keep;
use odradek::cli::ledger::Ledger;
use odradek::cli::properties::configure;
use odradek::cli::window::window_size;
use odradek_host::recording::RecordingEnd;
use outcomes::Outcomes;
use recording::RecordArgs;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use transactional::Transactional;

/// The arguments of `produce`: what every form of the command line has, and what this one has alone.
#[derive(Args, Debug)]
pub(crate) struct NativeProduceArgs {
    #[command(flatten)]
    shared: ProduceArgs,
    #[command(flatten)]
    record: RecordArgs,
}

/// Produces, and prints how it went.
pub(crate) async fn run(arguments: NativeProduceArgs) -> ExitStatus {
    match prepare(&arguments.shared, &arguments.record) {
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
    transactional: Option<Transactional>,
    signals: Signals,
    course: watch::Sender<Course>,
    recording: Option<RecordingEnd>,
}

fn prepare(arguments: &ProduceArgs, record: &RecordArgs) -> Result<Run, String> {
    let format = arguments.input_format()?;
    let sources = source::open(&arguments.files)?;
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let signals = Signals::catch().map_err(|error| format!("no signals: {error}"))?;
    let configured = configure(&arguments.connection())?;
    let limits = arguments.transactions(&configured.config)?;
    record.check(&configured.config)?;
    // Files are emptied last, when nothing else can be wrong.
    let failed = arguments.failed.as_deref();
    let failed = failed.map(|path| source::create_beside(&sources, None, path));
    let failed = failed.transpose()?;
    let file = record.record.as_deref();
    let file = file.map(|path| source::create_beside(&sources, failed.as_ref(), path));
    let (connected, recording) = match file.transpose()? {
        None => (connect(configured, arguments.connection.backend)?, None),
        Some(file) => {
            let backend = arguments.connection.backend;
            let (connected, end) = record.connect(configured, backend, file)?;
            (connected, Some(end))
        }
    };
    let config = &connected.config;
    let window_size = window_size(config.buffer_memory);
    let window = Arc::new(Semaphore::new(window_size as usize));
    let request_size = usize::try_from(config.max_request_size).unwrap_or(usize::MAX);
    let chunks = source::start(sources).map_err(|error| format!("no thread: {error}"))?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let course = watch::Sender::new(Course::Go);
    let intake = Intake {
        producer: connected.producer.clone(),
        chunks,
        line_limit: format.line_limit(request_size),
        format,
        defaults: arguments.defaults(),
        keep: Keep::of(arguments),
        is_transactional: limits.is_some(),
        window: Arc::clone(&window),
        window_size,
        course: course.subscribe(),
        entries: sender,
        source: 0,
    };
    let ledger = Ledger::new(arguments, names, connected.is_acks_zero());
    let outcomes = Outcomes {
        producer: connected.producer.clone(),
        entries: receiver,
        window,
        course: course.clone(),
        ledger: if limits.is_some() {
            ledger.with_transactions()
        } else {
            ledger
        },
        failed,
        progress: progress(arguments.report),
    };
    let transactional = limits.map(|limits| Transactional::new(limits, &connected.config));
    Ok(Run {
        connected,
        intake,
        outcomes,
        transactional,
        signals,
        course,
        recording,
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
        // The first signal ends the input, and without transactions the run; after the next one an open
        // transaction is aborted; after the last nothing more is sent.
        let limits: &[Option<Duration>] = match self.transactional {
            Some(_) => &[None, Some(CLOSE_TIMEOUT)],
            None => &[Some(CLOSE_TIMEOUT)],
        };
        let mut limits = limits.iter().copied();
        let outcomes = {
            let work = async {
                let outcomes = async {
                    match self.transactional {
                        Some(all) => self.outcomes.run_transactions(all).await,
                        None => self.outcomes.run().await,
                    }
                };
                let (outcomes, ()) = tokio::join!(outcomes, self.intake.run());
                outcomes
            };
            tokio::pin!(work);
            loop {
                tokio::select! {
                    outcomes = &mut work => break outcomes,
                    () = self.signals.next() => {
                        self.course.send_replace(Course::Stop);
                        if let Some(limit) = limits.next().unwrap_or(Some(Duration::ZERO)) {
                            let producer = producer.clone();
                            tokio::spawn(async move { producer.close(limit).await });
                        }
                    }
                }
            }
        };
        outcomes.progress.finish_and_clear();
        producer.close(CLOSE_TIMEOUT).await;
        if let Some(recording) = &self.recording
            && let Err(error) = recording.wait(CLOSE_TIMEOUT)
        {
            eprintln!("odradek: the recording is not whole: {error}");
        }
        let failures = producer.connection_failures();
        let is_unreached = is_unreached(producer);
        eprint!("{}", outcomes.ledger.summary(&failures, is_unreached));
        outcomes.ledger.status()
    }
}
