//! What went wrong with records, as many different texts as a person reads.

use core::fmt::Write as _;

/// Texts with the number of times that each occurred.
#[derive(Clone, Debug, Default)]
pub struct Complaints {
    texts: Vec<(String, u64)>,
    others: u64,
}

impl Complaints {
    /// Counts a text.
    pub fn add(&mut self, text: &str) {
        if let Some(known) = self.texts.iter_mut().find(|(known, _)| known == text) {
            known.1 += 1;
        } else if self.texts.len() < SHOWN {
            self.texts.push((text.to_owned(), 1));
        } else {
            self.others += 1;
        }
    }

    /// The texts, one per line.
    pub fn describe(&self) -> String {
        let mut lines = String::new();
        for (text, count) in &self.texts {
            // Writing to a String cannot fail.
            let _ = match count {
                1 => writeln!(lines, "odradek: {text}"),
                count => writeln!(lines, "odradek: {count} times: {text}"),
            };
        }
        if self.others > 0 {
            let _ = writeln!(lines, "odradek: and {} more failures", self.others);
        }
        lines
    }
}

/// How many different texts are shown.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_and_too_many_are_summed_up() {
        let mut complaints = Complaints::default();
        assert_eq!(complaints.describe(), "");
        for number in 0..=SHOWN + 1 {
            complaints.add(&format!("text {number}"));
        }
        complaints.add("text 0");
        let described = complaints.describe();
        let lines: Vec<&str> = described.lines().collect();
        assert_eq!(lines.len(), SHOWN + 1);
        assert_eq!(lines[0], "odradek: 2 times: text 0");
        assert_eq!(lines[1], "odradek: text 1");
        assert_eq!(lines[SHOWN], "odradek: and 2 more failures");
    }
}
