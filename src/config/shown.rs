//! Texts from outside as errors may repeat them.

/// How many characters of a text from outside an error repeats.
const SHOWN_MAX: usize = 100;

/// A value as an error may repeat it: shortened, and not at all where it may be a secret.
pub(super) fn shown(name: &str, value: &str) -> String {
    if may_be_secret(name) {
        "(hidden)".to_owned()
    } else {
        shorten(value)
    }
}

/// Whether values of the key must never be printed or written down: names with these words, which covers
/// every key that has type PASSWORD in Java.
pub fn may_be_secret(name: &str) -> bool {
    const WORDS: [&str; 8] = [
        "password",
        "passphrase",
        "secret",
        "token",
        "jaas",
        "credential",
        "certificate",
        "keystore.key",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// The first characters of a text, with control characters replaced.
pub(super) fn shorten(text: &str) -> String {
    // A control character could rewrite what a terminal shows.
    let visible = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let mut short: String = text.chars().take(SHOWN_MAX).map(visible).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_any_word_of_secrecy_hide_their_value() {
        for name in [
            "a.password",
            "a.passphrase",
            "client.secret",
            "access.TOKEN",
            "sasl.jaas.config",
            "credential.file",
            "certificate.chain",
            "ssl.keystore.key",
        ] {
            assert_eq!(shown(name, "hunter2"), "(hidden)", "{name}");
        }
        assert_eq!(shown("security.protocol", "SSL"), "SSL");
    }

    #[test]
    fn long_texts_are_cut_and_control_characters_replaced() {
        assert_eq!(
            shorten(&"\u{e9}".repeat(SHOWN_MAX)),
            "\u{e9}".repeat(SHOWN_MAX)
        );
        assert_eq!(
            shorten(&"x".repeat(SHOWN_MAX + 1)),
            "x".repeat(SHOWN_MAX) + "..."
        );
        assert_eq!(shorten("a\u{1b}[2J"), "a\u{fffd}[2J");
    }
}
