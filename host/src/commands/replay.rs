//! `odradek replay`: a recorded session once more, natively and in the component.

use clap::Args;
use odradek::cli::exit::ExitStatus;
use odradek_host::recording::{
    FormatError, Recording, Replay, ReplayError, Replayed, Timeline, build_of_this_core,
};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::PathBuf;

/// The arguments of `replay`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct ReplayArgs {
    /// What `odradek produce --record` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print the session as a timeline.
    #[arg(long)]
    trace: bool,

    /// Try a recording of another version of the core too.
    #[arg(long)]
    any_version: bool,
}

const HELP: &str = "\
Asks a producer in this process and one in the engine component what the recorded one was asked, with
the recorded clock and without any network, and compares every output. A recording that is cut or corrupt
is replayed as far as it goes.
Exit codes: 0 every output is identical, 1 one is not or the recording is damaged, 2 nothing was replayed.

Example:
  seq 1000 | odradek produce -b localhost:9092 -t numbers --record session.odr
  odradek replay session.odr --trace";

/// Replays, and says how it went.
pub(crate) fn run(arguments: &ReplayArgs) -> ExitStatus {
    let path = arguments.file.display();
    let usage = |error: &dyn std::fmt::Display| {
        eprintln!("odradek: {path}: {error}");
        ExitStatus::Usage
    };
    let file = match File::open(&arguments.file) {
        Ok(file) => file,
        Err(error) => return usage(&error),
    };
    let recording = match Recording::open(BufReader::new(file)) {
        Ok(recording) => recording,
        Err(error @ FormatError::Damaged(_)) => {
            eprintln!("odradek: {path}: {error}");
            return ExitStatus::Undelivered;
        }
        Err(error) => return usage(&error),
    };
    let mut timeline = None;
    if arguments.trace {
        let out = BufWriter::new(io::stdout().lock());
        timeline = Timeline::new(out, recording.opening()).ok();
    }
    let recorded_build = recording.opening().build;
    let mut replay = match Replay::new(recording, arguments.any_version) {
        Ok(replay) => replay,
        Err(error @ ReplayError::OtherVersion { .. }) => {
            eprintln!("odradek: {path}: {error}; --any-version tries it all the same");
            return ExitStatus::Usage;
        }
        Err(error) => return usage(&error),
    };
    let result = replay_all(&mut replay, timeline);
    let progress = replay.progress();
    if let Err(error) = result {
        eprintln!("{progress}: every output identical until then");
        if replay.is_other_build() {
            let build = build_of_this_core();
            eprintln!(
                "odradek: note: the recording is by build {recorded_build:08x} of this version, \
                 and this is build {build:08x}"
            );
        }
        eprintln!("odradek: {path}: {error}");
        return ExitStatus::Undelivered;
    }
    eprintln!("{progress}: every output is identical, natively and in the component");
    ExitStatus::Success
}

/// Makes all calls. Whoever reads the timeline may stop reading it.
fn replay_all<W: Write>(
    replay: &mut Replay<BufReader<File>>,
    mut timeline: Option<Timeline<W>>,
) -> Result<(), ReplayError> {
    loop {
        let mut watch = |replayed: &Replayed<'_, '_>| {
            let told = timeline.as_mut().map(|timeline| timeline.tell(replayed));
            if let Some(Err(_)) = told {
                timeline = None;
            }
        };
        if !replay.next(&mut watch)? {
            return Ok(());
        }
    }
}
