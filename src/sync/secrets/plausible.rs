//! Whether what looks like a secret may be one: people write examples, and machines write names.

/// Texts that only made-up secrets have, in small letters.
const MADE_UP: [&str; 12] = [
    "example",
    "xxxxx",
    "00000",
    "12345678",
    "abcdefg",
    "your_",
    "your-",
    "dummy",
    "placeholder",
    "redacted",
    "changeme",
    "*****",
];

/// Secrets that are printed in the papers of those who take them, and so are none.
const PUBLIC: [&str; 2] = [
    // The sample of jwt.io.
    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    // The emulator of Azure's storage has this key everywhere.
    "K1SZFPTOtr/KBHBeksoGMGw==",
];

/// Whether a token is a real one, as far as its bytes tell.
pub(super) fn is_token(secret: &[u8], least_entropy: f64) -> bool {
    entropy(secret) >= least_entropy
        && !contains_any(secret, &MADE_UP)
        && !PUBLIC.iter().any(|known| secret.ends_with(known.as_bytes()))
}

/// Whether a value that is called a password or a key is written by a machine or is a password of
/// some strength: no word, no name, no path and no example.
pub(super) fn is_value(value: &[u8], called: Called) -> bool {
    const NO_SECRETS: [&str; 20] = [
        "password", "passwd", "secret", "token", "apikey", "api_key", "api-key", "<", "{", "${",
        "$(", "%s", "%(", "...", "http", "none", "null", "true", "false", "test",
    ];
    if contains_any(value, &MADE_UP) || contains_any(value, &NO_SECRETS) {
        return false;
    }
    let has = |of: fn(&u8) -> bool| value.iter().any(of);
    let (letters, digits) = (has(u8::is_ascii_alphabetic), has(u8::is_ascii_digit));
    match called {
        Called::Password => {
            let symbols = has(u8::is_ascii_punctuation);
            letters
                && (digits || symbols)
                && value.len() >= 8
                && entropy(value) >= 2.7
                && !reads_as_words(value)
        }
        Called::Key => {
            letters
                && digits
                && value.len() >= 16
                && entropy(value) >= 3.3
                && changes(value) * 6 >= value.len()
        }
    }
}

/// What the name of a value says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// A password: somebody may have thought of it.
    Password,
    /// A key or token: a machine made it.
    Key,
}

/// Returns how many bits of information a byte has, by how often each comes.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "secrets have a few thousand bytes at most")]
    let total = bytes.len() as f64;
    let bits = |&count: &u32| {
        let share = f64::from(count) / total;
        share * -share.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(bits).sum()
}

/// Whether the value is words and numbers with something between them: `all-MiniLM-L6-v2`,
/// `reports/2026/11`, `model.layers.0`.
fn reads_as_words(value: &[u8]) -> bool {
    let is_between = |byte: &u8| matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b' ' | b',');
    let mut pieces = value.split(is_between).filter(|piece| !piece.is_empty());
    value.iter().any(is_between)
        && pieces.all(|piece| {
            let is_plain = piece.iter().all(u8::is_ascii_alphanumeric);
            is_plain && changes(piece) <= 2
        })
}

/// Returns how often the value changes between small letters, capitals and digits: words do so
/// seldom, random texts at every second place. A capital before small letters is none.
fn changes(value: &[u8]) -> usize {
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    let pairs = value.windows(2).map(|pair| (class(pair[0]), class(pair[1])));
    pairs
        .filter(|&(one, next)| one != next && one != 0 && next != 0 && (one, next) != (2, 1))
        .count()
}

/// Whether `bytes` have one of `needles`, which are in small letters, in whatever case.
fn contains_any(bytes: &[u8], needles: &[&str]) -> bool {
    let small = bytes.to_ascii_lowercase();
    needles.iter().any(|needle| memchr::memmem::find(&small, needle.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_keys_are_told_from_words() {
        for (value, password, key, why) in [
            ("tr0ub4dor&3", true, false, "a password; too short for a key"),
            ("correct-horse-battery", false, false, "words: nobody could tell it from a name"),
            ("9f86d081884c7d659a2feaa0c55ad015", true, true, "a hash that is called a key"),
            ("f3a9K2mQ8xW1zL5vB7nR", true, true, "random"),
            ("sentence-transformers/all-MiniLM-L6-v2", false, false, "a model"),
            ("tokenizer.model_max_length", false, false, "code"),
            ("aaaaaaaa1", false, false, "no entropy"),
            ("YOUR-API-KEY-HERE-1234567", false, false, "made up"),
            ("${PASSWORD_OF_DB_1}", false, false, "a variable"),
            ("hunter2", false, false, "shorter than what is worth a word"),
        ] {
            assert_eq!(is_value(value.as_bytes(), Called::Password), password, "{value}: {why}");
            assert_eq!(is_value(value.as_bytes(), Called::Key), key, "{value}: {why}");
        }
    }

    #[test]
    fn entropy_is_bits_a_byte() {
        for (text, bits) in [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0)] {
            assert!((entropy(text.as_bytes()) - bits).abs() < 1e-9, "{text}");
        }
    }
}
