//! `recell bundle stats`: the stats of a bundle, or what changed between two.

use std::path::PathBuf;
use std::sync::Arc;

use super::compare::{self, Comparing};
use super::files::{self, scope};
use super::key::Which;
use super::value::shown;
use crate::bundle::Scope;
use crate::cli::columns::{Align, Cell, Columns, Row};
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::words;
use crate::config::Glob;
use crate::error::Error;
use crate::stats::{ColumnStats, StatMap, Stats, document};

/// Up to so many stats of each column stand side by side.
const SIDE_BY_SIDE: usize = 10;
/// Characters of a value in a table.
const VALUE: usize = 60;

/// Show the stats of a bundle; of two, what changed: did the data change?
///
/// `DATA_ID` is the newest version of the data that is stored, also as `DATA_ID~1` or
/// `DATA_ID@"2 days ago"`. To compare, either may also be the name of an entry, any selector of one
/// (docs/selectors.md), or a file of stats: canonical text, recell's `stats.parquet`, Buckaroo's
/// `sd.parquet`. Nothing but what is stored is read. Changes past the threshold are marked with `!`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Another version or file, to say what changed from the first to it.
    #[arg(value_name = "OTHER", conflicts_with = "older")]
    other: Option<String>,
    /// The stats of this scope: raw, clean or filtered.
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Option<Scope>,
    /// Only columns whose name matches this glob; may be repeated.
    #[arg(long = "column", value_name = "GLOB")]
    columns: Vec<Glob>,
    /// Only stats whose name matches this glob; may be repeated.
    #[arg(long = "stat", value_name = "GLOB")]
    stats: Vec<Glob>,
    /// How to print the stats of one: table, text, json or parquet.
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "other")]
    #[arg(hide_possible_values = true)]
    format: Option<Format>,
    /// Write them to this file.
    #[arg(short, long, value_name = "FILE", conflicts_with = "other")]
    out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    comparing: Comparing,
}

/// How stats are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Text,
    Json,
    Parquet,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let pick = Pick { columns: &args.columns, stats: &args.stats };
    if let Some(other) = &args.other {
        let before = compare::side(session, &args.which, &args.which.data_id, args.scope)?;
        let after = compare::side(session, &args.which, other, args.scope)?;
        return compare::run(session, &args.comparing, &before, &after, &pick);
    }
    let side = compare::side(session, &args.which, &args.which.data_id, args.scope)?;
    let stats = if pick.is_all() { side.stats } else { Arc::new(pick.of(&side.stats)) };
    let usual = if session.ui.json() { Format::Json } else { Format::Table };
    let (bytes, what) = match args.format.unwrap_or(usual) {
        Format::Table if args.out.is_none() => return table(session, &stats),
        Format::Json if args.out.is_none() => return session.ui.document(&document(&stats)),
        Format::Json => (format!("{:#}\n", document(&stats)).into_bytes(), "JSON"),
        Format::Parquet => (columnar(&stats)?, "parquet"),
        Format::Text | Format::Table => (crate::stats::text::encode(&stats).into_bytes(), "stats"),
    };
    match &args.out {
        Some(path) => Ok(files::write(&session.path(path), &bytes, args.force)?),
        None if what == "parquet" => files::print(session, what, &bytes),
        None => session.ui.text(&String::from_utf8_lossy(&bytes)),
    }
}

/// Returns stats as a parquet table.
pub(super) fn columnar(stats: &Stats) -> Result<Vec<u8>, Failure> {
    crate::stats::columnar::encode(stats).map_err(|problem| {
        let what = "a table of stats".into();
        Failure::from(Error::InvalidBundle { what, reason: problem.to_string() })
    })
}

/// Which columns and stats are wanted; all, if nothing is named.
pub(super) struct Pick<'a> {
    columns: &'a [Glob],
    stats: &'a [Glob],
}

impl Pick<'_> {
    fn is_all(&self) -> bool {
        self.columns.is_empty() && self.stats.is_empty()
    }

    /// Returns what is wanted of the stats.
    pub(super) fn of(&self, stats: &Stats) -> Stats {
        let matches = |globs: &[Glob], name: &str| {
            globs.is_empty() || globs.iter().any(|glob| glob.matches(name))
        };
        let columns = stats.columns.iter().filter(|it| matches(self.columns, &shown(&it.name)));
        let column = |column: &ColumnStats| {
            let wanted = column.stats.iter().filter(|(name, _)| matches(self.stats, &name.shown()));
            let stats: StatMap =
                wanted.map(|(name, value)| (name.clone(), value.clone())).collect();
            ColumnStats { short: column.short.clone(), name: column.name.clone(), stats }
        };
        Stats { columns: columns.map(column).collect() }
    }
}

fn table(session: &Session, stats: &Stats) -> Outcome {
    let ui = &session.ui;
    let mut names: Vec<String> = Vec::new();
    for (name, _) in stats.columns.iter().flat_map(|column| column.stats.iter()) {
        let name = name.shown();
        if !names.iter().any(|it| **it == *name) {
            names.push(name.into_owned());
        }
    }
    let value = |value: &crate::stats::StatValue| Cell::from(words::cut(&shown(value), VALUE));
    let mut columns = if names.len() <= SIDE_BY_SIDE {
        let heads = std::iter::once("column".to_owned()).chain(names.iter().cloned());
        Columns::under(heads.map(|head| (head, Align::Left)))
    } else {
        Columns::new(&[("column", Align::Left), ("stat", Align::Left), ("value", Align::Left)])
    };
    for column in &stats.columns {
        let head = || Cell::from(words::cut(&shown(&column.name), VALUE));
        if names.len() <= SIDE_BY_SIDE {
            let cells = names
                .iter()
                .map(|name| column.stats.get(name).map_or_else(|| Cell::from(""), value));
            columns.push_row(Row::of_cells(std::iter::once(head()).chain(cells)));
            continue;
        }
        for (name, it) in column.stats.iter() {
            columns.push([head(), name.shown().into_owned().into(), value(it)]);
        }
    }
    if stats.is_empty() {
        ui.say("no stats");
    }
    columns.print(ui)
}
