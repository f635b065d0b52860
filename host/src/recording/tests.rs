//! Recordings of short sessions without a network: what is found when a file is not as it was written.

use super::format::{BlockWriter, FormatError};
use super::*;
use crate::machine::NativeMachine;
use odradek::{Bulk, BulkRecord, Input, Output, QueryId, ResolveError, TopicHandle};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A file in memory.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn properties() -> Vec<(String, String)> {
    let pairs = [
        ("bootstrap.servers", "a:1,b:2,c:3"),
        ("max.block.ms", "3000"),
        ("client.id", "recorded"),
    ];
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

fn opening() -> Opening {
    Opening {
        core: core_version().to_owned(),
        build: build_of_this_core(),
        backend: Backend::Native,
        is_masked: false,
        seed: 7,
        properties: properties(),
    }
}

/// Offers records, and looks names up that do not exist, until the records are given up.
fn session(machine: &mut dyn Machine) {
    let topic = machine.topic("t").expect("not lost").expect("a name");
    machine
        .topic("no/name")
        .expect("not lost")
        .expect_err("a slash");
    let record = BulkRecord {
        topic,
        partition: -1,
        timestamp: -1,
        key_length: 3,
        value_length: 5,
        header_count: 0,
    };
    let bulk = Bulk {
        records: &[
            record,
            BulkRecord {
                topic: TopicHandle(9),
                ..record
            },
        ],
        headers: &[],
        data: b"keyvaluekeyvalue",
    };
    let mut now = Instant::from_millis(1);
    machine
        .send_many(&bulk, 1_700_000_000_000, now)
        .expect("not lost");
    let mut queries: Vec<QueryId> = Vec::new();
    for _ in 0..60 {
        let not_found = |query: QueryId| Input::Resolved {
            query,
            result: Err(ResolveError::NotFound),
        };
        let inputs: Vec<Input<'_>> = queries.drain(..).map(not_found).collect();
        let mut outputs = Vec::new();
        let step = machine.step(&inputs, now, &mut outputs).expect("not lost");
        for output in outputs {
            if let Output::Resolve { query, .. } = output {
                queries.push(query);
            }
        }
        let until = step.until.unwrap_or(now);
        now = until.max(now.after(Duration::from_millis(1)));
    }
    machine.metrics(now).expect("not lost");
    machine.flush(now).expect("not lost");
    machine
        .close(Duration::from_millis(5), now)
        .expect("not lost");
}

fn recorded(opening: &Opening) -> Vec<u8> {
    let (machine, _) = NativeMachine::open(&properties(), 7, Instant::ZERO).expect("valid");
    let file = Memory::default();
    let (mut recorder, end) =
        Recorder::new(Box::new(machine), file.clone(), opening, false).expect("memory");
    session(&mut recorder);
    drop(recorder);
    end.wait(Duration::ZERO).expect("it is whole");
    file.bytes()
}

fn replayed(file: &[u8]) -> (Progress, Result<(), ReplayError>) {
    let recording = match Recording::open(file) {
        Ok(recording) => recording,
        Err(FormatError::Damaged(damage)) => {
            return (Progress::default(), Err(ReplayError::Damaged(damage)));
        }
        Err(error) => panic!("{error}"),
    };
    let mut replay = match Replay::new(recording, false) {
        Ok(replay) => replay,
        Err(error) => return (Progress::default(), Err(error)),
    };
    loop {
        match replay.next(&mut |_| {}) {
            Ok(true) => {}
            Ok(false) => return (replay.progress(), Ok(())),
            Err(error) => return (replay.progress(), Err(error)),
        }
    }
}

/// The same entries after a change, in a file without damage.
fn changed(file: &[u8], opening: &Opening, change: impl Fn(usize, &mut Vec<u8>)) -> Vec<u8> {
    let mut recording = Recording::open(file).expect("a recording");
    let changed = Memory::default();
    let mut writer = BlockWriter::new(changed.clone(), opening).expect("memory");
    let mut index = 0;
    while let Some(entry) = recording.next_entry().expect("it is whole") {
        let mut entry = entry.to_vec();
        change(index, &mut entry);
        writer.entry(&entry).expect("memory");
        index += 1;
    }
    writer.end().expect("memory");
    changed.bytes()
}

#[test]
fn a_session_is_replayed_to_its_end() {
    let file = recorded(&opening());
    let (progress, result) = replayed(&file);
    assert_eq!(result, Ok(()));
    assert_eq!((progress.calls, progress.records), (66, 1));
    assert!(progress.outputs > 10, "{progress:?}");
    assert_eq!(changed(&file, &opening(), |_, _| {}), file);
}

#[test]
fn another_seed_answers_otherwise() {
    let file = recorded(&opening());
    let other = Opening {
        seed: 8,
        ..opening()
    };
    let (progress, result) = replayed(&changed(&file, &other, |_, _| {}));
    let Err(ReplayError::Different { different, .. }) = result else {
        panic!("{progress:?} {result:?}");
    };
    assert_ne!(different.recorded, different.replayed);
}

#[test]
fn every_answer_that_was_changed_is_found() {
    let file = recorded(&opening());
    let (calls, _) = replayed(&file);
    for call in 0..calls.calls {
        // The last byte of an entry belongs to its answer.
        let flipped = changed(&file, &opening(), |index, entry| {
            if index as u64 == call {
                let last = entry.last_mut().expect("no entry is empty");
                *last ^= 1;
            }
        });
        let (progress, result) = replayed(&flipped);
        assert_eq!(progress.calls, call);
        assert!(
            matches!(
                result,
                Err(ReplayError::Different {
                    backend: Backend::Native,
                    ..
                })
            ),
            "call {call}: {result:?}"
        );
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_replayed_as_far_as_it_goes() {
    let file = recorded(&opening());
    // The opening has a block of its own, and the whole session fits another one.
    for length in (9..file.len())
        .step_by(97)
        .chain(file.len() - 12..file.len())
    {
        let (progress, result) = replayed(&file[..length]);
        assert!(
            matches!(result, Err(ReplayError::Damaged(Damage::Cut { .. }))),
            "{length}: {result:?}"
        );
        assert_eq!(progress.calls, 0);
    }
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let file = recorded(&opening());
    for at in (8..file.len()).step_by(41) {
        let mut corrupt = file.clone();
        corrupt[at] ^= 0x10;
        let (_, result) = replayed(&corrupt);
        assert!(
            matches!(result, Err(ReplayError::Damaged(_))),
            "{at}: {result:?}"
        );
    }
}

#[test]
fn blocks_before_the_damage_are_replayed() {
    let file = Memory::default();
    let mut writer = BlockWriter::new(file.clone(), &opening()).expect("memory");
    let mut want_room = Vec::new();
    Call::WantRoom(5).encode(0, false, &mut want_room);
    Answer::Done.encode(Instant::ZERO, false, &mut want_room);
    for _ in 0..20_000 {
        writer.entry(&want_room).expect("memory");
    }
    writer.end().expect("memory");
    let whole = file.bytes();
    assert_eq!(replayed(&whole).0.calls, 20_000);
    let (progress, result) = replayed(&whole[..whole.len() / 2]);
    let Err(ReplayError::Damaged(Damage::Cut { at })) = result else {
        panic!("{result:?}");
    };
    assert!((1000..20_000).contains(&progress.calls), "{progress:?}");
    let at = usize::try_from(at).expect("the file is small");
    // Cut where a block ends, only the end is missing.
    assert_eq!(replayed(&whole[..at]).0, progress);
    let mut corrupt = whole.clone();
    corrupt[at + 100] ^= 1;
    let (until, result) = replayed(&corrupt);
    assert_eq!(until, progress);
    let at = at as u64;
    assert_eq!(result, Err(ReplayError::Damaged(Damage::Corrupt { at })));
    let more = [&whole[..], b"x"].concat();
    let (progress, result) = replayed(&more);
    assert_eq!(progress.calls, 20_000);
    assert!(matches!(
        result,
        Err(ReplayError::Damaged(Damage::Corrupt { .. }))
    ));
}

#[test]
fn what_is_no_recording_of_this_version_is_refused() {
    let open = |bytes: &[u8]| Recording::open(bytes).map(|_| ()).expect_err("not ours");
    assert!(matches!(open(b""), FormatError::NoRecording));
    assert!(matches!(open(b"ODRADEK"), FormatError::NoRecording));
    assert!(matches!(open(b"GIF89a..1234"), FormatError::NoRecording));
    let mut file = recorded(&opening());
    file[7] = 2;
    assert!(matches!(open(&file), FormatError::Format(2)));

    let older = Opening {
        core: "0.0.9".to_owned(),
        ..opening()
    };
    let file = recorded(&older);
    let (_, result) = replayed(&file);
    let error = result.expect_err("another version").to_string();
    assert!(
        error.contains("0.0.9") && error.contains(core_version()),
        "{error}"
    );
    let recording = Recording::open(&file[..]).expect("a recording");
    let mut replay = Replay::new(recording, true).expect("it is asked for");
    assert_eq!(replay.next(&mut |_| {}), Ok(true));
}

/// A file that takes so many bytes and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_producer() {
    let (machine, _) = NativeMachine::open(&properties(), 7, Instant::ZERO).expect("valid");
    let (mut recorder, end) =
        Recorder::new(Box::new(machine), Full(300), &opening(), false).expect("it has room");
    session(&mut recorder);
    drop(recorder);
    let error = end.wait(Duration::ZERO).expect_err("the disk is full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

/// A machine that panics in its second step.
struct Panicking(NativeMachine, u32);

impl Machine for Panicking {
    fn topic(
        &mut self,
        name: &str,
    ) -> Result<Result<TopicHandle, odradek::TopicError>, crate::machine::MachineLost> {
        self.0.topic(name)
    }
    fn send_many(
        &mut self,
        bulk: &Bulk<'_>,
        wall: i64,
        now: Instant,
    ) -> Result<odradek::BulkOutcome, crate::machine::MachineLost> {
        self.0.send_many(bulk, wall, now)
    }
    fn watch(&mut self, _: TopicHandle, _: Instant) -> Result<(), crate::machine::MachineLost> {
        Ok(())
    }
    fn want_room(&mut self, _: u64) -> Result<(), crate::machine::MachineLost> {
        Ok(())
    }
    fn flush(&mut self, now: Instant) -> Result<odradek::FlushId, crate::machine::MachineLost> {
        self.0.flush(now)
    }
    fn purge(&mut self, _: Instant) -> Result<(), crate::machine::MachineLost> {
        Ok(())
    }
    fn transact(
        &mut self,
        command: &crate::machine::TransactionCommand,
        now: Instant,
    ) -> Result<
        Result<Option<odradek::OperationId>, odradek::TransactionError>,
        crate::machine::MachineLost,
    > {
        self.0.transact(command, now)
    }
    fn transaction_state(
        &mut self,
    ) -> Result<Option<odradek::TransactionState>, crate::machine::MachineLost> {
        self.0.transaction_state()
    }
    fn close(&mut self, _: Duration, _: Instant) -> Result<(), crate::machine::MachineLost> {
        Ok(())
    }
    fn step(
        &mut self,
        inputs: &[Input<'_>],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Result<odradek::Step, crate::machine::MachineLost> {
        self.1 += 1;
        assert!(self.1 < 2, "as wanted");
        self.0.step(inputs, now, outputs)
    }
    fn metrics(&mut self, now: Instant) -> Result<odradek::Metrics, crate::machine::MachineLost> {
        self.0.metrics(now)
    }
    fn calls(&self) -> u64 {
        0
    }
}

#[test]
fn the_call_that_panicked_is_the_last_one_of_its_recording() {
    let (machine, _) = NativeMachine::open(&properties(), 7, Instant::ZERO).expect("valid");
    let file = Memory::default();
    let machine = Box::new(Panicking(machine, 0));
    let (mut recorder, end) =
        Recorder::new(machine, file.clone(), &opening(), false).expect("memory");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        session(&mut recorder);
    }));
    assert!(panicked.is_err());
    end.wait(Duration::ZERO).expect("it is whole");
    // Two topics, a bulk, a step, and the step that panicked there and does not here.
    let (progress, result) = replayed(&file.bytes());
    assert_eq!((progress.calls, result), (5, Ok(())));
}

#[test]
fn secrets_and_what_the_machine_does_not_obey_are_left_out() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let given = [
        pair("bootstrap.servers", "b:1"),
        pair("sasl.jaas.config", "hunter2"),
        pair("ssl.key.password", "hunter2"),
        pair("my.password", "hunter2"),
        pair(" linger.ms ", "7"),
        pair("client.rack", "r"),
    ];
    let kept = without_secrets(&given);
    let expected = [pair("bootstrap.servers", "b:1"), pair(" linger.ms ", "7")];
    assert_eq!(kept, expected);
}
