//! `recell pin`: entries that no rule removes.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::json;
use crate::cli::report::Outcome;
use crate::cli::selection::{Selection, chosen};
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::name::EntryName;
use crate::retention::{PinReport, pin, pins};
use crate::store::Store;

/// Pin entries: no rule and no cap removes them
///
/// A pin is a ref `refs/recell/pin/<entry name>`; pins of two stores merge as entries do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to pin: a full entry name or the `id` that `recell log` shows is that entry, a key is
    /// its newest entry.
    #[arg(required_unless_present = "list", value_name = "KEY")]
    keys: Vec<Selection>,
    /// Pin every entry that matches; then KEY may be a pattern such as `reports/*`.
    #[arg(long, conflicts_with = "list")]
    all: bool,
    /// List what is pinned.
    #[arg(long, short, conflicts_with = "keys")]
    list: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    if args.list {
        return list(session, &store);
    }
    let names = chosen(&args.keys, args.all, session, &session.snapshot(&store)?)?;
    let report = pin(&store, &names)?;
    print(session, &report, "pinned", "pinned already")
}

fn list(session: &Session, store: &Store) -> Outcome {
    let ui = &session.ui;
    let pinned: BTreeSet<EntryName> = pins(store)?.into_iter().collect();
    if ui.json() {
        return ui.document(&json::names(&pinned));
    }
    for name in &pinned {
        ui.line(name)?;
    }
    if pinned.is_empty() {
        ui.say("nothing is pinned");
    }
    Ok(())
}

/// Prints what was pinned, or what lost its pin.
pub(super) fn print(session: &Session, report: &PinReport, done: &str, was: &str) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        ui.document(&json!({
            "changed": json::names(&report.changed),
            "unchanged": json::names(&report.unchanged),
            "busy": json::names(&report.unknown),
        }))?;
    } else {
        for name in &report.changed {
            ui.line(name)?;
        }
        ui.say(format!("{} {done}", count(report.changed.len(), "entry", "entries")));
        if !report.unchanged.is_empty() {
            let unchanged = count(report.unchanged.len(), "entry was", "entries were");
            ui.say(format!("{unchanged} {was}"));
        }
    }
    ui.warn_of_busy(report.unknown.len(), &format!("not {done}"));
    Ok(())
}
