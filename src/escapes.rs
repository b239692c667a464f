//! The escape sequences that texts for terminals carry (ECMA-48).

use std::borrow::Cow;

/// Returns the bytes of the escape sequence that `text` starts with; `None` if it starts with none.
pub(crate) fn length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\x1b")?;
    let after = |end: usize| Some(1 + end);
    match rest.chars().next() {
        Some('[') => match rest[1..].find(|c: char| !matches!(c, ' '..='?')) {
            Some(end) => after(1 + end + rest[1 + end..].chars().next().map_or(0, char::len_utf8)),
            None => after(rest.len()),
        },
        // Strings such as titles and links end with BEL or ESC \.
        Some(']' | 'P' | '_' | '^') => match rest.find(['\x07', '\x1b']) {
            Some(end) if rest[end..].starts_with("\x1b\\") => after(end + 2),
            Some(end) if rest[end..].starts_with('\x07') => after(end + 1),
            Some(end) => after(end),
            None => after(rest.len()),
        },
        Some(other) => after(other.len_utf8()),
        None => Some(1),
    }
}

/// Returns a text without its escape sequences. A carriage return that starts a line anew, as
/// progress bars do, ends it instead.
pub(crate) fn removed(text: &str) -> Cow<'_, str> {
    if !text.contains(['\x1b', '\r']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\x1b', '\r']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = length(rest) {
            rest = &rest[length..];
        } else {
            rest = &rest[1..];
            if !rest.starts_with('\n') && !rest.is_empty() {
                out.push('\n');
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_stays() {
        for (text, expected, why) in [
            ("plain", "plain", "nothing to remove"),
            ("\x1b[1;31mred\x1b[0m", "red", "colours"),
            ("10%\r20%\r\n", "10%\n20%\n", "a progress bar is lines"),
            ("a\x1b]0;title\x07b", "ab", "a title"),
            ("a\x1b", "a", "cut off"),
        ] {
            assert_eq!(removed(text), expected, "{why}");
        }
    }
}
