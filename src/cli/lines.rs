//! The format `lines`: one record per line, any bytes, the key before a separator.

use crate::cli::input::InputRecord;

/// Makes a record of a line without its newline.
///
/// With a separator the key is what stands before its first occurrence; a line without it has a null
/// key. An empty line is an empty value. Every byte counts, a carriage return too.
pub fn parse(line: u64, bytes: Vec<u8>, separator: Option<&[u8]>) -> InputRecord {
    let found = separator
        .and_then(|separator| find(&bytes, separator).map(|at| (at, at + separator.len())));
    let (key, value) = match found {
        Some((key_end, value_start)) => {
            let mut key = bytes;
            let value = key.split_off(value_start);
            key.truncate(key_end);
            (Some(key), value)
        }
        None => (None, bytes),
    };
    InputRecord {
        line,
        key,
        value: Some(value),
        ..InputRecord::default()
    }
}

fn find(bytes: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [] => None,
        [byte] => bytes.iter().position(|other| other == byte),
        _ => bytes
            .windows(separator.len())
            .position(|window| window == separator),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_and_value(line: &[u8], separator: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let record = parse(1, line.to_vec(), Some(separator));
        (record.key, record.value)
    }

    fn some(bytes: &[u8]) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }

    #[test]
    fn without_a_separator_the_line_is_the_value() {
        let record = parse(7, b"a\tb\xff\r".to_vec(), None);
        assert_eq!((record.line, record.key), (7, None));
        assert_eq!(record.value, some(b"a\tb\xff\r"));
        assert_eq!(parse(1, Vec::new(), None).value, some(b""));
    }

    #[test]
    fn the_first_separator_splits() {
        assert_eq!(
            key_and_value(b"k\tv\tw", b"\t"),
            (some(b"k"), some(b"v\tw"))
        );
        assert_eq!(key_and_value(b"k::v", b"::"), (some(b"k"), some(b"v")));
        assert_eq!(key_and_value(b"k:::v", b"::"), (some(b"k"), some(b":v")));
        assert_eq!(
            key_and_value(b"\xfe\x00\xff", b"\x00"),
            (some(b"\xfe"), some(b"\xff"))
        );
    }

    #[test]
    fn an_empty_key_is_a_key_and_a_missing_separator_means_none() {
        assert_eq!(key_and_value(b"\tv", b"\t"), (some(b""), some(b"v")));
        assert_eq!(key_and_value(b"k\t", b"\t"), (some(b"k"), some(b"")));
        assert_eq!(key_and_value(b"v", b"\t"), (None, some(b"v")));
        assert_eq!(key_and_value(b"", b"\t"), (None, some(b"")));
        assert_eq!(key_and_value(b":", b"::"), (None, some(b":")));
    }
}
