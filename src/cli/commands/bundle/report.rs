//! `recell bundle report`: what there is of bundles, and what it was good for.

use serde_json::{Value, json};

use super::key::bundles;
use crate::bundle::{BundleReport, DEFAULT_SPACE, ReportEntry};
use crate::cli::columns::{Align, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words;
use crate::clock::Timestamp;

/// Report what there is of bundles: entries, bytes, and when they were last of use
///
/// Counts of hits are those of this process; `recell stats` has those of all, from the log of events.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The space to report on.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SPACE)]
    space: String,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let report = bundles(session)?.report(&args.space)?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&document(&report));
    }
    let mut columns = Columns::new(&[
        ("data", Align::Left),
        ("configuration", Align::Left),
        ("state", Align::Left),
        ("versions", Align::Right),
        ("size", Align::Right),
        ("took", Align::Right),
        ("last used", Align::Left),
    ]);
    for entry in &report.entries {
        columns.push([
            words::cut(&entry.data_id, 60).into(),
            words::short(&entry.config_id, 8).into(),
            words::short(&entry.scope, 8).into(),
            words::grouped(entry.versions).into(),
            words::size(entry.bytes).into(),
            entry.compute_seconds.map(words::took).unwrap_or_default().into(),
            entry.last_used.map(|at| words::ago(session.now(), at)).unwrap_or_default().into(),
        ]);
    }
    columns.print(ui)?;
    let bundles = words::count(report.entries.len(), "bundle", "bundles");
    let versions = words::count(report.versions, "version", "versions");
    ui.line(format_args!("{bundles}, {versions}, {}", words::size(report.bytes)))
}

/// Returns a report as `--json` prints it.
fn document(report: &BundleReport) -> Value {
    let entry = |entry: &ReportEntry| {
        json!({
            "name": entry.name.as_str(),
            "data_id": entry.data_id,
            "config_id": entry.config_id,
            "state": entry.scope,
            "versions": entry.versions,
            "bytes": entry.bytes,
            "memory_bytes": entry.memory_bytes,
            "hits": entry.hits,
            "last_used": entry.last_used.map(Timestamp::to_rfc3339),
            "compute_seconds": entry.compute_seconds,
        })
    };
    json!({
        "entries": report.entries.iter().map(entry).collect::<Vec<_>>(),
        "versions": report.versions,
        "bytes": report.bytes,
        "in_memory": report.in_memory,
        "memory_bytes": report.memory_bytes,
        "memory_cap": report.memory_cap,
        "hits": report.hits,
        "misses": report.misses,
        "mismatches": report.mismatches,
        "hit_rate": report.hit_rate(),
        "disk_loads": report.disk_loads,
        "evictions": report.evictions,
        "seconds_saved": report.seconds_saved,
    })
}
