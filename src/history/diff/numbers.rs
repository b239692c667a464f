//! Numbers as people and programs write them, and what a change of one is.

use serde::Serialize;

/// A number that became another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberChange {
    /// As it was written before.
    pub before: String,
    /// As it is written now.
    pub after: String,
    /// After less before, in the unit of the texts: percentage points for `12%`.
    pub absolute: f64,
    /// The absolute change as a share of the magnitude before; `None` where that was zero.
    pub relative: Option<f64>,
}

/// Digits that are kept where binary fractions leave noise behind.
const SIGNIFICANT: usize = 12;
/// Digits of a relative change.
const RELATIVE: usize = 6;

/// Returns the change between two texts that are numbers; `None` if one is none, is infinite or
/// not a number, or both are the same.
pub(super) fn change(before: &str, after: &str) -> Option<NumberChange> {
    let (a, b) = (Number::read(before)?, Number::read(after)?);
    let absolute = match (a.whole, b.whole) {
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is wanted")]
        (Some(a), Some(b)) => b.checked_sub(a)? as f64,
        _ => match (a.decimals, b.decimals) {
            (Some(x), Some(y)) => fixed(b.value - a.value, x.max(y)),
            _ => significant(b.value - a.value, SIGNIFICANT),
        },
    };
    if absolute == 0.0 || !absolute.is_finite() {
        return None;
    }
    let relative = absolute / a.value.abs();
    Some(NumberChange {
        before: before.trim().to_owned(),
        after: after.trim().to_owned(),
        absolute,
        relative: relative.is_finite().then(|| significant(relative, RELATIVE)),
    })
}

/// Whether a text is a number.
pub(super) fn is_number(text: &str) -> bool {
    Number::read(text).is_some()
}

/// Whether a text is a whole number.
pub(super) fn is_whole(text: &str) -> bool {
    Number::read(text).is_some_and(|number| number.whole.is_some())
}

/// A text read as a number.
struct Number {
    value: f64,
    /// The exact number, if it is whole.
    whole: Option<i128>,
    /// How many digits follow the point; `None` with an exponent.
    decimals: Option<usize>,
}

impl Number {
    /// Reads `-1,234.50`, `$5`, `12 %`, `1e-5`.
    fn read(text: &str) -> Option<Number> {
        let text = text.trim();
        let text = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (sign, digits) = match text.strip_prefix(['-', '−']) {
            Some(rest) => ("-", rest),
            None => ("", text.strip_prefix('+').unwrap_or(text)),
        };
        let digits = digits.strip_prefix(['$', '€', '£', '¥']).unwrap_or(digits);
        if digits.is_empty() || number_length(digits)? != digits.len() {
            return None;
        }
        let plain = format!("{sign}{}", digits.replace(',', ""));
        let value: f64 = plain.parse().ok()?;
        let has_exponent = plain.contains(['e', 'E']);
        let decimals = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        value.is_finite().then(|| Number {
            value,
            whole: plain.parse().ok(),
            decimals: (!has_exponent && decimals <= 15).then_some(decimals),
        })
    }
}

/// Returns how many bytes of `text` are a number without sign, which must start at once.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = digits(0);
    if (1..=3).contains(&at) {
        // Groups of three after commas.
        while bytes.get(at) == Some(&b',') && digits(at + 1) == 3 {
            at += 4;
        }
    }
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if at + fraction == 0 {
            return None;
        }
        // The point that ends a sentence is none of the number.
        at += if fraction > 0 { fraction + 1 } else { usize::from(at + 1 == bytes.len()) };
    }
    if at == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits((at + 1 + signed).min(bytes.len()));
        if exponent > 0 {
            at += 1 + signed + exponent;
        }
    }
    Some(at)
}

fn fixed(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

fn significant(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// A piece of a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Anything that is no number.
    Words(&'a str),
    /// A number that stands for itself: not a part of a name, date, time or version.
    Number(&'a str),
}

/// Splits a line at its numbers.
pub(super) fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(start) =
        line[at..].find(|c: char| c.is_ascii_digit() || c == '.').map(|n| at + n)
    {
        let before = line[..start].chars().next_back();
        let joined =
            before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/'));
        let length = number_length(&line[start..]).filter(|_| !joined);
        let end = start + length.unwrap_or(0);
        if length.is_none() || is_joined(&line[end..]) || begins_in_a_word(&line[..start]) {
            at = start + run_length(&line[start..]);
            continue;
        }
        // A sign is the number's own where no word or number ends before it.
        let sign = line[..start].strip_suffix(['-', '+']).filter(|rest| {
            !rest.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | '-' | '+'))
        });
        let start = sign.map_or(start, str::len);
        if start > from {
            pieces.push(Piece::Words(&line[from..start]));
        }
        pieces.push(Piece::Number(&line[start..end]));
        (from, at) = (end, end);
    }
    if from < line.len() {
        pieces.push(Piece::Words(&line[from..]));
    }
    pieces
}

/// Whether a number goes on as something else: a date, a time, a version, a digest.
fn is_joined(rest: &str) -> bool {
    let mut chars = rest.chars();
    match chars.next() {
        Some(':' | '/' | '-' | '.') => chars.next().is_some_and(|c| c.is_ascii_digit()),
        Some('_') => true,
        Some(c) if c.is_alphabetic() => {
            // Units are short: `12ms`, `4GB`.
            let unit = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_');
            let (length, all) =
                unit.fold((0, true), |(n, all), c| (n + 1, all && c.is_alphabetic()));
            length > 3 || !all
        }
        _ => false,
    }
}

/// Whether a dash before a number ties it to a word or number: `2026-11`, `sha-1`.
fn begins_in_a_word(before: &str) -> bool {
    before.strip_suffix('-').is_some_and(|rest| rest.ends_with(|c: char| c.is_alphanumeric()))
}

/// Returns the bytes up to the end of the run that is no number.
fn run_length(text: &str) -> usize {
    let is_run = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-' | ',');
    let length = text.find(|c| !is_run(c)).unwrap_or(text.len());
    length.max(text.chars().next().map_or(1, char::len_utf8))
}

/// Returns the numbers that changed between two lines that are otherwise the same, each with the
/// words before it; nothing if more than numbers differ.
pub(super) fn changes_of_lines(before: &str, after: &str) -> Vec<(String, NumberChange)> {
    let (a, b) = (pieces(before), pieces(after));
    if a.len() != b.len() {
        return Vec::new();
    }
    let mut changes = Vec::new();
    // Columns of numbers share the words before the first.
    let mut label = String::new();
    for (a, b) in a.iter().zip(&b) {
        match (a, b) {
            // Columns are filled with blanks to a width.
            (Piece::Words(a), Piece::Words(b)) if same_words(a, b) => {
                let words = label_of(b);
                if !words.is_empty() {
                    label = words;
                }
            }
            (Piece::Number(a), Piece::Number(b)) => {
                if let Some(change) = change(a, b) {
                    changes.push((label.clone(), change));
                } else if a != b && !same_words(a, b) {
                    return Vec::new();
                }
            }
            _ => return Vec::new(),
        }
    }
    changes
}

fn same_words(a: &str, b: &str) -> bool {
    a == b || a.split_whitespace().eq(b.split_whitespace())
}

/// Returns the last words before a number, without the sign that leads to it.
fn label_of(words: &str) -> String {
    const LONGEST: usize = 40;
    let words = words.trim().trim_end_matches([':', '=', ',', '(', '[', ' ']);
    let start = words.rfind([',', ';', '(', '[', '|']).map_or(0, |at| at + 1);
    let words = words[start..].trim();
    let skipped = words.chars().count().saturating_sub(LONGEST);
    words.chars().skip(skipped).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_change_by_an_amount_and_a_share() {
        for (before, after, expected, why) in [
            ("42", "45", Some((3.0, Some(0.071_428_6))), "whole"),
            ("0.912", "0.934", Some((0.022, Some(0.024_122_8))), "no noise of binary fractions"),
            ("1,234.50", "1,000", Some((-234.5, Some(-0.189_955))), "with groups"),
            ("12 %", "15%", Some((3.0, Some(0.25))), "percent are points"),
            ("$5", "$6", Some((1.0, Some(0.2))), "money"),
            ("-2", "2", Some((4.0, Some(2.0))), "over zero"),
            ("0", "5", Some((5.0, None)), "from nothing"),
            ("1e-5", "2e-5", Some((1e-5, Some(1.0))), "with an exponent"),
            ("9007199254740993", "9007199254740994", Some((1.0, Some(1.110_22e-16))), "exact"),
            ("1.0", "1.00", None, "the same number"),
            ("nan", "1", None, "not a number"),
            ("1e999", "1", None, "infinite"),
            ("1,23", "2", None, "a comma that groups nothing"),
            ("abc", "1", None, "a word"),
            ("", "1", None, "nothing"),
            ("٣", "1", None, "digits of other scripts"),
        ] {
            let found = change(before, after).map(|it| (it.absolute, it.relative));
            assert_eq!(found, expected, "{before} → {after}: {why}");
        }
    }

    #[test]
    fn lines_are_split_at_numbers_that_stand_for_themselves() {
        for (line, numbers, why) in [
            ("kept 18 of 22 rows", &["18", "22"][..], "plain"),
            ("accuracy: 0.912.", &["0.912"], "at the end of a sentence"),
            ("x=-1.5e-3, y=+2", &["-1.5e-3", "+2"], "signs and exponents"),
            ("1,234,567 of 12,34", &["1,234,567", "12", "34"], "groups of three"),
            ("2026-11-20 10:15:00", &[], "dates and times"),
            ("v1.2.3 model-3 sha1 a_1 3f2a9c 10/12", &[], "versions, names, digests"),
            ("took 12ms, 4GB, 50%", &["12", "4", "50"], "with units"),
            ("a - 3", &["3"], "a dash between is none of it"),
            ("(3) [4] .5", &["3", "4", ".5"], "in brackets, without a zero"),
            ("...", &[], "dots"),
            ("日本 5 個", &["5"], "among other scripts"),
        ] {
            let pieces = pieces(line);
            let found: Vec<&str> = pieces
                .iter()
                .filter_map(|it| if let Piece::Number(text) = it { Some(*text) } else { None })
                .collect();
            assert_eq!(found, numbers, "{line}: {why}");
            let whole: String = pieces
                .iter()
                .map(|it| match it {
                    Piece::Number(text) | Piece::Words(text) => *text,
                })
                .collect();
            assert_eq!(whole, line, "nothing is lost");
        }
    }

    #[test]
    fn only_lines_that_differ_in_numbers_alone_are_changes_of_numbers() {
        let found = |a, b| -> Vec<(String, f64)> {
            changes_of_lines(a, b).into_iter().map(|(label, it)| (label, it.absolute)).collect()
        };
        assert_eq!(found("kept 18 of 22 rows", "kept 15 of 22 rows"), [("kept".to_owned(), -3.0)]);
        assert_eq!(
            found("loss=0.5, accuracy: 0.9", "loss=0.4, accuracy: 0.95"),
            [("loss".to_owned(), -0.1), ("accuracy".to_owned(), 0.05)]
        );
        assert_eq!(found("West   88", "West 1088"), [("West".to_owned(), 1000.0)], "widths");
        assert_eq!(found("West 88", "East 89"), [], "a word differs");
        assert_eq!(found("1 2", "1"), [], "a number is gone");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_lost_or_makes_it_panic(line in "(\\PC|[0-9.,e:%-]){0,60}") {
            let whole: String = pieces(&line).iter().map(|it| match it {
                Piece::Number(text) | Piece::Words(text) => *text,
            }).collect();
            proptest::prop_assert_eq!(whole, line);
        }
    }
}
