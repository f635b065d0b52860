//! A session recorded with one machine and replayed with the other.

use crate::session::Session;
use crate::trace::Answer;
use odradek::{BulkOutcome, Event, Instant, Outcome};
use odradek_host::machine::{Backend, Machine, open};

fn machine(backend: Backend, seed: u64, properties: &[(&str, &str)]) -> Box<dyn Machine> {
    let owned: Vec<(String, String)> = properties
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    open(backend, &owned, seed, Instant::ZERO)
        .expect("it opens")
        .machine
}

/// Records what the script does with the native machine, then asks the component the same; with the
/// session as it was natively.
///
/// # Panics
///
/// When a machine does not open, is lost, or does not answer as the other does.
pub fn record_and_replay(
    seed: u64,
    properties: &[(&str, &str)],
    script: impl Fn(&mut Session),
) -> Session {
    let mut session = Session::new(machine(Backend::Native, seed, properties));
    script(&mut session);
    let mut component = machine(Backend::Component, seed, properties);
    let answers = session.trace.replay(component.as_mut());
    assert_eq!(answers.len(), session.answers.len());
    let pairs = session
        .trace
        .calls
        .iter()
        .zip(session.answers.iter().zip(&answers));
    for (index, ((now, call), (native, component))) in pairs.enumerate() {
        assert_eq!(
            native,
            component,
            "call {index} at {} ns: {call:?}",
            now.as_nanos()
        );
    }
    assert!(component.calls() > 0);
    session
}

/// How many records were reported with this outcome.
pub fn reported(session: &Session, outcome: Outcome) -> u64 {
    let mut count = 0;
    for event in &session.events {
        if let Event::Delivered(report) = event
            && report.outcome == outcome
        {
            count += report.tickets.count();
        }
    }
    count
}

/// What became of each bulk that was offered.
pub fn outcomes(session: &Session) -> impl Iterator<Item = &BulkOutcome> {
    session.answers.iter().filter_map(|answer| {
        if let Answer::Sent(outcome) = answer {
            Some(outcome)
        } else {
            None
        }
    })
}

/// How many records were accepted.
pub fn accepted(session: &Session) -> u64 {
    outcomes(session)
        .map(|outcome| u64::from(outcome.accepted))
        .sum()
}
