//! Why some bytes are not a notebook that recell can work on.

use super::lexer::Broken;

/// Why bytes were not taken as a notebook. Such a file passes through the filter untouched.
///
/// Offsets count bytes from 0, lines from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotANotebook {
    /// There is nothing but white space.
    #[error("the file is empty")]
    Empty,
    /// The bytes are not UTF-8 text.
    #[error("not UTF-8 text at byte {offset}")]
    NotUtf8 {
        /// The first byte that is not UTF-8.
        offset: usize,
    },
    /// A merge left its conflict markers.
    #[error("conflict markers at line {line}")]
    ConflictMarkers {
        /// The line of the first marker.
        line: usize,
        /// The first byte of that line.
        offset: usize,
    },
    /// The text is not JSON.
    #[error("broken JSON at line {line} (byte {offset}): {problem}")]
    BrokenJson {
        /// The line where reading stopped.
        line: usize,
        /// The byte where reading stopped.
        offset: usize,
        /// What stood there or was missing.
        problem: &'static str,
    },
    /// The JSON has no list of cells, or no `nbformat`.
    #[error("JSON, but not a notebook: no `{missing}`")]
    NoNotebook {
        /// The key that a notebook would have.
        missing: &'static str,
    },
    /// The notebook format is none of 3 and 4.
    #[error("notebook format {major} is not supported")]
    UnsupportedFormat {
        /// The `nbformat` of the file.
        major: u64,
    },
    /// A key that recell edits stands twice in one object, so that a reader sees only one.
    #[error("the key `{key}` stands twice in one object at line {line} (byte {offset})")]
    RepeatedKey {
        /// The key.
        key: &'static str,
        /// The line of its second value.
        line: usize,
        /// The first byte of its second value.
        offset: usize,
    },
}

impl NotANotebook {
    /// Returns the stable, machine-readable code of this reason, for example `broken-json`.
    pub fn code(&self) -> &'static str {
        match self {
            NotANotebook::Empty => "empty",
            NotANotebook::NotUtf8 { .. } => "not-utf8",
            NotANotebook::ConflictMarkers { .. } => "conflict-markers",
            NotANotebook::BrokenJson { .. } => "broken-json",
            NotANotebook::NoNotebook { .. } => "no-notebook",
            NotANotebook::UnsupportedFormat { .. } => "unsupported-format",
            NotANotebook::RepeatedKey { .. } => "repeated-key",
        }
    }

    /// Returns the reason why `text` could not be read beyond `broken`.
    pub(super) fn of_broken(text: &str, broken: Broken) -> NotANotebook {
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return NotANotebook::Empty;
        }
        if let Some(offset) = conflict(text) {
            return NotANotebook::ConflictMarkers { line: line_of(text, offset), offset };
        }
        let Broken { offset, problem } = broken;
        NotANotebook::BrokenJson { line: line_of(text, offset), offset, problem }
    }

    /// Returns the refusal of a `key` whose second value begins at `offset`.
    pub(super) fn of_repeated(text: &str, key: &'static str, offset: usize) -> NotANotebook {
        NotANotebook::RepeatedKey { key, line: line_of(text, offset), offset }
    }
}

/// Returns where the first conflict begins: a line of git's opening marker with one of its
/// closing marker somewhere after it. Valid JSON has neither, as no string spans lines.
fn conflict(text: &str) -> Option<usize> {
    let opening = line_starting("<<<<<<< ", text, 0)?;
    line_starting(">>>>>>> ", text, opening).map(|_| opening)
}

fn line_starting(marker: &str, text: &str, from: usize) -> Option<usize> {
    let starts = |&at: &usize| at == 0 || text.as_bytes()[at - 1] == b'\n';
    text[from..].match_indices(marker).map(|(at, _)| from + at).find(starts)
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    1 + memchr::memchr_iter(b'\n', before).count()
}
