//! What goes wrong, scripted: taken in order by the requests that it is meant for.

use odradek::ErrorCode;
use std::collections::{BTreeMap, VecDeque};

/// What a broker answers for one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As a healthy broker would.
    Well,
    /// This error, without an append.
    Error(ErrorCode),
    /// This error after an append.
    ErrorAfterAppend(ErrorCode),
    /// Nothing for this partition: it is missing in the response.
    LeaveOut,
}

/// What becomes of one request as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is processed and answered.
    Well,
    /// The connection is reset before it is processed.
    ResetBefore,
    /// It is processed; instead of the response comes a reset.
    LoseResponse,
    /// It is processed; the connection is reset after so many bytes of the response.
    CutResponse(usize),
    /// It is processed and never answered; nothing behind it is.
    NeverAnswer,
    /// It is answered so many ms later.
    Slow(u64),
    /// The response carries another correlation id.
    WrongCorrelationId,
    /// These bytes come instead of the response frame.
    Bytes(Vec<u8>),
    /// The response asks for so many ms of silence.
    Throttle(i32),
    /// The response carries this error for the request as a whole (InitProducerId, Metadata 13).
    Error(ErrorCode),
}

/// How a broker answers ApiVersions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ApiVersionsMood {
    /// As asked.
    #[default]
    Well,
    /// Any version above this one gets error 35 with the range, as version 0.
    Below(i16),
    /// Any version above 0 gets this body.
    Body(Vec<u8>),
    /// This error, always.
    Error(ErrorCode),
}

/// The script.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    answers: BTreeMap<(String, i32), VecDeque<Answer>>,
    fates: BTreeMap<i16, VecDeque<Fate>>,
    /// Taken by every Produce request when its own queue is empty.
    pub(crate) always: Option<Fate>,
}

impl Faults {
    /// The next batches of a partition get these answers.
    pub(crate) fn answer(&mut self, topic: &str, partition: i32, answers: &[Answer]) {
        let queue = self
            .answers
            .entry((topic.to_owned(), partition))
            .or_default();
        queue.extend(answers);
    }

    /// The next requests of an API get these fates.
    pub(crate) fn fate(&mut self, api: i16, fates: &[Fate]) {
        let queue = self.fates.entry(api).or_default();
        queue.extend(fates.iter().cloned());
    }

    pub(crate) fn next_answer(&mut self, topic: &str, partition: i32) -> Answer {
        self.answers
            .get_mut(&(topic.to_owned(), partition))
            .and_then(VecDeque::pop_front)
            .unwrap_or(Answer::Well)
    }

    pub(crate) fn next_fate(&mut self, api: i16) -> Fate {
        let scripted = self.fates.get_mut(&api).and_then(VecDeque::pop_front);
        let always = self.always.clone().filter(|_| api == 0);
        scripted.or(always).unwrap_or(Fate::Well)
    }

    /// From here on everything goes well.
    pub(crate) fn heal(&mut self) {
        *self = Self::default();
    }
}

/// The throttle time that a response carries, in ms.
pub(crate) const fn throttle_of(fate: &Fate) -> i32 {
    if let Fate::Throttle(ms) = fate {
        *ms
    } else {
        0
    }
}

/// The error that a response as a whole carries.
pub(crate) const fn error_of(fate: &Fate) -> Option<ErrorCode> {
    if let Fate::Error(error) = fate {
        Some(*error)
    } else {
        None
    }
}
