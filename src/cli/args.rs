//! Flags that every command takes, and the readers of values that several take.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::ColorChoice;
use crate::entry::PartKind;

/// Flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct GlobalArgs {
    /// Use the store in this folder.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) store: Option<String>,
    /// Run as if started in this folder.
    #[arg(short = 'C', global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Set a setting for this run.
    #[arg(short = 'c', global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    pub(crate) settings: Vec<(String, String)>,
    /// Read the store as of a time or a commit of the host repository (docs/selectors.md).
    #[arg(long, global = true, value_name = "WHEN")]
    pub(crate) as_of: Option<String>,
    /// Print JSON, on stderr too (docs/json.md).
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write in colour: auto, always or never.
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    pub(crate) color: Option<When>,
    /// Print no words besides errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more on stderr.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

/// When to write in colour.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl From<When> for ColorChoice {
    fn from(when: When) -> ColorChoice {
        match when {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        }
    }
}

/// Reads `name=value`; the value may have more of `=`.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is no name with `=` and a value".into()),
    }
}

/// Reads the kind of a part.
pub(crate) fn part_kind(text: &str) -> Result<PartKind, String> {
    PartKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
        let names: Vec<&str> = PartKind::ALL.map(PartKind::name).into();
        format!("it is none of {}", names.join(", "))
    })
}

/// Reads a number of seconds.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(seconds),
        _ => Err("it is no number of seconds".into()),
    }
}

/// Reads how long ago something may be: a number and `s`, `m`, `h`, `d` or `w`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 5] =
        [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 7 * 86_400)];
    let wrong = || "write it as 30m, 12h, 7d or 2w".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - 1].trim_end().parse().map_err(|_| wrong())?;
    number.checked_mul(*seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// A range of bytes; `None` as its end means the end of the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
}

/// Reads `START..END`, either of which may be left out; the end is not part of the range.
pub(crate) fn byte_range(text: &str) -> Result<ByteRange, String> {
    let (start, end) = text.split_once("..").ok_or("write it as START..END")?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    let start = if start.is_empty() { 0 } else { number(start)? };
    let end = if end.is_empty() { None } else { Some(number(end)?) };
    match end {
        Some(end) if end < start => Err("it ends before it starts".into()),
        end => Ok(ByteRange { start, end }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_in_rust() {
        for (text, range, why) in [
            ("0..10", Some((0, Some(10))), "both ends"),
            ("..10", Some((0, Some(10))), "from the start"),
            ("10..", Some((10, None)), "to the end"),
            ("..", Some((0, None)), "all"),
            ("5..5", Some((5, Some(5))), "nothing"),
            ("10", None, "one number is no range"),
            ("10..5", None, "backwards"),
            ("-1..5", None, "negative"),
            ("a..b", None, "no numbers"),
        ] {
            let expected = range.map(|(start, end)| ByteRange { start, end });
            assert_eq!(byte_range(text).ok(), expected, "{text}: {why}");
        }
    }

    #[test]
    fn assignments_keep_what_follows_the_first_sign() {
        assert_eq!(assignment("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(assignment("a="), Ok(("a".into(), String::new())));
        assert!(assignment("=b").is_err() && assignment("ab").is_err());
    }
}
