//! The canonical form of stats: sorted text, one stat a line (docs/format.md, "Stats").
//!
//! ```text
//! recell-stats 1
//! year    a    "year"
//!
//! year    dtype    "int64"
//! year    mean     2013.0
//! ```
//! The same stats are the same bytes, and versions of stats differ in the lines that changed.

mod alone;
mod labels;
pub(in crate::stats) mod moment;
mod read;
mod write;

use std::collections::HashMap;

use memchr::{memchr, memchr_iter};

use self::labels::{labels, token};
pub(in crate::stats) use self::labels::{read_token, token as token_of};
pub(in crate::stats) use self::read::{number, read_value};
pub(in crate::stats) use self::write::value_text;
use super::model::{ColumnStats, StatMap, StatValue, Stats};

/// The first line, with the version of the format.
const HEADER: &str = "recell-stats 1";
/// What the first line of every version begins with.
const NAME: &str = "recell-stats ";

/// Why a text is not the stats of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct NotStats {
    /// The line, the first being 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Returns the stats as canonical text.
///
/// Each value is read back from what is written of it. One that would not come back identical, as
/// a time of 25 o'clock, is there as [`StatValue::Opaque`].
pub fn encode(stats: &Stats) -> String {
    let mut out = format!("{HEADER}\n");
    let labels = labels(&stats.columns);
    for (column, label) in stats.columns.iter().zip(&labels) {
        let short = token(&column.short.as_str().into());
        out.extend([label, "\t", &short, "\t", &value_text(&column.name), "\n"]);
    }
    out.push('\n');
    let mut lines: Vec<String> = Vec::with_capacity(stats.len());
    for (column, label) in stats.columns.iter().zip(&labels) {
        for (name, value) in column.stats.iter() {
            lines.push([label, "\t", &token(name), "\t", &value_text(value), "\n"].concat());
        }
    }
    // No two lines have the same label and name, and a tab is below all that these have.
    lines.sort_unstable();
    out.reserve(lines.iter().map(String::len).sum());
    out.extend(lines);
    out
}

/// Returns the value as it stands in the text: typed JSON on one line.
pub fn encode_value(value: &StatValue) -> String {
    value_text(value)
}

/// Returns the value of typed JSON.
///
/// # Errors
/// [`NotStats`], for line 1, if it is no JSON or nested more than 256 deep.
pub fn decode_value(text: &str) -> Result<StatValue, NotStats> {
    read_value(text).map_err(|problem| NotStats { line: 1, problem: problem.into() })
}

/// Returns the stats of a canonical text.
///
/// # Errors
/// [`NotStats`] with the line that is not as it should be.
pub fn decode(bytes: &[u8]) -> Result<Stats, NotStats> {
    let problem = |line, problem: &str| NotStats { line, problem: problem.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count() + 1;
        problem(line, "no Unicode")
    })?;
    let mut lines = Lines { rest: text, line: 0 };
    let first = lines.next().ok_or_else(|| problem(1, "no first line"))??;
    if first != HEADER {
        let found = first.strip_prefix(NAME).map(|version| {
            format!("stats of version {version:.20}, which this release cannot read")
        });
        return Err(problem(1, found.as_deref().unwrap_or("these are no stats")));
    }
    let mut stats = Stats::default();
    let mut places: HashMap<&str, usize> = HashMap::new();
    loop {
        let line =
            lines.next().ok_or_else(|| problem(lines.line + 1, "cut after the columns"))??;
        if line.is_empty() {
            break;
        }
        let column = read_column(line).map_err(|it| problem(lines.line, it))?;
        if places.insert(column.0, stats.columns.len()).is_some() {
            return Err(problem(lines.line, "this label is there twice"));
        }
        stats.columns.push(column.1);
    }
    let mut last = ("", 0);
    let mut usual = 0;
    while let Some(line) = lines.next() {
        let (label, name, text) = fields(line?).map_err(|it| problem(lines.line, it))?;
        if label != last.0 || last.1 >= stats.columns.len() {
            let place = places.get(label).ok_or_else(|| problem(lines.line, "no such column"))?;
            usual = stats.columns.get(last.1).map_or(usual, |it| it.stats.len());
            last = (label, *place);
            if stats.columns[last.1].stats.is_empty() {
                stats.columns[last.1].stats = StatMap::with_capacity(usual);
            }
        }
        let name = read_token(name).map_err(|it| problem(lines.line, it))?;
        let value = read_value(text).map_err(|it| problem(lines.line, it))?;
        if stats.columns[last.1].stats.insert(name, value).is_some() {
            return Err(problem(lines.line, "this stat is there twice"));
        }
    }
    Ok(stats)
}

/// The lines of a text, each of which must end.
struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a str, NotStats>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let Some(end) = memchr(b'\n', self.rest.as_bytes()) else {
            self.rest = "";
            return Some(Err(NotStats { line: self.line, problem: "cut in this line".into() }));
        };
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(Ok(line))
    }
}

fn fields(line: &str) -> Result<(&str, &str, &str), &'static str> {
    let field = |text: &str| memchr(b'\t', text.as_bytes()).ok_or("fewer than three fields");
    let end = field(line)?;
    let (label, rest) = (&line[..end], &line[end + 1..]);
    let end = field(rest)?;
    Ok((label, &rest[..end], &rest[end + 1..]))
}

fn read_column(line: &str) -> Result<(&str, ColumnStats), &'static str> {
    let (label, short, name) = fields(line)?;
    let short = read_token(short)?.shown().into_owned();
    Ok((label, ColumnStats { short, name: read_value(name)?, stats: StatMap::new() }))
}

impl Stats {
    /// Returns the stats as canonical text: [`encode`].
    pub fn to_text(&self) -> Vec<u8> {
        encode(self).into_bytes()
    }

    /// Returns the stats of a canonical text: [`decode`].
    ///
    /// # Errors
    /// [`NotStats`] with the line that is not as it should be.
    pub fn from_text(bytes: &[u8]) -> Result<Stats, NotStats> {
        decode(bytes)
    }
}

#[cfg(test)]
mod tests;
