//! The syntax of Java's `.properties` files: text in, pairs out.

use core::fmt;
use core::iter::Peekable;
use core::str::Chars;

/// Why a text is no properties file. It names the line and never repeats it, since it may hold a
/// secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertiesError {
    /// The line, counted from 1, on which the entry in question begins.
    pub line: usize,
    /// What is wrong there.
    pub kind: PropertiesErrorKind,
}

/// What can be wrong with a properties file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertiesErrorKind {
    /// `\u` is not followed by four hexadecimal digits.
    BadUnicodeEscape,
    /// `\u` escapes give half of a surrogate pair.
    LoneSurrogate,
    /// A value has no key before it.
    NoKey,
}

impl fmt::Display for PropertiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            PropertiesErrorKind::BadUnicodeEscape => "\\u needs four hexadecimal digits",
            PropertiesErrorKind::LoneSurrogate => "\\u escapes give half of a surrogate pair",
            PropertiesErrorKind::NoKey => "there is no key before the value; write KEY=VALUE",
        };
        write!(f, "line {}: {what}", self.line)
    }
}

impl core::error::Error for PropertiesError {}

/// Reads the entries of a properties file in order, as `java.util.Properties.load` does: `#` and
/// `!` begin a comment line, `=`, `:` or white space ends a key, a backslash at the end of a line
/// continues the entry on the next one, and `\t`, `\n`, `\r`, `\f`, `\uXXXX` are escapes, any other
/// escaped character stands for itself. A byte order mark at the start is skipped. Values keep
/// white space at their end.
///
/// # Errors
///
/// The first entry that cannot be read, with its line.
pub fn parse_properties(text: &str) -> Result<Vec<(String, String)>, PropertiesError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries = Vec::new();
    let mut lines = Lines {
        rest: text,
        next: 1,
    };
    while let Some((line, logical)) = lines.next_entry() {
        let entry = split_entry(&logical).map_err(|kind| PropertiesError { line, kind })?;
        entries.push(entry);
    }
    Ok(entries)
}

/// The lines of a text, which end with LF, CR or CR LF.
struct Lines<'a> {
    rest: &'a str,
    /// Number of the line that `rest` begins with.
    next: usize,
}

impl<'a> Lines<'a> {
    /// The next line without its end and without white space at its start.
    fn next_line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix("\r\n").unwrap_or_else(|| {
            let mut characters = rest.chars();
            characters.next();
            characters.as_str()
        });
        self.next += 1;
        Some(line.trim_start_matches(is_blank))
    }

    /// The next entry with its continuation lines joined, and the number of its first line.
    fn next_entry(&mut self) -> Option<(usize, String)> {
        loop {
            let number = self.next;
            let line = self.next_line()?;
            // A line with nothing but a backslash continues nothing.
            if line.is_empty() || line == "\\" || line.starts_with(['#', '!']) {
                continue;
            }
            let mut entry = line.to_owned();
            while ends_in_continuation(&entry) {
                entry.pop();
                entry.push_str(self.next_line().unwrap_or_default());
            }
            return Some((number, entry));
        }
    }
}

/// Whether the last backslash is not itself escaped.
fn ends_in_continuation(line: &str) -> bool {
    let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
    backslashes % 2 == 1
}

/// White space inside a line as Java sees it: other Unicode spaces are part of keys and values.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Takes key and value of one entry apart.
fn split_entry(entry: &str) -> Result<(String, String), PropertiesErrorKind> {
    let mut rest = entry.chars().peekable();
    let key = unescape(&mut rest, |c| is_blank(c) || matches!(c, '=' | ':'))?;
    while rest.next_if(|c| is_blank(*c)).is_some() {}
    if rest.next_if(|c| matches!(c, '=' | ':')).is_some() {
        while rest.next_if(|c| is_blank(*c)).is_some() {}
    }
    if key.is_empty() {
        return Err(PropertiesErrorKind::NoKey);
    }
    let value = unescape(&mut rest, |_| false)?;
    Ok((key, value))
}

/// Reads up to an unescaped character that `ends` accepts, resolving escapes.
fn unescape(
    rest: &mut Peekable<Chars<'_>>,
    ends: impl Fn(char) -> bool,
) -> Result<String, PropertiesErrorKind> {
    let mut text = String::new();
    while let Some(c) = rest.next_if(|c| !ends(*c)) {
        if c != '\\' {
            text.push(c);
            continue;
        }
        // A lone backslash can only be the end of the text, where Java drops it too.
        let Some(escaped) = rest.next() else { break };
        text.push(match escaped {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'u' => unicode_escape(rest)?,
            other => other,
        });
    }
    Ok(text)
}

/// Reads what follows `\u`. Characters beyond U+FFFF come as two escapes, a surrogate pair.
fn unicode_escape(rest: &mut Peekable<Chars<'_>>) -> Result<char, PropertiesErrorKind> {
    let mut units = vec![code_unit(rest)?];
    if units.iter().all(|unit| (0xd800..0xdc00).contains(unit)) {
        let follows = rest.next() == Some('\\') && rest.next() == Some('u');
        if !follows {
            return Err(PropertiesErrorKind::LoneSurrogate);
        }
        units.push(code_unit(rest)?);
    }
    match char::decode_utf16(units).next() {
        Some(Ok(c)) => Ok(c),
        Some(Err(_)) | None => Err(PropertiesErrorKind::LoneSurrogate),
    }
}

fn code_unit(rest: &mut Peekable<Chars<'_>>) -> Result<u16, PropertiesErrorKind> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = rest.next().and_then(|c| c.to_digit(16));
        let digit = digit.and_then(|digit| u16::try_from(digit).ok());
        unit = unit * 16 + digit.ok_or(PropertiesErrorKind::BadUnicodeEscape)?;
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, String)> {
        parse_properties(text).unwrap()
    }

    fn one(text: &str) -> (String, String) {
        let [entry] = entries(text).try_into().unwrap();
        entry
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn keys_end_at_equals_colon_or_white_space() {
        for text in [
            "acks=1",
            "acks:1",
            "acks 1",
            "acks\t=\u{c} 1",
            "  acks = 1",
            "acks   : 1",
        ] {
            assert_eq!(one(text), pair("acks", "1"), "{text:?}");
        }
        assert_eq!(one("acks==1"), pair("acks", "=1"));
        assert_eq!(one("acks = : 1"), pair("acks", ": 1"));
        assert_eq!(
            one("bootstrap.servers=h:1"),
            pair("bootstrap.servers", "h:1")
        );
        assert_eq!(one("acks"), pair("acks", ""));
        assert_eq!(one("acks="), pair("acks", ""));
        assert_eq!(one("acks= 1 "), pair("acks", "1 "));
        assert_eq!(one("acks=\u{a0}1"), pair("acks", "\u{a0}1"));
    }

    #[test]
    fn comments_and_blank_lines_are_skipped() {
        assert_eq!(
            entries("# a=1\n! b=2\n\n \t\n  #c=3\\\nd=4#5\n"),
            [pair("d", "4#5")]
        );
        assert_eq!(entries(""), []);
        assert_eq!(entries("\\\n#a=1\n\\\n\n"), []);
    }

    #[test]
    fn every_kind_of_line_end_is_one_line_end() {
        let expected = [pair("a", "1"), pair("b", "2")];
        for end in ["\n", "\r", "\r\n"] {
            assert_eq!(entries(&["a=1", "b=2", ""].join(end)), expected, "{end:?}");
            assert_eq!(
                one(&["a=1\\", "  ,2"].join(end)),
                pair("a", "1,2"),
                "{end:?}"
            );
        }
    }

    #[test]
    fn a_backslash_at_the_end_joins_the_next_line() {
        assert_eq!(one("a=1,\\\n   2,\\\n\t3"), pair("a", "1,2,3"));
        assert_eq!(one("a=1\\\n#2"), pair("a", "1#2"));
        assert_eq!(one("a=1\\"), pair("a", "1"));
        assert_eq!(entries("a=1\\\\\nb=2"), [pair("a", "1\\"), pair("b", "2")]);
        assert_eq!(entries("a=1\\\n\nb=2"), [pair("a", "1"), pair("b", "2")]);
    }

    #[test]
    fn escapes_stand_for_their_characters() {
        assert_eq!(one(r"a=\t\n\r\f\\\q\=\#"), pair("a", "\t\n\r\u{c}\\q=#"));
        assert_eq!(one(r"a\ b\:c\=d = e"), pair("a b:c=d", "e"));
        assert_eq!(one(r"a=\ 1"), pair("a", " 1"));
        assert_eq!(one(r"a=\u00e9\u20AC"), pair("a", "\u{e9}\u{20ac}"));
        assert_eq!(one(r"a=\ud83d\ude00x"), pair("a", "\u{1f600}x"));
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(one("\u{feff}a=1"), pair("a", "1"));
    }

    #[test]
    fn errors_name_the_first_line_of_the_entry_and_hold_no_text() {
        for (text, line, kind) in [
            (
                "a=1\n#\nb=\\\n\\u12g4",
                3,
                PropertiesErrorKind::BadUnicodeEscape,
            ),
            ("a=\\u123", 1, PropertiesErrorKind::BadUnicodeEscape),
            ("a=\\u+123", 1, PropertiesErrorKind::BadUnicodeEscape),
            ("a=\\ud83d", 1, PropertiesErrorKind::LoneSurrogate),
            ("a=\\ud83d\\u0041", 1, PropertiesErrorKind::LoneSurrogate),
            ("a=\\ude00", 1, PropertiesErrorKind::LoneSurrogate),
            ("\r\n\r\n = 1", 3, PropertiesErrorKind::NoKey),
        ] {
            assert_eq!(
                parse_properties(text),
                Err(PropertiesError { line, kind }),
                "{text:?}"
            );
        }
        assert_eq!(
            parse_properties("=1").unwrap_err().to_string(),
            "line 1: there is no key before the value; write KEY=VALUE"
        );
    }
}
