//! `recell bundle report`: what there is of bundles, and what it was good for.

use serde_json::Value;

use super::counted::Counted;
use super::key::bundles;
use crate::bundle::{BundleReport, DEFAULT_SPACE};
use crate::cli::columns::{Align, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words;
use crate::events::Row;

/// Report what there is of bundles: entries, bytes, and when they were last of use
///
/// Hits, misses and the time they saved are those of all processes, as far back as the log of events
/// goes; a hit is a bundle that was looked up and handed out.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The space to report on.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SPACE)]
    space: String,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let report = bundles(session)?.report(&args.space)?;
    let counted = Counted::read(session, &args.space)?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&document(&report, &counted));
    }
    let mut columns = Columns::new(&[
        ("data", Align::Left),
        ("configuration", Align::Left),
        ("state", Align::Left),
        ("versions", Align::Right),
        ("size", Align::Right),
        ("took", Align::Right),
        ("hits", Align::Right),
        ("misses", Align::Right),
        ("saved", Align::Right),
        ("last used", Align::Left),
    ]);
    for entry in &report.entries {
        let row = counted.of_key(entry.name.key_path());
        columns.push([
            words::cut(&entry.data_id, 60).into(),
            words::short(&entry.config_id, 8).into(),
            words::short(&entry.scope, 8).into(),
            words::grouped(entry.versions).into(),
            words::size(entry.bytes).into(),
            entry.compute_seconds.map(words::took).unwrap_or_default().into(),
            words::grouped(number(row.hits)).into(),
            words::grouped(number(row.misses + row.mismatches)).into(),
            saved(&row).into(),
            entry.last_used.map(|at| words::ago(session.now(), at)).unwrap_or_default().into(),
        ]);
    }
    columns.print(ui)?;
    let bundles = words::count(report.entries.len(), "bundle", "bundles");
    let versions = words::count(report.versions, "version", "versions");
    ui.line(format_args!("{bundles}, {versions}, {}", words::size(report.bytes)))?;
    let total = &counted.total;
    let Some(rate) = total.hit_rate() else { return Ok(()) };
    ui.line(format_args!(
        "{} hits, {} misses, {} mismatches: {:.0} % hits, {} saved",
        words::grouped(number(total.hits)),
        words::grouped(number(total.misses)),
        words::grouped(number(total.mismatches)),
        rate * 100.0,
        words::took(total.seconds_saved.max(0.0))
    ))
}

fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn saved(row: &Row) -> String {
    if row.hits == 0 { String::new() } else { words::took(row.seconds_saved.max(0.0)) }
}

/// Returns a report as `--json` prints it: counts are those of all processes.
fn document(report: &BundleReport, counted: &Counted) -> Value {
    let mut document = report.to_json();
    let tell = |value: &mut Value, row: &Row| {
        value["hits"] = row.hits.into();
        value["misses"] = row.misses.into();
        value["mismatches"] = row.mismatches.into();
        value["seconds_saved"] = row.seconds_saved.into();
    };
    tell(&mut document, &counted.total);
    document["hit_rate"] = counted.total.hit_rate().into();
    for (number, entry) in report.entries.iter().enumerate() {
        tell(&mut document["entries"][number], &counted.of_key(entry.name.key_path()));
    }
    document
}
