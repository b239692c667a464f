//! Two texts as a unified diff of lines, and the numbers that changed in them.

use serde::Serialize;

use super::align::{Step, align};
use super::numbers::{NumberChange, changes_of_lines};
use crate::escapes;

/// Bytes on one side up to which lines are compared; above that they are only counted.
const MAX_BYTES: usize = 16 << 20;

/// What differs between two texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TextDiff {
    /// How many lines came.
    pub lines_added: usize,
    /// How many lines went.
    pub lines_removed: usize,
    /// The numbers that changed in lines that are otherwise the same.
    pub numbers: Vec<LineNumber>,
    /// The pieces that differ, with lines around them.
    pub hunks: Vec<Hunk>,
    /// Lines of the hunks, and numbers, that were left out for their number.
    pub left_out: usize,
    /// What a reader must know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A number in a line of text that became another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineNumber {
    /// The line of the later text, from 1.
    pub line: usize,
    /// The words before the number in that line.
    pub label: String,
    /// What became of it.
    #[serde(flatten)]
    pub change: NumberChange,
}

/// A piece of a unified diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hunk {
    /// The first line of the earlier text, from 1; the one before it if there is none.
    pub before_start: usize,
    /// How many of its lines.
    pub before_lines: usize,
    /// The first line of the later text, as above.
    pub after_start: usize,
    /// How many of its lines.
    pub after_lines: usize,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of a unified diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// On which side it is.
    pub on: On,
    /// The line, without its end.
    pub text: String,
}

/// On which side a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Both.
    Both,
    /// Only the earlier one.
    Before,
    /// Only the later one.
    After,
}

/// How texts are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextOptions {
    /// How many lines that are the same stand around a change.
    pub(super) context: usize,
    /// How many lines and how many numbers are listed at most.
    pub(super) most: usize,
}

/// Returns what differs between two texts whose bytes differ. What is no UTF-8 reads as `U+FFFD`.
pub(super) fn diff_bytes(before: &[u8], after: &[u8], options: TextOptions) -> TextDiff {
    let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    let valid = is_text(before) && is_text(after);
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let mut diff = diff_texts(&before, &after, options);
    if !valid {
        note(&mut diff, "not all of it is UTF-8");
    }
    diff
}

/// Returns what differs between two texts, without the escape sequences in them.
pub(super) fn diff_texts(before: &str, after: &str, options: TextOptions) -> TextDiff {
    let has_escapes = before.contains('\x1b') || after.contains('\x1b');
    let (a, b) = (escapes::removed(before), escapes::removed(after));
    let (a, b): (Vec<&str>, Vec<&str>) = (lines(&a), lines(&b));
    if before.len().max(after.len()) > MAX_BYTES {
        return counted(&a, &b);
    }
    let steps = align(&a, &b);
    let mut diff = TextDiff::default();
    for step in &steps {
        let Step::Changed { before, after } = step else { continue };
        diff.lines_removed += before.len();
        diff.lines_added += after.len();
        if before.len() != after.len() {
            continue;
        }
        for (x, y) in before.clone().zip(after.clone()) {
            for (label, change) in changes_of_lines(a[x], b[y]) {
                if diff.numbers.len() < options.most {
                    diff.numbers.push(LineNumber { line: y + 1, label, change });
                } else {
                    diff.left_out += 1;
                }
            }
        }
    }
    diff.hunks = hunks(&a, &b, &steps, options, &mut diff.left_out);
    if diff.hunks.is_empty() && diff.left_out == 0 && before != after {
        let what =
            if has_escapes { "only colours differ" } else { "only the ends of lines differ" };
        note(&mut diff, what);
    }
    diff
}

fn note(diff: &mut TextDiff, text: &str) {
    diff.note = Some(match diff.note.take() {
        Some(known) => format!("{known}; {text}"),
        None => text.to_owned(),
    });
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Tells how many lines are on one side only, wherever they stand.
fn counted(a: &[&str], b: &[&str]) -> TextDiff {
    let mut balance = std::collections::HashMap::<&str, i64>::new();
    for line in a {
        *balance.entry(line).or_default() -= 1;
    }
    for line in b {
        *balance.entry(line).or_default() += 1;
    }
    let sum = |sign: i64| -> usize {
        let counts = balance.values().filter(|count| **count * sign > 0);
        counts.map(|count| usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX)).sum()
    };
    let (lines_added, lines_removed) = (sum(1), sum(-1));
    let note =
        Some("too large to compare line by line: lines are counted wherever they stand".into());
    TextDiff { lines_added, lines_removed, note, ..TextDiff::default() }
}

fn hunks(
    a: &[&str],
    b: &[&str],
    steps: &[Step],
    options: TextOptions,
    left_out: &mut usize,
) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut room = options.most;
    let mut add = |hunk: &mut Hunk, on: On, text: &str, left_out: &mut usize| {
        match on {
            On::Both => {
                hunk.before_lines += 1;
                hunk.after_lines += 1;
            }
            On::Before => hunk.before_lines += 1,
            On::After => hunk.after_lines += 1,
        }
        if room > 0 {
            room -= 1;
            hunk.lines.push(Line { on, text: text.to_owned() });
        } else {
            *left_out += 1;
        }
    };
    let last = steps.len().saturating_sub(1);
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Same { before, after, len } => {
                // Lines after the change before, and lines before the change after.
                let trailing = if number == 0 { 0 } else { options.context.min(*len) };
                let leading = if number == last { 0 } else { options.context.min(*len) };
                let joined = trailing + leading >= *len && number > 0 && number < last;
                let (trailing, leading) = if joined { (*len, 0) } else { (trailing, leading) };
                if let Some(hunk) = hunks.last_mut() {
                    for line in &a[*before..before + trailing] {
                        add(hunk, On::Both, line, left_out);
                    }
                }
                if number < last && !joined {
                    let skip = len - leading;
                    let mut hunk = Hunk {
                        before_start: before + skip,
                        before_lines: 0,
                        after_start: after + skip,
                        after_lines: 0,
                        lines: Vec::new(),
                    };
                    for line in &a[before + skip..before + len] {
                        add(&mut hunk, On::Both, line, left_out);
                    }
                    hunks.push(hunk);
                }
            }
            Step::Changed { before, after } => {
                if hunks.is_empty() {
                    hunks.push(Hunk {
                        before_start: before.start,
                        before_lines: 0,
                        after_start: after.start,
                        after_lines: 0,
                        lines: Vec::new(),
                    });
                }
                let hunk = hunks.last_mut().expect("one was just made if there was none");
                for line in &a[before.clone()] {
                    add(hunk, On::Before, line, left_out);
                }
                for line in &b[after.clone()] {
                    add(hunk, On::After, line, left_out);
                }
            }
        }
    }
    for hunk in &mut hunks {
        // As `diff -u` counts: from 1, and an empty side is named by the line before it.
        hunk.before_start += usize::from(hunk.before_lines > 0);
        hunk.after_start += usize::from(hunk.after_lines > 0);
    }
    hunks.retain(|hunk| !hunk.lines.is_empty());
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: TextOptions = TextOptions { context: 1, most: 1000 };

    fn unified(diff: &TextDiff) -> String {
        let mut out = String::new();
        for hunk in &diff.hunks {
            let Hunk { before_start, before_lines, after_start, after_lines, lines } = hunk;
            let head =
                format!("@@ -{before_start},{before_lines} +{after_start},{after_lines} @@|");
            out.push_str(&head);
            for line in lines {
                let sign = match line.on {
                    On::Both => " ",
                    On::Before => "-",
                    On::After => "+",
                };
                out.extend([sign, &line.text, "|"]);
            }
        }
        out
    }

    #[test]
    fn texts_become_a_unified_diff() {
        for (before, after, expected, why) in [
            ("a\nb\nc\nd\n", "a\nB\nc\nd\n", "@@ -1,3 +1,3 @@| a|-b|+B| c|", "one line"),
            ("a\n", "a\nb\n", "@@ -1,1 +1,2 @@| a|+b|", "at the end"),
            ("b\n", "a\nb\n", "@@ -1,1 +1,2 @@|+a| b|", "at the start"),
            ("", "a\n", "@@ -0,0 +1,1 @@|+a|", "from nothing"),
            ("a\n", "", "@@ -1,1 +0,0 @@|-a|", "to nothing"),
            (
                "1\n2\n3\n4\n5\n6\n",
                "x\n2\n3\n4\n5\ny\n",
                "@@ -1,2 +1,2 @@|-1|+x| 2|@@ -5,2 +5,2 @@| 5|-6|+y|",
                "two places",
            ),
            ("1\n2\n3\n4\n", "x\n2\n3\ny\n", "@@ -1,4 +1,4 @@|-1|+x| 2| 3|-4|+y|", "that meet"),
            ("a\n", "a", "", "only the line end"),
        ] {
            assert_eq!(unified(&diff_texts(before, after, OPTIONS)), expected, "{why}");
        }
    }

    #[test]
    fn a_diff_leads_from_the_one_text_to_the_other() {
        proptest::proptest!(|(before in "[abc\n]{0,60}", after in "[abc\n]{0,60}")| {
            let diff = diff_texts(&before, &after, TextOptions { context: 100, most: 1000 });
            let side = |on: On| -> Vec<&str> {
                let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines);
                lines.filter(|it| it.on == On::Both || it.on == on).map(|it| it.text.as_str()).collect()
            };
            if diff.hunks.is_empty() {
                proptest::prop_assert_eq!(lines(&before), lines(&after));
            } else {
                proptest::prop_assert_eq!(side(On::Before), lines(&before));
                proptest::prop_assert_eq!(side(On::After), lines(&after));
            }
        });
    }

    #[test]
    fn numbers_that_changed_are_told() {
        let diff = diff_texts("load\n42 rows\n", "load\n45 rows\n", OPTIONS);
        let [LineNumber { line: 2, label, change }] = &diff.numbers[..] else { panic!("{diff:?}") };
        assert_eq!((label.as_str(), change.absolute), ("", 3.0));
    }

    #[test]
    fn what_no_reader_sees_is_told_in_words() {
        for (before, after, note, why) in [
            (&b"a\x1b[31mb"[..], &b"a\x1b[32mb"[..], "only colours differ", "escapes"),
            (b"a\r\n", b"a\n", "only the ends of lines differ", "line ends"),
            (b"a\xff\n", b"b\n", "not all of it is UTF-8", "bytes that are no text"),
        ] {
            assert_eq!(diff_bytes(before, after, OPTIONS).note.as_deref(), Some(note), "{why}");
        }
    }

    #[test]
    fn huge_texts_are_counted() {
        let before = "same line\n".repeat(2_000_000);
        let after = format!("{before}new\n");
        let diff = diff_texts(&before, &after, OPTIONS);
        assert_eq!((diff.lines_added, diff.lines_removed), (1, 0));
        assert!(diff.hunks.is_empty() && diff.note.unwrap().contains("too large"));
    }

    #[test]
    fn long_diffs_are_cut_with_a_count() {
        let numbered =
            |word: &str| (0..50).map(|n| format!("{word} {n}")).collect::<Vec<_>>().join("\n");
        let before = numbered("line");
        let after = numbered("row");
        let diff = diff_texts(&before, &after, TextOptions { context: 3, most: 30 });
        assert_eq!((diff.lines_added, diff.lines_removed), (50, 50));
        assert_eq!((diff.hunks[0].lines.len(), diff.left_out), (30, 70));
    }
}
