//! The version at which an output crossed a line.
//!
//! Every version is read: a property of outputs may come and go, and then halving an interval
//! finds any of its crossings. Reading a version costs some µs, so there is nothing to gain.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;
use regex::Regex;

use super::reading::{JsonPath, NumberPattern, number, texts};
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::Snapshot;

/// A regular expression that a text is searched for.
#[derive(Debug, Clone)]
pub struct TextPattern(Regex);

impl FromStr for TextPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<TextPattern, String> {
        // Outputs have lines, and `^` is where one begins.
        let regex = regex::RegexBuilder::new(text).multi_line(true).build();
        regex.map(TextPattern).map_err(|error| {
            let text = error.to_string();
            let reason = text.trim_end().rsplit('\n').next().unwrap_or_default();
            reason.trim_start_matches("error: ").to_owned()
        })
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// What is across the line.
#[derive(Debug, Clone)]
pub enum Line {
    /// A text that matches.
    Matches(TextPattern),
    /// Texts of which none matches.
    DoesNotMatch(TextPattern),
    /// A number greater than this one.
    Above(f64),
    /// A number less than this one.
    Below(f64),
    /// Any other number.
    DiffersFrom(f64),
}

/// What is asked of each version.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is across the line.
    pub line: Line,
    /// Where the number is in a text; without it, the whole text is the number.
    pub number: Option<NumberPattern>,
    /// Only this value of outputs that are JSON.
    pub json_path: Option<JsonPath>,
    /// Only this part: its path, or its name if no other has it.
    pub part: Option<String>,
}

/// What a version answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its name.
    pub name: EntryName,
    /// The number that was looked for, if one was.
    pub number: Option<f64>,
    /// Whether it is across the line.
    pub is_across: bool,
}

/// What all versions answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Since {
    /// Those that answer, oldest first.
    pub versions: Vec<Version>,
    /// Those that have no such output or number, oldest first.
    pub silent: Vec<EntryName>,
    /// Why others could not be read.
    pub skipped: Vec<Miss>,
}

/// When the line was crossed for the first time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Crossing<'a> {
    /// Between these two, neighbours among those that answer.
    Between(&'a Version, &'a Version),
    /// The oldest was across, and none came across later.
    FromTheStart(&'a Version),
    /// No version is across.
    Never,
}

impl Since {
    /// Returns when the line was crossed for the first time.
    pub fn crossing(&self) -> Crossing<'_> {
        let crossed = self.versions.windows(2).find(|pair| !pair[0].is_across && pair[1].is_across);
        if let Some([before, after]) = crossed {
            return Crossing::Between(before, after);
        }
        let oldest = self.versions.first().filter(|oldest| oldest.is_across);
        oldest.map_or(Crossing::Never, Crossing::FromTheStart)
    }

    /// Returns the versions after the first crossing at which it went back, and across again.
    pub fn later_changes(&self) -> Vec<&Version> {
        let start = match self.crossing() {
            Crossing::Between(_, first) | Crossing::FromTheStart(first) => first,
            Crossing::Never => return Vec::new(),
        };
        let later = self.versions.iter().skip_while(|version| version.name != start.name);
        let later: Vec<&Version> = later.collect();
        let changes = later.windows(2).filter(|pair| pair[0].is_across != pair[1].is_across);
        changes.map(|pair| pair[1]).collect()
    }
}

/// Reads all of `entries`, which are oldest first, and asks each the same.
///
/// Entries that cannot be read, or have nothing to ask, are passed over.
pub fn since(snapshot: &Snapshot, entries: &[EntryName], question: &Question) -> Since {
    let answers: Vec<Result<Option<Version>, Miss>> =
        entries.par_iter().map(|name| ask(snapshot, name, question)).collect();
    let mut since = Since::default();
    for (name, answer) in entries.iter().zip(answers) {
        match answer {
            Ok(Some(version)) => since.versions.push(version),
            Ok(None) => since.silent.push(name.clone()),
            Err(miss) => since.skipped.push(miss),
        }
    }
    since
}

fn ask(snapshot: &Snapshot, name: &EntryName, asked: &Question) -> Result<Option<Version>, Miss> {
    let entry = match snapshot.entry(name) {
        Lookup::Hit(entry) => entry,
        Lookup::Miss(miss) => return Err(miss),
    };
    let texts = texts(&entry, asked.part.as_deref(), asked.json_path.as_ref())?;
    if texts.is_empty() && (asked.part.is_some() || asked.json_path.is_some()) {
        return Ok(None);
    }
    let found = match &asked.number {
        Some(pattern) => texts.iter().rev().find_map(|text| pattern.number(text)),
        None => texts.iter().rev().find_map(|text| number(text)),
    };
    let matches = |pattern: &TextPattern| texts.iter().any(|text| pattern.0.is_match(text));
    let (number, is_across) = match &asked.line {
        Line::Matches(pattern) => (None, Some(matches(pattern))),
        Line::DoesNotMatch(pattern) => (None, Some(!matches(pattern))),
        Line::Above(bound) => (found, found.map(|number| number > *bound)),
        Line::Below(bound) => (found, found.map(|number| number < *bound)),
        // Just what is printed counts, so there is no tolerance.
        #[expect(clippy::float_cmp, reason = "both were read from decimal digits")]
        Line::DiffersFrom(bound) => (found, found.map(|number| number != *bound)),
    };
    Ok(is_across.map(|is_across| Version { name: name.clone(), number, is_across }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0` is on this side, `1` is across.
    fn history(states: &str) -> Since {
        let version = |(at, state)| Version {
            name: format!("nb/c/m/0/20261121T012400.{at:06}Z-01234567").parse().unwrap(),
            number: None,
            is_across: state == '1',
        };
        Since { versions: states.chars().enumerate().map(version).collect(), ..Since::default() }
    }

    #[test]
    fn the_first_crossing_is_found_wherever_it_is() {
        for (states, expected, why) in [
            ("", "never", "nothing was recorded"),
            ("000", "never", "none is across"),
            ("111", "from 0", "all are"),
            ("110", "from 0, then 2", "it was, and is no more"),
            ("001", "1 to 2", "the newest"),
            ("00111", "1 to 2", "and it stayed"),
            ("0010011", "1 to 2, then 3 5", "it flapped: halving would find another"),
            ("1001", "2 to 3", "it was before, and came again"),
        ] {
            let history = history(states);
            let at = |version: &Version| {
                history.versions.iter().position(|other| other == version).unwrap()
            };
            let mut told = match history.crossing() {
                Crossing::Between(before, after) => format!("{} to {}", at(before), at(after)),
                Crossing::FromTheStart(first) => format!("from {}", at(first)),
                Crossing::Never => "never".to_owned(),
            };
            let later: Vec<String> =
                history.later_changes().into_iter().map(|v| at(v).to_string()).collect();
            if !later.is_empty() {
                told.extend([", then ", &later.join(" ")]);
            }
            assert_eq!(told, expected, "{why}");
        }
    }
}
