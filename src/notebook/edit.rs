//! Edits to a file's bytes: what no edit names stays as it is.

use std::borrow::Cow;

use super::lexer::Span;

/// New bytes for a span of the old ones.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    pub(super) span: Span,
    pub(super) replacement: Cow<'a, [u8]>,
}

/// Returns `bytes` with all `edits` made, in whatever order they come.
///
/// The spans must lie inside `bytes` and must not overlap; those of a parsed notebook's values
/// never do.
pub(super) fn apply(bytes: &[u8], mut edits: Vec<Edit<'_>>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.span.start);
    let removed: usize = edits.iter().map(|edit| edit.span.end - edit.span.start).sum();
    let added: usize = edits.iter().map(|edit| edit.replacement.len()).sum();
    let mut edited = Vec::with_capacity(bytes.len() - removed + added);
    let mut at = 0;
    for Edit { span, replacement } in &edits {
        edited.extend_from_slice(&bytes[at..span.start]);
        edited.extend_from_slice(replacement);
        at = span.end;
    }
    edited.extend_from_slice(&bytes[at..]);
    edited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_spans_change() {
        let edit = |start, end, new: &'static str| Edit {
            span: Span { start, end },
            replacement: Cow::Borrowed(new.as_bytes()),
        };
        for (edits, expected, why) in [
            (vec![], "abcdef", "no edits"),
            (vec![edit(4, 5, "E"), edit(1, 2, "BB")], "aBBcdEf", "any order"),
            (vec![edit(0, 3, ""), edit(3, 3, "-")], "-def", "removed and inserted"),
            (vec![edit(0, 6, "x")], "x", "all of it"),
        ] {
            assert_eq!(apply(b"abcdef", edits), expected.as_bytes(), "{why}");
        }
    }
}
