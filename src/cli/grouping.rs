//! From bytes to groups: the records that go to the producer together.

use crate::cli::input::{BadLine, Defaults, Format, Found, InputRecord, Reader};

/// A group is complete when it has so many records, or so many bytes, or when the input pauses.
const GROUP_RECORDS: usize = 1000;
const GROUP_BYTES: u64 = 256 * 1024;

/// The next thing of the input, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Records that go to the producer together; at least one, and each has a topic.
    Group(Vec<InputRecord>),
    /// A record that no producer could take, and why.
    Refused(Box<InputRecord>, String),
    /// A line without a record.
    Bad(BadLine),
}

/// Turns the bytes of one input into groups.
#[derive(Debug)]
pub struct Grouping {
    reader: Reader,
    /// What ended the latest group and follows it.
    next: Option<Step>,
}

impl Grouping {
    /// For the start of an input. Lines longer than `line_limit` bytes are bad.
    pub fn new(format: Format, line_limit: usize) -> Self {
        Self {
            reader: Reader::new(format, line_limit),
            next: None,
        }
    }

    /// The reader, to be fed.
    pub const fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }

    /// The next step; `None` when more bytes are needed.
    pub fn next_step(&mut self, defaults: &Defaults) -> Option<Step> {
        if let Some(step) = self.next.take() {
            return Some(step);
        }
        let (mut records, mut bytes) = (Vec::new(), 0);
        while let Some(found) = self.reader.next_found() {
            match found {
                Found::Record(record) if defaults.topic_of(&record).is_some() => {
                    bytes += record.held_bytes();
                    records.push(record);
                    if records.len() >= GROUP_RECORDS || bytes >= GROUP_BYTES {
                        break;
                    }
                }
                Found::Record(record) => {
                    let error = "the record names no topic, and there is no -t".to_owned();
                    self.next = Some(Step::Refused(Box::new(record), error));
                    break;
                }
                Found::Bad(line) => {
                    self.next = Some(Step::Bad(line));
                    break;
                }
            }
        }
        if records.is_empty() {
            self.next.take()
        } else {
            Some(Step::Group(records))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(defaults: &Defaults, bytes: &[u8]) -> Vec<Step> {
        let mut grouping = Grouping::new(Format::Json, 1 << 20);
        grouping.reader().push(bytes);
        grouping.reader().finish();
        core::iter::from_fn(|| grouping.next_step(defaults)).collect()
    }

    #[test]
    fn the_order_of_the_input_is_kept() {
        let input = b"{\"topic\":\"t\"}\noops\n{}\n{\"topic\":\"t\"}\n{\"topic\":\"u\"}\n";
        let steps = steps(&Defaults::default(), input);
        assert!(matches!(&steps[0], Step::Group(records) if records.len() == 1));
        assert!(matches!(&steps[1], Step::Bad(line) if line.line == 2));
        assert!(matches!(&steps[2], Step::Refused(record, _) if record.line == 3));
        assert!(matches!(&steps[3], Step::Group(records) if records.len() == 2));
        assert_eq!(steps.len(), 4);
    }

    #[test]
    fn groups_are_bounded_in_records_and_bytes() {
        let defaults = Defaults {
            topic: Some("t".to_owned()),
            ..Defaults::default()
        };
        let sizes = |input: &[u8]| -> Vec<usize> {
            let sizes = steps(&defaults, input).into_iter();
            sizes
                .map(|step| match step {
                    Step::Group(records) => records.len(),
                    Step::Refused(..) | Step::Bad(_) => 0,
                })
                .collect()
        };
        assert_eq!(sizes(&b"{}\n".repeat(2500)), [1000, 1000, 500]);
        let large = format!("{{\"value\":\"{}\"}}\n", "x".repeat(100_000));
        assert_eq!(sizes(large.repeat(7).as_bytes()), [3, 3, 1]);
    }
}
