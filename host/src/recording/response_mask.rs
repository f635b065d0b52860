//! Brokers' own words hidden in what they send, before a masked recording has it.

use super::mask::{hide_text, messages};
use super::request::{Head, LENGTH_BYTES};
use odradek::ConnectionId;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// The first version of Produce in whose answers brokers speak.
const FIRST_WITH_MESSAGES: i16 = 8;

/// Follows requests and answers on all connections of one machine.
#[derive(Debug, Default)]
pub(super) struct ResponseMask {
    conversations: BTreeMap<ConnectionId, Conversation>,
}

#[derive(Debug, Default)]
struct Conversation {
    /// The version of each request without an answer, where its answer may hold a message.
    open: VecDeque<Option<i16>>,
    /// What has arrived of the frame that is not whole.
    frame: Vec<u8>,
}

impl ResponseMask {
    /// A request went out. `is_answered` is whether an answer will come.
    pub(super) fn on_request(&mut self, connection: ConnectionId, head: Head, is_answered: bool) {
        if is_answered {
            let speaks = head.api == 0 && head.version >= FIRST_WITH_MESSAGES;
            let conversation = self.conversations.entry(connection).or_default();
            conversation.open.push_back(speaks.then_some(head.version));
        }
    }

    /// A connection is gone.
    pub(super) fn on_end(&mut self, connection: ConnectionId) {
        self.conversations.remove(&connection);
    }

    /// Hides the messages in bytes that arrived.
    pub(super) fn hide<'a>(
        &mut self,
        connection: ConnectionId,
        bytes: Cow<'a, [u8]>,
    ) -> Cow<'a, [u8]> {
        let Some(conversation) = self.conversations.get_mut(&connection) else {
            return bytes;
        };
        let mut hidden = bytes.into_owned();
        let mut rest = hidden.as_mut_slice();
        while !rest.is_empty() {
            let count = conversation.missing().min(rest.len());
            let (piece, after) = rest.split_at_mut(count);
            conversation.take(piece);
            rest = after;
        }
        hidden.into()
    }
}

impl Conversation {
    /// How many bytes the next piece may have at most: it ends where the frame, or its length, does.
    fn missing(&self) -> usize {
        let held = self.frame.len();
        let Some(length) = self.frame.first_chunk::<LENGTH_BYTES>() else {
            return LENGTH_BYTES - held;
        };
        let length = u32::from_be_bytes(*length) as usize;
        (LENGTH_BYTES + length).saturating_sub(held).max(1)
    }

    /// Takes the next piece of the frame, and hides what it has of messages.
    fn take(&mut self, piece: &mut [u8]) {
        let start = self.frame.len();
        self.frame.extend_from_slice(piece);
        if let Some(Some(version)) = self.open.front() {
            for range in messages(&self.frame, *version) {
                let from = range.start.max(start) - start;
                let to = range.end.min(self.frame.len()).max(start) - start;
                if let Some(part) = piece.get_mut(from..to) {
                    hide_text(part);
                }
            }
        }
        let is_whole = self.frame.first_chunk().is_some_and(|length| {
            self.frame.len() >= LENGTH_BYTES + u32::from_be_bytes(*length) as usize
        });
        if is_whole {
            self.frame.clear();
            self.open.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of version 9 to Produce, with a message about a record and one about the batch.
    fn answer() -> Vec<u8> {
        let mut body = vec![0, 0, 0, 3, 0, 2, 2, b't', 2];
        body.extend([0; 4 + 2 + 8 + 8 + 8]);
        body.extend([2, 0, 0, 0, 0, 7]);
        body.extend_from_slice("s\u{e9}cret".as_bytes()[..6].as_ref());
        body.extend([0, 4, b'b', b'a', b'd', 0, 0, 0, 0, 0, 0, 0]);
        let mut frame = (body.len() as u32).to_be_bytes().to_vec();
        frame.extend(body);
        frame
    }

    fn hidden(frame: &[u8], cut: usize) -> Vec<u8> {
        let mut mask = ResponseMask::default();
        let connection = ConnectionId(1);
        let head = Head {
            api: 0,
            version: 9,
            correlation: 3,
        };
        mask.on_request(connection, head, true);
        mask.on_request(connection, Head { api: 3, ..head }, true);
        let (front, back) = frame.split_at(cut);
        let mut all = mask.hide(connection, front.into()).into_owned();
        all.extend_from_slice(&mask.hide(connection, back.into()));
        all
    }

    #[test]
    fn messages_are_hidden_wherever_the_bytes_are_cut() {
        let frame = answer();
        let twice = [&frame[..], &frame[..]].concat();
        let whole = hidden(&twice, twice.len());
        let text = String::from_utf8_lossy(&whole[..frame.len()]).into_owned();
        assert!(!text.contains("cre") && !text.contains("bad"), "{text}");
        assert!(text.contains("xxx"), "{text}");
        // The second answers something else, and is left alone.
        assert_eq!(whole[frame.len()..], frame);
        let changed = whole.iter().zip(&twice).filter(|(a, b)| a != b).count();
        assert_eq!(changed, 6 - 1 + 3, "{text}");
        for cut in 0..twice.len() {
            assert_eq!(hidden(&twice, cut), whole, "cut at {cut}");
        }
    }
}
