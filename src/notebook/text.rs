//! JSON strings as text, and text as JSON strings, in the spellings that are in use.

use std::borrow::Cow;

use super::lexer::Span;

/// How a writer spells what could be spelled otherwise inside a JSON string.
///
/// By default as nearly every writer does: only what must be escaped is, in lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Escapes {
    /// All beyond ASCII as `\u00e9`: Python's `ensure_ascii`.
    pub(super) ascii: bool,
    /// Hex digits in upper case, as Java and .NET write them.
    pub(super) upper: bool,
    /// A slash as `\/`, as PHP and Swift write it.
    pub(super) slash: bool,
}

/// The longest plain run that is looked for with small steps before wide ones pay.
const SMALL_STEPS: usize = 4;
const WIDE: usize = 64;

/// Returns the first byte from `at` on that a JSON string cannot hold as it is: a quote, a
/// backslash or a control character; the length of `bytes` if there is none.
pub(super) fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    let mut steps = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
        steps += 1;
        if steps == SMALL_STEPS {
            while let Some(wide) = bytes.get(at..).and_then(<[u8]>::first_chunk::<WIDE>) {
                let plain = wide.iter().fold(true, |plain, &byte| plain & is_plain(byte));
                if !plain {
                    break;
                }
                at += WIDE;
            }
        }
    }
    while at < bytes.len() && is_plain(bytes[at]) {
        at += 1;
    }
    at
}

#[expect(clippy::needless_bitwise_bool, reason = "without branches it runs on whole vectors")]
fn is_plain(byte: u8) -> bool {
    (byte >= 0x20) & (byte != b'"') & (byte != b'\\')
}

/// Sets the top bit of each byte that is not plain; only the lowest of the bits is exact, as
/// the borrow of a hit may run into the bytes above it.
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    let quotes = quote.wrapping_sub(ONES) & !quote;
    let backslashes = backslash.wrapping_sub(ONES) & !backslash;
    (controls | quotes | backslashes) & HIGH
}

/// Returns the text of the JSON string at `span` of `json`, quotes included.
///
/// `None` if half of a surrogate pair stands alone, which no Unicode text can hold.
pub(super) fn decode(json: &str, span: Span) -> Option<Cow<'_, str>> {
    let inner = json.get(span.start + 1..span.end - 1)?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    decode_into(inner, &mut text).then_some(Cow::Owned(text))
}

/// Adds the text of a checked JSON string, given without its quotes, to `text`.
///
/// Returns `false` if a lone half of a surrogate pair had to become `U+FFFD`.
pub(super) fn decode_into(inner: &str, text: &mut String) -> bool {
    let bytes = inner.as_bytes();
    let mut exact = true;
    let mut at = 0;
    while let Some(plain) = memchr::memchr(b'\\', &bytes[at..]) {
        text.push_str(&inner[at..at + plain]);
        at += plain + 2;
        text.push(match bytes[at - 1] {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let unit = hex_unit(bytes, at);
                at += 4;
                let paired = matches!(unit, 0xd800..0xdc00) && bytes[at..].starts_with(b"\\u");
                let low = if paired { hex_unit(bytes, at + 2) } else { 0 };
                let code = if matches!(low, 0xdc00..0xe000) {
                    at += 6;
                    0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    unit
                };
                exact &= char::from_u32(code).is_some();
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            itself => char::from(itself),
        });
    }
    text.push_str(&inner[at..]);
    exact
}

/// Returns the four hex digits at `at`, which the lexer has checked.
fn hex_unit(bytes: &[u8], at: usize) -> u32 {
    let digits = bytes.get(at..at + 4).unwrap_or_default();
    digits.iter().fold(0, |unit, &digit| unit * 16 + char::from(digit).to_digit(16).unwrap_or(0))
}

/// Adds `text` to `json` as a JSON string with its quotes.
pub(super) fn encode_into(text: &str, escapes: Escapes, json: &mut Vec<u8>) {
    json.push(b'"');
    let plain = !escapes.ascii || (text.is_ascii() && !text.contains('\u{7f}'));
    if plain && !escapes.slash {
        encode_runs(text.as_bytes(), escapes, json);
    } else {
        encode_letters(text, escapes, json);
    }
    json.push(b'"');
}

/// Copies what needs no escape in runs.
fn encode_runs(bytes: &[u8], escapes: Escapes, json: &mut Vec<u8>) {
    let mut at = 0;
    loop {
        let special = skip_plain(bytes, at);
        json.extend_from_slice(&bytes[at..special]);
        let Some(&byte) = bytes.get(special) else { return };
        encode_special(byte, escapes, json);
        at = special + 1;
    }
}

/// Looks at each letter.
fn encode_letters(text: &str, escapes: Escapes, json: &mut Vec<u8>) {
    let mut units = [0; 2];
    for letter in text.chars() {
        match letter {
            '"' | '\\' | '\0'..='\u{1f}' => encode_special(letter as u8, escapes, json),
            '/' if escapes.slash => json.extend_from_slice(b"\\/"),
            ' '..='~' => json.push(letter as u8),
            _ if escapes.ascii => {
                for &mut unit in letter.encode_utf16(&mut units) {
                    push_unit(unit, escapes, json);
                }
            }
            _ => json.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn encode_special(byte: u8, escapes: Escapes, json: &mut Vec<u8>) {
    match byte {
        b'\n' => json.extend_from_slice(b"\\n"),
        b'"' => json.extend_from_slice(b"\\\""),
        b'\\' => json.extend_from_slice(b"\\\\"),
        b'\r' => json.extend_from_slice(b"\\r"),
        b'\t' => json.extend_from_slice(b"\\t"),
        0x08 => json.extend_from_slice(b"\\b"),
        0x0c => json.extend_from_slice(b"\\f"),
        _ => push_unit(u16::from(byte), escapes, json),
    }
}

fn push_unit(unit: u16, escapes: Escapes, json: &mut Vec<u8>) {
    let hex = if escapes.upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    json.extend_from_slice(b"\\u");
    json.extend([12, 8, 4, 0].map(|shift| hex[usize::from(unit >> shift) & 0xf]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UTF8: Escapes = Escapes { ascii: false, upper: false, slash: false };
    const ASCII: Escapes = Escapes { ascii: true, ..UTF8 };

    fn encoded(text: &str, escapes: Escapes) -> String {
        let mut json = Vec::new();
        encode_into(text, escapes, &mut json);
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn text_is_spelled_as_python_spells_it() {
        for (text, utf8, ascii, why) in [
            ("a", r#""a""#, r#""a""#, "plain"),
            ("\n\"\\\r\t\u{8}\u{c}", r#""\n\"\\\r\t\b\f""#, r#""\n\"\\\r\t\b\f""#, "short escapes"),
            ("\u{1b}[0m", r#""\u001b[0m""#, r#""\u001b[0m""#, "colours"),
            ("é/", "\"é/\"", r#""\u00e9/""#, "beyond ASCII; a slash stays"),
            ("😀", "\"😀\"", r#""\ud83d\ude00""#, "a pair of surrogates"),
            ("\u{7f}", "\"\u{7f}\"", r#""\u007f""#, "delete counts as beyond ASCII"),
        ] {
            assert_eq!(encoded(text, UTF8), utf8, "{why}");
            assert_eq!(encoded(text, ASCII), ascii, "{why}");
        }
    }

    #[test]
    fn other_writers_spell_otherwise() {
        let escapes = Escapes { upper: true, slash: true, ascii: false };
        assert_eq!(encoded("\u{1b}é/", escapes), "\"\\u001Bé\\/\"");
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        for (json, why) in [
            (r#""\ud800""#, "the first half alone"),
            (r#""\udc00\ud800""#, "the wrong way round"),
            (r#""\ud800\u0041""#, "followed by something else"),
        ] {
            assert_eq!(decode(json, Span { start: 0, end: json.len() }), None, "{why}");
        }
    }

    proptest! {
        #[test]
        fn every_text_survives_every_spelling(text in "(\\PC|[\u{0}-\u{ff}]|\u{1f600}){0,200}") {
            for bits in 0..8 {
                let (ascii, upper, slash) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
                let escapes = Escapes { ascii, upper, slash };
                let json = encoded(&text, escapes);
                let whole = Span { start: 0, end: json.len() };
                prop_assert_eq!(decode(&json, whole), Some(Cow::Borrowed(text.as_str())));
            }
        }

        #[test]
        fn the_first_special_byte_is_found(bytes in proptest::collection::vec(0x1e_u8.., 0..300)) {
            let expected = bytes.iter().position(|&byte| !is_plain(byte)).unwrap_or(bytes.len());
            prop_assert_eq!(skip_plain(&bytes, 0), expected);
        }
    }
}
