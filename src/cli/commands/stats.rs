//! `recell stats`: what the cache was good for.

use std::borrow::Cow;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::events::tell_empty;
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::moment::Moment;
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::ui::STRONG;
use crate::cli::words::{count, grouped, size, took};
use crate::clock::{Timestamp, Zone};
use crate::events::{self, HIT, Row, Summary, summarize};
use crate::history::When;

/// Show hits, misses and the time they saved, by notebook and cell
///
/// Counted from the log that `recell events` shows: as far back as `[events]` in `recell.toml`
/// keeps it. Only lookups for use count.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what happened since: a time or a commit, as in `--since "1 week ago"`.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// By what to count: notebook, cell or day.
    #[arg(long, value_name = "WHAT", default_value = "notebook", hide_default_value = true)]
    by: By,
}

/// By what events are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Those of a notebook
    Notebook,
    /// Those of a cell
    Cell,
    /// Those of a day
    Day,
}

impl By {
    /// Returns what its rows are called.
    fn heads(self) -> &'static [&'static str] {
        match self {
            By::Notebook => &["notebook"],
            By::Cell => &["notebook", "cell"],
            By::Day => &["day"],
        }
    }

    fn choice(self) -> events::By {
        match self {
            By::Notebook => events::By::Notebook,
            By::Cell => events::By::Cell,
            By::Day => events::By::Day(Zone::Local),
        }
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let path = session.store()?.path().to_owned();
    let since = args.since.as_deref().map(|text| Moment::read(session, &When::read(text)));
    let since = since.transpose()?.map_or(Timestamp::MIN, |moment| moment.span.first);
    let mut found = Vec::new();
    let mut total = 0_usize;
    let unreadable = events::read(&path, |line| {
        total += 1;
        if line.event.at >= since {
            found.push(Cow::Owned(line.event));
        }
    })?;
    let summary = summarize(found, args.by.choice());
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&document(args.by, &summary, unreadable));
    }
    if total == 0 {
        return tell_empty(session);
    }
    print(args.by, session, &summary)?;
    if summary.dropped > 0 {
        let events = count(summary.dropped.try_into().unwrap_or(usize::MAX), "event", "events");
        ui.warn(&format!("{events} could not be written, and count nowhere"), None);
    }
    if unreadable > 0 {
        let lines = count(unreadable, "line", "lines");
        ui.warn(&format!("{lines} of the log could not be read"), None);
    }
    if !session.workspace()?.config().events.enabled {
        ui.say("`events.enabled` is false: what happens now is not counted");
    }
    Ok(())
}

fn print(by: By, session: &Session, summary: &Summary) -> Outcome {
    let ui = &session.ui;
    let first = *by.heads().first().expect("rows are called something");
    let mut columns = Columns::new(&[
        (first, Align::Left),
        ("cell", Align::Left),
        ("hits", Align::Right),
        ("misses", Align::Right),
        ("hit rate", Align::Right),
        ("served", Align::Right),
        ("stored", Align::Right),
        ("written", Align::Right),
        ("saved", Align::Right),
        ("misses by reason", Align::Left),
    ]);
    for (group, row) in &summary.rows {
        columns.push(cells(group, row).map(Cell::from));
    }
    if summary.rows.len() > 1 {
        let total = cells(&["together".to_owned()], &summary.total);
        columns.push(total.map(|text| Cell::styled(text, STRONG)));
    }
    columns.print(ui)?;
    if summary.rows.is_empty() {
        ui.line("no lookup and no put was noted")?;
    }
    let unknown = usize::try_from(summary.total.hits_of_unknown_time).unwrap_or(usize::MAX);
    if unknown > 0 {
        let hits = count(unknown, "hit", "hits");
        ui.line("")?;
        ui.line(format_args!(
            "Of {hits} nobody knows how long the result took: nothing counts as saved."
        ))?;
    }
    if let Some((first, last)) = summary.span {
        ui.line("")?;
        ui.line(format_args!("From {} to {}.", first.to_local(), last.to_local()))?;
    }
    ui.line("")?;
    // A line for each sentence.
    let mut sentences = HIT.split_inclusive(". ");
    sentences.try_for_each(|sentence| ui.line(sentence.trim_end()))
}

fn cells(group: &[String], row: &Row) -> [String; 10] {
    let number = |count: u64| grouped(usize::try_from(count).unwrap_or(usize::MAX));
    let some = |count: u64, text: String| if count == 0 { String::new() } else { text };
    let reasons: Vec<String> =
        row.reasons.iter().map(|(reason, count)| format!("{reason} {}", number(*count))).collect();
    let known = row.hits > row.hits_of_unknown_time;
    [
        group.first().cloned().unwrap_or_default(),
        group.get(1).cloned().unwrap_or_default(),
        number(row.hits),
        number(row.misses + row.mismatches),
        row.hit_rate().map(|rate| format!("{:.1} %", rate * 100.0)).unwrap_or_default(),
        some(row.hits, size(row.bytes_served)),
        some(row.puts, number(row.puts)),
        some(row.puts, size(row.bytes_written)),
        if known { saved(row.seconds_saved) } else { String::new() },
        reasons.join(", "),
    ]
}

/// Returns a time that may be below zero, where handing out took longer than computing.
fn saved(seconds: f64) -> String {
    if seconds < 0.0 { format!("-{}", took(-seconds)) } else { took(seconds) }
}

fn document(by: By, summary: &Summary, unreadable: usize) -> Value {
    let rows = summary.rows.iter().map(|(group, row)| {
        let mut value = Map::new();
        for (head, text) in by.heads().iter().zip(group) {
            value.insert((*head).to_owned(), text.clone().into());
        }
        value.extend(numbers(row));
        Value::Object(value)
    });
    json!({
        "by": by.heads().last(),
        "first": summary.span.map(|(first, _)| first.to_rfc3339()),
        "last": summary.span.map(|(_, last)| last.to_rfc3339()),
        "rows": rows.collect::<Vec<_>>(),
        "total": numbers(&summary.total),
        "events": summary.kinds,
        "dropped": summary.dropped,
        "unreadable": unreadable,
        "definition_of_a_hit": HIT,
    })
}

fn numbers(row: &Row) -> Map<String, Value> {
    let value = json!({
        "hits": row.hits,
        "misses": row.misses,
        "mismatches": row.mismatches,
        "hit_rate": row.hit_rate(),
        "bytes_served": row.bytes_served,
        "puts": row.puts,
        "bytes_written": row.bytes_written,
        "seconds_saved": row.seconds_saved,
        "hits_of_unknown_time": row.hits_of_unknown_time,
        "reasons": row.reasons,
    });
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
