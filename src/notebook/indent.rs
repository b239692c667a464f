//! Gives outputs from a notebook of one indentation the indentation of another.

use std::borrow::Cow;

use super::text;

/// Returns the JSON value `json` with lines that are indented by some levels of `from` indented
/// by as many levels of `to`.
///
/// Nothing inside a string changes, nor a line that is indented otherwise, nor line breaks. The
/// bytes come back as they are if `from` is empty or both are the same.
pub fn reindent<'a>(json: &'a [u8], from: &str, to: &str) -> Cow<'a, [u8]> {
    if from == to || from.is_empty() {
        return Cow::Borrowed(json);
    }
    let mut again = Vec::with_capacity(json.len());
    let mut at = 0;
    while let Some(stop) = memchr::memchr2(b'"', b'\n', &json[at..]) {
        let stop = at + stop;
        let end = if json[stop] == b'"' { after_string(json, stop) } else { stop + 1 };
        again.extend_from_slice(&json[at..end]);
        at = end;
        if json[stop] == b'\n' {
            let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
            let width = json[at..].iter().take_while(blank).count();
            let old = &json[at..at + width];
            let levels = old.chunks_exact(from.len());
            if levels.remainder().is_empty() && levels.clone().all(|it| it == from.as_bytes()) {
                levels.for_each(|_| again.extend_from_slice(to.as_bytes()));
            } else {
                again.extend_from_slice(old);
            }
            at += width;
        }
    }
    again.extend_from_slice(&json[at..]);
    Cow::Owned(again)
}

/// Returns the byte after the string whose opening quote is at `at`.
fn after_string(json: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    loop {
        at = text::skip_plain(json, at);
        match json.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at = (at + 2).min(json.len()),
            Some(_) => at += 1,
            None => return json.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_outside_strings_changes() {
        for (json, from, to, expected, why) in [
            ("[\n  1\n ]", " ", "\t", "[\n\t\t1\n\t]", "a space to a tab"),
            ("[\r\n    1\r\n  ]", "  ", " ", "[\r\n  1\r\n ]", "line breaks stay"),
            ("[\n \"a\\n \\\" \"\n]", " ", "    ", "[\n    \"a\\n \\\" \"\n]", "strings stay"),
            ("[\n   1\n]", "  ", "\t", "[\n   1\n]", "half a level is nobody's indentation"),
            ("[1, 2]", " ", "  ", "[1, 2]", "nothing to indent"),
            ("[\n1]", "", " ", "[\n1]", "no old unit"),
            ("\"a\\", " ", "  ", "\"a\\", "a broken string does no harm"),
        ] {
            assert_eq!(reindent(json.as_bytes(), from, to), expected.as_bytes(), "{why}");
        }
    }

    #[test]
    fn there_and_back_gives_the_same_bytes() {
        let json = b"[\n  {\n   \"a\": [\n    \"x\\n\"\n   ]\n  }\n ]";
        assert_eq!(reindent(&reindent(json, " ", "\t"), "\t", " "), json.as_slice());
    }
}
