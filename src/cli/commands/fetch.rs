//! `recell fetch`: parts that only a remote has, brought before they are read.

use serde_json::json;

use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::{Selection, chosen};
use crate::cli::session::Session;
use crate::cli::syncing::part_json;
use crate::cli::words::{count, size};
use crate::config::Glob;
use crate::index::Pattern;
use crate::progress::{Progress, Unit};
use crate::sync;

/// Bring parts that are on a remote only
///
/// A pull brings the parts that `sync.fetch` says; others come when they are read. This brings
/// them now, for example before a journey. All versions that match are meant. Exits with 3 if
/// something cannot be had.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The results, for example `sales.ipynb`, `sales.ipynb:load` or `sales.ipynb:load@HEAD`
    #[arg(value_name = "SELECTOR", required_unless_present = "all")]
    keys: Vec<Selection>,
    /// Only these parts, as globs over their paths, for example `variables/*.parquet`
    #[arg(long, value_name = "GLOB")]
    parts: Vec<Glob>,
    /// Of every result in the store
    #[arg(long, conflicts_with = "keys")]
    all: bool,
    /// Say what would be brought, and bring nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let snapshot = session.snapshot(&store)?;
    let names = if args.all {
        snapshot.list(&Pattern::all())
    } else {
        chosen(&args.keys, true, session, &snapshot)?
    };
    let wanted =
        |path: &str| args.parts.is_empty() || args.parts.iter().any(|glob| glob.matches(path));
    let progress = session.ui.progress();
    progress.begin("fetching", None, Unit::Time);
    let report = sync::fetch(&store, &snapshot, &names, &wanted, args.dry_run);
    progress.end();
    let ui = &session.ui;
    if ui.json() {
        ui.document(&json!({
            "dry_run": args.dry_run,
            "parts": report.parts.iter().map(part_json).collect::<Vec<_>>(),
            "bytes": report.bytes,
            "missing": report.misses.iter().map(|miss| {
                json!({ "code": miss.code(), "message": miss.to_string() })
            }).collect::<Vec<_>>(),
        }))?;
    } else {
        let parts = count(report.parts.len(), "part", "parts");
        let amount = size(report.bytes);
        ui.say(match (args.dry_run, report.parts.len()) {
            (_, 0) if report.misses.is_empty() => "all of it is here".to_owned(),
            (true, _) => format!("would fetch {parts}, {amount}"),
            (false, _) => format!("fetched {parts}, {amount}"),
        });
    }
    if report.misses.is_empty() { Ok(()) } else { Err(Failure::Misses(report.misses)) }
}
