//! `recell rm`: entries go to the trash.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::json;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::retention::{Removal, plan_removal, remove};
use crate::store::Snapshot;

/// Remove chosen entries
///
/// They go to the trash of the store, whose bytes stay until it is collected. Nothing else in the
/// store changes. What is removed is listed; with `--dry-run` it is listed and stays.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to remove: a full entry name or the `id` that `recell log` shows is that entry, a key
    /// is its newest entry.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<Selection>,
    /// Remove every entry that matches; then KEY may be a pattern such as `old/*` or
    /// `sales.ipynb:load`
    #[arg(long)]
    all: bool,
    /// Say what would go, and leave it
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let ui = &session.ui;
    let (names, misses) = chosen(args, session, &session.snapshot(&store)?)?;
    // Nothing goes unless all of what was named is there: a typo is no reason to remove the rest.
    if !misses.is_empty() {
        return Err(Failure::Misses(misses));
    }
    let removal: Removal = if args.dry_run {
        plan_removal(&store, &names)?
    } else {
        remove(&store, &names, session.now())?
    };
    if ui.json() {
        let list = |names: &[EntryName]| -> Value { names.iter().map(json::name).collect() };
        ui.document(&json!({
            "dry_run": args.dry_run,
            "removed": list(&removal.removed),
            "busy": list(&removal.busy),
        }))?;
    } else {
        for name in &removal.removed {
            ui.line(name)?;
        }
        let entries = count(removal.removed.len(), "entry", "entries");
        ui.say(format!("{entries} {}", if args.dry_run { "would go" } else { "removed" }));
    }
    if !removal.busy.is_empty() {
        let busy = count(removal.busy.len(), "entry", "entries");
        ui.warn(
            &format!("{busy} stayed: the process that put them is still writing"),
            Some("Run it again when that process has ended."),
        );
    }
    Ok(())
}

/// Returns the entries that are meant, and what is not there.
fn chosen(
    args: &Args,
    session: &Session,
    snapshot: &Snapshot,
) -> Result<(Vec<EntryName>, Vec<Miss>), Failure> {
    let mut names: BTreeSet<EntryName> = BTreeSet::new();
    let mut misses = Vec::new();
    for key in &args.keys {
        let found = if args.all {
            key.names(session, snapshot)?
        } else {
            key.name(session, snapshot)?.into_iter().collect()
        };
        if found.is_empty() {
            misses.push(key.miss(session, snapshot));
        }
        names.extend(found);
    }
    Ok((names.into_iter().collect(), misses))
}
