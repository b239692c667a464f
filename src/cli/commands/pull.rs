//! `recell pull`: what the remote has and this store has not.

use serde_json::json;

use crate::cli::args;
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::syncing::{chosen_remote, is_named, speak};
use crate::cli::words::count;
use crate::clock::Timestamp;
use crate::config::Glob;
use crate::name::EntryName;
use crate::progress::{Progress, Unit};
use crate::sync::{self, PullOptions};

/// Bring results from a remote
///
/// All names come, and of the results what `sync.fetch` in `recell.toml` says: outputs and code,
/// unless it is set. Nothing that is here already travels. What was removed here does not come
/// back by itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Notebooks to bring, as globs; all of them if none is given
    #[arg(value_name = "NOTEBOOK")]
    notebooks: Vec<Glob>,
    /// The remote, by name or address
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    /// Leave out what is older than this, for example `7d` or `12h`
    #[arg(long, value_name = "AGE", value_parser = args::age)]
    since: Option<std::time::Duration>,
    /// Bring back what was removed here, too
    #[arg(long)]
    all: bool,
    /// Say what would come, and take nothing in
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store_to_put()?;
    let chosen = chosen_remote(session, args.remote.as_deref())?;
    let remote = speak(session, &chosen, &store);
    let named = |notebook: &str| is_named(&args.notebooks, notebook);
    let now = session.now();
    let before = |age: std::time::Duration| {
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.micros().saturating_sub(age))
    };
    let options = PullOptions {
        notebooks: (!args.notebooks.is_empty()).then_some(&named),
        since: args.since.map(before),
        removed_too: args.all,
        dry_run: args.dry_run,
        now,
    };
    let progress = session.ui.progress();
    progress.begin("pulling", None, Unit::Time);
    let settings = &session.workspace()?.config().sync;
    let report = sync::pull(&store, &chosen.id, &remote, settings, &options);
    progress.end();
    let report = report?;
    let ui = &session.ui;
    for (name, reason) in &report.refused {
        ui.warn(&format!("not taken in: `{name}`: {reason}"), None);
    }
    if report.missing > 0 {
        let objects = count(report.missing, "object", "objects");
        ui.warn(&format!("the remote did not hand out {objects}"), None);
    }
    if ui.json() {
        return ui.document(&json!({
            "remote": chosen.id,
            "url": remote.shown(),
            "dry_run": args.dry_run,
            "entries": report.entries.iter().map(EntryName::as_str).collect::<Vec<_>>(),
            "ledgers": report.ledgers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "refused": report.refused.iter().map(|(name, reason)| {
                json!({ "name": name, "reason": reason })
            }).collect::<Vec<_>>(),
            "objects": report.objects,
            "missing_objects": report.missing,
        }));
    }
    let said = count(report.entries.len(), "entry", "entries");
    let from = remote.shown();
    ui.say(match (args.dry_run, report.entries.len()) {
        (true, _) => format!("would take in {said} from {from}"),
        (false, 0) => format!("nothing new at {from}"),
        (false, _) => format!("pulled {said} from {from}"),
    });
    Ok(())
}
