//! Git attributes files as bytes: recell's lines put in, found, and taken out again.
//!
//! Taking out undoes putting in, byte for byte: other lines, their line ends and a missing last
//! one stay as they were.

/// The line above recell's own, by which uninstalling knows what installing wrote.
const MARK: &[u8] =
    b"# recell: keeps outputs out of commits; `recell filter uninstall` removes this";
const LINE: &[u8] = b"*.ipynb filter=recell";

/// Whether an attributes file gives notebooks to recell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// No line does.
    No,
    /// Installing wrote it.
    ByRecell,
    /// Somebody else wrote it, and keeps it.
    ByHand,
}

/// Tells whether `text` has the line that gives notebooks to recell.
pub(crate) fn written(text: &[u8]) -> Written {
    if find_block(text).is_some() {
        return Written::ByRecell;
    }
    let by_hand = text.split(|byte| *byte == b'\n').any(|line| {
        let mut words = line.split(|byte| b" \t\r".contains(byte)).filter(|word| !word.is_empty());
        words.next() == Some(b"*.ipynb") && words.any(|word| word == b"filter=recell")
    });
    if by_hand { Written::ByHand } else { Written::No }
}

/// Returns the text of an attributes file with recell's lines at its end; `None` stands for no
/// file. A text that has them already comes back as it is.
pub(crate) fn with_lines(text: Option<&[u8]>) -> Vec<u8> {
    let Some(text) = text else { return [MARK, b"\n", LINE, b"\n"].concat() };
    if written(text) != Written::No {
        return text.to_owned();
    }
    let line_end = line_end_of(text);
    // Without a last line end before, there is none after: that is how it is known later.
    if text.is_empty() {
        [MARK, line_end, LINE].concat()
    } else if text.ends_with(b"\n") {
        [text, MARK, line_end, LINE, line_end].concat()
    } else {
        [text, line_end, MARK, line_end, LINE].concat()
    }
}

/// Returns the text of an attributes file with one more line at its end; `None` stands for no file.
pub(crate) fn with_line(text: Option<&[u8]>, line: &[u8]) -> Vec<u8> {
    let text = text.unwrap_or_default();
    let line_end = line_end_of(text);
    match text {
        b"" => [line, line_end].concat(),
        text if text.ends_with(b"\n") => [text, line, line_end].concat(),
        text => [text, line_end, line, line_end].concat(),
    }
}

/// Returns how the lines of a text end, by its first one.
fn line_end_of(text: &[u8]) -> &'static [u8] {
    let first_end = text.iter().position(|byte| *byte == b'\n');
    match first_end {
        Some(at) if text[..at].ends_with(b"\r") => b"\r\n",
        _ => b"\n",
    }
}

/// Returns the text of an attributes file without the lines that [`with_lines`] added; `None` if
/// it was not there before.
pub(crate) fn without_lines(text: &[u8]) -> Option<Vec<u8>> {
    let Some((start, end)) = find_block(text) else { return Some(text.to_owned()) };
    if start == 0 && end == text.len() && text.ends_with(b"\n") {
        return None;
    }
    let mut before = &text[..start];
    if end == text.len() && !text.ends_with(b"\n") {
        let line_end: &[u8] = if text[start + MARK.len()] == b'\r' { b"\r\n" } else { b"\n" };
        before = before.strip_suffix(line_end).unwrap_or(before);
    }
    Some([before, &text[end..]].concat())
}

/// Returns where recell's two lines begin and end.
fn find_block(text: &[u8]) -> Option<(usize, usize)> {
    let start = line_starts(text).find(|start| {
        let (line, next) = line_at(text, *start);
        line == MARK && next < text.len() && line_at(text, next).0 == LINE
    })?;
    let (_, next) = line_at(text, start);
    Some((start, line_at(text, next).1))
}

fn line_starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let after_ends = memchr::memchr_iter(b'\n', text).map(|at| at + 1);
    std::iter::once(0).chain(after_ends)
}

/// Returns the line that begins at `start`, without its end, and where the next one begins.
fn line_at(text: &[u8], start: usize) -> (&[u8], usize) {
    let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at);
    let line = &text[start..end];
    (line.strip_suffix(b"\r").unwrap_or(line), (end + 1).min(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_added_in_the_style_of_the_file() {
        let (mark, line) = (String::from_utf8_lossy(MARK), String::from_utf8_lossy(LINE));
        for (before, after, why) in [
            (None, format!("{mark}\n{line}\n"), "there was no file"),
            (Some(""), format!("{mark}\n{line}"), "it was empty"),
            (Some("*.txt text\n"), format!("*.txt text\n{mark}\n{line}\n"), "it had a line"),
            (Some("*.txt text"), format!("*.txt text\n{mark}\n{line}"), "without a line end"),
            (Some("a b\r\n"), format!("a b\r\n{mark}\r\n{line}\r\n"), "of another system"),
            (
                Some("*.ipynb\tdiff=x filter=recell\r\n"),
                "*.ipynb\tdiff=x filter=recell\r\n".into(),
                "it had the line",
            ),
        ] {
            let added = with_lines(before.map(str::as_bytes));
            assert_eq!(String::from_utf8_lossy(&added), after, "{why}");
        }
    }

    #[test]
    fn whose_line_it_is_shows() {
        for (text, expected, why) in [
            ("", Written::No, "nothing is there"),
            ("# *.ipynb filter=recell\n", Written::No, "a comment gives nothing"),
            ("*.ipynb filter=recellx\n", Written::No, "another filter"),
            ("a.ipynb filter=recell\n", Written::No, "one notebook is not all"),
            ("  *.ipynb  filter=recell", Written::ByHand, "blanks do not matter"),
        ] {
            assert_eq!(written(text.as_bytes()), expected, "{why}");
        }
        assert_eq!(written(&with_lines(Some(b"x"))), Written::ByRecell);
    }

    #[test]
    fn a_line_more_goes_beside_those_of_the_filter() {
        for (before, after) in
            [(None, "x y\n"), (Some("a b"), "a b\nx y\n"), (Some("a b\r\n"), "a b\r\nx y\r\n")]
        {
            let added = with_line(before.map(str::as_bytes), b"x y");
            assert_eq!(String::from_utf8_lossy(&added), after);
        }
        let both = with_line(Some(&with_lines(None)), b"x y");
        assert_eq!(written(&both), Written::ByRecell);
        assert_eq!(without_lines(&both).as_deref(), Some(&b"x y\n"[..]));
    }

    #[test]
    fn only_a_whole_block_is_taken_out() {
        let by_hand = b"*.ipynb filter=recell\n";
        assert_eq!(without_lines(by_hand).as_deref(), Some(&by_hand[..]), "no mark above it");
        let parted = [MARK, b"\n*.ipynb filter=recell diff=x\n"].concat();
        assert_eq!(without_lines(&parted), Some(parted), "somebody made it their own");
        let later = [&with_lines(None)[..], b"*.csv text\n"].concat();
        assert_eq!(without_lines(&later).as_deref(), Some(&b"*.csv text\n"[..]));
        let closed = [&with_lines(Some(b"a b"))[..], b"\n*.csv text\n"].concat();
        assert_eq!(without_lines(&closed).as_deref(), Some(&b"a b\n*.csv text\n"[..]));
    }

    proptest! {
        #[test]
        fn taking_out_undoes_putting_in(text in proptest::option::of("[a*.# =\r\n]{0,40}")) {
            let before = text.as_ref().map(String::as_bytes);
            let added = with_lines(before);
            prop_assert_eq!(with_lines(Some(&added)), added.clone(), "once is enough");
            let removed = without_lines(&added);
            prop_assert_eq!(removed.as_deref(), before);
        }
    }
}
