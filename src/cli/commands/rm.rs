//! `recell rm`: entries go to the trash.

use serde_json::json;

use crate::cli::json;
use crate::cli::report::Outcome;
use crate::cli::selection::{Selection, chosen};
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::error::Error;
use crate::retention::{Removal, plan_removal, remove, remove_with_pins};

/// Remove chosen entries
///
/// They go to the trash of the store, from where `recell undo` brings them back until gc. Nothing
/// else in the store changes. What is removed is listed; with `--dry-run` it is listed and stays.
/// What is pinned is not removed.
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
    /// Remove pinned entries, too, and their pins
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let ui = &session.ui;
    // Nothing goes unless all of what was named is there.
    let names = chosen(&args.keys, args.all, session, &session.snapshot(&store)?)?;
    let mut removal: Removal = plan_removal(&store, &names)?;
    let pinned = std::mem::take(&mut removal.pinned);
    if args.force {
        removal.removed.extend(pinned);
        removal.removed.sort();
    } else if !pinned.is_empty() {
        let names = pinned.iter().map(ToString::to_string).collect();
        return Err(Error::Pinned { names }.into());
    }
    if !args.dry_run {
        let remove = if args.force { remove_with_pins } else { remove };
        removal = remove(&store, &names, session.now())?;
    }
    if ui.json() {
        ui.document(&json!({
            "dry_run": args.dry_run,
            "removed": json::names(&removal.removed),
            "busy": json::names(&removal.busy),
        }))?;
    } else {
        for name in &removal.removed {
            ui.line(name)?;
        }
        let entries = count(removal.removed.len(), "entry", "entries");
        ui.say(format!("{entries} {}", if args.dry_run { "would go" } else { "removed" }));
    }
    ui.warn_of_busy(removal.busy.len(), "stayed");
    Ok(())
}
