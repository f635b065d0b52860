//! The known key nearest to a misspelt one.

use super::keys::keys;

/// How many characters of a name are compared. The longest known key has fewer.
const COMPARED_MAX: usize = 64;

/// The known key with the fewest single-character edits from `name`, the first of several by name.
pub(super) fn nearest(name: &str) -> &'static str {
    let name: Vec<char> = name
        .chars()
        .take(COMPARED_MAX)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let by_distance = keys()
        .iter()
        .map(|key| (distance(&name, key.name), key.name));
    by_distance.min().map_or("", |(_, nearest)| nearest)
}

/// How many characters must be inserted, deleted or replaced to make `b` of `a` (Levenshtein).
fn distance(a: &[char], b: &str) -> usize {
    // `row[i]` is the distance of the first `i` characters of `a` to the part of `b` read so far.
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (read, from_b) in b.chars().enumerate() {
        let mut diagonal = read;
        let mut left = read + 1;
        for (from_a, above) in a.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(*from_a != from_b);
            diagonal = *above;
            left = replaced.min(left + 1).min(*above + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = read + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_insertions_deletions_and_replacements() {
        let of = |a: &str, b| distance(&a.chars().collect::<Vec<_>>(), b);
        assert_eq!(of("", ""), 0);
        assert_eq!(of("", "acks"), 4);
        assert_eq!(of("acks", ""), 4);
        assert_eq!(of("ack", "acks"), 1);
        assert_eq!(of("accks", "acks"), 1);
        assert_eq!(of("backs", "acks"), 1);
        assert_eq!(of("kitten", "sitting"), 3);
    }

    #[test]
    fn misspelt_keys_find_their_neighbour() {
        for (name, expected) in [
            ("linger_ms", "linger.ms"),
            ("LINGER.MS", "linger.ms"),
            ("ack", "acks"),
            ("bootstrap.server", "bootstrap.servers"),
            ("compression.codec", "compression.type"),
            ("sasl.mechanisms", "sasl.mechanism"),
        ] {
            assert_eq!(nearest(name), expected);
        }
    }

    #[test]
    fn every_known_key_is_its_own_neighbour() {
        for key in keys() {
            assert_eq!(nearest(key.name), key.name);
            assert!(key.name.len() <= COMPARED_MAX);
        }
    }
}
