//! `recell push`: what the remote lacks.

use serde_json::json;

use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::syncing::{chosen_remote, is_named, speak};
use crate::cli::words::count;
use crate::config::Glob;
use crate::error::Error;
use crate::name::EntryName;
use crate::progress::{Progress, Unit};
use crate::sync::{self, PushOptions};

/// Send results to a remote
///
/// They travel as few refs below `refs/recell/`, which nobody sees who does not use recell. By
/// default the remote is the repository's own `origin`. What arrived is read back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Notebooks to send, as globs; all of them if none is given
    #[arg(value_name = "NOTEBOOK")]
    notebooks: Vec<Glob>,
    /// The remote, by name or address
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    /// Say what would be sent, and send nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let chosen = chosen_remote(session, args.remote.as_deref())?;
    let remote = speak(session, &chosen, &store);
    let wanted = |name: &EntryName| is_named(&args.notebooks, &name.notebook());
    let options = PushOptions { wanted: &wanted, dry_run: args.dry_run, now: session.now() };
    let progress = session.ui.progress();
    progress.begin("pushing", None, Unit::Time);
    let settings = &session.workspace()?.config().sync;
    let report = sync::push(&store, &chosen.id, &remote, settings, &options);
    progress.end();
    let report = report?;
    let ui = &session.ui;
    let entries = report.entries.len();
    if ui.json() {
        ui.document(&json!({
            "remote": chosen.id,
            "url": remote.shown(),
            "dry_run": args.dry_run,
            "entries": report.entries.iter().map(EntryName::as_str).collect::<Vec<_>>(),
            "ledgers": report.ledgers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "missing": report.missing.iter().map(|(ledger, reason)| {
                json!({ "ledger": ledger.to_string(), "reason": reason })
            }).collect::<Vec<_>>(),
        }))?;
    } else {
        let to = remote.shown();
        let said = count(entries, "entry", "entries");
        ui.say(match (args.dry_run, report.ledgers.is_empty()) {
            (true, _) => format!("would push {said} to {to}"),
            (false, true) if report.missing.is_empty() => {
                format!("nothing to push: {to} has it all")
            }
            (false, _) => {
                let ledgers = count(report.ledgers.len(), "ledger", "ledgers");
                format!("pushed {said} in {ledgers} to {to}")
            }
        });
    }
    let Some((ledger, reason)) = report.missing.first() else { return Ok(()) };
    Err(Failure::from(Error::NotArrived {
        count: report.missing.len(),
        first: ledger.to_string(),
        reason: reason.clone(),
    }))
}
