//! Two versions of some code, as people read it: a unified diff and a count of lines.

use similar::{Algorithm, ChangeTag, TextDiff};

/// Lines of context around a change, as git and diff have it.
const CONTEXT: usize = 3;

/// How two versions of some code differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeDiff {
    /// Lines that only the version before has.
    pub removed: usize,
    /// Lines that only the version after has.
    pub added: usize,
    /// The hunks of a unified diff, without the two lines that name the versions. Empty if only
    /// line ends or white space at the very end differ.
    pub hunks: String,
}

impl CodeDiff {
    /// Returns how many lines changed: one that was rewritten counts once.
    pub fn lines(&self) -> usize {
        self.removed.max(self.added)
    }
}

/// Compares two versions of some code. Line ends and white space at the very end do not count, as
/// in the hash of code.
pub fn code_diff(before: &str, after: &str) -> CodeDiff {
    let (before, after) = (normal(before), normal(after));
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(&before, &after);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    CodeDiff {
        removed: count(ChangeTag::Delete),
        added: count(ChangeTag::Insert),
        hunks: diff.unified_diff().context_radius(CONTEXT).to_string(),
    }
}

fn normal(code: &str) -> String {
    let code = code.trim_end().replace("\r\n", "\n").replace('\r', "\n");
    if code.is_empty() { code } else { code + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_counted_and_shown() {
        for (before, after, removed, added, lines, why) in [
            ("a\nb\n", "a\nb", 0, 0, 0, "an end of line at the very end does not count"),
            ("a\r\nb", "a\nb", 0, 0, 0, "nor the kind of line ends"),
            ("a\nb", "a\nc", 1, 1, 1, "a line that was rewritten is one"),
            ("", "a\nb", 0, 2, 2, "all is new"),
            ("a\nb\nc", "c", 2, 0, 2, "gone"),
        ] {
            let diff = code_diff(before, after);
            assert_eq!((diff.removed, diff.added, diff.lines()), (removed, added, lines), "{why}");
            assert_eq!(diff.hunks.is_empty(), lines == 0, "{why}");
        }
        assert_eq!(code_diff("a\nb", "a\nc").hunks, "@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    }
}
