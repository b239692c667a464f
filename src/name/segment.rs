//! A segment: any text as one legal component of a git ref, and back (format.md, section 1).

use std::borrow::Cow;

/// The longest encoded segment, in bytes. File systems end at 255, git adds `.lock`, and a host
/// may put more in front.
pub(crate) const MAX_SEGMENT: usize = 200;

/// What stands between the kept text of an over-long segment and its digest. Ordinary encoding
/// never writes it, as `%` is always followed by two hex digits.
const CUT_MARK: &str = "%-";
const CUT_DIGITS: usize = 16;
/// The empty text; ordinary encoding never writes a lone `%`.
const EMPTY: &str = "%";

/// File names that Windows reserves, with or without an extension.
const RESERVED: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'=' | b',')
}

/// Whether every byte stands for itself wherever it is, and no rule about neighbours can apply.
fn is_simple(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= MAX_SEGMENT
        && bytes.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && bytes[0] != b'-'
        && !is_reserved(text)
}

fn is_reserved(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or(text);
    (3..=4).contains(&stem.len()) && RESERVED.iter().any(|name| stem.eq_ignore_ascii_case(name))
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    text.len() >= end.len()
        && text.is_char_boundary(text.len() - end.len())
        && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// Whether `segment` is that of `text`, without making it.
pub(super) fn is_segment_of(segment: &str, text: &str) -> bool {
    if !segment.contains('%') {
        return segment == text;
    }
    let mut rest = text.bytes();
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let meant = if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
                // It is empty or cut.
                _ => return encode(text) == segment,
            }
        } else {
            Some(byte)
        };
        if rest.next() != meant {
            return false;
        }
    }
    rest.next().is_none()
}

/// Whether `text` is a segment that was cut, so that the text of it is in the manifest alone.
pub(crate) fn is_cut(text: &str) -> bool {
    let digits = |digest: &str| {
        digest.len() == CUT_DIGITS
            && digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    text.len() <= MAX_SEGMENT
        && text.len() > MAX_SEGMENT / 2
        && text.rsplit_once(CUT_MARK).is_some_and(|(_, digest)| digits(digest))
}

/// Returns `text` as one segment: legal on every git host, file system and shell.
///
/// Plain names stay readable; every other byte becomes `%` and two hex digits. A segment of more
/// than [`MAX_SEGMENT`] bytes is cut and closed with a digest of the whole text, which then can
/// be had from the manifest alone.
pub(crate) fn encode(text: &str) -> Cow<'_, str> {
    if is_simple(text) {
        return Cow::Borrowed(text);
    }
    if text.is_empty() {
        return Cow::Borrowed(EMPTY);
    }
    let bytes = text.as_bytes();
    let lock_dot = ends_with_ignoring_case(text, ".lock").then(|| bytes.len() - ".lock".len());
    let mut out = String::with_capacity(bytes.len() + 16);
    for (at, &byte) in bytes.iter().enumerate() {
        let first = at == 0;
        let keep = is_plain(byte)
            && !(first && (matches!(byte, b'.' | b'-') || is_reserved(text)))
            && !(byte == b'.'
                && (at + 1 == bytes.len()
                    || (!first && bytes[at - 1] == b'.')
                    || Some(at) == lock_dot));
        if keep {
            out.push(char::from(byte));
        } else {
            push_escaped(&mut out, byte);
        }
    }
    if out.len() > MAX_SEGMENT {
        let mut end = MAX_SEGMENT - CUT_MARK.len() - CUT_DIGITS;
        // Never in the middle of an escape.
        if let Some(start) = out[end - 2..end].find('%') {
            end = end - 2 + start;
        }
        out.truncate(end);
        out.push_str(CUT_MARK);
        out.push_str(&crate::digest::Digest::of_here(bytes).short(CUT_DIGITS));
    }
    Cow::Owned(out)
}

fn push_escaped(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Returns the text that [`encode`] made `segment` of.
///
/// `None` if the segment was cut (the manifest has its text) or if no text encodes to it.
pub(crate) fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if is_simple(segment) {
        return Some(Cow::Borrowed(segment));
    }
    if segment == EMPTY {
        return Some(Cow::Borrowed(""));
    }
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            let high = bytes.get(at + 1).and_then(digit)?;
            let low = bytes.get(at + 2).and_then(digit)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    let text = String::from_utf8(out).ok()?;
    // One text has one spelling: whatever encode would not write is not a segment.
    (encode(&text) == segment).then_some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One table of cases for every language that reads recell's names.
    const CASES: &str = include_str!("../../fixtures/names.toml");

    #[derive(serde::Deserialize)]
    struct Cases {
        segment: Vec<Case>,
        not_a_segment: Vec<Refused>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
        segment: String,
        why: String,
        #[serde(default)]
        cut: bool,
    }

    #[derive(serde::Deserialize)]
    struct Refused {
        segment: String,
        why: String,
    }

    #[test]
    fn names_become_one_legal_ref_segment_and_come_back() {
        let cases: Cases = toml::from_str(CASES).unwrap();
        assert!(cases.segment.len() > 30, "the table is read whole");
        for case in cases.segment {
            assert_eq!(encode(&case.text), case.segment, "{}", case.why);
            let back = decode(&case.segment);
            let expected = (!case.cut).then_some(case.text.as_str());
            assert_eq!(back.as_deref(), expected, "{}", case.why);
        }
        for case in cases.not_a_segment {
            assert_eq!(decode(&case.segment), None, "{}", case.why);
        }
    }

    /// The rules of `git check-ref-format`, and those of file systems and shells beside them.
    fn is_legal(segment: &str) -> bool {
        !segment.is_empty()
            && segment.len() <= MAX_SEGMENT
            && segment.bytes().all(|b| is_plain(b) || b == b'%')
            && !segment.starts_with(['.', '-'])
            && !segment.ends_with('.')
            && !segment.contains("..")
            && !ends_with_ignoring_case(segment, ".lock")
            && !is_reserved(segment)
    }

    proptest! {
        #[test]
        fn every_name_is_legal_and_survives_the_round_trip(name in any::<String>()) {
            let segment = encode(&name);
            prop_assert!(is_legal(&segment), "{segment}");
            prop_assert!(is_segment_of(&segment, &name) && !is_segment_of(&segment, &(name.clone() + "x")));
            match decode(&segment) {
                Some(back) => prop_assert_eq!(back, name.as_str()),
                None => prop_assert!(segment.contains(CUT_MARK) && segment.len() > MAX_SEGMENT - 22),
            }
        }

        #[test]
        fn awkward_names_are_legal_and_survive_the_round_trip(name in "[.\\-lockLOCKcon%1@{~^:*?\\[ /é]{0,40}") {
            let segment = encode(&name);
            prop_assert!(is_legal(&segment), "{segment}");
            let back = decode(&segment);
            prop_assert_eq!(back.as_deref(), Some(name.as_str()));
        }

        #[test]
        fn over_long_names_stay_apart(name in "[a-zé]{201,260}") {
            let other = format!("{name}x");
            prop_assert_ne!(encode(&name), encode(&other));
        }

        #[test]
        fn no_text_makes_decode_panic(segment in any::<String>()) {
            if let Some(text) = decode(&segment) {
                prop_assert_eq!(encode(&text), segment.as_str());
            }
        }
    }
}
